"""The rows of an object that has blocks: those nobody has touched come out of columns, the others are records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from sandbox.core.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.core.block import Block


class LayeredRows(MutableMapping[str, Record]):
    """Rows by id in the order of their creation: a block's, then those that came later."""

    def __init__(self, block: Block) -> None:
        """Start with the rows of a block."""
        self.block = block
        self._later: dict[str, Record] = {}
        #: Rows of the block that were changed since, and None for those that are gone.
        self._changed: dict[int, Record | None] = {}

    def __getitem__(self, row_id: str) -> Record:
        """Return a row."""
        found = self._later.get(row_id)
        if found is not None:
            return found
        place = self.block.ids.row_of(row_id)
        if place is None:
            raise KeyError(row_id)
        if place not in self._changed:
            return self.block.record(place)
        changed = self._changed[place]
        if changed is None:
            raise KeyError(row_id)
        return changed

    def __setitem__(self, row_id: str, record: Record) -> None:
        """Put a row in."""
        place = self.block.ids.row_of(row_id)
        if place is None:
            self._later[row_id] = record
        else:
            self._changed[place] = record

    def __delitem__(self, row_id: str) -> None:
        """Take a row out."""
        if self._later.pop(row_id, None) is None:
            place = self.block.ids.row_of(row_id)
            if place is None or self._changed.get(place, row_id) is None:
                raise KeyError(row_id)
            self._changed[place] = None

    def covers(self, row_id: str) -> bool:
        """Tell whether the block has a row with that id, whatever became of it."""
        return self.block.ids.row_of(row_id) is not None

    def in_block(self, row_id: str) -> bool:
        """Tell whether a row still stands as the block has it."""
        place = self.block.ids.row_of(row_id)
        return place is not None and place not in self._changed

    def __len__(self) -> int:
        """Count the rows."""
        gone = sum(1 for record in self._changed.values() if record is None)
        return len(self.block) - gone + len(self._later)

    def __iter__(self) -> Iterator[str]:
        """Yield the ids."""
        return (record.id for record in self.records())

    def records(self) -> Iterator[Record]:
        """Yield the rows in the order of their creation."""
        for place in range(len(self.block)):
            if place not in self._changed:
                yield self.block.record(place)
            elif (changed := self._changed[place]) is not None:
                yield changed
        yield from self._later.values()

    def loose(self) -> Iterator[Record]:
        """Yield the rows that are records: changed ones of the block and later ones."""
        return chain((record for record in self._changed.values() if record is not None), self._later.values())

    def untouched(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the block's rows that nobody has changed."""
        return rows[~np.isin(rows, list(self._changed))] if self._changed else rows

    def sorted_by(self, name: str, where: tuple[str, Any] | None, loose: list[Record]) -> Sorted:
        """Return rows by (a field of numbers, id): untouched ones of the block, with one value in a field or all.

        ``loose`` rows, chosen by the caller, are put between them.
        """
        order = self.block.order_by(name)
        if where is not None:
            wanted = np.zeros(len(self.block), dtype=np.bool_)
            wanted[self.block.rows_with(*where)] = True
            order = order[wanted[order]]
        return Sorted(self.block, self.untouched(order), []).with_rows(name, loose)


class Sorted(Sequence[Record]):
    """Rows in some order, made into records one by one; a negative place stands for one that already is."""

    def __init__(self, block: Block, rows: NDArray[np.int64], loose: list[Record]) -> None:
        """Take the block, the places in it (or -1, -2 … into ``loose``)."""
        self.block, self.rows, self._loose = block, rows, loose

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sorted: ...
    def __getitem__(self, place: int | slice) -> Record | Sorted:
        """Return one record, or a view of several."""
        if isinstance(place, slice):
            return Sorted(self.block, self.rows[place], self._loose)
        row = self.rows.item(range(len(self.rows))[place])
        return self._loose[-1 - row] if row < 0 else self.block.record(row)

    def with_rows(self, name: str, records: Iterable[Record]) -> Sorted:
        """Return these rows, in order by (a field of numbers, id), and some more put between them."""
        extra = sorted(records, key=lambda record: (record.values[name], record.id))
        places = [self.place_of(name, record) for record in extra]
        known = len(self._loose)
        merged = np.insert(self.rows, places, -1 - np.arange(known, known + len(extra)))
        return Sorted(self.block, merged, [*self._loose, *extra])

    def place_of(self, name: str, record: Record) -> int:
        """Return where a record belongs by (a field of numbers, id)."""
        low, high, key = 0, len(self.rows), (record.values[name], record.id)
        while low < high:
            middle = (low + high) // 2
            other = self[middle]
            if (other.values[name], other.id) < key:
                low = middle + 1
            else:
                high = middle
        return low
