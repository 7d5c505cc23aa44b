"""Our words for what the engine itself reads or writes, in HubSpot's spelling.

Properties that begin with ``handoff_`` are provisioned. Who a task is about is no property of it but an association,
written with its creation; its name here is the one that searches use for it (hubspot.md section 5).
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.domain.records import Value

#: The property in which a record keeps its creation key.
KEY = "handoff_key"
#: Our word → the vendor's type. Its own leads (0-136) belong to a paid seat and stand for no person of their own.
PATHS: Mapping[str, str] = {"contact": "contacts", "account": "companies", "task": "tasks"}
#: Pseudo-field of a task → (the vendor's type, type of the association) (hubspot.md section 6).
ASSOCIATIONS: Mapping[str, tuple[str, int]] = {
    "associations.contact": ("contacts", 204),
    "associations.company": ("companies", 192),
    "associations.deal": ("deals", 216),
}
#: Moves forward only (hubspot.md section 7).
LIFECYCLE = "lifecyclestage"

NATIVE: Mapping[str, Mapping[str, str]] = {
    "contact": {
        "owner": "hubspot_owner_id",
        "status": "hs_lead_status",
        "key": KEY,
        "stage_entry": "handoff_stage_entry",
        "account": "associatedcompanyid",
    },
    "account": {"owner": "hubspot_owner_id"},
    "task": {
        "subject": "hs_task_subject",
        "body": "hs_task_body",
        "owner": "hubspot_owner_id",
        "who": "associations.contact",
        "priority": "hs_task_priority",
        "status": "hs_task_status",
        # A task has no word of its own for being closed: the status says it.
        "closed": "hs_task_status",
        "due_at": "hs_timestamp",
        "key": KEY,
        "rule": "handoff_rule",
    },
}
NATIVE_VALUES: Mapping[str, Mapping[str, Value]] = {
    "task.status": {"open": "NOT_STARTED", "closed": "COMPLETED"},
    "task.priority": {"high": "HIGH", "normal": "MEDIUM", "low": "LOW"},
}
