"""A folder of files as a CRM: the smallest complete adapter, and the one to copy from.

People put ``leads.csv``, ``contacts.csv``, ``accounts.csv`` and so on into a folder; what Handoff writes goes into a
journal beside them and is laid over the files when they are read. The files themselves are never touched, so that
nobody's editor and nobody's export is in the way; a value that people change in a file after we wrote ours wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from adapters.conformance.write_rule import effect_of, same
from adapters.files.finished import activity_of, finished
from adapters.files.folder import Folder, Signature
from adapters.files.journal import Entry
from adapters.files.listing import ListsByReading
from adapters.files.records import Held
from adapters.files.shapes import (
    ACCOUNTS,
    BY_OBJECT,
    BY_STREAM,
    CREATED,
    CUSTOM,
    ID,
    KEY,
    NATIVE,
    NATIVE_VALUES,
    OPT_OUTS,
    OUR_USER,
    PEOPLE,
    SHAPES,
    WRITABLE,
    Shape,
)
from connector.domain.records import Page, RecordVersion, Value
from connector.domain.refs import Ref, digest
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AdapterFault, ConfigError
from connector.ports.crm import FieldSpec, ProvisionStep
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage

PAGE = 10_000
_TYPES: Mapping[str, str] = {"long_text": "text"}


class _Place(msgspec.Struct, omit_defaults=True):
    """The cursor: which state of the files and how much of the journal was read, and the last id inside a reading."""

    files: Signature = ()
    entries: int = 0
    reading: Signature = ()
    upto: int = 0
    after: str = ""
    inside: bool = False


class FilesCrm(ListsByReading):
    """A folder as a CRM, for one thread; several processes may share the folder."""

    def __init__(self, options: dict[str, Any], *, system: str = "files") -> None:
        """Take the option ``dir``; reads nothing.

        Raises:
            ConfigError: ``dir`` is missing or another option is there.
        """
        unknown = sorted(set(options) - {"adapter", "name", "dir"})
        folder = options.get("dir")
        if unknown or not isinstance(folder, (str, Path)) or not str(folder):
            raise ConfigError(
                "config.option", "a CRM of files has one option, dir", cure="crm: {adapter: files, dir: DIR}", at=system
            )
        self._system = system
        self._path = Path(folder)
        self._folder = Folder(self._path)
        self._wanted: tuple[tuple[str, str], ...] = ()
        self._clock: datetime | None = None

    def traits(self) -> AdapterTraits:
        """Say what the engine must know: a repeated creation finds its key in the journal."""
        return AdapterTraits(
            system=self._system,
            people=PEOPLE,
            opt_outs=OPT_OUTS,
            accounts=ACCOUNTS,
            streams=tuple(StreamTraits(shape.file, shape.object) for shape in SHAPES),
            settle_after=timedelta(0),
            creation_key_unique=dict.fromkeys(WRITABLE, True),
            native=NATIVE,
            custom_suffix=CUSTOM,
            native_values=NATIVE_VALUES,
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Take note of the names: every column is carried anyway, and a file takes any."""
        self._wanted = tuple(fields)

    def check(self) -> list[Finding]:
        """Look for the folder and its files."""
        if not self._path.is_dir():
            return [Finding("folder", ok=False, message="there is no such folder", cure="create it")]
        self._folder.refresh()
        found = [Finding("folder", ok=True, message="found")]
        for shape in SHAPES:
            refused = len(self._folder.refused(shape.object))
            rows = self._folder.count(shape.object)
            found.append(Finding(shape.file, ok=not refused, message=f"{rows} records, {refused} rows unreadable"))
        return found

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """List the columns in use, the standard ones, those asked for and those that provisioning defined.

        A file takes any column, so what somebody wants to write there is there.
        """
        if object not in BY_OBJECT:
            return []
        self._folder.refresh()
        standard = {**PEOPLE, **ACCOUNTS}.get(object, {})
        names = dict.fromkeys([ID, *(name for name in standard.values() if "." not in name)])
        names |= dict.fromkeys(NATIVE.get(object, {}).values())
        names |= dict.fromkeys(name for word, name in self._wanted if word == object)
        names |= dict.fromkeys(self._folder.columns(object))
        found = {name: FieldInfo(object, name, "text", unique=name == ID) for name in names}
        for (word, name), entry in self._folder.defined().items():
            if word == object:
                found[name] = _defined_field(entry)
        return list(found.values())

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Note the fields in the journal, so that they are known; rights are the file system's own matter."""
        del readable
        steps: list[ProvisionStep] = []
        with self._folder.journal.locked():
            self._folder.refresh()
            new: list[Entry] = []
            for spec in fields:
                what = f"field {spec.object}.{spec.name}"
                if (spec.object, spec.name) in self._folder.defined():
                    steps.append(ProvisionStep(what, "present"))
                    continue
                steps.append(ProvisionStep(what, "would" if dry_run else "done"))
                new.append(Entry("field", spec.object, spec.name, set=_described(spec)))
            if not dry_run:
                self._write(new)
        return steps

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read one file with our journal laid over it: all of it where the file changed, else what we wrote since.

        Raises:
            ConfigError: there is no such stream.
            LocalFault: a file cannot be read.
        """
        shape = BY_STREAM.get(stream)
        if shape is None:
            raise ConfigError("files.stream", f"there is no stream {stream!r}", at=self._system)
        self._clock = now
        return self._pages(shape, self._read_cursor(cursor))

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read leads and contacts by id, as they stand."""
        self._folder.refresh()
        found = []
        for ref in dict.fromkeys(refs):
            held = self._folder.get(ref.object, ref.id) if ref.object in PEOPLE else None
            if held is not None:
                found.append(self._version(BY_OBJECT[ref.object], ref.id, held))
        return found

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Write a batch: one append and one fsync. Either all of it is durable or none; outcomes are in order.

        Raises:
            LocalFault: the folder cannot be written to; nothing was.
        """
        self._clock = now
        with self._folder.journal.locked():
            self._folder.refresh()
            batch = _Batch(self._folder, now)
            outcomes = [batch.add(write) for write in writes]
            if self._write(batch.entries):
                return outcomes
        # The append broke half-way: only reading again can say whether it is there.
        sent = {entry.key for entry in batch.entries}
        return [
            WriteOutcome(o.key, OutcomeKind.UNKNOWN, o.id, code="files.append") if o.key in sent else o
            for o in outcomes
        ]

    def find_applied(self, writes: Sequence[Write]) -> Mapping[str, str | None]:
        """Say which writes are here: creations by key, updates by their values."""
        self._folder.refresh()
        found: dict[str, str | None] = {}
        for write in writes:
            if write.kind == "create":
                found[write.key] = self._folder.by_key(write.object, write.key) if write.object in BY_OBJECT else None
                continue
            held = self._folder.get(write.object, write.id or "") if write.object in BY_OBJECT else None
            fields = {} if held is None else held.fields
            stands = held is not None and all(same(fields.get(name), value) for name, value in write.fields.items())
            found[write.key] = write.id if stands else None
        return found

    def read_fields(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:  # noqa: A002
        """Read fields of records by id; records that are gone are left out."""
        self._folder.refresh()
        found: dict[str, dict[str, Value]] = {}
        for id_ in ids if object in BY_OBJECT else ():
            held = self._folder.get(object, id_)
            if held is not None:
                values = held.fields
                found[id_] = {name: values.get(name) for name in fields}
        return found

    def user_id(self) -> str | None:
        """Give the name under which our writes stand in the journal."""
        return OUR_USER

    def clock(self) -> datetime | None:
        """Give the clock of the last pull or batch: files have none of their own."""
        return self._clock

    def usage(self) -> Usage | None:
        """Give nothing: nobody counts."""
        return None

    def calls(self) -> int:
        """Count no requests."""
        return 0

    def close(self) -> None:
        """Give back the temporary file."""
        self._folder.close()

    def _write(self, entries: Sequence[Entry]) -> bool:
        if not self._folder.journal.append(entries):
            return False
        self._folder.take(entries)
        return True

    def _pages(self, shape: Shape, place: _Place) -> Iterator[Page]:
        self._folder.refresh()
        signature, upto = self._folder.signature(shape.object), self._folder.entries
        after = place.after if place.inside and place.reading == signature else None
        changed = place.files != signature
        since = 0 if changed else place.entries + 1
        refused = self._folder.refused(shape.object) if changed and after is None else []
        if after is not None:
            upto = place.upto
        rows = self._folder.page(shape.object, after=after or "", entry=since, rows=PAGE)
        while True:
            more = self._folder.page(shape.object, after=rows[-1][0], entry=since, rows=PAGE) if rows else []
            here = (
                _Place(place.files, place.entries, signature, upto, rows[-1][0], inside=True)
                if more
                else _Place(signature, upto)
            )
            versions = [self._version(shape, id_, held) for id_, held in rows]
            done = [a for version in versions if (a := activity_of(version))] if shape.object == "task" else []
            yield Page(versions, done, list(refused), msgspec.json.encode(here).decode(), not more)
            if not more:
                return
            rows, refused = more, []

    def _version(self, shape: Shape, id_: str, held: Held) -> RecordVersion:
        fields = dict(held.fields)
        if shape.object == "user":
            fields.setdefault("IsActive", True)
        elif shape.object == "task":
            fields["IsClosed"] = finished(fields)
        links = {word: str(value) for word, name in shape.links.items() if (value := fields.get(name))}
        if "who" in links:
            person = "contact" if self._folder.has("contact", links["who"]) else "lead"
            links[person] = links["who"]
        converted = links.get("contact") if shape.object == "lead" else None
        created = fields.get(CREATED)
        return RecordVersion(
            Ref(self._system, shape.object, id_),
            held.modified_at,
            _time(created),
            fields,
            links,
            deleted=str(fields.get("IsDeleted")).casefold() == "true",
            merged_into=Ref(self._system, "contact", converted) if converted else None,
        )

    def _read_cursor(self, cursor: str | None) -> _Place:
        if cursor is None:
            return _Place(files=(("", 0, 0),))
        try:
            return msgspec.json.decode(cursor.encode(), type=_Place)
        except msgspec.MsgspecError:
            raise AdapterFault("files.cursor", "a stored cursor cannot be read", at=self._system) from None


class _Batch:
    """The entries of one batch while they are decided: later writes see earlier ones."""

    def __init__(self, folder: Folder, now: datetime) -> None:
        self._folder = folder
        self._now = now.astimezone(UTC).isoformat()
        self.entries: list[Entry] = []
        self._created: dict[tuple[str, str], str] = {}
        self._values: dict[tuple[str, str], dict[str, Value]] = {}

    def add(self, write: Write) -> WriteOutcome:
        """Decide one write against what stands and what this batch has decided so far."""
        if write.object not in WRITABLE:
            return _rejected(write, "unknown_object", "there is no such object")
        wanted = self._with_references(write)
        if wanted is None:
            return WriteOutcome(write.key, OutcomeKind.RETRY, write.id, code="reference")
        return self._create(write, wanted) if write.kind == "create" else self._update(write, wanted)

    def _create(self, write: Write, wanted: dict[str, Value]) -> WriteOutcome:
        known = self._known(write.object, write.key)
        if known is not None:
            return WriteOutcome(write.key, OutcomeKind.UNCHANGED, known)
        id_ = f"{write.object}-{digest(write.object, write.key, length=16)}"
        values = {**wanted, KEY: write.key}
        self._created[write.object, write.key] = id_
        self._values[write.object, id_] = dict(values)
        self.entries.append(Entry("create", write.object, id_, write.key, self._now, values))
        return WriteOutcome(write.key, OutcomeKind.WRITTEN, id_)

    def _update(self, write: Write, wanted: dict[str, Value]) -> WriteOutcome:
        id_ = write.id or ""
        current = self._values.get((write.object, id_))
        if current is None:
            held = self._folder.get(write.object, id_)
            if held is None:
                return _rejected(write, "not_found", "there is no such record")
            current = self._values[write.object, id_] = dict(held.fields)
        effect = effect_of(write, current, wanted)
        if effect.changes:
            current.update(effect.changes)
            before = {name: effect.before[name] for name in effect.changes}
            self.entries.append(Entry("update", write.object, id_, write.key, self._now, dict(effect.changes), before))
        return WriteOutcome(write.key, effect.kind, id_, before=effect.before)

    def _with_references(self, write: Write) -> dict[str, Value] | None:
        """Put the ids of other creations where they belong; None while one of them does not exist."""
        wanted = dict(write.fields)
        for name, key in write.references.items():
            if wanted.get(name):
                continue  # the id was known when the write was decided
            ids = (self._known(object_, key) for object_ in WRITABLE)
            wanted[name] = next((id_ for id_ in ids if id_ is not None), None)
            if wanted[name] is None:
                return None
        return wanted

    def _known(self, object_: str, key: str) -> str | None:
        return self._created.get((object_, key)) or self._folder.by_key(object_, key)


def _rejected(write: Write, code: str, message: str) -> WriteOutcome:
    return WriteOutcome(write.key, OutcomeKind.REJECTED, write.id, code=code, message=message, fixer="ops")


def _time(value: Value) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(value)) if value is not None else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _described(spec: FieldSpec) -> dict[str, Value]:
    values = "\n".join(spec.values)
    return {"label": spec.label, "type": spec.type, "length": spec.length, "unique": spec.unique, "values": values}


def _defined_field(entry: Entry) -> FieldInfo:
    told = entry.set
    kind: Any = _TYPES.get(str(told.get("type")), told.get("type"))
    values = tuple(str(told.get("values") or "").split("\n")) if told.get("values") else ()
    length = told.get("length")
    return FieldInfo(
        entry.object,
        entry.id,
        kind,
        label=str(told.get("label") or ""),
        length=length if isinstance(length, int) else None,
        unique=told.get("unique") is True,
        values=values,
    )
