"""Marketing e-mails: read, drafts kept, and the counters of each ("Marketing email" guide)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.activity.log_pages import between
from sandbox.hubspot.answers import from_ms, invalid, iso, ms, not_found, parse_time
from sandbox.hubspot.audience.consent import SUBSCRIPTIONS
from sandbox.hubspot.body_members import body_of, entry_of
from sandbox.hubspot.records.record_answers import bounded, flag, start_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.portal import Portal

PAGE = 100
FIRST_NUMBER = 2_500_000
#: Counter -> the kind of event it counts.
COUNTERS = {
    "sent": "SENT", "delivered": "DELIVERED", "open": "OPEN", "click": "CLICK", "bounce": "BOUNCE",
    "unsubscribed": "STATUSCHANGE", "spamreport": "SPAMREPORT", "dropped": "DROPPED",
}  # fmt: skip
OBJECTS = ("content", "from", "to", "webversion", "testing", "rssData", "subscriptionDetails")
TEXTS = ("name", "subject", "language", "campaign", "activeDomain", "publishDate", "subcategory", "feedbackSurveyId")
SPANS = {"HOUR": 3_600_000, "DAY": 86_400_000, "WEEK": 604_800_000}


class MailRoutes:
    """Answer the calls on marketing e-mails; their design, drafts and sending are not emulated."""

    def __init__(self, portal: Portal, log: ActivityLog) -> None:
        """Serve a portal."""
        self._portal, self._log = portal, log

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/marketing/v3/emails"
        router.add("GET", base, self.page)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/statistics/list", self.statistics)
        router.add("GET", f"{base}/statistics/histogram", self.histogram)
        router.add("GET", f"{base}/{{id}}", self.read)
        router.add("PATCH", f"{base}/{{id}}", self.change)
        router.add("DELETE", f"{base}/{{id}}", self.archive)

    # -- e-mails -------------------------------------------------------------------------------

    def page(self, request: Request, params: dict[str, str]) -> Response:
        """List e-mails."""
        del params
        self._portal.apart("describe")
        limit, start = bounded(request, "limit", 10, PAGE), start_at(request)
        rows = [row for row in self._portal.records.rows("mailing") if row.deleted == flag(request, "archived")]
        for name, moment in (("created", "created_at"), ("updated", "modified_at")):
            low, high = _time(request, f"{name}After"), _time(request, f"{name}Before")
            rows = [row for row in rows if low is None or getattr(row, moment) > low]
            rows = [row for row in rows if high is None or getattr(row, moment) < high]
        if request.arg("isPublished") is not None:
            rows = [row for row in rows if _published(row) is flag(request, "isPublished")]
        stats, wanted = flag(request, "includeStats"), request.args("includedProperties")
        page = [self._shown(row, stats=stats, wanted=wanted) for row in rows[start : start + limit]]
        body: dict[str, Any] = {"total": len(rows), "results": page}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one e-mail."""
        self._portal.apart("describe")
        row = self._found(params["id"], archived=flag(request, "archived"))
        stats, wanted = flag(request, "includeStats"), request.args("includedProperties")
        return Response(200, self._shown(row, stats=stats, wanted=wanted))

    def _found(self, number: str, *, archived: bool = False) -> Record:
        for row in self._portal.records.rows("mailing"):
            if str(row.values["number"]) == number and row.deleted is archived:
                return row
        raise not_found()

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Make the draft of an e-mail."""
        del params
        wish = body_of(request)
        self._portal.apart("provision")
        if not wish.get("name"):
            raise invalid("Invalid input JSON: name is required")
        count = self._portal.records.count("mailing")
        values = {"subject": "", "number": FIRST_NUMBER + count, "state": "DRAFT", **_stored(wish)}
        row = self._portal.insert("mailing", f"mailing:{count}", values)
        return Response(201, self._shown(row))

    def change(self, request: Request, params: dict[str, str]) -> Response:
        """Change an e-mail."""
        row = self._found(params["id"], archived=flag(request, "archived"))
        self._portal.apart("provision")
        return Response(200, self._shown(self._portal.update(row, _stored(body_of(request)))))

    def archive(self, request: Request, params: dict[str, str]) -> Response:
        """Archive an e-mail."""
        del request
        self._portal.apart("provision")
        self._portal.remove(self._found(params["id"]))
        return Response(204)

    def _shown(self, row: Record, *, stats: bool = False, wanted: list[str] | None = None) -> dict[str, Any]:
        values, published = row.values, _published(row)
        shown: dict[str, Any] = {
            "id": str(values["number"]),
            "name": values["name"],
            "subject": values["subject"],
            "type": "BATCH_EMAIL",
            "subcategory": "batch",
            "state": values.get("state", "PUBLISHED"),
            "isPublished": published,
            "isTransactional": False,
            "isAb": False,
            "sendOnPublish": True,
            "content": {},
            "from": {"fromName": "Corp", "replyTo": "news@corp.example"},
            "to": {"contactLists": {"include": [], "exclude": []}},
            "subscriptionDetails": {"subscriptionId": str(SUBSCRIPTIONS[0].id)},
            "archived": row.deleted,
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.modified_at),
            **{name: values[name] for name in (*OBJECTS, *TEXTS) if name in values},
        }
        if published:
            shown["publishedAt"] = shown["publishDate"] = iso(row.created_at)
        if stats:
            shown["stats"] = self._data(self._events([row], None, None))
        if wanted:
            shown = {name: value for name, value in shown.items() if name in wanted or name == "id"}
        return shown

    # -- counters ------------------------------------------------------------------------------

    def _asked(self, request: Request) -> tuple[list[Record], int | None, int | None]:
        self._portal.apart("describe")
        chosen = set(request.args("emailIds"))
        rows = [row for row in self._portal.records.rows("mailing") if not row.deleted]
        rows = [row for row in rows if not chosen or str(row.values["number"]) in chosen]
        low, high = _time(request, "startTimestamp"), _time(request, "endTimestamp")
        return rows, None if low is None else ms(low), None if high is None else ms(high)

    def _events(self, mailings: list[Record], low: int | None, high: int | None) -> list[Record]:
        numbers = {row.values["number"] for row in mailings}
        found = between(self._log.ordered("email_event"), low, high)
        return [row for row in found if row.values.get("emailCampaignId") in numbers]

    def statistics(self, request: Request, params: dict[str, str]) -> Response:
        """Count what happened to e-mails in a span: all together and each."""
        del params
        rows, low, high = self._asked(request)
        each = {str(row.values["number"]): self._data(self._events([row], low, high)) for row in rows}
        whole = self._data(self._events(rows, low, high))
        emails = [row.values["number"] for row in rows]
        return Response(200, {"emails": emails, "aggregate": whole, "campaignAggregations": each})

    def histogram(self, request: Request, params: dict[str, str]) -> Response:
        """Count what happened to e-mails, per hour, day or week of a span."""
        del params
        rows, low, high = self._asked(request)
        span = SPANS.get((request.arg("interval") or "DAY").upper())
        if span is None or low is None or high is None:
            raise invalid(f"startTimestamp, endTimestamp and an interval among {sorted(SPANS)} are required")
        if (high - low) // span > 1000:
            raise invalid("The span holds more than 1000 intervals")
        events = self._events(rows, low, high)
        results = [
            {
                "interval": {"start": iso(from_ms(start)), "end": iso(from_ms(min(start + span, high)))},
                "aggregations": self._data(between(events, start, min(start + span, high) - 1)),
            }
            for start in range(low, high, span)
        ]
        return Response(200, {"total": len(results), "results": results})

    def _data(self, events: Sequence[Record]) -> dict[str, Any]:
        kinds = Counter(row.values["type"] for row in events)
        counters = {name: kinds[kind] for name, kind in COUNTERS.items()}
        sent, delivered, opened = (counters[name] or 1 for name in ("sent", "delivered", "open"))
        ratios = {
            "deliveredratio": 100 * counters["delivered"] / sent,
            "openratio": 100 * counters["open"] / delivered,
            "clickratio": 100 * counters["click"] / delivered,
            "clickthroughratio": 100 * counters["click"] / opened,
            "bounceratio": 100 * counters["bounce"] / sent,
            "unsubscribedratio": 100 * counters["unsubscribed"] / delivered,
            "spamreportratio": 100 * counters["spamreport"] / delivered,
        }
        return {"counters": counters, "ratios": ratios, "deviceBreakdown": {}, "qualifierStats": {}}


def _published(row: Record) -> bool:
    return bool(row.values.get("state", "PUBLISHED") == "PUBLISHED")


def _stored(wish: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: entry_of(wish[name], name) for name in OBJECTS if name in wish}
    return values | {name: str(wish[name]) for name in TEXTS if wish.get(name) is not None}


def _time(request: Request, name: str) -> datetime | None:
    text = request.arg(name)
    moment = None if text is None else parse_time(text.replace(" ", "+"))
    if text is not None and moment is None:
        raise invalid(f"{name} must be an ISO 8601 time")
    return moment
