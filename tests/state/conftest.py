"""Short words for the rows and decisions that tests of the state are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.domain.writes import Cause, OutcomeKind, Write, WriteOutcome
from connector.ports.store import (
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    OutboxRow,
)
from state.outbox_folded import lines

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def update(record: str = "1", group: str = "score", value: Any = 1, **changes: Any) -> OutboxRow:
    """Wish for a value in a record's field, which is ours where it is known what stands there."""
    expected = changes.pop("expected", {})
    write = {
        "key": "",
        "kind": "update",
        "object": changes.pop("object", "lead"),
        "id": record,
        "fields": changes.pop("fields", {"Score": value}),
        "expected": expected,
        "ours": changes.pop("ours", frozenset(expected)),
        "if_blank": changes.pop("if_blank", frozenset()),
    }
    return _row(Write(**write), lane=f"crm:lead:{record}", group=group, **changes)


def create(key: str, *, kind: str = "task", **changes: Any) -> OutboxRow:
    """Wish for a new record; its key is its lane."""
    write = Write(key=key, kind="create", object=kind, id=None, fields={"Subject": key})
    return _row(write, lane=changes.pop("lane", key), group="create", **changes)


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


class Hand:
    """What a test does with the outbox of a store, in few words."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.outbox = store.outbox

    def add(self, *rows: OutboxRow, **changes: Any) -> None:
        self.store.knowledge.commit_decisions(decisions(*rows, **changes))

    def claim(self, limit: int = 100, *, now: datetime = NOW, owner: str = "me") -> list[OutboxRow]:
        taken = self.outbox.claim(limit, owner=owner, now=now, lease=LEASE)
        whole = {row.id: row for row in self.outbox.unsettled()}
        rows = [whole[row.id] for row in taken]
        assert [(row.write, row.priority, row.attempts) for row in rows] == [
            (row.write, row.priority, row.attempts) for row in taken
        ]
        return rows

    def settle(self, row: OutboxRow, kind: OutcomeKind | str, *, now: datetime = NOW, **words: Any) -> None:
        outcome = WriteOutcome(key=row.write.key, kind=OutcomeKind(kind), **words)
        self.outbox.settle({row.id: outcome}, now=now)

    def all(self) -> list[tuple[str, str, str]]:
        """Every row ever: lane, state, held_by, by age; nothing is laid open by looking."""
        with self.store.database.read() as connection:
            flying = {id_ for line in lines(self.store.database, connection) for id_ in line.ids}
            found = connection.exec_driver_sql("SELECT lane, state, held_by, id FROM outbox ORDER BY id")
            return [(lane, "doing" if id_ in flying else state, by) for lane, state, by, id_ in found]

    def states(self) -> list[str]:
        return [state for _, state, _ in self.all()]


@pytest.fixture
def hand(store: Any) -> Hand:
    return Hand(store)


@pytest.fixture
def words() -> Any:
    return SimpleNamespace(update=update, create=create, decisions=decisions, Hand=Hand, NOW=NOW, LEASE=LEASE)
