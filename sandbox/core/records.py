"""The rows of one org: in memory, and written through to one SQLite file."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.record_file import Record, RecordFile
from sandbox.core.stamp_order import IdOrder, StampOrder
from sandbox.core.value_index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Duplicate", "Record", "Records", "Transaction", "Watcher"]

#: Is told each change of a row: what it was (None: not there) and what it is (None: gone), roll-backs included.
Watcher = Callable[["Record | None", "Record | None"], None]

#: Rows kept for the org itself (counters, tokens, settings), never shown to a client.
KEPT = "_kept"


class Duplicate(ValueError):
    """Another living row of the object already holds the value of a unique field."""

    def __init__(self, obj: str, field_name: str, holder: str) -> None:
        """Name the object, the field and the id of the row that holds the value."""
        super().__init__(f"{obj}.{field_name} is unique and taken")
        self.obj, self.field_name, self.holder = obj, field_name, holder


class Transaction:
    """Several writes of which all or none remain."""

    def __init__(self) -> None:
        """Start with the intention to keep what is written."""
        self.rolled_back = False

    def roll_back(self) -> None:
        """Undo, at the end of the block, everything written in it."""
        self.rolled_back = True


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
        return self._rows[obj].values()

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
        return self._order[obj].between(self._rows[obj], since, before, backward=backward)

    def from_id(self, obj: str, first: str | None = None) -> Iterator[Record]:
        """Yield rows by id from an id on, that one included, deleted ones too.

        The object's rows must not be written while this goes on.
        """
        return self._ids[obj].since(self._rows[obj], first)

    def find(self, obj: str, name: str, value: Any, *, deleted: bool = False) -> list[Record]:
        """Return the rows whose field equals the value, living ones unless ``deleted``; text without regard to case.

        The field is indexed from the first call on.
        """
        rows = self._rows[obj]
        found = [rows[row_id] for row_id in self.holders(obj, name, value)]
        return found if deleted else [row for row in found if not row.deleted]

    def holders(self, obj: str, name: str, value: Any) -> Iterable[str]:
        """Return the ids of the rows whose field equals the value, deleted ones too; as ``find`` otherwise."""
        index = self._indexes[obj].get(name)
        return (self._build_index(obj, name) if index is None else index).holders(value)

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
        if row_id in self._rows[obj]:
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
        self._rows: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._order: defaultdict[str, StampOrder] = defaultdict(StampOrder)
        self._ids: defaultdict[str, IdOrder] = defaultdict(IdOrder)
        self._serials: dict[tuple[str, str], int] = {}
        self._serial = 0
        for serial, record in self._file.load():
            self._rows[record.obj][record.id] = record
            self._serials[record.obj, record.id] = self._serial = serial
        for obj, rows in self._rows.items():
            if obj != KEPT:
                self._order[obj] = StampOrder((row.modified_at, row_id) for row_id, row in rows.items())
                self._ids[obj] = IdOrder(rows)
        for obj, indexes in self._indexes.items():
            for name in list(indexes):
                self._build_index(obj, name)

    def _build_index(self, obj: str, name: str) -> ValueIndex:
        index = self._indexes[obj][name] = ValueIndex()
        for record in self._rows[obj].values():
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
        for watcher in self._watchers.get(obj, ()):
            watcher(old, record)
        if obj == KEPT:
            rows.pop(row_id, None)
            if record is not None:
                rows[row_id] = record
            return
        for name, index in self._indexes[obj].items():
            before = None if old is None else old.values.get(name)
            after = None if record is None else record.values.get(name)
            if before is not None and before != after:
                index.drop(before, row_id)
            if after is not None and before != after:
                index.add(after, row_id)
        if record is None:
            rows.pop(row_id, None)
            if old is not None:
                self._ids[obj].drop(row_id)
            return
        rows[row_id] = record
        if old is None:
            self._ids[obj].add(row_id)
        if old is None or record.modified_at != old.modified_at:
            self._order[obj].add(record.modified_at, row_id, new=old is None and self._depth > 0)

    def _flush(self) -> None:
        touched = {(obj, row_id): None for obj, row_id, _ in self._undo}
        self._undo.clear()
        puts: list[tuple[int, Record]] = []
        drops: list[tuple[str, str]] = []
        for obj, row_id in touched:
            record = self._rows[obj].get(row_id)
            if record is None:
                drops.append((obj, row_id))
                continue
            serial = self._serials.get((obj, row_id))
            if serial is None:
                self._serial += 1
                serial = self._serials[obj, row_id] = self._serial
            puts.append((serial, record))
        self._file.write(puts, drops)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
