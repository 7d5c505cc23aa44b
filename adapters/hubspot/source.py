"""The HubSpot source: which streams there are, and how each is pulled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from adapters.hubspot.archived import pull_archived
from adapters.hubspot.associations import ASSOCIATION_BATCH, associated
from adapters.hubspot.description import findings, read_fields
from adapters.hubspot.engagements import ENGAGEMENTS, Engagement, activities
from adapters.hubspot.event_streams import EVENTS_PAGE, MAIL_PAGE, SUBMISSIONS_PAGE, EventStreams
from adapters.hubspot.listing import KINDS, list_living, read_records
from adapters.hubspot.listing import PAGE as LIST_PAGE
from adapters.hubspot.reading import BadRow, PageReader, Record, Rows
from adapters.hubspot.records import (
    COMPANIES,
    COMPANY_COLUMNS,
    CONTACT_COLUMNS,
    CONTACTS,
    OPT_OUTS,
    Kind,
    refused,
    versions,
)
from adapters.hubspot.search_walk import PAGE, Filter, SearchWalk, Step, cursor_at
from adapters.hubspot.settings import read_settings
from adapters.hubspot.wire import Wire
from connector.domain.records import Page, RecordVersion, RefusedRow
from connector.domain.refs import Ref
from connector.errors import ConfigError
from connector.ports.listing import Listed
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage
from connector.ports.waits import Circuit, Waits

#: Largest batch (hubspot.md section 4).
READ_BATCH = 100
#: stream of a log → events a call gives
_EVENTS_A_CALL = {
    "form_submissions": SUBMISSIONS_PAGE,
    "page_views": EVENTS_PAGE,
    "custom_events": EVENTS_PAGE,
    "email_events": MAIL_PAGE,
}
#: Looked for more often than the others.
FAST = frozenset({"form_submissions", "email_replies"})
#: A search body may have so many characters (hubspot.md section 5).
LARGEST_SEARCH = 3000
#: So many of them are kept for filters.
FILTERS = 400


_RECORDS = PageReader(Record)


class HubSpotSource:
    """People, companies and behaviour of one HubSpot account. Reads only."""

    def __init__(
        self, options: dict[str, Any], *, system: str = "hubspot", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Check the options (``settings.HubSpotSettings``); sends nothing.

        Raises:
            ConfigError: an option is unknown, has the wrong form, or credentials are missing.
        """
        self._system = system
        self._settings = read_settings(options, at=system)
        self._wire = Wire(self._settings, at=system, sleep=sleep)
        self._events = EventStreams(self._wire, self._settings, system=system, at=system)
        self._wanted: dict[str, list[str]] = {"contact": [], "account": []}
        self._pulls: dict[str, Callable[[str | None, datetime], Iterator[Page]]] = {
            "form_submissions": self._events.form_submissions,
            "email_replies": partial(self._pull_engagements, ENGAGEMENTS[0]),
            "companies": partial(self._pull_records, COMPANIES, "companies"),
            "contacts": partial(self._pull_records, CONTACTS, "contacts"),
            "archived_contacts": self._pull_archived,
            "page_views": self._events.page_views,
            "custom_events": self._events.custom_events,
            "email_events": self._events.email_events,
            **{kind.stream: partial(self._pull_engagements, kind) for kind in ENGAGEMENTS[1:]},
        }
        self._leaves_room = False
        unknown = sorted(set(self._settings.without) - set(self._pulls))
        if unknown:
            raise ConfigError("config.option", f"without: there is no stream {', '.join(unknown)}", at=system)
        for name in self._settings.without:
            del self._pulls[name]

    def traits(self) -> AdapterTraits:
        """Say what the engine must know; form submissions and replies are the fast streams."""
        objects = {"companies": "account", "contacts": "contact", "archived_contacts": "contact"}
        usage = self._wire.usage
        return AdapterTraits(
            system=self._system,
            people={"contact": CONTACT_COLUMNS},
            opt_outs={"contact": OPT_OUTS},
            accounts={"account": COMPANY_COLUMNS},
            streams=tuple(
                StreamTraits(name, objects.get(name, ""), "fast" if name in FAST else "slow") for name in self._pulls
            ),
            # Installed apps have no daily limit of their own and get no daily headers (hubspot.md section 3).
            daily_calls=None if self._settings.oauth else usage.limit if usage else self._settings.daily_calls,
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Read these properties too; ``account.x`` and ``company.x`` of a contact is ``x`` of its company.

        Raises:
            ConfigError: more than one search can carry, or an object we do not read.
        """
        for object_, name in fields:
            prefix, dot, rest = name.partition(".")
            if dot and prefix in ("account", "company"):
                object_, name = "account", rest  # noqa: PLW2901 - one wish, read where it lives
            if object_ not in self._wanted:
                raise ConfigError("hubspot.object", f"HubSpot gives no object {object_!r}", at=self._system)
            if name not in self._wanted[object_]:
                self._wanted[object_].append(name)
        for kind in (CONTACTS, COMPANIES):
            body = self._search_body(kind.stamp, self._properties(kind), [])
            if len(msgspec.json.encode(body)) > LARGEST_SEARCH - FILTERS:
                raise ConfigError(
                    "hubspot.too_many_fields",
                    f"the mappings ask for more properties of {kind.path} than one search can carry",
                    cure="map fewer fields",
                    at=self._system,
                )

    def check(self) -> list[Finding]:
        """Test address, credentials and the scope of every stream with one small read each.

        Raises:
            TransientError: the account cannot be reached.
        """
        return findings(self._wire)

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """Describe the properties of ``contact`` or ``account``.

        Raises:
            AccessError: not let in.
            TransientError: the account cannot be reached.
        """
        kind = {"contact": CONTACTS, "account": COMPANIES}.get(object)
        return [] if kind is None else read_fields(self._wire, kind)

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read what changed in one stream; promises and errors as in the port.

        Raises:
            ConfigError: there is no such stream.
        """
        pull = self._pulls.get(stream)
        if pull is None:
            raise ConfigError("hubspot.stream", f"HubSpot has no stream {stream!r}", at=self._system)
        if self._leaves_room:
            self._wire.unhurried(unhurried=stream not in FAST)
        return pull(cursor, now)

    def leave_room(self, *, leave: bool) -> None:
        """Let pulls of slow streams leave some of the account's rate to the fast ones, or not."""
        self._leaves_room = leave
        if not leave:
            self._wire.unhurried(unhurried=False)

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read contacts by id or, for ``email`` references, by address, 100 a call."""
        found: list[RecordVersion] = []
        for object_, more in (("contact", {}), ("email", {"idProperty": "email"})):
            ids = sorted({ref.id for ref in refs if ref.object == object_ and ref.id})
            for start in range(0, len(ids), READ_BATCH):
                inputs = [{"id": id_} for id_ in ids[start : start + READ_BATCH]]
                body = {"inputs": inputs, "properties": self._properties(CONTACTS), **more}
                page = self._wire.post(self._wire.paths.batch_read("contacts"), body, _RECORDS)
                found += versions(CONTACTS, page.rows, system=self._system)
        return found

    def listed_objects(self) -> Mapping[str, bool]:
        """Give what can be listed; a private app with the scope sees all of it."""
        return dict.fromkeys(KINDS, True)

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002, ARG002 - the port's word
        """Count pages of the list."""
        return max(1, -(-records // LIST_PAGE))

    def list_living(self, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name living contacts or companies by the plain list, which no index can be behind of."""
        return list_living(self._wire, KINDS[object], fields)

    def read_records(self, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read contacts or companies as they stand, archived ones as deletions, 100 a call."""
        kind = KINDS[object]
        return Page(read_records(self._wire, kind, ids, properties=self._properties(kind), system=self._system))

    def event_streams(self) -> Mapping[str, timedelta]:
        """Give the streams that carry no record of a person or company, and the overlap of each."""
        settings = self._settings
        late = {"form_submissions": settings.submissions_overlap}
        late |= dict.fromkeys(("page_views", "custom_events", "email_events"), settings.event_overlap)
        late |= {kind.stream: settings.overlap for kind in ENGAGEMENTS}
        return {stream: late[stream] for stream in self._pulls if stream in late}

    def event_calls(self, stream: str, events: int) -> int:
        """Count pages, with the association calls of engagements; a list of several logs has one page of each."""
        pages = -(-events // _EVENTS_A_CALL.get(stream, PAGE))
        return max(1, pages) + (-(-events // ASSOCIATION_BATCH) if stream not in _EVENTS_A_CALL else 0)

    def events_since(self, stream: str, since: datetime, *, now: datetime) -> Iterator[Page]:
        """Read events from an instant on."""
        in_logs = stream in _EVENTS_A_CALL
        return self.pull(stream, self._events.cursor_at(stream, since) if in_logs else cursor_at(since), now=now)

    def usage(self) -> Usage | None:
        """Give the account's count of today's calls as last seen; OAuth apps are not told it."""
        return self._wire.usage

    def calls(self) -> int:
        """Count the HTTP requests sent."""
        return self._wire.calls

    def waits(self) -> Waits:
        """Count retries and waits since this object was made."""
        return self._wire.waits

    def circuit(self) -> Circuit:
        """Say whether the account is asked at present, or left alone because it did not answer."""
        return self._wire.circuit

    def close(self) -> None:
        """Give back connections."""
        self._wire.close()

    def _pull_records(self, kind: Kind, stream: str, cursor: str | None, now: datetime) -> Iterator[Page]:
        for step in self._walk(kind.path, kind.stamp, self._properties(kind), None, now).steps(cursor):
            records = versions(kind, step.rows, system=self._system)
            yield Page(records, [], refused(stream, step.bad), step.cursor, step.last, step.counted)

    def _pull_engagements(self, kind: Engagement, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Gather pages of a search until one association call is worth it: it takes 1,000 ids, a search gives 200."""
        rows: list[Record] = []
        bad: list[BadRow] = []
        only = None if kind.only is None else {"propertyName": kind.only[0], "operator": "EQ", "value": kind.only[1]}
        walk = self._walk(kind.path, "hs_lastmodifieddate", list(kind.properties), only, now)
        for step in walk.steps(cursor):
            rows += step.rows
            bad += step.bad
            if step.last or len(rows) + PAGE > ASSOCIATION_BATCH:
                yield self._engagement_page(kind, rows, bad, step)
                rows, bad = [], []

    def _engagement_page(self, kind: Engagement, rows: list[Record], bad: list[BadRow], step: Step) -> Page:
        contacts = associated(self._wire, kind.path, "contacts", [row.id for row in rows])
        named = refused(kind.stream, bad)
        found = activities(
            kind,
            rows,
            contacts,
            system=self._system,
            refuse=lambda row, message: named.append(RefusedRow(kind.stream, row, "malformed", message)),
        )
        return Page([], found, named, step.cursor, step.last, step.counted)

    def _pull_archived(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        return pull_archived(self._wire, cursor, properties=self._properties(CONTACTS), system=self._system, now=now)

    def _walk(self, path: str, stamp: str, properties: list[str], only: Filter | None, now: datetime) -> SearchWalk:
        def ask(filters: list[Filter], sort: str) -> Rows[Record]:
            body = self._search_body(sort, properties, [*filters, only] if only else filters)
            return self._wire.search(path, body, _RECORDS)

        return SearchWalk(
            ask,
            stamp_property=stamp,
            overlap=self._settings.overlap,
            clock=lambda: self._wire.clock(now),
            at=self._system,
            room=LARGEST_SEARCH - FILTERS - len(msgspec.json.encode(self._search_body(stamp, properties, []))),
        )

    def _search_body(self, sort: str, properties: list[str], filters: list[Filter]) -> dict[str, Any]:
        return {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": properties,
            "limit": PAGE,
        }

    def _properties(self, kind: Kind) -> list[str]:
        return list(dict.fromkeys([*kind.properties, *self._wanted[kind.object]]))
