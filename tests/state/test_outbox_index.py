"""What waits is found by an index, however much has been done beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import event

from connector.domain.outbox_states import UNSETTLED
from connector.domain.writes import RowState
from state import bulk
from state.database import Database

_INDEX = "outbox_unsettled"
#: beside some that wait
_DONE = 5_000

Statements = list[tuple[str, Any]]


@pytest.fixture
def asked(store: Any, hand: Any, words: Any, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """All statements about a full outbox, as the driver gets them."""
    hand.add(*(words.update(str(n), priority=n % 3, expected={"Score": 0}) for n in range(40)))
    with store.database.write() as connection:
        _fill(store.database, connection)
    told: Statements = []

    def executed(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        told.append((statement, values))

    def fetched(database: Database, connection: Any, statement: str, values: Any) -> Any:
        told.append((bulk._marked(database, statement, values), values))
        return fetch(database, connection, statement, values)

    fetch = bulk.fetch
    monkeypatch.setattr(bulk, "fetch", fetched)
    event.listen(store.database.engine, "before_cursor_execute", executed)
    return told


def _fill(database: Database, connection: Any) -> None:
    """Put many rows beside that are done."""
    columns = (
        "kind, object, target_id, seq, cause, rule, person_id, reason, run_id, plan_id, priority, decided_at, body"
    )
    numbers = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {_DONE}) SELECT n FROM s)"
        if database.make == "sqlite"
        else f"(SELECT generate_series(1, {_DONE}) AS n)"
    )
    connection.exec_driver_sql(f"""
        INSERT INTO outbox (id, key, lane, grp, {columns}, depends_on, state, held_by, settled_at, result)
        SELECT 1000 + s.n, 'done' || s.n, 'done' || s.n, 'score', {columns}, '[]', 'done', '', 1, 'written'
        FROM outbox, {numbers} s WHERE id = (SELECT min(id) FROM outbox)
    """)
    connection.exec_driver_sql("ANALYZE outbox")


def _plans(store: Any, asked: Statements, ways: Sequence[str] = ()) -> list[str]:
    """Say how each look at the outbox is done, without some of PostgreSQL's ways."""
    lookups = [(statement, values) for statement, values in asked if re.search(r"\bFROM outbox\b", statement)]
    explain = "EXPLAIN QUERY PLAN" if store.database.make == "sqlite" else "EXPLAIN"
    plans = []
    with store.database.read() as connection:
        cursor = connection.connection.cursor()
        for way in ways:
            cursor.execute(f"SET LOCAL enable_{way} = off")
        for statement, values in lookups:
            cursor.execute(f"{explain} {statement}", values)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
        cursor.close()
    return plans


LOOKS: dict[str, Callable[[Any, Any], Any]] = {
    "any": lambda outbox, now: outbox.any_by(now),
    "counts": lambda outbox, _: outbox.unsettled_counts(),
    "oldest": lambda outbox, _: outbox.oldest(),
    "unknown": lambda outbox, _: outbox.unknown(5),
    "each": lambda outbox, _: list(outbox.each_unsettled()),
    "ids": lambda outbox, _: outbox.ids(UNSETTLED),
    "held": lambda outbox, _: outbox.ids([RowState.HELD]),
    "retry": lambda outbox, now: outbox.retry(None, now=now),
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_waits_is_found_by_its_index(hand: Any, words: Any, asked: Statements, look: str) -> None:
    LOOKS[look](hand.outbox, words.NOW)
    plans = _plans(hand.store, asked)
    assert any(_INDEX in plan for plan in plans), plans
    assert not any(_everything(plan) for plan in plans), plans


def test_what_may_go_is_found_in_its_order(hand: Any, words: Any, asked: Statements) -> None:
    rows = hand.outbox.claim(10, owner="me", now=words.NOW, lease=words.LEASE)
    assert [row.priority for row in rows] == [0] * 10
    ways = ("seqscan", "bitmapscan", "sort") if hand.store.database.make == "postgresql" else ()
    [plan] = [plan for plan in _plans(hand.store, asked, ways) if _INDEX in plan]
    assert not _everything(plan), plan
    assert not any(word in plan for word in ("Sort", "TEMP B-TREE")), plan


def test_whose_plan_is_waited_for_is_found_by_it(hand: Any, words: Any, asked: Statements) -> None:
    hand.store.runs.prune(looks_before=words.NOW, before=words.NOW, keep=1, keep_bodies=1)
    plans = _plans(hand.store, asked)
    assert plans
    assert all(_INDEX in plan and not _everything(plan) for plan in plans), plans


def _everything(plan: str) -> bool:
    """Say whether all rows are gone through."""
    return "Seq Scan on outbox" in plan or any(
        line in ("SCAN outbox", "SCAN o") or line.startswith(("SCAN outbox USING INTEGER", "SCAN o USING INTEGER"))
        for line in plan.splitlines()
    )
