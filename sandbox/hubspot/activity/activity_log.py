"""What contacts did, as the account logs it: page views and events, form submissions, marketing e-mail events."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.core.layered_rows import Sorted
from sandbox.hubspot.answers import PORTAL_ID, from_ms, iso, ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal

SITE = "https://www.corp.example"
PAGE_VIEW = "e_visited_page"
ASSET_DOWNLOAD = f"pe{PORTAL_ID}_asset_download"
WEBINAR_ATTENDED = f"pe{PORTAL_ID}_webinar_attended"
EVENT_TYPES = (PAGE_VIEW, ASSET_DOWNLOAD, WEBINAR_ATTENDED)
EMAIL_TYPES = (
    "SENT", "PROCESSED", "DROPPED", "DELIVERED", "DEFERRED", "BOUNCE", "UNBOUNCE", "OPEN", "CLICK", "STATUSCHANGE",
    "SPAMREPORT", "PRINT", "FORWARD", "SUPPRESSED",
)  # fmt: skip
APP_ID = 113
BROWSER = {"name": "Chrome", "family": "Chrome", "type": "Browser"}
#: rows added one by one that are remembered as such; after more a log is ordered anew
MOST_ADDED = 10_000
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so that counting up walks through all of 2**128


class ActivityLog:
    """Add to and read the logs of one portal; a log is read in the order of what happened, not of what was noted."""

    def __init__(self, portal: Portal) -> None:
        """Keep the logs in the portal's store."""
        self._portal = portal
        self._ordered: dict[tuple[str, str | None, str | None], tuple[int, Sequence[Record]]] = {}
        #: the account's count of changes after a row was added → the row, of changes that added a row and nothing else
        self._added: dict[int, Record] = {}
        portal.computed.update(self._reckoners())

    def _event_id(self) -> str:
        number = int(self._portal.new_id())
        return str(uuid.UUID(int=number * SPREAD % (1 << 128)))

    # -- adding --------------------------------------------------------------------------------

    def visit(self, contact_id: str, path: str, when: datetime, *, noted: datetime | None = None) -> Record:
        """Log a page view; ``noted`` is when the account learnt of it, by default when it happened."""
        url = path if "://" in path else f"{SITE}{path}"
        title = path.split("?", 1)[0].strip("/").replace("/", " - ").replace("-", " ").title() or "Home"
        return self.event(contact_id, PAGE_VIEW, when, {"hs_url": url, "hs_title": title}, noted=noted)

    def event(
        self,
        contact_id: str,
        kind: str,
        when: datetime,
        properties: dict[str, str],
        *,
        noted: datetime | None = None,
        row_id: str | None = None,
    ) -> Record:
        """Log a web or custom event, under an id of its own or the given one."""
        values = {"contact": contact_id, "type": kind, "ms": ms(when), "properties": properties}
        return self._add("web_event", values, noted or when, row_id)

    def submission(
        self,
        form: Record,
        contact_id: str | None,
        values: dict[str, str],
        when: datetime,
        *,
        noted: datetime | None = None,
        page: str | None = None,
    ) -> Record:
        """Log a form submission; the account keeps no contact id in what it shows."""
        fields = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in values.items()]
        row = {"form": form.id, "contact": contact_id, "ms": ms(when), "values": fields}
        row["pageUrl"] = page or f"{SITE}{form.values['page']}"
        return self._add("submission", row, noted or when)

    def email_event(
        self,
        kind: str,
        recipient: str,
        when: datetime,
        *,
        contact_id: str,
        campaign: Record | None = None,
        sent: Record | None = None,
        more: dict[str, Any] | None = None,
        noted: datetime | None = None,
    ) -> Record:
        """Log a marketing e-mail event."""
        values: dict[str, Any] = {"type": kind, "recipient": recipient, "ms": ms(when), "contact": contact_id}
        if campaign is not None:
            values["emailCampaignId"] = campaign.values["number"]
            if kind in {"SENT", "DELIVERED"}:
                values["subject"] = campaign.values["subject"]
        if sent is not None:
            values["sentBy"] = {"id": sent.id, "created": sent.values["ms"]}
        return self._add("email_event", {**values, **(more or {})}, noted or when)

    def _add(self, obj: str, values: dict[str, Any], noted: datetime, row_id: str | None = None) -> Record:
        self._portal.activity_changes += 1
        row = self._portal.records.insert(obj, row_id or self._event_id(), values, at=noted, by=self._portal.author)
        if len(self._added) >= MOST_ADDED:
            # The oldest alone: whoever has read since can go on from there.
            del self._added[next(iter(self._added))]
        self._added[self._portal.activity_changes] = row
        return row

    # -- reading -------------------------------------------------------------------------------

    def ordered(self, obj: str, name: str | None = None, value: str | None = None) -> Sequence[Record]:
        """Return the rows of a log by (when it happened, id), all or those with a value in a field."""
        key, stamp = (obj, name, value), self._portal.activity_changes
        known = self._ordered.get(key)
        if known is None or known[0] != stamp:
            rows = None if known is None else self._with_added(key, *known)
            if rows is None:
                rows = self._portal.records.sorted_by(obj, "ms", None if name is None else (name, value))
            known = self._ordered[key] = (stamp, rows)
        horizon = self._portal.read_horizon
        return known[1] if horizon is None else [row for row in known[1] if row.created_at <= horizon]

    def _with_added(
        self, key: tuple[str, str | None, str | None], before: int, rows: Sequence[Record]
    ) -> Sequence[Record] | None:
        """Put what was added since between ordered rows; None where anything else has changed.

        Ordering a log anew takes seconds where it is long, and in a busy account it grows between two pages.
        """
        obj, name, value = key
        stamps = range(before + 1, self._portal.activity_changes + 1)
        if not isinstance(rows, Sorted) or not all(stamp in self._added for stamp in stamps):
            return None
        added = (self._added[stamp] for stamp in stamps)
        mine = [row for row in added if row.obj == obj and (name is None or row.values.get(name) == value)]
        return rows.with_rows("ms", mine)

    def _reckoners(self) -> dict[tuple[str, str], Any]:
        """Return what works out the read-only properties of a contact that sum its activity up."""
        find = self._portal.records.find

        def rows(obj: str, record: Record, kinds: tuple[str, ...] = ()) -> list[int]:
            return [
                row.values["ms"] for row in find(obj, "contact", record.id) if not kinds or row.values["type"] in kinds
            ]

        def count(obj: str, *kinds: str) -> Any:
            return lambda record: str(len(found)) if (found := rows(obj, record, kinds)) else None

        def last(obj: str, *kinds: str) -> Any:
            return lambda record: iso(from_ms(max(found))) if (found := rows(obj, record, kinds)) else None

        def first(obj: str, *kinds: str) -> Any:
            return lambda record: iso(from_ms(min(found))) if (found := rows(obj, record, kinds)) else None

        def forms(record: Record) -> str | None:
            return (
                str(len({row.values["form"] for row in found}))
                if (found := find("submission", "contact", record.id))
                else None
            )

        def recent(record: Record) -> str | None:
            found = find("submission", "contact", record.id)
            if not found:
                return None
            newest = max(found, key=lambda row: (row.values["ms"], row.id))
            form = self._portal.records.get("form", newest.values["form"])
            return None if form is None else f"{form.values['title']}: {form.values['name']}"

        def last_url(record: Record) -> str | None:
            found = [row for row in find("web_event", "contact", record.id) if row.values["type"] == PAGE_VIEW]
            return max(found, key=lambda row: row.values["ms"]).values["properties"]["hs_url"] if found else None

        table = {
            "hs_analytics_num_page_views": count("web_event", PAGE_VIEW),
            "hs_analytics_first_timestamp": first("web_event"),
            "hs_analytics_last_timestamp": last("web_event"),
            "hs_analytics_last_url": last_url,
            "hs_email_delivered": count("email_event", "DELIVERED"),
            "hs_email_open": count("email_event", "OPEN"),
            "hs_email_click": count("email_event", "CLICK"),
            "hs_email_bounce": count("email_event", "BOUNCE"),
            "hs_email_last_send_date": last("email_event", "SENT"),
            "hs_email_last_open_date": last("email_event", "OPEN"),
            "hs_email_last_click_date": last("email_event", "CLICK"),
            "num_conversion_events": count("submission"),
            "num_unique_conversion_events": forms,
            "first_conversion_date": first("submission"),
            "recent_conversion_date": last("submission"),
            "recent_conversion_event_name": recent,
        }
        return {("contacts", name): reckon for name, reckon in table.items()}


