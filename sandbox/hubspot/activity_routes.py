"""Behaviour data: forms and their submissions, marketing e-mail events v1, event occurrences."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.activity import (
    EMAIL_TYPES,
    EVENT_TYPES,
    shown_email_event,
    shown_submission,
    shown_web_event,
)
from sandbox.hubspot.answers import invalid, iso, ms, not_found, parse_time
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.portal import version
from sandbox.hubspot.record_answers import bounded, flag, start_at
from sandbox.hubspot.streams import EMAIL_EVENT_PAGE, SUBMISSION_PAGE, WEB_EVENT_PAGE, log_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.activity import ActivityLog
    from sandbox.hubspot.portal import Portal

FORMS_PAGE = 500
Mark = tuple[int, str]  # time in ms and id of the last row handed out


class ActivityRoutes:
    """Answer the calls on activity logs."""

    def __init__(self, portal: Portal, log: ActivityLog) -> None:
        """Serve a portal."""
        self._portal, self._log = portal, log

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/marketing/v3/forms", self.forms)
        router.add("GET", "/marketing/v3/forms/{id}", self.form)
        router.add("GET", "/form-integrations/v1/submissions/forms/{id}", self.submissions)
        router.add("GET", "/email/public/v1/events", self.email_events)
        router.add("GET", "/email/public/v1/events/{created}/{id}", self.email_event)
        router.add("GET", "/email/public/v1/campaigns", self.campaigns)
        router.add("GET", "/email/public/v1/campaigns/by-id", self.campaigns)
        router.add("GET", "/email/public/v1/campaigns/{id}", self.campaign)
        router.add("GET", "/email/public/v1/subscriptions/timeline", self.timeline)
        router.add("GET", "/events/v3/events", self.web_events)
        router.add("GET", "/events/v3/events/event-types", self.event_types)

    # -- forms ---------------------------------------------------------------------------------

    def forms(self, request: Request, params: dict[str, str]) -> Response:
        """List form definitions."""
        del params
        limit = bounded(request, "limit", 50, FORMS_PAGE)
        rows = [row for row in self._portal.records.rows("form") if row.deleted == flag(request, "archived")]
        start = start_at(request)
        page = rows[start : start + limit]
        stream = log_stream(self._portal, "forms", "form", FORMS_PAGE)
        self._portal.read(stream, [version(row) for row in page], page=limit)
        body: dict[str, Any] = {"results": [_form(row) for row in page]}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def form(self, request: Request, params: dict[str, str]) -> Response:
        """Read one form definition."""
        del request
        self._portal.apart("describe")
        return Response(200, _form(self._form(params["id"])))

    def _form(self, guid: str) -> Record:
        row = self._portal.records.get("form", guid)
        if row is None:
            raise not_found()
        return row

    def submissions(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a form's submissions, newest first; there is no way to ask for a time."""
        form = self._form(params["id"])
        limit = bounded(request, "limit", 20, SUBMISSION_PAGE)
        rows = self._log.ordered("submission", "form", form.id)
        page, following = _backward(rows, _unpacked(request.arg("after")), limit)
        name = f"submissions {form.values['name']}"
        stream = log_stream(self._portal, name, "submission", SUBMISSION_PAGE, where=("form", form.id))
        self._portal.read(stream, [version(row) for row in page], page=limit)
        body: dict[str, Any] = {"results": [shown_submission(row) for row in page]}
        if following is not None:
            token = _packed(following)
            body["paging"] = {"next": {"after": token, "link": f"{request.path}?after={token}&limit={limit}"}}
        return Response(200, body)

    # -- marketing e-mail ----------------------------------------------------------------------

    def email_events(self, request: Request, params: dict[str, str]) -> Response:
        """Page through e-mail events, newest first; both ends of a time range count."""
        del params
        limit = bounded(request, "limit", 10, EMAIL_EVENT_PAGE)
        kind, recipient = request.arg("eventType"), (request.arg("recipient") or "").lower()
        if kind is not None and kind not in EMAIL_TYPES:
            raise invalid(f"{kind[:40]} is not an event type")
        campaign = request.arg("campaignId")
        if campaign is not None and request.arg("appId") is None:
            raise invalid("campaignId needs appId")
        rows = (
            self._log.ordered("email_event", "recipient", recipient)
            if recipient
            else self._log.ordered("email_event", *(("type", kind) if kind else ()))
        )
        rows = _between(rows, _millis(request, "startTimestamp"), _millis(request, "endTimestamp"))
        if recipient or campaign:
            rows = [row for row in rows if kind in {None, row.values["type"]}]
            rows = [row for row in rows if not campaign or str(row.values.get("emailCampaignId")) == campaign]
        page, following = _backward(rows, _unpacked(request.arg("offset")), limit)
        if recipient or campaign:
            self._portal.apart("look_up")
        else:
            name = "email events" if kind is None else f"email events {kind}"
            where = ("type", kind) if kind else None
            stream = log_stream(self._portal, name, "email_event", EMAIL_EVENT_PAGE, where=where)
            self._portal.read(stream, [version(row) for row in page], page=limit)
        offset = _packed(following or (page[-1].values["ms"], page[-1].id)) if page else ""
        events = [shown_email_event(row) for row in page]
        return Response(200, {"hasMore": following is not None, "offset": offset, "events": events})

    def email_event(self, request: Request, params: dict[str, str]) -> Response:
        """Read one e-mail event by its time and id."""
        del request
        self._portal.apart("look_up")
        row = self._portal.records.get("email_event", params["id"])
        if row is None or str(row.values["ms"]) != params["created"]:
            raise not_found()
        return Response(200, shown_email_event(row))

    def campaigns(self, request: Request, params: dict[str, str]) -> Response:
        """List the e-mail campaigns that events name."""
        del params
        self._portal.apart("describe")
        limit = bounded(request, "limit", 10, 500)
        rows = list(self._portal.records.rows("mailing"))
        start = start_at(request, "offset")
        body = {
            "hasMore": start + limit < len(rows),
            "offset": str(start + limit),
            "campaigns": [
                {"id": row.values["number"], "appId": 113, "appName": "Batch"} for row in rows[start:][:limit]
            ],
        }
        return Response(200, body)

    def campaign(self, request: Request, params: dict[str, str]) -> Response:
        """Read one e-mail campaign."""
        del request
        self._portal.apart("describe")
        for row in self._portal.records.rows("mailing"):
            if str(row.values["number"]) == params["id"]:
                values = row.values
                shown = {"id": values["number"], "appId": 113, "name": values["name"], "subject": values["subject"]}
                return Response(200, shown)
        raise not_found()

    def timeline(self, request: Request, params: dict[str, str]) -> Response:
        """List opt-outs, newest first."""
        del params
        limit = bounded(request, "limit", 10, EMAIL_EVENT_PAGE)
        rows = self._log.ordered("email_event", "type", "STATUSCHANGE")
        rows = _between(rows, _millis(request, "startTimestamp"), _millis(request, "endTimestamp"))
        page, following = _backward(rows, _unpacked(request.arg("offset")), limit)
        where = ("type", "STATUSCHANGE")
        stream = log_stream(self._portal, "subscription timeline", "email_event", EMAIL_EVENT_PAGE, where=where)
        self._portal.read(stream, [version(row) for row in page], page=limit)
        shown = [
            {
                "timestamp": row.values["ms"],
                "recipient": row.values["recipient"],
                "portalId": shown_email_event(row)["portalId"],
                "changes": [{"change": "UNSUBSCRIBED", "source": "SOURCE_RECIPIENT", "changeType": "PORTAL_STATUS"}],
            }
            for row in page
        ]
        offset = _packed(following) if following else ""
        return Response(200, {"hasMore": following is not None, "offset": offset, "timeline": shown})

    # -- event occurrences ---------------------------------------------------------------------

    def event_types(self, request: Request, params: dict[str, str]) -> Response:
        """Name the event types of the account."""
        del request, params
        self._portal.apart("describe")
        return Response(200, {"eventTypes": list(EVENT_TYPES)})

    def web_events(self, request: Request, params: dict[str, str]) -> Response:
        """Page through event occurrences; an event type or an object is needed, ends of a time range do not count."""
        del params
        limit = bounded(request, "limit", 100, WEB_EVENT_PAGE)
        kind, owner = request.arg("eventType"), self._object(request)
        if kind is None and owner is None:
            raise invalid("At least one of eventType or an object filter is required")
        if kind is not None and kind not in EVENT_TYPES:
            raise invalid(f"Event type {kind[:60]} does not exist")
        rows = (
            [row for row in self._log.ordered("web_event", "contact", owner) if kind in {None, row.values["type"]}]
            if owner is not None
            else self._log.ordered("web_event", "type", kind)
        )
        low, high = _instant(request, "occurredAfter"), _instant(request, "occurredBefore")
        rows = _between(rows, None if low is None else low + 1, None if high is None else high - 1)
        sort = request.arg("sort") or "-occurredAt"
        if sort not in {"occurredAt", "-occurredAt"}:
            raise invalid("sort must be occurredAt or -occurredAt")
        page, following = (_forward if sort == "occurredAt" else _backward)(
            rows, _unpacked(request.arg("after")), limit
        )
        if owner is not None:
            self._portal.apart("look_up")
        else:
            where = ("type", str(kind))
            stream = log_stream(self._portal, f"web events {kind}", "web_event", WEB_EVENT_PAGE, where=where)
            self._portal.read(stream, [version(row) for row in page], page=limit)
        body: dict[str, Any] = {"results": [shown_web_event(row) for row in page]}
        if following is not None:
            token = _packed(following)
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


