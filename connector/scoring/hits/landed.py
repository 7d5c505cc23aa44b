"""What hits are made from: the lake as the hit store asks it, and what it answers its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from connector.ports.store import Segment

IDENTITY = pa.schema([("system", pa.string()), ("object", pa.string()), ("id", pa.string())])
#: activities to leave out
LEFT_OUT = pa.schema([("system", pa.string()), ("kind", pa.string()), ("id", pa.string())])


class Landed(Protocol):
    """What the store asks of the lake: ``connector.lake.streaming.ActivityRows``."""

    def segments(self, systems: Sequence[str]) -> dict[str, list[Segment]]:
        """List the segments of some systems' activities."""
        ...

    def opened(
        self,
        segments: Mapping[str, Sequence[Segment]],
        *,
        as_of: datetime,
        again: pa.Table | None = None,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> AbstractContextManager[Callable[[str], Iterator[pa.RecordBatch]]]:
        """Give a function that runs a query over activities of some segments, batch by batch."""
        ...


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What bringing the store up to date has changed.

    Attributes:
        touched: identities (``IDENTITY``) whose hits may differ from before, each once; None = anybody's may, for all
            were matched.
        activities: how many rows of the lake were looked at.
    """

    touched: pa.Table | None
    activities: int
