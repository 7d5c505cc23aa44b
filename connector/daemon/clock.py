"""The clocks the daemon lives by: one that people set, one that only goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

#: the two clocks may drift apart by this much between two looks: time servers correct by less
_SAME = timedelta(seconds=30)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Clock:
    """Both clocks of one process.

    Attributes:
        now: aware UTC; may be set back or forward, and goes on while the machine sleeps.
        monotonic: seconds; never set, and stands still while the machine sleeps.
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    _apart: datetime | None = field(default=None, init=False)

    def jumped(self) -> timedelta | None:
        """Say by how much the first clock has moved against the second since the last look; None for next to nothing.

        Forward after the machine has slept or the clock was set forward, backward after it was set back.
        """
        apart = self.now() - timedelta(seconds=self.monotonic())
        moved = timedelta(0) if self._apart is None else apart - self._apart
        self._apart = apart
        return moved if abs(moved) > _SAME else None
