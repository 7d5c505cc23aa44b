"""Event occurrences of contacts, and events that are sent in ("Events" guides)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.activity.activity_log import shown_web_event
from sandbox.hubspot.activity.event_types import EventTypes
from sandbox.hubspot.activity.log_pages import backward, between, forward, instant, packed, unpacked
from sandbox.hubspot.answers import PORTAL_ID, invalid, parse_time
from sandbox.hubspot.body_members import body_of, entry_of
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.portal import tick, version
from sandbox.hubspot.records.record_answers import bounded
from sandbox.hubspot.streams import WEB_EVENT_PAGE, log_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.batch_routes import BatchRoutes

MOST_SENT = 500


class EventRoutes:
    """Answer the calls on occurrences, and take events in."""

    def __init__(self, portal: Portal, log: ActivityLog, types: EventTypes, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._log, self._types, self._batches = portal, log, types, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/events/v3/events", self.web_events)
        router.add("GET", "/events/v3/events/event-types", self.event_types)
        router.add("POST", "/events/v3/send", self.send)
        router.add("POST", "/events/v3/send/batch", self.send_batch)

    # -- occurrences ---------------------------------------------------------------------------

    def event_types(self, request: Request, params: dict[str, str]) -> Response:
        """Name the event types of the account."""
        del request, params
        self._portal.apart("describe")
        return Response(200, {"eventTypes": self._types.names()})

    def web_events(self, request: Request, params: dict[str, str]) -> Response:
        """Page through event occurrences; an event type or an object is needed, ends of a time range do not count."""
        del params
        limit = bounded(request, "limit", 100, WEB_EVENT_PAGE)
        kind, owner = request.arg("eventType"), self._object(request)
        if kind is None and owner is None:
            raise invalid("At least one of eventType or an object filter is required")
        if kind is not None and kind not in self._types.names():
            raise invalid(f"Event type {kind[:60]} does not exist")
        rows = (
            [row for row in self._log.ordered("web_event", "contact", owner) if kind in {None, row.values["type"]}]
            if owner is not None
            else self._log.ordered("web_event", "type", kind)
        )
        for name, value in request.query:
            if name.startswith("property."):
                rows = [row for row in rows if row.values["properties"].get(name[9:]) == value]
        if chosen := request.args("id"):
            rows = [row for row in rows if row.id in chosen]
        low, high = instant(request, "occurredAfter"), instant(request, "occurredBefore")
        rows = between(rows, None if low is None else low + 1, None if high is None else high - 1)
        sort = request.arg("sort") or "-occurredAt"
        if sort not in {"occurredAt", "-occurredAt"}:
            raise invalid("sort must be occurredAt or -occurredAt")
        page, following = (forward if sort == "occurredAt" else backward)(rows, unpacked(request.arg("after")), limit)
        if owner is not None:
            self._portal.apart("look_up")
        else:
            where = ("type", str(kind))
            stream = log_stream(self._portal, f"web events {kind}", "web_event", WEB_EVENT_PAGE, where=where)
            self._portal.read(stream, [version(row) for row in page], page=limit)
        wanted = request.args("properties")
        body: dict[str, Any] = {"results": [_narrowed(shown_web_event(row), wanted) for row in page]}
        if following is not None:
            token = packed(following)
            body["paging"] = {"next": {"after": token, "link": f"{request.path}?after={token}"}}
        return Response(200, body)

    def _object(self, request: Request) -> str | None:
        """Return the contact an event query is about; one nobody has stands for itself."""
        kind = TYPES["contacts"]
        email = request.arg("objectProperty.email")
        if email is not None:
            found = self._portal.by_property(kind, "email", email)
            return "" if found is None else found.id
        row_id = request.arg("objectId")
        if row_id is None:
            return None
        record = self._portal.find(kind, row_id)
        return row_id if record is None else record.id

    # -- the account's own events --------------------------------------------------------------

    def send(self, request: Request, params: dict[str, str]) -> Response:
        """Take one event in."""
        del params
        self._take(body_of(request))
        self._portal.wrote("custom events", "create", 1, MOST_SENT)
        return Response(204)

    def send_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Take up to 500 events in, all or none."""
        del params
        inputs = self._batches.inputs(request, MOST_SENT)
        for entry in inputs:
            self._take(entry)
        self._portal.wrote("custom events", "create", len(inputs), MOST_SENT)
        return Response(204)

    def _take(self, wish: dict[str, Any]) -> None:
        """Log an event; one whose uuid is known already is passed over."""
        name = str(wish.get("eventName") or "")
        definition = self._types.find(name)
        if definition is None:
            raise invalid(f"Event {name[:80]} does not exist")
        given = {str(key): str(value) for key, value in entry_of(wish.get("properties"), "properties").items()}
        unknown = sorted(set(given) - self._types.properties(definition))
        if unknown:
            raise invalid(f"Event {name[:80]} has no property {unknown[0][:80]}")
        moment = parse_time(str(wish["occurredAt"])) if wish.get("occurredAt") else self._portal.now()
        if moment is None:
            raise invalid("occurredAt must be an ISO 8601 time")
        mark = str(wish.get("uuid") or "")
        row_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{PORTAL_ID}/{name}/{mark}")) if mark else None
        if row_id is None or self._portal.records.get("web_event", row_id) is None:
            self._log.event(self._subject(wish), name, tick(moment), given, noted=self._portal.now(), row_id=row_id)

    def _subject(self, wish: dict[str, Any]) -> str:
        """Return the contact an event is about; an address nobody has makes a contact, as HubSpot does."""
        kind = TYPES["contacts"]
        if wish.get("objectId"):
            record = self._portal.find(kind, str(wish["objectId"]))
            if record is None:
                raise invalid(f"No contact with ID {str(wish['objectId'])[:40]} exists")
            return record.id
        if wish.get("email"):
            record = self._portal.by_property(kind, "email", str(wish["email"]))
            return (record or self._types.visitor(str(wish["email"]))).id
        if wish.get("utk"):
            return ""  # a visitor nobody knows yet
        raise invalid("One of email, utk or objectId is required")


def _narrowed(shown: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    """Leave an occurrence only the properties asked for; all where none are named."""
    if wanted:
        shown["properties"] = {name: value for name, value in shown["properties"].items() if name in wanted}
    return shown
