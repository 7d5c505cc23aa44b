"""Where a walk through the account's operations goes: the paths of each tree, and one call."""

from __future__ import annotations

from typing import Any

#: Where a family lies in a tree (hubspot.md section 1); ``{v}`` is the edition.
OLD = {
    "objects": "/crm/v3/objects",
    "links": "/crm/v4/objects",
    "associations": "/crm/v4/associations",
    "properties": "/crm/v3/properties",
    "owners": "/crm/v3/owners",
    "pipelines": "/crm/v3/pipelines",
    "lists": "/crm/v3/lists",
    "exports": "/crm/v3/exports",
    "occurrences": "/events/v3/events",
    "send": "/events/v3/send",
    "definitions": "/events/v3/event-definitions",
    "mails": "/marketing/v3/emails",
    "account": "/account-info/v3",
    "consent": "/communication-preferences/v4",
    "webhooks": "/webhooks/v3",
    "token": "/oauth/v1/token",
}
DATED = {
    "objects": "/crm/objects/{v}",
    "links": "/crm/objects/{v}",
    "associations": "/crm/associations/{v}",
    "properties": "/crm/properties/{v}",
    "owners": "/crm/owners/{v}",
    "pipelines": "/crm/pipelines/{v}",
    "lists": "/crm/lists/{v}",
    "exports": "/crm/exports/{v}",
    "occurrences": "/events/event-occurrences/{v}",
    "send": "/events/{v}/send",
    "definitions": "/events/{v}/event-definitions",
    "mails": "/marketing/emails/{v}",
    "account": "/account-info/{v}",
    "consent": "/communication-preferences/{v}",
    "webhooks": "/webhooks/{v}",
    "token": "/oauth/{v}/token",
}
#: 2026-09 moved two families.
MOVED = {"send": "/events/custom/{v}/send", "webhooks": "/app-webhooks/{v}"}
TREES = ("v3", "2026-03", "2026-09")
STAMP = "2026-11-22T09:00:00Z"
#: Object type -> the properties it is created with.
RECORDS: dict[str, dict[str, str]] = {
    "contacts": {"firstname": "Ana"},
    "companies": {"name": "Acme"},
    "deals": {"dealname": "Big", "dealstage": "qualifiedtobuy"},
    "tickets": {"subject": "Help", "hs_pipeline_stage": "1"},
    "tasks": {"hs_timestamp": STAMP, "hs_task_subject": "Call"},
    "notes": {"hs_timestamp": STAMP, "hs_note_body": "n"},
    "meetings": {"hs_timestamp": STAMP, "hs_meeting_title": "m"},
    "calls": {"hs_timestamp": STAMP, "hs_call_title": "c"},
    "emails": {"hs_timestamp": STAMP, "hs_email_direction": "EMAIL"},
    "communications": {"hs_timestamp": STAMP, "hs_communication_channel_type": "SMS"},
}
TYPE_IDS = {"contacts": "0-1", "deals": "0-3"}
#: A property of each type that is its own for certain.
UNIQUE = "tour_key"


class Steps:
    """Walk through one tree."""

    def __init__(self, api: Any, tree: str) -> None:
        self.api, self.tree, self.number = api, tree, 0

    def path(self, family: str) -> str:
        if self.tree == "v3":
            return OLD[family]
        known = {**DATED, **MOVED} if self.tree == "2026-09" else DATED
        return known[family].format(v=self.tree)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        answer = self.api.call(method, path, body, **query)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        return answer.json() if answer.content and status != 302 else None

    def name(self, word: str) -> str:
        self.number += 1
        return f"{word}{self.tree.replace('-', '')}{self.number}"

    def fresh(self, kind: str, **more: str) -> dict[str, str]:
        extra = {"email": f"{self.name('p')}@tour.example"} if kind == "contacts" else {}
        return {**RECORDS[kind], **extra, **more}

    def made(self, kind: str) -> str:
        body = {"properties": self.fresh(kind), "associations": []}
        return str(self.call("POST", f"{self.path('objects')}/{kind}", body, status=201)["id"])
