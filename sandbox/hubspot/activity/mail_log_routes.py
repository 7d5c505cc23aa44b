"""Marketing e-mail: what happened to each message (v1), the campaigns it names, opt-outs ("Email Events" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Response
from sandbox.hubspot.activity.activity_log import APP_ID, EMAIL_TYPES, shown_email_event
from sandbox.hubspot.activity.log_pages import backward, between, millis, packed, unpacked
from sandbox.hubspot.answers import invalid, not_found
from sandbox.hubspot.portal import version
from sandbox.hubspot.records.record_answers import bounded, start_at
from sandbox.hubspot.streams import EMAIL_EVENT_PAGE, log_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.portal import Portal


class MailLogRoutes:
    """Answer the calls on logs of marketing e-mail."""

    def __init__(self, portal: Portal, log: ActivityLog) -> None:
        """Serve a portal."""
        self._portal, self._log = portal, log

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/email/public/v1/events", self.email_events)
        router.add("GET", "/email/public/v1/events/{created}/{id}", self.email_event)
        router.add("GET", "/email/public/v1/campaigns", self.campaigns)
        router.add("GET", "/email/public/v1/campaigns/by-id", self.campaigns)
        router.add("GET", "/email/public/v1/campaigns/{id}", self.campaign)
        router.add("GET", "/email/public/v1/subscriptions/timeline", self.timeline)

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
        rows = between(rows, millis(request, "startTimestamp"), millis(request, "endTimestamp"))
        if recipient or campaign:
            rows = [row for row in rows if kind in {None, row.values["type"]}]
            rows = [row for row in rows if not campaign or str(row.values.get("emailCampaignId")) == campaign]
        page, following = backward(rows, unpacked(request.arg("offset")), limit)
        if recipient or campaign:
            self._portal.apart("look_up")
        else:
            name = "email events" if kind is None else f"email events {kind}"
            where = ("type", kind) if kind else None
            stream = log_stream(self._portal, name, "email_event", EMAIL_EVENT_PAGE, where=where)
            self._portal.read(stream, [version(row) for row in page], page=limit)
        offset = packed(following or (page[-1].values["ms"], page[-1].id)) if page else ""
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
                {"id": row.values["number"], "appId": APP_ID, "appName": "Batch"} for row in rows[start:][:limit]
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
                shown = {"id": values["number"], "appId": APP_ID, "name": values["name"], "subject": values["subject"]}
                return Response(200, shown)
        raise not_found()

    def timeline(self, request: Request, params: dict[str, str]) -> Response:
        """List opt-outs, newest first."""
        del params
        limit = bounded(request, "limit", 10, EMAIL_EVENT_PAGE)
        rows = self._log.ordered("email_event", "type", "STATUSCHANGE")
        rows = between(rows, millis(request, "startTimestamp"), millis(request, "endTimestamp"))
        page, following = backward(rows, unpacked(request.arg("offset")), limit)
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
        offset = packed(following) if following else ""
        return Response(200, {"hasMore": following is not None, "offset": offset, "timeline": shown})
