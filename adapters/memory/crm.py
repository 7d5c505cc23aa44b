"""A CRM whose records are dictionaries: it keeps every promise of the port, and breaks off where a test says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.conformance.write_rule import effect_of, same
from adapters.memory.faults import Faults
from adapters.memory.listing import latest, listed
from adapters.memory.log import Log
from connector.domain.records import ACCOUNT_COLUMNS, OPT_OUTS, PERSON_COLUMNS, Activity, Page, RecordVersion, Value
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import ConfigError
from connector.ports.crm import FieldSpec, ProvisionStep
from connector.ports.listing import Listed
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage

#: stream → our word for its records, in the order in which they are pulled
STREAMS: Mapping[str, str] = {
    "users": "user",
    "queues": "queue",
    "accounts": "account",
    "leads": "lead",
    "contacts": "contact",
    "opportunities": "opportunity",
    "tasks": "task",
}
WRITABLE = ("lead", "contact", "account", "task")
#: The user behind our own writes.
OUR_USER = "handoff"
#: Fields that hold the id of another record → our word for it.
LINKS: Mapping[str, str] = {
    "account_id": "account",
    "owner_id": "owner",
    "parent_id": "parent",
    "lead_id": "lead",
    "contact_id": "contact",
    "who": "who",
}
#: Standard column of people → field. Where the starter's mappings name the CRM's own field, it has that name here, too:
#: no vendor lets two fields differ by case alone (Salesforce: API names are case-insensitive; HubSpot: lower case).
PEOPLE: Mapping[str, str] = {name: name for name in PERSON_COLUMNS} | {"title": "Title", "industry": "Industry"}
_PERSON_WORDS = {"owner": "owner_id", "account": "account_id"} | {
    word: word for word in ("status", "key", "stage_entry", "changed_by")
}
_TASK_WORDS = (
    *("subject", "body", "who", "priority", "status", "closed", "due_date", "due_at", "reminder_at", "reminder_on"),
    *("key", "rule", "changed_by"),
)
#: Our word for what the engine itself reads or writes → field.
NATIVE: Mapping[str, Mapping[str, str]] = {
    "lead": _PERSON_WORDS,
    "contact": _PERSON_WORDS,
    "account": {"owner": "owner_id"},
    "user": {word: word for word in ("username", "name", "active", "time_zone", "manager")},
    "queue": {"name": "name"},
    "opportunity": {"closed": "closed", "won": "won"},
    "task": {"owner": "owner_id"} | {word: word for word in _TASK_WORDS},
}


class MemoryCrm:
    """Records by object and id; native names are the standard ones (``PEOPLE``), any other field may be written.

    Options: ``records`` (list of ``RecordVersion``), ``page`` (rows per page, 100), ``batch_size`` (200).
    ``faults`` says what goes wrong next; ``edit``, ``delete`` and ``did`` are what people do.
    """

    def __init__(self, options: Mapping[str, Any] | None = None, *, system: str = "memory") -> None:
        """Take the options.

        Raises:
            ConfigError: an option is unknown.
        """
        told = {key: value for key, value in (options or {}).items() if key not in ("name", "adapter")}
        unknown = sorted(set(told) - {"records", "page", "batch_size"})
        if unknown:
            raise ConfigError("config.option", f"unknown options {', '.join(unknown)}", at=system)
        self.faults = Faults()
        #: (object, id, field) → every value written there by ``apply``, for tests that count
        self.written: dict[tuple[str, str, str], list[Value]] = {}
        #: how often each creation key made a record; never above 1 unless something is broken
        self.creations: Counter[str] = Counter()
        self._system = system
        self._page = int(told.get("page") or 100)
        self._batch_size = int(told.get("batch_size") or 200)
        self._logs = {stream: Log() for stream in STREAMS}
        self._stream_of = {object_: stream for stream, object_ in STREAMS.items()}
        self._records: dict[Ref, RecordVersion] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._fields: dict[tuple[str, str], FieldSpec] = {}
        self._late: list[tuple[list[Write], datetime]] = []
        self._calls = 0
        self._clock: datetime | None = None
        self.add(*told.get("records") or ())

    def add(self, *records: RecordVersion) -> None:
        """Let records appear or change as they stand here; whoever did it stays open.

        Raises:
            ConfigError: two fields of a record differ by case alone: nothing of it is taken.
        """
        for record in records:
            if len({name.casefold() for name in record.fields}) < len(record.fields):
                raise ConfigError("memory.field", f"two fields of {record.ref} differ by case alone", at=self._system)
            self._logs[self._stream_of[record.ref.object]].items.append(record)
            if record.deleted:
                self._records.pop(record.ref, None)
            else:
                self._records[record.ref] = record

    def edit(self, object: str, id: str, values: Mapping[str, Value], *, user: str, at: datetime) -> None:  # noqa: A002
        """Change a record as a person."""
        self._store(object, id, values, user=user, at=at)

    def delete(self, object: str, id: str, *, at: datetime) -> None:  # noqa: A002
        """Delete a record as a person."""
        record = self._records.pop(Ref(self._system, object, id))
        self._logs[self._stream_of[object]].items.append(record._replace(modified_at=at, deleted=True))

    def did(self, *activities: Activity) -> None:
        """Let people call, meet, complete tasks."""
        self._logs["tasks"].items += activities

    def settle(self) -> None:
        """Let writes come true that were on their way when their answer was lost (``faults.late``)."""
        late, self._late = self._late, []
        for writes, at in late:
            for write in writes:
                self._apply_one(write, at)

    def records(self, object: str) -> dict[str, RecordVersion]:  # noqa: A002
        """Give the living records of one object by id."""
        return {ref.id: record for ref, record in self._records.items() if ref.object == object}

    def traits(self) -> AdapterTraits:
        """Say what the engine must know: a repeated creation finds its key."""
        return AdapterTraits(
            system=self._system,
            people={"lead": PEOPLE, "contact": PEOPLE},
            opt_outs={"lead": OPT_OUTS, "contact": OPT_OUTS},
            accounts={"account": {name: name for name in ACCOUNT_COLUMNS}},
            streams=tuple(StreamTraits(stream, object_) for stream, object_ in STREAMS.items()),
            batch_size=self._batch_size,
            settle_after=timedelta(minutes=10),
            creation_key_unique=dict.fromkeys(WRITABLE, True),
            native=NATIVE,
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Take note of nothing: records carry all their fields."""

    def check(self) -> list[Finding]:
        """Say that memory is there."""
        self._call()
        return [Finding("memory", ok=True, message="works")]

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """List the standard columns, the fields in use and those that provisioning defined."""
        self._call()
        if object not in self._stream_of:
            return []
        people = tuple(PEOPLE.values())
        standard = {"lead": people, "contact": people, "account": ACCOUNT_COLUMNS}.get(object, ())
        names = dict.fromkeys(standard)
        for record in self.records(object).values():
            names |= dict.fromkeys(record.fields)
        names |= dict.fromkeys(name for word, name in self._fields if word == object)
        return [FieldInfo(object, name, "text") for name in names]

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Note the fields."""
        self._call()
        del readable
        steps = []
        for spec in fields:
            present = (spec.object, spec.name) in self._fields
            steps.append(
                ProvisionStep(f"field {spec.object}.{spec.name}", _step_state(present=present, dry_run=dry_run))
            )
            if not dry_run:
                self._fields[spec.object, spec.name] = spec
        return steps

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read what changed since ``cursor``, our own writes included.

        Raises:
            ConfigError: there is no such stream.
            HandoffError: a planned fault, before the page it strikes.
        """
        if stream not in self._logs:
            raise ConfigError("memory.stream", f"there is no stream {stream!r}", at=self._system)
        return self._pages(self._logs[stream].pages(cursor, self._page, at=self._system), now)

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read leads and contacts as they stand."""
        self._call()
        return [self._records[ref] for ref in dict.fromkeys(refs) if ref in self._records]

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply a batch; one outcome per write, in order.

        Raises:
            HandoffError: a planned fault; nothing was attempted.
            ConfigError: more writes than ``batch_size``.
        """
        if len(writes) > self._batch_size:
            raise ConfigError("memory.batch", "more writes than fit one batch", at=self._system)
        self._call()
        self._clock = now
        unknown = [WriteOutcome(write.key, OutcomeKind.UNKNOWN, write.id, code="no_answer") for write in writes]
        if self.faults.lost_requests:
            self.faults.lost_requests -= 1
            return unknown
        if self.faults.late:
            self.faults.late -= 1
            self._late.append((list(writes), now))
            return unknown
        outcomes = [self._apply_one(write, now) for write in writes]
        if self.faults.lost_answers:
            self.faults.lost_answers -= 1
            return unknown
        return outcomes

    def find_applied(self, writes: Sequence[Write]) -> Mapping[str, str | None]:
        """Say which writes are here: creations by key, updates by their values."""
        self._call()
        found: dict[str, str | None] = {}
        for write in writes:
            if write.kind == "create":
                found[write.key] = self._keys.get((write.object, write.key))
                continue
            record = self._records.get(Ref(self._system, write.object, write.id or ""))
            stands = record is not None and all(same(record.fields.get(n), v) for n, v in write.fields.items())
            found[write.key] = write.id if stands else None
        return found

    def read_fields(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:  # noqa: A002
        """Read fields of records by id; records that are gone are left out."""
        self._call()
        records = self.records(object)
        return {id_: {name: records[id_].fields.get(name) for name in fields} for id_ in ids if id_ in records}

    def listed_objects(self) -> Mapping[str, bool]:
        """Give every object; nothing is hidden."""
        return dict.fromkeys(self._stream_of, True)

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002, ARG002 - the port's word
        """Count pages."""
        return max(1, -(-records // self._page))

    def list_living(self, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name the living records."""
        self._call()
        return listed(self.records(object).values(), fields, self._page)

    def read_records(self, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read records as they stand, and what the log says of those that are gone."""
        self._call()
        living = self.records(object)
        gone = [record for record in latest(self._logs[self._stream_of[object]].items, ids) if record.deleted]
        found = [living[id_] for id_ in dict.fromkeys(ids) if id_ in living]
        return Page([*found, *(record for record in gone if record.ref.id not in living)])

    def user_id(self) -> str | None:
        """Give the user behind our own writes."""
        return OUR_USER

    def clock(self) -> datetime | None:
        """Give the clock of the last pull or batch."""
        return self._clock

    def usage(self) -> Usage | None:
        """Give nothing: nobody counts."""
        return None

    def calls(self) -> int:
        """Count what would have been requests: pages, batches and look-ups."""
        return self._calls

    def close(self) -> None:
        """Hold nothing open."""

    def _pages(self, pages: Iterator[Page], now: datetime) -> Iterator[Page]:
        while True:
            self._call()
            self._clock = now
            page = next(pages)
            yield page
            if page.last:
                return

    def _apply_one(self, write: Write, at: datetime) -> WriteOutcome:
        code = self.faults.rejected.get(write.key) or self.faults.rejected.get(write.id or "")
        if code or write.object not in WRITABLE:
            message = "refused by plan" if code else "there is no such object"
            return WriteOutcome(
                write.key, OutcomeKind.REJECTED, write.id, code=code or "unknown_object", message=message, fixer="ops"
            )
        wanted = dict(write.fields)
        for name, key in write.references.items():
            if wanted.get(name):
                continue  # the id was known when the write was decided
            wanted[name] = next((id_ for (_, known), id_ in self._keys.items() if known == key), None)
            if wanted[name] is None:
                return WriteOutcome(write.key, OutcomeKind.RETRY, write.id, code="reference")
        return self._create(write, wanted, at) if write.kind == "create" else self._update(write, wanted, at)

    def _create(self, write: Write, wanted: dict[str, Value], at: datetime) -> WriteOutcome:
        known = self._keys.get((write.object, write.key))
        if known is not None:
            return WriteOutcome(write.key, OutcomeKind.UNCHANGED, known)
        id_ = f"{write.object}-{len(self._keys) + 1}"
        self._keys[write.object, write.key] = id_
        self.creations[write.key] += 1
        self._store(write.object, id_, wanted, user=OUR_USER, at=at)
        self._note(write.object, id_, wanted)
        return WriteOutcome(write.key, OutcomeKind.WRITTEN, id_)

    def _update(self, write: Write, wanted: dict[str, Value], at: datetime) -> WriteOutcome:
        record = self._records.get(Ref(self._system, write.object, write.id or ""))
        if record is None:
            return WriteOutcome(
                write.key, OutcomeKind.REJECTED, write.id, code="not_found", message="no such record", fixer="nobody"
            )
        effect = effect_of(write, record.fields, wanted)
        if effect.changes:
            self._store(write.object, record.ref.id, effect.changes, user=OUR_USER, at=at)
            self._note(write.object, record.ref.id, effect.changes)
        return WriteOutcome(write.key, effect.kind, record.ref.id, before=effect.before)

    def _note(self, object_: str, id_: str, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            self.written.setdefault((object_, id_, name), []).append(value)

    def _store(self, object_: str, id_: str, values: Mapping[str, Value], *, user: str, at: datetime) -> None:
        ref = Ref(self._system, object_, id_)
        known = self._records.get(ref)
        fields = {**(known.fields if known else {}), **values, "changed_by": user}
        if object_ == "task":
            fields["closed"] = fields.get("status") == "closed"
        links = {word: str(value) for name, word in LINKS.items() if (value := fields.get(name))}
        if "who" in links:
            links["contact" if Ref(self._system, "contact", links["who"]) in self._records else "lead"] = links["who"]
        created = known.created_at if known else at
        at = at.astimezone(UTC)
        self.add(RecordVersion(ref, at, created, fields, {**(known.links if known else {}), **links}))

    def _call(self) -> None:
        self._calls += 1
        self.faults.strike()


def _step_state(*, present: bool, dry_run: bool) -> Any:
    return "present" if present else "would" if dry_run else "done"
