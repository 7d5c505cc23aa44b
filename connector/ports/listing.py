"""What an adapter may offer besides: saying which records live, cheaply, so that both sides can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from connector.domain.records import Page, Value


@dataclass(frozen=True, slots=True)
class Listed:
    """One living record, named.

    Attributes:
        modified_at: its stamp, the same that pulls carry (UTC), or None where the vendor gave none.
        fields: native field → value, of the fields that were asked for and that our user sees.
    """

    id: str
    modified_at: datetime | None
    fields: Mapping[str, Value] = field(default_factory=dict)


@runtime_checkable
class Lister(Protocol):
    """Names living records. Reads only; whatever a search index shows late or a stream has missed is in the list."""

    def listed_objects(self) -> Mapping[str, bool]:
        """Give our words for what can be listed → whether a record that is not in the list is certainly gone.

        False where sharing may hide a living record from our user. Sends nothing.
        """
        ...

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002 - the port's word
        """Say how many calls a list of so many records takes. Sends nothing."""
        ...

    def list_living(self, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name every living record that our user sees, once, page by page; merged and deleted ones are left out.

        Raises:
            AccessError: not let in, or a right is missing.
            RateLimited, TransientError: as for pulls; what was given so far is no whole list.
        """
        ...

    def read_records(self, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read records as a pull would give them now, activities that they are included; those the vendor knows to be
        gone as ``deleted``.

        What it says nothing of is left out. Order is free; the cursor is empty.

        Raises:
            AccessError, RateLimited, TransientError: as for pulls.
        """  # noqa: D205
        ...


@runtime_checkable
class EventReader(Protocol):
    """Reads events of some days anew, so that they can be counted against what was landed. Reads only."""

    def event_streams(self) -> Mapping[str, timedelta]:
        """Give the streams of events → how late an event may turn up that the next pull still finds. Sends nothing."""
        ...

    def event_calls(self, stream: str, events: int) -> int:
        """Say how many calls reading so many events anew takes. Sends nothing."""
        ...

    def events_since(self, stream: str, since: datetime, *, now: datetime) -> Iterator[Page]:
        """Read the events of one stream from an instant to the end, as a pull would give them.

        Some from before that instant may come as well. Cursors are of no use: a pull goes on with its own.

        Raises:
            AccessError, RateLimited, TransientError: as for pulls; what was given so far is not all.
        """
        ...
