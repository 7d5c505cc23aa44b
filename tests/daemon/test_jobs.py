"""The jobs on a clock of their own: late ones, overlapping ones, sleep, systems and states that go and come back."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemon_house import Desk, overheard

from connector.daemon.serve import timetable
from connector.delivery.limits import Limits
from connector.domain.writes import Cause
from connector.errors import LocalFault, Refused
from connector.pipeline import turn as turn_module
from connector.pipeline.cycle import Cycle
from connector.pipeline.steps import STEPS


def test_a_wide_look_stands_for_the_narrow_ones(desk: Desk) -> None:
    desk.past_the_baseline()
    ran = desk.runs()
    desk.fire("fast_lane", "source", "crm")
    assert desk.runs() == ran, "nothing is due"
    desk.hands.on(seconds=15)
    desk.fire("crm", "source", "fast_lane")
    assert desk.runs() <= ran + 1


@pytest.fixture
def looks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """Cycles that find nothing, or one person where the test says so: when they ran, and how far they looked."""
    seen: list[tuple[float, str]] = []

    def look(cycle: Cycle, scope: str, **_words: Any) -> Any:
        with cycle._recorded("run"):
            cycle.report.pulled["people"] = desk.news
            desk.news = 0
        seen.append((desk.hands.seconds, scope))
        return cycle.report

    monkeypatch.setattr(Cycle, "run", look)
    return seen


def _between(looks: list[tuple[float, str]], since: float) -> dict[str, int]:
    return Counter(scope for at, scope in looks if at > since)


def test_polling_slows_down_while_nothing_happens_and_comes_back_with_news(desk: Desk, looks: Any) -> None:
    desk.live(hours=2)
    since = desk.hands.seconds
    desk.live(hours=1)
    quiet = _between(looks, since)
    assert (quiet["all"], 12 <= quiet["sources"] <= 15, 44 <= quiet["fast"] <= 47) == (3, True, True), quiet
    desk.news = 1
    desk.live(minutes=1)
    since = desk.hands.seconds
    desk.live(minutes=2)
    assert sum(_between(looks, since).values()) >= 3, looks[-10:]


def test_a_look_at_forms_follows_its_span_after_any_instant(desk: Desk, looks: Any) -> None:
    trigger: Any = timetable(desk.settings.schedule, "UTC")["fast_lane"]
    desk.hands.on(seconds=7)
    desk.news = 1
    desk.fire("fast_lane")  # between two turns of a wide one, say
    desk.hands.on(seconds=-7)
    while len(looks) < 2:
        desk.hands.on(seconds=trigger.interval.total_seconds())
        desk.fire("fast_lane")
    assert looks[1][0] - looks[0][0] <= 1.06 * 15


def test_a_busy_system_is_looked_at_as_often_as_it_was_asked_for(desk: Desk, looks: Any) -> None:
    desk.live(hours=1)
    since = desk.hands.seconds
    for _ in range(240):
        desk.news = 1
        desk.live(seconds=15)
    busy = _between(looks, since)
    assert (11 <= busy["all"] <= 13, 46 <= busy["sources"] <= 60, 170 <= busy["fast"] <= 182) == (True,) * 3, busy
    assert sum(busy.values()) <= 1.03 * 240, "and no more often"


@pytest.mark.parametrize("order", list(itertools.permutations(["deliver", "fast_lane", "source", "crm"]))[::13])
def test_after_a_night_s_sleep_one_cycle_sees_everything(desk: Desk, order: Any) -> None:
    desk.past_the_baseline()
    asked = desk.hands.wall + timedelta(hours=3)
    desk.small.asks("e1", "1", at=asked)
    assert desk.hands.clock.jumped() is None
    desk.hands.sleep(hours=8)
    moved = desk.hands.clock.jumped()
    assert moved is not None
    assert abs(moved - timedelta(hours=8)) < timedelta(seconds=1)
    desk.jobs.wake()
    before = desk.runs()
    with overheard() as lines:
        desk.fire(*order)
        desk.fire(*order)
    assert desk.runs() == before + 1
    (done,) = [line for line in lines if line["event"] == "job.done"]
    assert (done["job"], done["verdict"]) == ("crm", "green")
    (task,) = desk.small.tasks()
    assert datetime.fromisoformat(task["due_at"]) == asked + timedelta(minutes=5), "counted from the request"
    assert desk.store.runs.last(1)[0].as_of == desk.hands.wall


def test_a_clock_that_is_set_back_never_takes_us_back(desk: Desk) -> None:
    desk.past_the_baseline()
    last = desk.store.runs.last(1)[0].as_of
    desk.hands.clock.jumped()
    desk.hands.sleep(hours=-2)
    moved = desk.hands.clock.jumped()
    assert moved is not None
    assert moved < timedelta(0)
    desk.jobs.wake()
    desk.small.now = last
    desk.small.did("e1", "form_submit", "1", form="contact-us", at=last)
    desk.jobs.fire("fast_lane")
    assert desk.store.runs.last(1)[0].as_of >= last
    assert desk.jobs.fatal is None


def test_a_system_that_is_away_for_hours_is_asked_less_and_loses_nothing(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.small.source.faults.unreachable(10_000)
    desk.live(minutes=10)
    desk.small.asks("e1", "1")
    with overheard() as lines:
        desk.live(hours=2)
    failed = [line for line in lines if line["event"] == "job.failed"]
    assert len(failed) <= 2 * 2 * 60 / 4.9, "each of two jobs every five minutes"
    assert {line["code"] for line in failed} == {"memory.unreachable"}
    assert "memory.unreachable" in desk.reasons()["cycle"]
    assert desk.health.live()[0], "a restart would not help"
    assert desk.tasks() == 0
    desk.small.source.faults.errors.clear()
    desk.live(minutes=6)
    assert desk.tasks() == 1
    assert desk.health.ready()[0], desk.reasons()


def test_news_that_a_failed_look_landed_is_decided_on_by_the_next_wide_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.past_the_baseline()
    desk.small.asks("e1", "1")
    with monkeypatch.context() as patch:
        patch.setattr(Cycle, "_decided", _unable)
        desk.hands.on(seconds=90)
        desk.fire("source")
    assert desk.tasks() == 0
    desk.hands.on(seconds=15)
    desk.fire("fast_lane")
    assert desk.tasks() == 1, "the next firing, whichever it is, looks at everything"


def _unable(*_words: Any) -> Any:
    raise ZeroDivisionError


def test_a_bug_in_one_job_is_told_and_harms_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.past_the_baseline()
    desk.small.asks("e1", "1")
    monkeypatch.setattr(Cycle, "_decided", _unable)
    desk.hands.on(minutes=1)
    with overheard() as lines:
        desk.fire("source")
    assert [line["kind"] for line in lines if line["event"] == "job.crashed"] == ["ZeroDivisionError"]
    assert desk.jobs.fatal is None
    assert "program.bug" in desk.reasons()["cycle"]
    assert desk.store.runs.last(1)[0].verdict == "red"
    assert b'handoff_cycles_total{job="source",verdict="red"} 1.0' in desk.metrics.exposition()


def test_a_state_that_goes_and_comes_back_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.past_the_baseline()
    gone = LocalFault("state.unreachable", "the state database cannot be reached")

    def away(*_: object, **__: object) -> Any:
        raise gone

    desk.small.asks("e1", "1")
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.store.switches), "acquire", away)
        patch.setattr(type(desk.store), "check", away)
        desk.live(minutes=20)
        assert desk.jobs.fatal is None
        assert desk.reasons()["state"].startswith("state.unreachable")
        assert desk.tasks() == 0
    desk.live(minutes=6)
    assert desk.health.ready()[0], desk.reasons()
    assert desk.tasks() == 1


@pytest.mark.parametrize("code", ["state.corrupt", "state.full", "lake.segment_missing"])
def test_a_lasting_fault_of_the_machine_ends_the_daemon(desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    desk.past_the_baseline()

    def broken(*_: object, **__: object) -> Any:
        raise LocalFault(code, "it does not work")

    monkeypatch.setattr(Cycle, "_walk", broken)
    desk.hands.on(minutes=5)
    desk.fire("crm")
    assert desk.jobs.fatal is not None
    assert desk.jobs.fatal.code == code
    before = desk.runs()
    desk.hands.on(hours=5)
    desk.fire("crm")
    assert desk.runs() == before


def test_another_file_in_the_state_s_place_is_noticed(desk: Desk, tmp_path: Path) -> None:
    desk.past_the_baseline()
    path = tmp_path / "state.db"
    path.rename(tmp_path / "away.db")
    desk.hands.on(minutes=5)
    desk.fire("crm")
    assert desk.jobs.fatal is None
    assert desk.reasons()["state"].startswith("state.gone")
    (tmp_path / "away.db").rename(path)
    desk.hands.on(minutes=6)
    desk.fire("crm")
    assert desk.health.ready()[0], desk.reasons()
    path.rename(tmp_path / "old.db")
    path.write_bytes(b"")
    desk.hands.on(minutes=6)
    desk.fire("crm")
    assert desk.jobs.fatal is not None
    assert desk.jobs.fatal.code == "state.replaced"


def test_a_lost_turn_is_stood_by_for_and_taken_again(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.turn.release()
    assert desk.store.switches.acquire(turn_module.LEASE, "heir", timedelta(hours=1))
    before = desk.runs()
    with overheard() as lines:
        desk.live(minutes=10)
    assert desk.runs() == before
    assert [line["event"] for line in lines] == ["engine.lost"], "said once"
    ready, document = desk.health.ready()
    assert (ready, document["checks"]["engine"]["turn"]) == (True, "standing by")
    assert b"handoff_engine_lease_held 0.0" in desk.metrics.exposition()
    desk.store.switches.release(turn_module.LEASE, "heir")
    desk.live(minutes=5)
    assert desk.runs() > before
    assert b"handoff_engine_lease_held 1.0" in desk.metrics.exposition()


def test_who_slept_while_another_decided_stores_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.past_the_baseline()
    desk.small.asks("e1", "1")
    decide = Cycle._decided

    def asleep(cycle: Cycle, *words: Any) -> Any:
        decided = decide(cycle, *words)
        desk.turn.release()
        assert desk.store.switches.acquire(turn_module.LEASE, "heir", timedelta(hours=1))
        return decided

    with monkeypatch.context() as patch:
        patch.setattr(Cycle, "_decided", asleep)
        desk.hands.on(minutes=5)
        desk.fire("crm")
    assert desk.tasks() == 0
    assert desk.store.outbox.unsettled() == []
    assert desk.jobs.fatal is None
    desk.store.switches.release(turn_module.LEASE, "heir")
    desk.live(minutes=10)
    assert desk.tasks() == 1


def test_whoever_resumes_or_approves_need_not_wait(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.live(minutes=6)
    desk.store.switches.pause("ops", desk.hands.wall)
    desk.live(minutes=1)
    desk.small.asks("e1", "1")
    desk.live(minutes=1)
    assert desk.tasks() == 0
    desk.store.switches.resume("ops", desk.hands.wall)
    desk.live(seconds=20)
    assert desk.tasks() == 1
    desk.small.engine.limits = Limits({Cause.FAST_LANE_TASK: 0}, share=1, share_from=500)
    desk.small.contact("2", title="CEO", employees=500)
    desk.small.lead("L2", "2")
    desk.small.asks("e2", "2")
    desk.live(minutes=2)
    assert desk.tasks() == 1
    held = next(row for row in desk.store.outbox.unsettled() if row.held_by == "limit")
    desk.store.outbox.release(plan_id=held.plan_id, held_by="limit", now=desk.hands.wall)
    desk.live(seconds=10)
    assert desk.tasks() == 2


def test_what_cannot_be_sent_is_tried_less_and_less(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.small.asks("e1", "1")
    desk.small.crm.faults.lost_requests = 10_000
    desk.live(minutes=2)
    with overheard() as lines:
        desk.live(minutes=30)
    deliveries = [line for line in lines if line["event"] == "job.done" and line["job"] == "deliver"]
    assert 4 <= len(deliveries) <= 10
    desk.small.crm.faults.lost_requests = 0
    desk.live(minutes=10)
    assert desk.tasks() == 1


def test_what_was_signed_may_run_out(desk: Desk, looks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.live(minutes=1)

    def refuse(_house: object, today: Any) -> None:
        raise Refused("golive.unsigned", "the definition has run out")

    monkeypatch.setattr("connector.daemon.jobs.check_ready", refuse)
    desk.live(minutes=20)
    assert desk.jobs.fatal is None, "it is asked once a day"
    desk.hands.on(hours=24)
    desk.live(minutes=20)
    assert desk.jobs.fatal is not None
    assert desk.jobs.fatal.exit_code == 3


def test_asked_to_stop_no_job_begins(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.asked_to_stop = True
    before = desk.runs()
    desk.live(hours=1)
    assert desk.runs() == before


def test_one_line_for_each_step_of_a_cycle_with_counts_however_many_pages(desk: Desk) -> None:
    desk.past_the_baseline()
    for number in range(250):  # three pages
        desk.small.did(f"v{number}", "page_view", "1", path="/nothing")
    desk.small.asks("e1", "1")
    desk.hands.on(seconds=10)  # late forms would be looked for between two pages
    desk.jobs.wake()
    with overheard() as lines:
        desk.fire("crm")
    run = desk.store.runs.last(1)[0].id
    told = [line for line in lines if line["event"] == "step"]
    assert [line["step"] for line in told] == [step.name for step in STEPS]
    for line in told:
        assert line["run"] == run
        assert line["seconds"] >= 0
        assert line["counts"]
        assert all(isinstance(count, int) for count in line["counts"].values())
    by_step = {line["step"]: line["counts"] for line in told}
    assert by_step["pull"]["activities"] == 251
    assert by_step["score"]["persons"] == by_step["stage"]["persons"] == 1
    assert by_step["write"]["written"] == by_step["report"]["written"] >= 1
    assert told[-1]["verdict"] == "green"
    streams = {(line["system"], line["stream"]): line for line in lines if line["event"] == "stream"}
    assert streams["hubspot", "activities"]["landed"] == 251
    assert streams["hubspot", "activities"]["ended"] is True
    assert {line["log_level"] for line in lines if line["event"] == "stream"} == {"debug"}
    assert [line["event"] for line in lines if line["event"] not in ("step", "stream")] == ["job.done"]


def test_a_look_that_finds_nothing_says_two_things(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.hands.on(seconds=15)
    with overheard() as lines:
        desk.fire("fast_lane")
    assert [line.get("step") for line in lines if line["event"] == "step"] == ["pull", "report"]
    assert [line["job"] for line in lines if line["event"] == "job.done"] == ["fast_lane"]


def test_the_house_is_kept(desk: Desk, looks: Any) -> None:
    for _ in range(60):
        desk.hands.on(hours=1)
        desk.fire("crm", "housekeeping")
    assert len(looks) == 60
    assert 24 <= desk.runs() <= 28, "looks that found nothing are forgotten after a day"
    with overheard() as lines:
        desk.hands.on(hours=1)
        desk.fire("housekeeping")
    assert [line["event"] for line in lines] == ["housekeeping"], lines
    kept = lines[0]
    assert {name: kept[name] for name in ("runs", "plans", "calls")} == {"runs": kept["runs"], "plans": 0, "calls": 0}
    assert kept["runs"] > 0
