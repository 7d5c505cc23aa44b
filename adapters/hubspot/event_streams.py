"""The streams of behaviour: form submissions, page views, e-mail events (hubspot.md section 9)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec

from adapters.hubspot.behaviour import (
    Mail,
    Submission,
    Visit,
    mail_activity,
    means_something,
    slug,
    submission_activity,
    visit_activity,
)
from adapters.hubspot.event_walks import LogMark, LogStep, LogWalk
from adapters.hubspot.reading import PageReader, Rows, from_ms, read_json, to_ms
from adapters.hubspot.records import refused
from adapters.hubspot.settings import HubSpotSettings
from adapters.hubspot.wire import Wire
from connector.domain.records import ACTIVITY_TYPES, Activity, Page, RefusedRow
from connector.errors import AdapterFault

Kind = TypeVar("Kind")
SUBMISSIONS_PAGE = 50
EVENTS_PAGE = 100
MAIL_PAGE = 1000
FORMS_PAGE = 100
PAGE_VIEW = "e_visited_page"
#: The vendor puts the account's number before the names of custom events.
_CUSTOM = re.compile(r"pe\d+_(\w+)")


class _Form(msgspec.Struct):
    id: str
    name: str = ""


class _Marks(msgspec.Struct):
    """The cursor of a stream of several logs: one mark per form, or per type of event."""

    logs: dict[str, LogMark] = {}


_SUBMISSIONS = PageReader(Submission)
_VISITS = PageReader(Visit)
_MAILS = PageReader(Mail)
_FORMS = PageReader(_Form)


class EventStreams:
    """Pulls of the three logs."""

    def __init__(self, wire: Wire, settings: HubSpotSettings, *, system: str, at: str) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._settings = settings
        self._system = system
        self._at = at
        self._forms: list[_Form] = []
        self._forms_until = float("-inf")
        self._types: dict[str, str] | None = None
        self._types_until = float("-inf")

    def page_views(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Read page views, oldest first, 100 a page."""
        for step in self._events_walk(PAGE_VIEW, now).steps(self._mark(cursor)):
            found = [visit_activity(row, "page_view", system=self._system) for row in step.rows]
            yield _page("page_views", step, found)

    def custom_events(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Read the account's own events that are named like one of our activity types (``pe123_asset_download``).

        One call per such type when all is quiet. Other custom events have no meaning for us.
        """
        marks = self._marks(cursor)
        types = self.custom_types()
        if not types:
            yield Page(cursor=msgspec.json.encode(marks).decode(), last=True)
        for place, (name, ours) in enumerate(types.items(), 1):
            for step in self._events_walk(name, now).steps(marks.logs.get(name, LogMark())):
                marks.logs[name] = step.mark
                found = [visit_activity(row, ours, system=self._system) for row in step.rows]
                bad = refused("custom_events", step.bad)
                yield Page([], found, bad, msgspec.json.encode(marks).decode(), step.last and place == len(types))

    def custom_types(self) -> dict[str, str]:
        """Give the vendor's name of each event type we read → ours; believed as long as the list of forms."""
        if self._types is None or time.monotonic() >= self._types_until:
            answer = self._wire.get(f"{self._wire.paths.events}/event-types", {}, read_json)
            names = answer.get("eventTypes") if isinstance(answer, dict) else None
            found = ((str(name), _CUSTOM.fullmatch(str(name))) for name in names or ())
            self._types = {name: match[1] for name, match in sorted(found) if match and match[1] in ACTIVITY_TYPES}
            self._types_until = time.monotonic() + self._settings.forms_refresh.total_seconds()
        return self._types

    def email_events(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Read e-mail events, newest first, 1,000 a page."""
        walk = LogWalk(
            self._ask_mail,
            lambda row: (row.id, row.created),
            overlap=self._settings.event_overlap,
            clock=lambda: self._wire.clock(now),
        )
        for step in walk.steps(self._mark(cursor)):
            told = [row for row in step.rows if means_something(row)]
            found = [mail_activity(row, system=self._system) for row in told]
            nobody = [_of_nobody("email_events", row.id) for row, a in zip(told, found, strict=True) if a is None]
            yield _page("email_events", step, [a for a in found if a is not None], nobody)

    def form_submissions(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Read the submissions of every form, newest first, 50 a page: one call per form when all is quiet."""
        marks = self._marks(cursor)
        forms = self.forms()
        if not forms:
            yield Page(cursor=msgspec.json.encode(marks).decode(), last=True)
        for place, form in enumerate(forms, 1):
            walk = LogWalk(
                self._asker_of(form.id),
                lambda row: (row.conversion_id or str(row.submitted_at), row.submitted_at),
                overlap=self._settings.submissions_overlap,
                clock=lambda: self._wire.clock(now),
                cut=True,
            )
            for step in walk.steps(marks.logs.get(form.id, LogMark())):
                marks.logs[form.id] = step.mark
                yield self._submissions_page(form, step, marks, last=step.last and place == len(forms))

    def cursor_at(self, stream: str, since: datetime) -> str:
        """Write the cursor from which a pull of one of these streams reads all from an instant on."""
        mark = LogMark(at=to_ms(since), settled=True)
        if stream == "form_submissions":
            names = [form.id for form in self.forms()]
        elif stream == "custom_events":
            names = list(self.custom_types())
        else:
            return msgspec.json.encode(mark).decode()
        return msgspec.json.encode(_Marks(dict.fromkeys(names, mark))).decode()

    def forms(self) -> list[_Form]:
        """List the forms; the list is believed for ``forms_refresh``."""
        if time.monotonic() >= self._forms_until:
            found: list[_Form] = []
            after: str | None = None
            while True:
                query: dict[str, object] = {"limit": FORMS_PAGE, "formTypes": "all"}
                if after is not None:
                    query["after"] = after
                page = self._wire.get(self._wire.paths.forms, query, _FORMS)
                found += page.rows
                after = page.after
                if after is None or not page.count:
                    break
            self._forms = sorted(found, key=lambda form: form.id)
            self._forms_until = time.monotonic() + self._settings.forms_refresh.total_seconds()
        return self._forms

    def _submissions_page(self, form: _Form, step: LogStep[Submission], marks: _Marks, *, last: bool) -> Page:
        name = slug(form.name) or form.id
        found: list[Activity] = []
        without: list[RefusedRow] = refused("form_submissions", step.bad)
        for row in step.rows:
            activity = submission_activity(row, form=name, form_id=form.id, system=self._system)
            if activity is None:
                without.append(_of_nobody("form_submissions", row.conversion_id or form.id))
            else:
                found.append(activity)
        return Page([], found, without, msgspec.json.encode(marks).decode(), last)

    def _events_walk(self, event_type: str, now: datetime) -> LogWalk[Visit]:
        return LogWalk(
            partial(self._ask_events, event_type),
            lambda row: (row.id, to_ms(row.occurred_at)),
            overlap=self._settings.event_overlap,
            clock=lambda: self._wire.clock(now),
        )

    def _ask_events(self, event_type: str, since: int, token: str) -> Rows[Visit]:
        query: dict[str, object] = {
            "eventType": event_type,
            "objectType": "contact",
            "sort": "occurredAt",
            "limit": EVENTS_PAGE,
        }
        if since:
            # Whether the boundary itself is included is nowhere promised; a millisecond earlier settles it.
            query["occurredAfter"] = _iso(since - 1)
        if token:
            query["after"] = token
        return self._wire.get(self._wire.paths.events, query, _VISITS)

    def _ask_mail(self, since: int, token: str) -> Rows[Mail]:
        query: dict[str, object] = {"limit": MAIL_PAGE}
        if since:
            query["startTimestamp"] = since - 1
        if token:
            query["offset"] = token
        return self._wire.get(self._wire.paths.email_events, query, _MAILS)

    def _asker_of(self, form_id: str) -> Callable[[int, str], Rows[Submission]]:
        def ask(_since: int, token: str) -> Rows[Submission]:
            query: dict[str, object] = {"limit": SUBMISSIONS_PAGE}
            if token:
                query["after"] = token
            return self._wire.get(self._wire.paths.submissions(form_id), query, _SUBMISSIONS)

        return ask

    def _mark(self, cursor: str | None) -> LogMark:
        return LogMark() if cursor is None else _decoded(cursor, LogMark, self._at)

    def _marks(self, cursor: str | None) -> _Marks:
        return _Marks() if cursor is None else _decoded(cursor, _Marks, self._at)


def _decoded(cursor: str, kind: type[Kind], at: str) -> Kind:
    try:
        return msgspec.json.decode(cursor.encode(), type=kind)
    except msgspec.MsgspecError:
        raise AdapterFault("hubspot.cursor", "a stored cursor cannot be read", at=at) from None


def _page(
    stream: str, step: LogStep[Visit] | LogStep[Mail], found: list[Activity], nobody: Sequence[RefusedRow] = ()
) -> Page:
    bad = [*refused(stream, step.bad), *nobody]
    return Page([], found, bad, msgspec.json.encode(step.mark).decode(), step.last)


def _of_nobody(stream: str, name: str) -> RefusedRow:
    return RefusedRow(stream, name, "no_person", "the row names no e-mail address")


def _iso(milliseconds: int) -> str:
    return from_ms(milliseconds).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
