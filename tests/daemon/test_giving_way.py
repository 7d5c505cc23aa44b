"""A command that needs the engine's turn gets it between two jobs; the daemon then looks at everything once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from daemon_house import Desk, overheard

from connector.daemon.serve import Daemon
from connector.pipeline.turn import GUEST, LEASE
from connector.pipeline.undo.undo_weighing import Chosen
from connector.pipeline.undo.undoing import Undoing
from state import open_store

LONG = timedelta(hours=1)


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # who may write, and where, is agreed elsewhere
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    made = Desk(tmp_path, sqlite_url).past_the_baseline()
    yield made
    made.small.close()


def _runs(desk: Desk) -> int:
    return len(desk.store.runs.last(50))


def test_no_job_begins_while_a_command_asks_or_works(desk: Desk) -> None:
    with closing(open_store(str(desk.settings.state.get_secret_value()))) as beside:
        assert beside.switches.acquire(GUEST, "undo", LONG)
        before = _runs(desk)
        desk.hands.on(minutes=6)
        with overheard() as lines:
            desk.fire("crm")
        assert [line["event"] for line in lines if line["event"].startswith("engine.")] == ["engine.gave_way"]
        assert _runs(desk) == before
        assert beside.switches.acquire(LEASE, "undo", LONG), "the turn is free for whoever asked"
        beside.switches.release(GUEST, "undo")
        desk.fire("crm", "deliver")
        assert _runs(desk) == before, "the command is at work"
        beside.switches.release(LEASE, "undo")
        desk.fire("crm")
        assert _runs(desk) == before + 1


def test_a_job_at_work_is_not_cut(desk: Desk) -> None:
    with closing(open_store(str(desk.settings.state.get_secret_value()))) as beside:
        assert beside.switches.acquire(GUEST, "undo", LONG)
        assert desk.turn.renew()
        assert desk.turn.asked
        with desk.jobs.at_work:
            desk.jobs.give_way()
            assert beside.switches.holder(LEASE) == desk.small.engine.owner
        Daemon(desk.jobs)._mind_the_turn()
        assert beside.switches.holder(LEASE) is None


def test_an_undo_between_two_jobs_is_not_decided_over(desk: Desk) -> None:
    """A cycle that had decided before the undo and stored after it would write everything again."""
    desk.small.asks("e1", "1")
    desk.hands.on(minutes=6)
    desk.fire("crm")
    assert desk.tasks() == 1
    run = next(one.id for one in desk.store.runs.last(50) if one.kind == "run" and one.verdict == "green")
    with closing(open_store(str(desk.settings.state.get_secret_value()))) as beside:
        assert beside.switches.acquire(GUEST, "undo", LONG)
        assert desk.turn.renew()
        desk.jobs.give_way()
        assert beside.switches.acquire(LEASE, "undo", LONG)
        beside.switches.release(GUEST, "undo")
        desk.hands.on(minutes=1)
        desk.small.now = desk.hands.wall
        engine = desk.small.engine
        engine.still_ours = lambda: True
        undone = Undoing(engine, now=desk.hands.wall).undo(run, Chosen(), who="ada")
        engine.still_ours = desk.turn.renew
        assert undone.undo is not None
        assert undone.undo["counts"]["closed"] == 1
        beside.switches.release(LEASE, "undo")
    shown = {name: dict(one.fields) for name, one in desk.small.crm.records("lead").items()}
    for _ in range(3):
        desk.hands.on(minutes=6)
        desk.fire("crm", "deliver")
    assert {name: dict(one.fields) for name, one in desk.small.crm.records("lead").items()} == shown
    assert desk.tasks() == 1
