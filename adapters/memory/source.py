"""A source whose people and activities are Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.memory.faults import Faults
from adapters.memory.listing import listed
from adapters.memory.log import Log
from connector.domain.records import (
    ACCOUNT_COLUMNS,
    OPT_OUTS,
    PERSON_COLUMNS,
    Activity,
    Page,
    RecordVersion,
    RefusedRow,
)
from connector.domain.refs import Ref
from connector.errors import ConfigError
from connector.ports.listing import Listed
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage

#: stream → our word for its records
STREAMS: Mapping[str, str] = {"accounts": "account", "contacts": "contact", "activities": ""}


class MemorySource:
    """People, accounts and activities in lists; native names are the standard ones.

    Options: ``records`` and ``activities`` (lists of ``RecordVersion`` and ``Activity``), ``page`` (rows per page,
    100). ``faults`` says what goes wrong next.
    """

    def __init__(self, options: Mapping[str, Any] | None = None, *, system: str = "memory") -> None:
        """Take the options.

        Raises:
            ConfigError: an option is unknown.
        """
        told = {key: value for key, value in (options or {}).items() if key not in ("name", "adapter")}
        unknown = sorted(set(told) - {"records", "activities", "page"})
        if unknown:
            raise ConfigError("config.option", f"unknown options {', '.join(unknown)}", at=system)
        self.faults = Faults()
        self._wanted: list[tuple[str, str]] = []
        self._system = system
        self._page = int(told.get("page") or 100)
        self._logs = {stream: Log() for stream in STREAMS}
        self._latest: dict[Ref, RecordVersion] = {}
        self._calls = 0
        self.add(*told.get("records") or (), *told.get("activities") or ())

    def add(self, *items: RecordVersion | Activity) -> None:
        """Let people appear, change, be merged or deleted, and do things.

        Raises:
            ConfigError: a record is of an object that this source does not have.
        """
        streams = {object_: stream for stream, object_ in STREAMS.items()}
        for item in items:
            if isinstance(item, Activity):
                self._logs["activities"].items.append(item)
                continue
            stream = streams.get(item.ref.object)
            if stream is None:
                raise ConfigError("memory.object", f"no stream holds {item.ref.object!r}", at=self._system)
            self._logs[stream].items.append(item)
            self._latest[item.ref] = item

    def traits(self) -> AdapterTraits:
        """Say what the engine must know."""
        return AdapterTraits(
            system=self._system,
            people={"contact": {name: name for name in PERSON_COLUMNS}},
            opt_outs={"contact": OPT_OUTS},
            accounts={"account": {name: name for name in ACCOUNT_COLUMNS}},
            streams=tuple(StreamTraits(stream, object_) for stream, object_ in STREAMS.items()),
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Have the fields that are asked for; records carry all of theirs anyway."""
        self._wanted = list(fields)

    def check(self) -> list[Finding]:
        """Say that memory is there."""
        self._call()
        return [Finding("memory", ok=True, message="works")]

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """List the standard columns, those asked for and every field that a record of the object has."""
        self._call()
        standard = {"contact": PERSON_COLUMNS, "account": ACCOUNT_COLUMNS}.get(object)
        if standard is None:
            return []
        names = dict.fromkeys(standard)
        for record in self._latest.values():
            if record.ref.object == object:
                names |= dict.fromkeys(record.fields)
        names |= dict.fromkeys(name for word, name in self._wanted if word == object)
        return [FieldInfo(object, name, "text") for name in names]

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:  # noqa: ARG002 - positions need no clock
        """Read what was added since ``cursor``.

        Raises:
            ConfigError: there is no such stream.
            HandoffError: a planned fault, before the page it strikes.
        """
        log = self._logs.get(stream)
        if log is None:
            raise ConfigError("memory.stream", f"there is no stream {stream!r}", at=self._system)
        return self._pages(stream, log, cursor)

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read people as they stand, by reference or, for ``email`` references, by address."""
        self._call()
        wanted = set(refs)
        addresses = {ref.id for ref in refs if ref.object == "email"}
        return [
            record
            for ref, record in self._latest.items()
            if ref.object == "contact"
            and not record.deleted
            and record.merged_into is None
            and (ref in wanted or str(record.fields.get("email") or "").casefold() in addresses)
        ]

    def listed_objects(self) -> Mapping[str, bool]:
        """Give what records there are; nothing is hidden."""
        return {object_: True for object_ in STREAMS.values() if object_}

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002, ARG002 - the port's word
        """Count pages."""
        return max(1, -(-records // self._page))

    def list_living(self, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name the living records."""
        self._call()
        return listed([one for ref, one in self._latest.items() if ref.object == object], fields, self._page)

    def read_records(self, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read records as they stand, deleted ones too."""
        self._call()
        wanted = dict.fromkeys(Ref(self._system, object, id_) for id_ in ids)
        return Page([self._latest[ref] for ref in wanted if ref in self._latest])

    def event_streams(self) -> Mapping[str, timedelta]:
        """Give the one stream of events; none of them comes late."""
        return {"activities": timedelta()}

    def event_calls(self, stream: str, events: int) -> int:  # noqa: ARG002 - there is one stream
        """Count pages."""
        return max(1, -(-events // self._page))

    def events_since(self, stream: str, since: datetime, *, now: datetime) -> Iterator[Page]:
        """Read events from an instant on."""
        for page in self.pull(stream, None, now=now):
            page.activities[:] = [one for one in page.activities if one.occurred_at >= since]
            yield page

    def usage(self) -> Usage | None:
        """Give nothing: nobody counts."""
        return None

    def calls(self) -> int:
        """Count what would have been requests: pages and look-ups."""
        return self._calls

    def close(self) -> None:
        """Hold nothing open."""

    def _pages(self, stream: str, log: Log, cursor: str | None) -> Iterator[Page]:
        pages = log.pages(cursor, self._page, at=self._system)
        while True:
            self._call()
            page = next(pages)
            yield self._marred(stream, page) if self.faults.malformed else page
            if page.last:
                return

    def _marred(self, stream: str, page: Page) -> Page:
        bad = self.faults.malformed
        refused = [*page.refused, *_refusals(stream, page.records, bad), *_refusals(stream, page.activities, bad)]
        records = [item for item in page.records if item.ref.id not in bad]
        activities = [item for item in page.activities if item.ref.id not in bad]
        return Page(records, activities, refused, page.cursor, page.last)

    def _call(self) -> None:
        self._calls += 1
        self.faults.strike()


def _refusals(stream: str, items: Iterable[RecordVersion | Activity], bad: set[str]) -> list[RefusedRow]:
    return [RefusedRow(stream, item.ref.id, "malformed", "planned") for item in items if item.ref.id in bad]