# -- paging ------------------------------------------------------------------------------------


def _key(row: Record) -> Mark:
    return int(row.values["ms"]), row.id


def _between(rows: list[Record], low: int | None, high: int | None) -> list[Record]:
    """Return the rows of a time range, both ends included; ``rows`` are in order."""
    start = 0 if low is None else bisect_left(rows, (low, ""), key=_key)
    stop = len(rows) if high is None else bisect_left(rows, (high + 1, ""), key=_key)
    return rows[start:stop]


def _backward(rows: list[Record], mark: Mark | None, limit: int) -> tuple[list[Record], Mark | None]:
    """Return up to ``limit`` rows before a mark, newest first, and the mark to go on from."""
    stop = len(rows) if mark is None else bisect_left(rows, mark, key=_key)
    page = rows[max(0, stop - limit) : stop][::-1]
    return page, _key(page[-1]) if stop > limit else None


def _forward(rows: list[Record], mark: Mark | None, limit: int) -> tuple[list[Record], Mark | None]:
    """Return up to ``limit`` rows behind a mark, oldest first, and the mark to go on from."""
    start = 0 if mark is None else bisect_right(rows, mark, key=_key)
    page = rows[start : start + limit]
    return page, _key(page[-1]) if start + limit < len(rows) else None


def _packed(mark: Mark) -> str:
    return base64.urlsafe_b64encode(f"{mark[0]}|{mark[1]}".encode()).decode()


