"""The records of one type in the orders in which clients walk them, kept in step with every change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

from sandbox.hubspot.answers import ms

if TYPE_CHECKING:
    from sandbox.core.records import Record, Records

MERGED_INTO = "_merged_into"
#: (milliseconds since 1970, id): ties of time are walked by id.
Entry = tuple[int, int]
LAST_ID = 1 << 62


class RowIndex:
    """Hold a type's living records by time of change, by time of creation and by id, and its archived ones by id.

    Built at the first question; a write costs one step in each order.
    """

    def __init__(self, records: Records, obj: str) -> None:
        """Follow the rows of an object."""
        self._records, self._obj = records, obj
        self._loads = -1
        self._modified: list[Entry] = []
        self._created: list[Entry] = []
        self._living: list[int] = []
        self._archived: list[int] = []
        records.watch(obj, self._follow)

    def modified(self) -> list[Entry]:
        """Return the living records by (last change, id)."""
        self._build()
        return self._modified

    def created(self) -> list[Entry]:
        """Return the living records by (creation, id)."""
        self._build()
        return self._created

    def living(self) -> list[int]:
        """Return the ids of the living records, ascending."""
        self._build()
        return self._living

    def archived(self) -> list[int]:
        """Return the ids of the archived records, ascending; merged ones are none."""
        self._build()
        return self._archived

    def _build(self) -> None:
        if self._loads == self._records.loads:
            return
        rows = list(self._records.rows(self._obj))
        living = [row for row in rows if not row.deleted]
        self._modified = sorted((ms(row.modified_at), int(row.id)) for row in living)
        self._created = sorted((ms(row.created_at), int(row.id)) for row in living)
        self._living = sorted(int(row.id) for row in living)
        self._archived = sorted(int(row.id) for row in rows if row.deleted and MERGED_INTO not in row.values)
        self._loads = self._records.loads

    def _follow(self, old: Record | None, new: Record | None) -> None:
        if self._loads != self._records.loads:
            return  # not asked yet, or all is being read anew
        was, now = old is not None and not old.deleted, new is not None and not new.deleted
        if was and now:
            assert old is not None
            assert new is not None
            if old.modified_at != new.modified_at:
                _take(self._modified, (ms(old.modified_at), int(old.id)))
                _put(self._modified, (ms(new.modified_at), int(new.id)))
            return
        if old is not None:
            self._leave(old)
        if new is not None:
            self._enter(new)

    def _leave(self, row: Record) -> None:
        number = int(row.id)
        if not row.deleted:
            _take(self._modified, (ms(row.modified_at), number))
            _take(self._created, (ms(row.created_at), number))
            _take_id(self._living, number)
        elif MERGED_INTO not in row.values:
            _take_id(self._archived, number)

    def _enter(self, row: Record) -> None:
        number = int(row.id)
        if not row.deleted:
            _put(self._modified, (ms(row.modified_at), number))
            _put(self._created, (ms(row.created_at), number))
            _put_id(self._living, number)
        elif MERGED_INTO not in row.values:
            _put_id(self._archived, number)


def between(order: list[Entry], low: int | None, high: int | None) -> tuple[int, int]:
    """Return the places from and up to which the entries of a range of milliseconds stand, both ends included."""
    start = 0 if low is None else bisect_left(order, (low, -1))
    stop = len(order) if high is None else bisect_right(order, (high, LAST_ID))
    return start, max(start, stop)


def _put(order: list[Entry], entry: Entry) -> None:
    if not order or order[-1] < entry:
        order.append(entry)
    else:
        insort(order, entry)


def _take(order: list[Entry], entry: Entry) -> None:
    place = bisect_left(order, entry)
    assert order[place] == entry
    del order[place]


def _put_id(order: list[int], number: int) -> None:
    if not order or order[-1] < number:
        order.append(number)
    else:
        insort(order, number)


def _take_id(order: list[int], number: int) -> None:
    place = bisect_left(order, number)
    assert order[place] == number
    del order[place]
