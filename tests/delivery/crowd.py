"""A small population built by hand, and the ground a decision about it stands on."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa

from adapters.memory import MemoryCrm
from connector.delivery.decide import Decided, decide
from connector.delivery.ground import Ground
from connector.delivery.pending import Pending
from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings
from connector.ports.store import OutboxRow
from connector.routing.pools import Desk, User

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MAPPINGS: Mappings = load_mappings(Path(str(files("mappings") / "default")))
CRM = MemoryCrm(system="crm").traits()

_TEXT, _TRUTH, _INSTANT = pa.string(), pa.bool_(), pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in ("person_id", "subject", "crm_object", "crm_id", "record", "owner_id")),
        *((name, _TRUTH) for name in ("in_review", "crm_deleted", "erased", "baseline", "entered", "may_create")),
        *((name, _TEXT) for name in ("first_name", "last_name", "email", "company", "domain", "title", "industry")),
        *((name, _TEXT) for name in ("country", "account", "account_id", "account_owner_id", "account.owner")),
        *((name, _TEXT) for name in ("grade", "verdict", "role", "stage", "disposition", "reasons_key", "top_reason")),
        *((name, _TEXT) for name in ("score.grade", "score.reasons", "shown")),
        ("score.total", pa.float64()),
        ("stage_since", _INSTANT),
        ("stage_entry", pa.int64()),
        *((f"crm.{name}", _TEXT) for name in ("Handoff_Score__c", "Handoff_Grade__c", "Handoff_Reasons__c")),
        *((f"crm.{name}", _TEXT) for name in ("Handoff_Stage__c", "Handoff_Disposition__c", "stage_entry")),
        *((f"crm.{name}", _TEXT) for name in ("Title", "Industry")),
    ]
)
_USUAL: dict[str, Any] = {
    "subject": "hubspot:contact:7",
    "crm_object": "lead",
    "crm_id": "L1",
    "owner_id": "005boss",
    **dict.fromkeys(("in_review", "crm_deleted", "erased", "baseline", "entered", "may_create"), False),
    "first_name": "Jo",
    "last_name": "Doe",
    "company": "Acme",
    "account": "none",
    "grade": "B3",
    "verdict": "nurture",
    "role": "other",
    "stage": "nurture",
    "disposition": "nurture",
    "reasons_key": "pricing",
    "score.reasons": "pricing +12",
    "score.total": 40.0,
    "stage_since": NOW,
    "stage_entry": 1,
    "top_reason": "pricing",
}


def person(id_: str = "p1", **changes: Any) -> dict[str, Any]:
    """Somebody in nurture with a lead that an active user owns, unless told otherwise."""
    row = _USUAL | {"person_id": id_} | changes
    row["score.grade"] = row["grade"]
    row["record"] = row["crm_id"] and f"{row['crm_object']}:{row['crm_id']}"
    return row


def nobody_yet(id_: str = "p1", **changes: Any) -> dict[str, Any]:
    """Somebody whom the CRM does not know and who may be created."""
    words = {"crm_id": None, "crm_object": None, "owner_id": None, "may_create": True, "email": "jo@acme.example"}
    return person(id_, **words | changes)


def desk(**changes: Any) -> Desk:
    """Two reps, one in the region, a boss, somebody who left, and a queue."""
    names = ("rep1@corp.example", "rep2@corp.example", "rep3@corp.example", "boss", "gone")
    users = {name: User(f"005{name.partition('@')[0]}", name, active=name != "gone") for name in names}
    return Desk(pools=MAPPINGS.routing.pools, users=users, queues={"Unassigned": "00G1"}, **changes)


def ground(*people: dict[str, Any], **changes: Any) -> Ground:
    """What a decision stands on; after the baseline unless told otherwise."""
    table = pa.Table.from_pylist(sorted(people, key=lambda row: row["person_id"]), schema=SCHEMA)
    words: dict[str, Any] = {
        "now": NOW,
        "install": "main",
        "run_id": "run",
        "plan_id": "plan",
        "mappings": MAPPINGS,
        "crm": CRM,
        "info": {},
        "people": table,
        "accounts": pa.table({"account_id": pa.array([], _TEXT)}),
        "tasks": [],
        "fast_events": [],
        "desk": desk(),
        "user_id": "handoff",
        "mark": datetime(2026, 1, 1, tzinfo=UTC),
        **changes,
        "pending": Pending(changes.get("pending", ())),
    }
    return Ground(**words)


def settled(one: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same person one cycle later: what was decided is remembered and stands in the CRM."""
    base = ground(one)
    decided = decide(base)
    written = dict(one)
    for row in decided.rows:
        if row.write.id == one["crm_id"] and row.write.kind == "update":
            for name, value in row.write.fields.items():
                if f"crm.{name}" in SCHEMA.names:
                    written[f"crm.{name}"] = None if value is None else str(value)
                elif name == "owner_id":
                    written["owner_id"] = str(value)
    return person(
        id_=one["person_id"],
        **{
            **{key: value for key, value in written.items() if key != "person_id"},
            "shown": decided.shown[0].as_py(),
            "entered": False,
            **changes,
        },
    )


def event(at: datetime = NOW, id_: str = "e1", person_id: str = "p1", **changes: Any) -> dict[str, Any]:
    """Somebody asks to talk to sales."""
    return {
        "rule": "contact-us",
        "person_id": person_id,
        "system": "hubspot",
        "kind": "form",
        "id": id_,
        "occurred_at": at,
        "landed_at": at,
        "form": "contact-us",
        "path": None,
        **changes,
    }


def shown(decided: Decided, base: Ground, id_: str = "p1") -> str:
    """What is remembered of one person."""
    return str(decided.shown[base.people.column("person_id").to_pylist().index(id_)].as_py())


def by_group(rows: list[OutboxRow]) -> dict[str, list[OutboxRow]]:
    """Rows by their field group."""
    found: dict[str, list[OutboxRow]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    return found
