"""Short words for rows of the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.domain.writes import Cause, Write
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def update(id_: str = "1", **changes: Any) -> OutboxRow:
    """Wish for values in a lead."""
    fields = changes.pop("fields", {"Score": 1})
    words = {name: changes.pop(name) for name in ("expected", "ours", "if_blank") if name in changes}
    words.setdefault("ours", frozenset(fields))
    write = Write(key="", kind="update", object="lead", id=id_, fields=fields, **words)
    return _row(write, lane=f"crm:lead:{id_}", **{"group": "score", **changes})


def create(key: str, **changes: Any) -> OutboxRow:
    """Wish for a new record."""
    write = Write(
        key=key,
        kind="create",
        object=changes.pop("object", "task"),
        id=None,
        fields=changes.pop("fields", {"subject": key}),
        references=changes.pop("references", {}),
    )
    return _row(write, lane=key, group="create", **{"cause": Cause.TASK, **changes})


def _row(write: Write, **changes: Any) -> OutboxRow:
    values: dict[str, Any] = {
        "id": 0,
        "cause": Cause.SCORE,
        "rule": "rule",
        "person_id": "p1",
        "reason": "because",
        "run_id": "run",
        "plan_id": "plan",
        "priority": 2,
        "decided_at": NOW,
        **changes,
    }
    return OutboxRow(write=write, **values)


def decisions(*rows: OutboxRow, **changes: Any) -> Decisions:
    """Decide these rows and what else is named."""
    values: dict[str, Any] = {
        "run_id": "run",
        "plan_id": "plan",
        "at": NOW,
        "identities": IDENTITIES.empty_table(),
        "persons": PERSONS.empty_table(),
        "stage_moves": STAGE_MOVES.empty_table(),
        "scores": SCORE_HISTORY.empty_table(),
        "rows": rows,
        **changes,
    }
    return Decisions(**values)
