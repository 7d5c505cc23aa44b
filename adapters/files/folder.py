"""The records of a folder CRM as they stand: what people's files say, with our journal laid over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.conformance.write_rule import same
from adapters.files.journal import Entry, Journal
from adapters.files.records import Held, Shelf
from adapters.files.shapes import BY_OBJECT, CREATED, ID, KEY, MODIFIED, MODIFIED_BY, OUR_USER, TRUTHS
from adapters.files.tables import BadLine, open_table
from connector.domain.records import RefusedRow, Value

ENDINGS = (".csv", ".ndjson", ".parquet")
_TRUE = frozenset({"1", "true", "yes", "t", "y"})
#: (name, size in bytes, mtime in nanoseconds) of each file of an object
Signature = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Object:
    signature: Signature | None = None
    columns: dict[str, None] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)


class Folder:
    """All objects of one folder, read once and again where a file has changed."""

    def __init__(self, path: Path) -> None:
        """Take the folder; reads nothing."""
        self._path = path
        self.journal = Journal(path / "handoff-journal.ndjson")
        self._objects = {word: _Object() for word in BY_OBJECT}
        self._defined: dict[tuple[str, str], Entry] = {}
        self._opened: Shelf | None = None
        #: entries read so far; an entry's number is its place in the journal, from 1
        self.entries = 0

    @property
    def _shelf(self) -> Shelf:
        if self._opened is None:
            self._opened = Shelf()
        return self._opened

    def close(self) -> None:
        """Let go of what was read; it is read again when somebody asks."""
        if self._opened is not None:
            self._opened.close()
        self._opened, self.entries = None, 0
        self.journal.rewind()
        self._objects = {word: _Object() for word in BY_OBJECT}

    def refresh(self) -> None:
        """Take in what others changed: files and journal.

        Raises:
            ConfigError: a file's header is unusable.
            LocalFault: a file cannot be read.
        """
        for word, held in self._objects.items():
            signature = self._signature(BY_OBJECT[word].file)
            if signature != held.signature:
                with self._shelf.changing():
                    self._read_base(word, held, signature)
        self.take(self.journal.news())

    def take(self, entries: Iterable[Entry]) -> None:
        """Lay entries over the records."""
        with self._shelf.changing():
            for entry in entries:
                self.entries += 1
                if entry.kind == "field":
                    self._defined[entry.object, entry.id] = entry
                elif entry.object in self._objects:
                    self._lay(self.entries, entry)

    def get(self, object_: str, id_: str) -> Held | None:
        """Give one record."""
        return self._shelf.get(object_, id_)

    def has(self, object_: str, id_: str) -> bool:
        """Say whether there is such a record."""
        return self._shelf.has(object_, id_)

    def count(self, object_: str) -> int:
        """Count the records of one object."""
        return self._shelf.count(object_)

    def page(self, object_: str, *, after: str, entry: int, rows: int) -> list[tuple[str, Held]]:
        """Give the next records in order of id whose last entry in the journal is ``entry`` or later (0: all)."""
        return self._shelf.page(object_, after=after, entry=entry, rows=rows)

    def columns(self, object_: str) -> list[str]:
        """List the columns that some record has."""
        return list(self._objects[object_].columns)

    def by_key(self, object_: str, key: str) -> str | None:
        """Give the record that was created with a key."""
        return self._shelf.by_key(object_, key)

    def refused(self, object_: str) -> list[RefusedRow]:
        """Give the rows of the object's files that could not be read."""
        return self._objects[object_].refused

    def signature(self, object_: str) -> Signature:
        """Say which state of the object's files the records are from."""
        return self._objects[object_].signature or ()

    def defined(self) -> dict[tuple[str, str], Entry]:
        """Give the fields that provisioning defined: (object, name) → entry."""
        return self._defined

    def _signature(self, name: str) -> Signature:
        found = []
        for ending in ENDINGS:
            path = self._path / f"{name}{ending}"
            if path.is_file():
                stat = path.stat()
                found.append((path.name, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def _read_base(self, word: str, held: _Object, signature: Signature) -> None:
        # The signature comes last: what could not be read to its end is read again.
        held.signature, held.columns, held.refused = None, {}, []
        self._shelf.clear(word)
        for name, _, mtime_ns in signature:
            table = open_table(self._path / name)
            modified_at = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
            taken = False
            for row in table.rows:
                read = row.cells if isinstance(row.cells, BadLine) else _read_row(table.columns, row.cells, modified_at)
                if isinstance(read, BadLine):
                    refused = RefusedRow(BY_OBJECT[word].file, f"{name}:{row.line}", read.code, read.message)
                    held.refused.append(refused)
                    continue
                taken = True
                id_, record = read
                self._shelf.put(word, id_, record)
                if record.base and (key := record.base.get(KEY)):
                    self._shelf.put_key(word, str(key), id_, replace=True)
            held.columns |= dict.fromkeys(table.columns) if taken else {}
        for number, entry in enumerate(self.journal.again(), 1):
            if entry.object == word and entry.kind != "field":
                self._lay(number, entry)
        held.signature = signature

    def _lay(self, number: int, entry: Entry) -> None:
        """Lay one entry over a record: our value stands while the people's file still shows what stood there before it.

        Where the file shows a third value, a person has changed it since, and theirs counts. A person who puts back the
        very value that stood before ours cannot be told from one who did nothing.
        """
        at = datetime.fromisoformat(entry.at)
        if entry.kind == "create":
            self._shelf.put_key(entry.object, entry.key, entry.id, replace=False)
        record = self._shelf.get(entry.object, entry.id)
        if record is None:
            if entry.kind != "create":
                return  # the record was taken out of the files
            record = Held(None, {ID: entry.id, CREATED: entry.at}, at)
        base, fields = record.base, record.fields
        for name, value in entry.set.items():
            shown = None if base is None else base.get(name)
            theirs = base is not None and not same(shown, entry.before.get(name)) and not same(shown, value)
            if not theirs or not same(fields.get(name), shown):
                record.laid[name] = value
        record.laid[MODIFIED] = entry.at
        record.laid[MODIFIED_BY] = OUR_USER
        record.modified_at = max(record.modified_at, at)
        record.entry = number
        self._objects[entry.object].columns |= dict.fromkeys(record.laid)
        self._shelf.put(entry.object, entry.id, record)


def _read_row(columns: list[str], cells: Any, modified_at: datetime) -> tuple[str, Held] | BadLine:
    fields: dict[str, Value] = {
        name: None if value == "" else value for name, value in zip(columns, cells, strict=False)
    }
    for name in TRUTHS & fields.keys():
        value = fields[name]
        fields[name] = None if value is None else str(value).casefold() in _TRUE
    id_ = fields.get(ID)
    if id_ is None:
        return BadLine("no_id", f"the row has no {ID}")
    stamp = fields.get(MODIFIED)
    try:
        when = modified_at if stamp is None else datetime.fromisoformat(str(stamp))
    except ValueError:
        return BadLine("time", f"{MODIFIED} is no time")
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return str(id_), Held(fields, {}, when)
