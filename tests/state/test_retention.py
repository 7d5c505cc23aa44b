"""What is of no use any more goes; what somebody may still ask for stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.writes import RowState
from connector.errors import LocalFault
from connector.ports.store import Run

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def _ran(store: Any, name: str, at: datetime, *, verdict: str = "green", plan: str | None = None) -> None:
    """Record a run; ``plan``: what its plan says, None for a look that made none."""
    store.runs.begin(Run(name, f"plan-{name}", "run", "live", at, at))
    if plan is not None:
        store.runs.save_plan(f"plan-{name}", made_at=at, body=plan)
    store.runs.finish(name, verdict=verdict, report="{}", at=at)


def _left(store: Any) -> set[str]:
    return {run.id for run in store.runs.last(1000)}


def _done(done: bool) -> str:
    return json.dumps({"version": 1, "done": done, "lanes": []}, ensure_ascii=False)


def _prune(store: Any, **words: Any) -> dict[str, int]:
    bounds = {"looks_before": T0, "before": T0 - 90 * DAY, "keep": 2, "keep_bodies": 2}
    gone: dict[str, int] = store.runs.prune(**(bounds | words))
    return gone


def test_looks_that_found_nothing_go_first(store: Any) -> None:
    _ran(store, "look", T0 - DAY)
    _ran(store, "failed", T0 - DAY, verdict="red")
    _ran(store, "decided", T0 - DAY, plan=_done(True))
    _ran(store, "fresh", T0)
    assert _prune(store) == {"runs": 1, "plans": 0}
    assert _left(store) == {"failed", "decided", "fresh"}
    assert _prune(store) == {"runs": 0, "plans": 0}


def test_old_runs_go_with_their_plans_but_the_last_ones_stay(store: Any) -> None:
    for number in range(5):
        _ran(store, f"r{number}", T0 - (100 - number) * DAY, plan=_done(True))
    assert _prune(store, before=T0 - DAY) == {"runs": 3, "plans": 3}
    assert _left(store) == {"r3", "r4"}
    assert store.runs.plan("plan-r4") is not None
    assert store.runs.plan("plan-r0") is None


def test_of_plans_nobody_ran_the_newest_stay(store: Any) -> None:
    for number in range(5):
        _ran(store, f"r{number}", T0 + number * DAY, verdict="amber", plan=_done(False))
    _ran(store, "carried-out", T0 - 5 * DAY, plan=_done(True))
    assert _prune(store) == {"runs": 0, "plans": 3}
    kept = [name for name in ("r0", "r1", "r2", "r3", "r4", "carried-out") if store.runs.plan(f"plan-{name}")]
    assert kept == ["r3", "r4", "carried-out"]


def test_a_plan_with_a_held_row_waits_for_whoever_approves_it(store: Any, hand: Any, words: Any) -> None:
    row = words.update(held_by="limit", state=RowState.HELD, plan_id="plan-held", run_id="held")
    hand.add(row, plan_id="plan-held", run_id="held")
    for name in ("held", "other"):
        _ran(store, name, T0 - 200 * DAY, verdict="amber", plan=_done(False))
    _prune(store, keep=0, keep_bodies=0)
    assert _left(store) == {"held"}
    assert store.runs.plan("plan-held") is not None
    assert store.runs.plan("plan-other") is None


def test_calls_are_forgotten_once_no_budget_asks_for_them(store: Any) -> None:
    for at in (T0 - 3 * DAY, T0):
        store.ledger.spend("crm", 5, cause="pull", at=at)
    assert store.ledger.prune(T0 - 2 * DAY) == 1
    assert store.ledger.spent("crm", T0 - 10 * DAY) == 5


def test_the_oldest_row_of_each_state_is_told(store: Any, hand: Any, words: Any) -> None:
    assert store.outbox.oldest() == {}
    hand.add(words.update("1", held_by="limit", state=RowState.HELD))
    hand.add(words.update("2", decided_at=words.NOW + DAY), words.update("3", decided_at=words.NOW + 2 * DAY))
    assert store.outbox.oldest() == {"held": words.NOW, "todo": words.NOW + DAY}
    hand.settle(hand.claim(1)[0], "written")
    assert store.outbox.oldest() == {"held": words.NOW, "todo": words.NOW + 2 * DAY}


def test_a_state_that_is_another_s_is_noticed(store: Any) -> None:
    store.check()
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE state_version SET number = number + 100")
    with pytest.raises(LocalFault) as newer:
        store.check()
    assert newer.value.code == "state.newer"
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM state_version")
    with pytest.raises(LocalFault) as older:
        store.check()
    assert older.value.code == "state.older"
