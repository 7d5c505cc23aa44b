"""The records of a folder CRM as they stand: what people's files say, with our journal laid over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.conformance.write_rule import same
from adapters.files.journal import Entry, Journal
from adapters.files.shapes import BY_OBJECT, CREATED, ID, KEY, MODIFIED, MODIFIED_BY, OUR_USER, TRUTHS
from adapters.files.tables import BadLine, open_table
from connector.domain.records import RefusedRow, Value

ENDINGS = (".csv", ".ndjson", ".parquet")
_TRUE = frozenset({"1", "true", "yes", "t", "y"})
#: (name, size in bytes, mtime in nanoseconds) of each file of an object
Signature = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Held:
    """One record: its values, when they last changed, and the place in the journal of our last write to it."""

    fields: dict[str, Value]
    modified_at: datetime
    entry: int = 0


@dataclass(slots=True)
class _Object:
    signature: Signature | None = None
    base: dict[str, Held] = field(default_factory=dict)
    records: dict[str, Held] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)
    entries: list[tuple[int, Entry]] = field(default_factory=list)


class Folder:
    """All objects of one folder, held in memory and read again where a file has changed."""

    def __init__(self, path: Path) -> None:
        """Take the folder; reads nothing."""
        self._path = path
        self.journal = Journal(path / "handoff-journal.ndjson")
        self._objects = {word: _Object() for word in BY_OBJECT}
        self._defined: dict[tuple[str, str], Entry] = {}
        #: entries read so far; an entry's number is its place in the journal, from 1
        self.entries = 0

    def refresh(self) -> None:
        """Take in what others changed: files and journal.

        Raises:
            ConfigError: a file's header is unusable.
            LocalFault: a file cannot be read.
        """
        for word, held in self._objects.items():
            signature = self._signature(BY_OBJECT[word].file)
            if signature != held.signature:
                self._read_base(word, held, signature)
        self.take(self.journal.news())

    def take(self, entries: Iterable[Entry]) -> None:
        """Lay entries over the records."""
        for entry in entries:
            self.entries += 1
            if entry.kind == "field":
                self._defined[entry.object, entry.id] = entry
            elif entry.object in self._objects:
                held = self._objects[entry.object]
                held.entries.append((self.entries, entry))
                _lay(held, self.entries, entry)

    def records(self, object_: str) -> dict[str, Held]:
        """Give the records of one object by id."""
        return self._objects[object_].records

    def by_key(self, object_: str, key: str) -> str | None:
        """Give the record that was created with a key."""
        return self._objects[object_].keys.get(key)

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
        held.signature, held.base, held.refused = signature, {}, []
        for name, _, mtime_ns in signature:
            table = open_table(self._path / name)
            modified_at = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
            for row in table.rows:
                bad = row.cells if isinstance(row.cells, BadLine) else None
                if bad is None:
                    bad = _take_row(held.base, table.columns, row.cells, modified_at)
                if bad is not None:
                    held.refused.append(RefusedRow(BY_OBJECT[word].file, f"{name}:{row.line}", bad.code, bad.message))
        held.records = {id_: Held(dict(base.fields), base.modified_at) for id_, base in held.base.items()}
        held.keys = {str(key): id_ for id_, base in held.base.items() if (key := base.fields.get(KEY))}
        for number, entry in held.entries:
            _lay(held, number, entry)


def _take_row(base: dict[str, Held], columns: list[str], cells: Any, modified_at: datetime) -> BadLine | None:
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
    base[str(id_)] = Held(fields, when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC))
    return None


def _lay(held: _Object, number: int, entry: Entry) -> None:
    """Lay one entry over a record: our value stands while the people's file still shows what stood there before it.

    Where the file shows a third value, a person has changed it since, and theirs counts. A person who puts back the
    very value that stood before ours cannot be told from one who did nothing.
    """
    at = datetime.fromisoformat(entry.at)
    if entry.kind == "create":
        held.keys.setdefault(entry.key, entry.id)
    record = held.records.get(entry.id)
    if record is None:
        if entry.kind != "create":
            return  # the record was taken out of the files
        record = held.records[entry.id] = Held({ID: entry.id, CREATED: entry.at}, at)
    base = held.base.get(entry.id)
    for name, value in entry.set.items():
        shown = base.fields.get(name) if base else None
        theirs = base is not None and not same(shown, entry.before.get(name)) and not same(shown, value)
        if not theirs or not same(record.fields.get(name), shown):
            record.fields[name] = value
    record.fields[MODIFIED] = entry.at
    record.fields[MODIFIED_BY] = OUR_USER
    record.modified_at = max(record.modified_at, at)
    record.entry = number