def _unpacked(token: str | None) -> Mark | None:
    if not token:
        return None
    try:
        stamp, _, row_id = base64.urlsafe_b64decode(token).decode().partition("|")
        return int(stamp), row_id
    except (ValueError, binascii.Error):
        raise invalid("Cursor was invalid for this endpoint") from None


def _millis(request: Request, name: str) -> int | None:
    text = request.arg(name)
    if text is None:
        return None
    if not text.lstrip("-").isdigit():
        raise invalid(f"{name} must be a time in milliseconds")
    return int(text)


def _instant(request: Request, name: str) -> int | None:
    text = request.arg(name)
    if text is None:
        return None
    moment = parse_time(text.replace(" ", "+"))
    if moment is None:
        raise invalid(f"{name} must be an ISO 8601 time")
    return ms(moment)


def _form(row: Record) -> dict[str, Any]:
    values = row.values
    fields = [
        {"objectTypeId": "0-1", "name": name, "label": name, "required": name == "email", "hidden": False,
         "fieldType": "email" if name == "email" else "single_line_text"}
        for name in values["fields"]
    ]  # fmt: skip
    return {
        "id": row.id,
        "name": values["name"],
        "formType": "hubspot",
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
        "archived": row.deleted,
        "fieldGroups": [{"groupType": "default_group", "richTextType": "text", "fields": fields}],
        "configuration": {"language": "en", "cloneable": True, "editable": True, "archivable": True},
        "displayOptions": {},
        "legalConsentOptions": {"type": "none"},
    }
