"""The rows of one org: in memory, and written through to one SQLite file."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.layered_rows import LayeredRows
from sandbox.core.record import Record
from sandbox.core.record_file import RecordFile
from sandbox.core.record_writes import Duplicate, Transaction
from sandbox.core.stamp_order import IdOrder, StampOrder
from sandbox.core.value_index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from sandbox.core.block import Block

__all__ = ["Duplicate", "Record", "Records", "Transaction", "Watcher"]

#: Is told each change of a row: what it was (None: not there) and what it is (None: gone), roll-backs included.
Watcher = Callable[["Record | None", "Record | None"], None]

#: Rows kept for the org itself (counters, tokens, settings), never shown to a client.
KEPT = "_kept"


class Records:
    """Hold the rows of an org; a write that returned survives the end of the process.

    Not safe between threads: the door serves one request of an org at a time.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or start an empty one."""
        self._file = RecordFile(path)
        self._unique: set[tuple[str, str]] = set()
        self._indexes: defaultdict[str, dict[str, ValueIndex]] = defaultdict(dict)
        self._undo: list[tuple[str, str, Record | None]] = []
        self._depth = 0
        self._watchers: defaultdict[str, list[Watcher]] = defaultdict(list)
        #: Moves whenever the whole content is read anew: what watchers gathered before is void then.
        self.loads = 0
        self._load()

    # -- reading -------------------------------------------------------------------------------

    def get(self, obj: str, row_id: str) -> Record | None:
        """Return the row, also a deleted one, or None."""
        return self._rows[obj].get(row_id)

    def rows(self, obj: str) -> Iterable[Record]:
        """Return all rows of the object in the order of their creation, deleted ones included."""
        rows = self._rows[obj]
        return rows.records() if isinstance(rows, LayeredRows) else rows.values()

    def count(self, obj: str) -> int:
        """Count the rows of the object, deleted ones included."""
        return len(self._rows[obj])

    def objects(self) -> list[str]:
        """Name the objects that have rows."""
        return sorted(name for name, rows in self._rows.items() if rows and name != KEPT)

    def changed_since(
        self, obj: str, since: datetime | None = None, *, before: datetime | None = None, backward: bool = False
    ) -> Iterator[Record]:
        """Yield rows by (modification stamp, id), ``since`` inclusive, ``before`` exclusive, deleted ones too.

        ``backward`` yields the latest first. The object's rows must not be written while this goes on.
        """
        return self._stamp_order(obj).between(self._rows[obj], since, before, backward=backward)

    def from_id(self, obj: str, first: str | None = None) -> Iterator[Record]:
        """Yield rows by id from an id on, that one included, deleted ones too.

        The object's rows must not be written while this goes on.
        """
        return self._id_order(obj).since(self._rows[obj], first)

    def find(self, obj: str, name: str, value: Any, *, deleted: bool = False) -> list[Record]:
        """Return the rows whose field equals the value, living ones unless ``deleted``; text without regard to case.

        The field is indexed from the first call on.
        """
        rows = self._rows[obj]
        found = [rows[row_id] for row_id in self.holders(obj, name, value)]
        return found if deleted else [row for row in found if not row.deleted]

    def holders(self, obj: str, name: str, value: Any) -> Iterable[str]:
        """Return the ids of the rows whose field equals the value, deleted ones too; as ``find`` otherwise."""
        index, rows = self._indexes[obj].get(name), self._rows[obj]
        held = (self._build_index(obj, name) if index is None else index).holders(value)
        if not isinstance(rows, LayeredRows):
            return held
        block = rows.block
        return [*(block.ids.value(int(row)) for row in rows.untouched(block.rows_with(name, value))), *held]

    def sorted_by(self, obj: str, name: str, where: tuple[str, Any] | None = None) -> Sequence[Record]:
        """Return rows by (a field of whole numbers, id): all, or the living ones with one value in a field."""
        rows = self._rows[obj]
        if not isinstance(rows, LayeredRows):
            found = list(rows.values()) if where is None else self.find(obj, *where)
            return sorted(found, key=lambda row: (row.values[name], row.id))
        if where is None:
            return rows.sorted_by(name, None, list(rows.loose()))
        index = self._indexes[obj].get(where[0]) or self._build_index(obj, where[0])
        loose = [rows[row_id] for row_id in index.holders(where[1])]
        return rows.sorted_by(name, where, [row for row in loose if not row.deleted])

    def watch(self, obj: str, watcher: Watcher) -> None:
        """Tell somebody every change of the object's rows from now on; ``loads`` says when all is read anew."""
        self._watchers[obj].append(watcher)

    def kept(self, key: str, default: Any = None) -> Any:
        """Return what ``keep`` stored under the key."""
        row = self._rows[KEPT].get(key)
        return default if row is None else row.values["value"]

    # -- writing -------------------------------------------------------------------------------

    def unique(self, obj: str, name: str) -> None:
        """Refuse from now on a second living row with the same value in the field, whatever its case."""
        self._unique.add((obj, name))
        self._build_index(obj, name)

    def not_unique(self, obj: str, name: str) -> None:
        """Allow equal values in the field again."""
        self._unique.discard((obj, name))

    def insert(
        self,
        obj: str,
        row_id: str,
        values: Mapping[str, Any],
        *,
        at: datetime,
        by: str,
        created_at: datetime | None = None,
        created_by: str | None = None,
    ) -> Record:
        """Add a row last modified, and unless said otherwise created, at an instant by a user.

        Raises: Duplicate; KeyError when the id is taken.
        """
        if self._rows[obj].get(row_id) is not None:
            raise KeyError(row_id)
        full = {name: value for name, value in values.items() if value is not None}
        self._check_unique(obj, row_id, full)
        record = Record(obj, row_id, full, created_at or at, created_by or by, at, by)
        self._put(obj, row_id, record)
        return record

    def update(self, obj: str, row_id: str, values: Mapping[str, Any], *, at: datetime, by: str) -> Record:
        """Set the given fields of a row, None clears one, and stamp it even when nothing changed.

        Raises: Duplicate; KeyError when there is no such row.
        """
        old = self._rows[obj][row_id]
        full, held = dict(old.values), old.held
        changed: dict[str, Any] = {}
        for name, value in values.items():
            before = full.get(name)
            if before == value and type(before) is type(value):
                continue
            if name in full or name in held:
                held = {**held, name: [*held.get(name, ()), before]}
            if value is None:
                full.pop(name, None)
            else:
                full[name] = changed[name] = value
        if not old.deleted:
            self._check_unique(obj, row_id, changed)
        record = replace(old, values=full, held=held, modified_at=at, modified_by=by)
        self._put(obj, row_id, record)
        return record

    def remove(
        self,
        obj: str,
        row_id: str,
        values: Mapping[str, Any] | None = None,
        *,
        at: datetime,
        by: str,
        deleted: bool = True,
    ) -> Record:
        """Mark a row deleted (or, with ``deleted=False``, living again) and set the given fields.

        Raises: Duplicate on undeletion; KeyError when there is no such row.
        """
        record = replace(self.update(obj, row_id, values or {}, at=at, by=by), deleted=deleted)
        if not deleted:
            self._check_unique(obj, row_id, record.values)
        self._put(obj, row_id, record)
        return record

    def erase(self, obj: str, row_id: str) -> None:
        """Take a row away without a trace (a vendor's purge).

        Raises: KeyError when there is no such row.
        """
        if row_id not in self._rows[obj]:
            raise KeyError(row_id)
        self._put(obj, row_id, None)

    def fill(self, obj: str, records: Sequence[Record]) -> None:
        """Add many new rows at once, each as it is; ids and unique fields are taken on trust, watchers are not told."""
        self._rows[obj].update((record.id, record) for record in records)
        if self._depth:
            self._undo += [(obj, record.id, None) for record in records]
            self._forget(obj)
            return
        self._file.write(((self._serial + place, record) for place, record in enumerate(records, 1)), ())
        self._serial += len(records)
        self._forget(obj)

    def add_block(self, block: Block) -> None:
        """Make a block the first rows of an object that has none yet. Not inside a transaction."""
        assert self._depth == 0
        assert not self._rows[block.obj]
        self._rows[block.obj] = LayeredRows(block)
        self._file.add_block(block)
        self._forget(block.obj)

    def _forget(self, obj: str) -> None:
        """Drop what was gathered of an object's rows."""
        self.loads += 1
        self._order.pop(obj, None)
        self._ids.pop(obj, None)
        for name in list(self._indexes[obj]):
            if (obj, name) in self._unique:
                self._build_index(obj, name)
            else:
                del self._indexes[obj][name]

    def keep(self, key: str, value: Any) -> None:
        """Store a JSON value for the org itself, without history."""
        self._put(KEPT, key, Record(KEPT, key, {"value": value}, _EPOCH, "", _EPOCH, ""))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Keep all writes of the block or, after an exception or ``roll_back()``, none; blocks may be nested."""
        mark, marker = len(self._undo), Transaction()
        self._depth += 1
        try:
            yield marker
        except BaseException:
            marker.roll_back()
            raise
        finally:
            self._depth -= 1
            if marker.rolled_back:
                while len(self._undo) > mark:
                    obj, row_id, old = self._undo.pop()
                    self._place(obj, row_id, old)
            if self._depth == 0:
                self._flush()

    def seal(self) -> None:
        """Remember the present content as the start to which ``restore`` goes back."""
        self.keep("sealed", value=True)
        self._file.seal()

    @property
    def sealed(self) -> bool:
        """Tell whether the org has been filled to the end before."""
        return bool(self.kept("sealed")) and self._file.sealed

    def clear(self) -> None:
        """Take everything away, for an org whose first filling was broken off."""
        self._file.clear()
        self._load()

    def restore(self) -> None:
        """Go back to the content at the time of ``seal``."""
        self._file.restore()
        self._load()

    def close(self) -> None:
        """Close the file; the object is useless afterwards."""
        self._file.close()

    # -- inside --------------------------------------------------------------------------------

    def _load(self) -> None:
        self.loads += 1
        self._rows: defaultdict[str, MutableMapping[str, Record]] = defaultdict(dict)
        #: Made when somebody first asks.
        self._order: dict[str, StampOrder] = {}
        self._ids: dict[str, IdOrder] = {}
        self._serial = 0
        for block in self._file.blocks():
            self._rows[block.obj] = LayeredRows(block)
        for serial, obj, row_id, record in self._file.load():
            self._serial = serial
            if record is None:
                del self._rows[obj][row_id]
            else:
                self._rows[obj][row_id] = record
        for obj, indexes in self._indexes.items():
            for name in list(indexes):
                self._build_index(obj, name)

    def _stamp_order(self, obj: str) -> StampOrder:
        known = self._order.get(obj)
        if known is None:
            known = self._order[obj] = StampOrder((row.modified_at, row.id) for row in self.rows(obj))
        return known

    def _id_order(self, obj: str) -> IdOrder:
        known = self._ids.get(obj)
        if known is None:
            known = self._ids[obj] = IdOrder(self._rows[obj])
        return known

    def _build_index(self, obj: str, name: str) -> ValueIndex:
        """Index the rows that are records; a block finds its own by their columns."""
        index = self._indexes[obj][name] = ValueIndex()
        rows = self._rows[obj]
        for record in rows.loose() if isinstance(rows, LayeredRows) else rows.values():
            if name in record.values:
                index.add(record.values[name], record.id)
        return index

    def _check_unique(self, obj: str, row_id: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if (obj, name) in self._unique:
                for holder in self._indexes[obj][name].holders(value):
                    if holder != row_id and not self._rows[obj][holder].deleted:
                        raise Duplicate(obj, name, holder)

    def _put(self, obj: str, row_id: str, record: Record | None) -> None:
        self._undo.append((obj, row_id, self._rows[obj].get(row_id)))
        self._place(obj, row_id, record)
        if self._depth == 0:
            self._flush()

    def _place(self, obj: str, row_id: str, record: Record | None) -> None:
        rows, old = self._rows[obj], self._rows[obj].get(row_id)
        # A row that leaves its block was found by the block's columns, and is indexed from here on.
        leaves = isinstance(rows, LayeredRows) and rows.in_block(row_id)
        for watcher in self._watchers.get(obj, ()):
            watcher(old, record)
        if obj == KEPT:
            rows.pop(row_id, None)
            if record is not None:
                rows[row_id] = record
            return
        for name, index in self._indexes[obj].items():
            before = None if old is None or leaves else old.values.get(name)
            after = None if record is None else record.values.get(name)
            if before is not None and before != after:
                index.drop(before, row_id)
            if after is not None and before != after:
                index.add(after, row_id)
        if record is None:
            rows.pop(row_id, None)
            if old is not None and obj in self._ids:
                self._ids[obj].drop(row_id)
            return
        rows[row_id] = record
        if old is None and obj in self._ids:
            self._ids[obj].add(row_id)
        if obj in self._order and (old is None or record.modified_at != old.modified_at):
            self._order[obj].add(record.modified_at, row_id, new=old is None and self._depth > 0)

    def _flush(self) -> None:
        touched = {(obj, row_id): None for obj, row_id, _ in self._undo}
        self._undo.clear()
        puts: list[tuple[int, Record]] = []
        drops: list[tuple[str, str]] = []
        voids: list[tuple[str, str, int]] = []
        for obj, row_id in touched:
            rows = self._rows[obj]
            record = rows.get(row_id)
            self._serial += 1
            if record is not None:
                puts.append((self._serial, record))
            elif isinstance(rows, LayeredRows) and rows.covers(row_id):
                voids.append((obj, row_id, self._serial))
            else:
                drops.append((obj, row_id))
        self._file.write(puts, drops, voids)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
