"""What subscribers of this account are told, and in which words ("Webhooks API" guide)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import PORTAL_ID, ms
from sandbox.hubspot.objects import TYPES

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.portal import News, Portal

#: Kinds of events that a subscription may name, beside ``object.…`` with an object type id.
NAMED = {
    f"{obj}.{what}"
    for obj in ("contact", "company", "deal", "ticket")
    for what in ("creation", "deletion", "merge", "restore", "propertyChange", "associationChange")
} | {"contact.privacyDeletion"}
GENERIC = {f"object.{w}" for w in ("creation", "deletion", "merge", "restore", "propertyChange", "associationChange")}
#: Types whose events have names of their own; the others (engagements) exist only as ``object.…``.
WITH_NAMES = frozenset({"contacts", "companies", "deals", "tickets"})
#: Changes of these are never told.
UNHEARD = frozenset({"hs_lastmodifieddate", "lastmodifieddate", "num_unique_conversion_events"})


@dataclass(slots=True)
class Event:
    """One event on its way to one subscriber."""

    app_id: str
    body: dict[str, Any]
    #: When it is to be sent, by the account's clock.
    due: datetime
    attempt: int = 0


class Webhooks:
    """Know the subscriptions and turn what happened into events for them."""

    def __init__(self, portal: Portal) -> None:
        """Watch a portal."""
        self._portal = portal

    def listening(self) -> bool:
        """Tell whether anybody is subscribed to anything."""
        return any(not row.deleted and row.values["active"] for row in self._portal.records.rows("subscription"))

    def settings(self, app_id: str) -> Record | None:
        """Return where an app's events go."""
        return self._portal.row("webhook_settings", app_id)

    def subscriptions(self, app_id: str) -> list[Record]:
        """Return an app's subscriptions."""
        rows = self._portal.records.find("subscription", "appId", app_id)
        return sorted(rows, key=lambda row: int(row.id))

    def events(self, news: list[News]) -> list[Event]:
        """Return the events that subscribers get of what happened, in order."""
        rows = [row for row in self._portal.records.rows("subscription") if not row.deleted and row.values["active"]]
        return [
            self._event(row, happened)
            for happened in news
            for row in rows
            if self.settings(row.values["appId"]) is not None and _concerns(row.values, happened)
        ]

    def _event(self, row: Record, happened: News) -> Event:
        count = int(self._portal.records.kept("webhook_events", 0)) + 1
        self._portal.records.keep("webhook_events", count)
        body: dict[str, Any] = {
            "eventId": count,
            "subscriptionId": int(row.id),
            "portalId": PORTAL_ID,
            "appId": int(row.values["appId"]),
            "occurredAt": ms(happened.at),
            "subscriptionType": row.values["eventType"],
            "attemptNumber": 0,
            **happened.members,
            "changeSource": "INTEGRATION" if happened.by == "app" else "CRM_UI",
        }
        if row.values["eventType"].startswith("object."):
            body["objectTypeId"] = TYPES[happened.obj].type_id
        return Event(row.values["appId"], body, happened.at)


def _concerns(subscription: dict[str, Any], happened: News) -> bool:
    """Tell whether a subscription is to what happened."""
    subject, _, what = subscription["eventType"].partition(".")
    kind = TYPES[happened.obj]
    if what != happened.what or happened.members.get("propertyName") in UNHEARD:
        return False
    if subject == "object":
        if subscription.get("objectTypeId") not in {kind.type_id, kind.name}:
            return False
    elif subject != kind.singular or kind.name not in WITH_NAMES:
        return False
    return what != "propertyChange" or bool(subscription.get("propertyName") == happened.members["propertyName"])