def shown_email_event(row: Record) -> dict[str, Any]:
    """Return an e-mail event as the v1 API shows it."""
    values = row.values
    shown: dict[str, Any] = {
        "id": row.id,
        "type": values["type"],
        "recipient": values["recipient"],
        "created": values["ms"],
        "portalId": PORTAL_ID,
        "appId": APP_ID,
        "appName": "Batch",
    }
    hidden = {"type", "recipient", "ms", "contact"}
    shown.update({name: value for name, value in values.items() if name not in hidden})
    if values["type"] in {"OPEN", "CLICK"}:
        shown["browser"], shown["deviceType"] = BROWSER, "COMPUTER"
        shown["location"] = {"country": "US", "state": "MA", "city": "Boston"}
        shown["userAgent"] = "Mozilla/5.0"
    return shown


def shown_web_event(row: Record) -> dict[str, Any]:
    """Return an event occurrence as the API shows it."""
    values = row.values
    return {
        "objectType": "CONTACT",
        "objectId": values["contact"],
        "eventType": values["type"],
        "occurredAt": iso(from_ms(values["ms"])),
        "id": row.id,
        "properties": values["properties"],
    }


def shown_submission(row: Record) -> dict[str, Any]:
    """Return a submission as the v1 API shows it."""
    values = row.values
    return {
        "conversionId": row.id,
        "submittedAt": values["ms"],
        "values": values["values"],
        "pageUrl": values["pageUrl"],
    }
