"""Two daemons on one state: one leads, the other stands by and delivers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from daemon_house import Desk, overheard

from connector.daemon.serve import Daemon
from connector.delivery.limits import Limits
from connector.domain.writes import Cause
from connector.errors import LocalFault
from connector.pipeline import turn as turn_module
from connector.pipeline.turn import stood_by_turn
from state import open_store

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(tmp_path: Path, state_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # who may write, and where, is agreed elsewhere
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    if state_url.startswith("postgresql"):
        monkeypatch.setattr("daemon_house._carelessly", lambda _connection, _record: None)
    made = Desk(tmp_path, state_url)
    made.small.engine.stop = lambda: made.turn.lost and not made.jobs.beside
    yield made
    made.small.close()


def _others(desk: Desk) -> None:
    desk.turn.release()
    assert desk.store.switches.acquire(turn_module.LEASE, "leader", HOUR)


def _leave_a_task(desk: Desk) -> None:
    """Let somebody ask for sales, and a person approve what a limit held of it."""
    desk.small.engine.limits = Limits({Cause.FAST_LANE_TASK: 0}, share=1, share_from=500)
    desk.small.asks("e1", "1")
    desk.hands.on(minutes=6)
    desk.fire("crm")
    assert desk.store.outbox.release(plan_id=None, held_by="limit", now=desk.hands.wall)


def test_who_stands_by_delivers_where_the_state_is_shared(desk: Desk) -> None:
    desk.past_the_baseline()
    _leave_a_task(desk)
    _others(desk)
    desk.hands.on(minutes=1)
    desk.fire("deliver")
    assert desk.tasks() == (1 if desk.store.shared else 0)
    ready, document = desk.health.ready()
    assert document["checks"]["engine"]["turn"] == "standing by"
    if desk.store.shared:
        assert ready
        assert not desk.jobs.beside
        assert desk.jobs.fatal is None
    before = desk.runs()
    desk.hands.on(minutes=6)
    desk.fire("crm", "fast_lane", "full_rescore", "housekeeping")
    assert desk.runs() == before, "looking is the leader's"


def test_nobody_delivers_beside_a_leader_who_has_paused(desk: Desk) -> None:
    desk.past_the_baseline()
    _leave_a_task(desk)
    _others(desk)
    desk.store.switches.pause("ops", desk.hands.wall)
    desk.hands.on(minutes=1)
    desk.fire("deliver")
    assert desk.tasks() == 0


def test_a_state_that_was_put_back_is_settled_by_the_leader_before_anybody_delivers(desk: Desk) -> None:
    desk.past_the_baseline()
    _leave_a_task(desk)
    (desk.small.engine.lake_root / "last-run.json").write_text('{"run_id": "later"}', encoding="utf-8")
    _others(desk)
    desk.hands.on(minutes=1)
    desk.fire("deliver")
    assert desk.tasks() == 0
    desk.store.switches.release(turn_module.LEASE, "leader")
    with overheard() as lines:
        desk.hands.on(minutes=6)
        desk.fire("crm")
    assert {"state.put_back", "engine.retaken"} <= {line["event"] for line in lines}
    assert desk.store.outbox.unsettled() == [], "what the older state held was let go, not sent"
    assert desk.tasks() == 0


def test_a_heir_begins_as_soon_as_the_turn_is_free(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.past_the_baseline()
    _others(desk)
    desk.hands.on(minutes=6)
    desk.fire("crm")
    assert desk.jobs.standing_by
    fired: list[str] = []
    daemon = Daemon(desk.jobs)
    monkeypatch.setattr(daemon, "_fire_now", fired.append)
    daemon._mind_the_turn()
    desk.store.switches.release(turn_module.LEASE, "leader")
    assert desk.turn.renew()
    daemon._mind_the_turn()
    daemon._mind_the_turn()
    assert fired == ["crm"]
    desk.fire("crm")
    assert not desk.jobs.standing_by
    daemon._mind_the_turn()
    assert fired == ["crm"]


def test_who_stands_by_asks_for_the_turn_until_it_is_free(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "_STAND_BY_SECONDS", 0.02)
    store = open_store(state_url)
    with stood_by_turn(store, "one") as first, stood_by_turn(store, "two") as second:
        assert (first.held, second.held) == (True, False)
        assert second.lost
        first.release()
        first.take = first.renew = lambda: False  # type: ignore[method-assign]
        for _ in range(500):
            if second.held:
                break
            turn_module.time.sleep(0.02)
        assert second.held
        assert not second.lost
    store.close()


def test_a_replica_older_than_the_state_ends(desk: Desk) -> None:
    desk.past_the_baseline()
    with desk.store.database.write() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("INSERT INTO state_version (number, name, at) VALUES (99, 'future', 0)")
    desk.hands.on(minutes=6)
    desk.fire("crm")
    if desk.store.shared:
        assert isinstance(desk.jobs.fatal, LocalFault)
        assert desk.jobs.fatal.code == "state.newer"
