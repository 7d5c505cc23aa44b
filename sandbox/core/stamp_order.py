"""The rows of one object in the order of their modification stamps, and of their ids."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.core.record import Record

#: Entries that no longer hold are swept out when they are more than the rows and this many.
SLACK = 10_000


class StampOrder:
    """List (stamp, id) in order; entries that a later write overtook stay until a sweep and are passed over."""

    __slots__ = ("_entries", "_sorted")

    def __init__(self, entries: Iterable[tuple[datetime, str]] = ()) -> None:
        """Take the entries in any order."""
        self._entries = sorted(entries)
        self._sorted = True

    def add(self, stamp: datetime, row_id: str, *, new: bool) -> None:
        """Note a row's present stamp; ``new`` says that the row was not there before."""
        entry, entries = (stamp, row_id), self._entries
        if not entries or entries[-1] < entry:
            entries.append(entry)
        elif new:
            # Rows come by the hundred thousand when an org is filled: sorted once, when somebody looks.
            entries.append(entry)
            self._sorted = False
        else:
            self._sort()
            place = bisect_left(entries, entry)
            if place == len(entries) or entries[place] != entry:
                entries.insert(place, entry)

    def _sort(self) -> None:
        if not self._sorted:
            self._entries.sort()
            self._sorted = True

    def between(
        self, rows: Mapping[str, Record], since: datetime | None, before: datetime | None, *, backward: bool
    ) -> Iterator[Record]:
        """Yield the rows with a stamp at or after ``since`` and earlier than ``before``, in order of (stamp, id)."""
        self._sort()
        if len(self._entries) > 2 * len(rows) + SLACK:
            self._entries = sorted((row.modified_at, row_id) for row_id, row in rows.items())
        entries = self._entries
        start = 0 if since is None else bisect_left(entries, (since, ""))
        stop = len(entries) if before is None else bisect_left(entries, (before, ""))
        places = range(stop - 1, start - 1, -1) if backward else range(start, stop)
        last: tuple[datetime, str] | None = None
        for place in places:
            entry = entries[place]
            row = rows.get(entry[1])
            # A row taken back to an earlier version can stand here twice.
            if row is not None and row.modified_at == entry[0] and entry != last:
                last = entry
                yield row


class IdOrder:
    """List ids in order; most come as they are given out, one behind the other."""

    __slots__ = ("_ids",)

    def __init__(self, ids: Iterable[str] = ()) -> None:
        """Take the ids in any order."""
        self._ids = sorted(ids)

    def add(self, row_id: str) -> None:
        """Note a new row."""
        if not self._ids or self._ids[-1] < row_id:
            self._ids.append(row_id)
        else:
            insort(self._ids, row_id)

    def drop(self, row_id: str) -> None:
        """Note that a row is no more."""
        if self._ids and self._ids[-1] == row_id:
            self._ids.pop()
            return
        place = bisect_left(self._ids, row_id)
        if place < len(self._ids) and self._ids[place] == row_id:
            del self._ids[place]

    def since(self, rows: Mapping[str, Record], first: str | None) -> Iterator[Record]:
        """Yield the rows from an id on, that one included."""
        start = 0 if first is None else bisect_left(self._ids, first)
        for place in range(start, len(self._ids)):
            yield rows[self._ids[place]]
