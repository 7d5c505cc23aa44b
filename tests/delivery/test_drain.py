"""Right of the outbox nothing is doubled and nothing is lost, whatever the wire does."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from drain_bench import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outbox_words import NOW, create, update

from adapters.memory import MemoryCrm
from connector.delivery.drain import LEASE
from connector.domain.writes import Cause, WriteOutcome
from connector.errors import AccessError


def test_everything_is_sent_in_few_batches_and_counted(bench: Bench) -> None:
    bench.add(*(update(str(number)) for number in range(4)), create("a"), create("b"))
    drained = bench.drain()
    assert (drained.written, drained.unchanged, drained.dead, drained.stopped_by) == (6, 0, 0, "")
    assert drained.by_kind == {("update", "lead"): 4, ("create", "task"): 2}
    assert bench.states() == {"done": 6}
    assert len(bench.crm.sent) == 1
    assert bench.store.ledger.spent("crm", NOW - timedelta(days=1)) == bench.crm.calls() == 1
    assert bench.drain().written == 0
    assert len(bench.crm.sent) == 1


def test_a_dependent_gets_the_id_of_what_it_waited_for(bench: Bench) -> None:
    bench.add(create("t", references={"lead_id": "l"}, depends_on=("l",)), create("l", object="lead"))
    bench.drain()
    (lead,) = (id_ for id_ in bench.crm.records("lead") if id_.startswith("lead-"))
    (task,) = bench.crm.records("task").values()
    assert task.fields["lead_id"] == lead
    assert bench.states() == {"done": 2}


def test_the_fast_lane_goes_first(state_url: str) -> None:
    bench = Bench(state_url, batch=1)
    bench.add(update("1"), create("slow", priority=1), create("fast", priority=0, cause=Cause.FAST_LANE_TASK))
    bench.drain()
    assert [batch[0].key or batch[0].id for batch in bench.crm.sent][:2] == ["fast", "slow"]
    bench.store.close()


def test_wishes_of_one_record_are_sent_in_their_order(bench: Bench) -> None:
    bench.add(update("1", fields={"Score": 1}), plan_id="p1")
    bench.add(update("1", fields={"Title": "VP"}, group="edit", plan_id="p2"))
    bench.add(update("1", fields={"Score": 2}, plan_id="p3"))
    bench.drain()
    assert [[(write.id, write.fields) for write in batch] for batch in bench.crm.sent] == [
        [("1", {"Title": "VP"})],
        [("1", {"Score": 2})],
    ]
    assert bench.states() == {"done": 2, "superseded": 1}


def test_a_refused_record_is_a_dead_letter_and_the_rest_goes_on(bench: Bench) -> None:
    bench.crm.faults.rejected = {"bad": "FIELD_INTEGRITY"}
    bench.add(create("bad"), create("good"), create("child", depends_on=("bad",), references={"x": "bad"}))
    drained = bench.drain()
    assert (drained.written, drained.dead) == (1, 1)
    assert bench.states() == {"done": 1, "dead": 1, "held:dependency": 1}
    (dead,) = (row for row in bench.outbox.unsettled() if row.state == "dead")
    assert (dead.code, dead.fixer) == ("FIELD_INTEGRITY", "ops")


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("fault", ["lost_answers", "lost_requests"])
def test_a_lost_answer_makes_neither_two_nor_none(state_url: str, fault: str, *, unique: bool) -> None:
    bench = Bench(state_url, unique=unique)
    setattr(bench.crm.faults, fault, 1)
    bench.add(create("a"), update("1"))
    bench.drain()
    if bench.states() != {"done": 2}:
        # without a unique key an empty look-up proves nothing until the vendor's bound has passed
        assert (unique, fault) == (False, "lost_requests")
        assert bench.states() == {"done": 1, "unknown": 1}
        bench.crm.vendor_now = NOW + timedelta(minutes=12)
        bench.drain(now=NOW + timedelta(minutes=12))
    assert bench.states() == {"done": 2}
    assert dict(bench.crm.creations) == {"a": 1}
    assert bench.score() == 1
    bench.store.close()


@pytest.mark.parametrize("then", ["", "unreachable"])
def test_a_record_that_we_made_without_hearing_of_it_counts_as_made(bench: Bench, then: str) -> None:
    bench.crm.faults.lost_answers = 1
    apply = type(bench.crm).apply

    def refuse_the_second(writes: Any, *, now: datetime) -> Any:
        if then and len(bench.crm.sent) == 1:
            bench.crm.faults.unreachable(1)
        return apply(bench.crm, writes, now=now)

    bench.crm.apply = refuse_the_second  # type: ignore[method-assign]
    bench.add(create("a"))
    assert bench.drain().written == 1
    assert bench.outbox.used_by_cause(NOW - timedelta(hours=1)) == {Cause.TASK: 1}
    assert bench.outbox.tally("run", []) == {"written": 1}


def test_a_late_creation_is_found_and_not_sent_again(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.crm.faults.late = 1
    bench.add(create("a"))
    bench.drain()
    assert bench.states() == {"unknown": 1}
    for minutes in (1, 5, 10):
        bench.crm.vendor_now = NOW + timedelta(minutes=minutes)
        bench.drain(now=NOW + timedelta(minutes=minutes))
        assert len(bench.crm.sent) == 1
    bench.crm.settle()
    bench.drain(now=NOW + timedelta(minutes=10, seconds=30))
    assert (bench.states(), bench.tasks(), len(bench.crm.sent)) == ({"done": 1}, ["a"], 1)


def test_an_answer_that_was_slept_on_is_not_taken_for_one_of_after_the_bound(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.crm.faults.late = 1
    bench.add(create("a"))
    bench.drain()
    find = bench.crm.find_applied
    asked: list[int] = []

    def sleep_on_it(writes: Any) -> Any:
        found = find(writes)
        asked.append(sum(map(bool, found.values())))
        if len(asked) == 1:
            bench.crm.settle()  # it comes true within the bound, after the look and before anybody acts on it
            bench.crm.vendor_now = NOW + timedelta(minutes=20)
        return found

    bench.crm.find_applied = sleep_on_it  # type: ignore[method-assign]
    bench.crm.vendor_now = NOW + timedelta(minutes=9)
    bench.drain(now=NOW + timedelta(minutes=9))
    assert (asked, bench.states(), len(bench.crm.sent)) == ([0, 1], {"done": 1}, 1)


def test_the_bound_is_counted_from_the_sending_and_not_from_the_start_of_the_cycle(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.crm.faults.late = 1
    bench.add(create("a"))
    bench.crm.vendor_now = NOW + timedelta(minutes=30)
    bench.drain(now=NOW)  # a cycle that began half an hour ago
    assert (bench.states(), len(bench.crm.sent)) == ({"unknown": 1}, 1)
    bench.crm.settle()
    bench.drain(now=NOW)
    assert dict(bench.crm.creations) == {"a": 1}


def test_leases_keep_real_time_whatever_the_cycles_clock_says(bench: Bench) -> None:
    bench.add(create("a"))
    bench.outbox.claim(1, owner="dead", now=NOW, lease=LEASE)
    bench.seconds = 16 * 60
    bench.drain(now=NOW)  # the same ``--as-of`` again, after a crash
    assert bench.states() == {"done": 1}


def test_a_clock_of_another_day_does_not_shorten_the_bound(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.crm.faults.late = 1
    bench.crm.vendor_now = NOW + timedelta(days=400)
    bench.add(create("a"))
    bench.drain(now=NOW)
    bench.drain(now=NOW + timedelta(minutes=2))
    assert len(bench.crm.sent) == 1


def test_answers_that_never_come_end_the_draining(bench: Bench) -> None:
    bench.crm.faults.lost_requests = 10_000
    bench.add(create("a"), update("1"))
    bench.drain()
    assert set(bench.states()) <= {"unknown", "todo"}
    assert len(bench.crm.sent) < 40
    assert bench.seconds <= 61


@pytest.mark.parametrize("fault", ["unreachable", "rate_limit"])
def test_what_passes_is_waited_for(bench: Bench, fault: str) -> None:
    getattr(bench.crm.faults, fault)(2)
    bench.add(create("a"))
    assert bench.drain().written == 1
    assert len(bench.slept) == 2
    assert dict(bench.crm.creations) == {"a": 1}


def test_the_vendors_own_wait_is_kept_in_full_or_left_to_the_next_run(bench: Bench) -> None:
    bench.add(create("a"))
    bench.crm.faults.rate_limit(1, retry_after_seconds=33)
    assert bench.drain().written == 1
    assert bench.slept == [33]
    bench.add(create("b"), plan_id="p2")
    bench.crm.faults.rate_limit(1, retry_after_seconds=600)
    assert bench.drain().written == 0
    assert (bench.slept, bench.states()) == ([33], {"done": 1, "todo": 1})


def test_a_spent_day_stops_and_loses_nothing(bench: Bench) -> None:
    bench.crm.faults.rate_limit(1, daily=True)
    bench.add(create("a"))
    assert bench.drain().stopped_by == "budget"
    assert (bench.states(), bench.slept) == ({"todo": 1}, [])
    assert bench.drain(ceiling=1).stopped_by == "budget"
    assert bench.drain().written == 1


def test_no_access_gives_the_rows_back_and_says_so(bench: Bench) -> None:
    bench.crm.faults.no_access()
    bench.add(create("a"))
    with pytest.raises(AccessError):
        bench.drain()
    assert bench.states() == {"todo": 1}


def test_the_pause_switch_works_between_two_batches(state_url: str) -> None:
    bench = Bench(state_url, batch=1)

    def apply_and_pause(writes: Any, *, now: datetime) -> list[WriteOutcome]:
        bench.store.switches.pause("ops", NOW)
        return list(MemoryCrm.apply(bench.crm, writes, now=now))

    bench.crm.apply = apply_and_pause  # type: ignore[method-assign]
    bench.add(create("a"), create("b"))
    drained = bench.drain()
    assert (drained.written, drained.stopped_by) == (1, "pause")
    assert bench.states() == {"done": 1, "todo": 1}
    assert bench.drain().written == 0
    bench.store.switches.resume("ops", NOW)
    assert bench.drain().written == 1
    bench.store.close()


def test_a_signal_stops_before_anything_is_taken(bench: Bench) -> None:
    bench.stopped = True
    bench.add(create("a"))
    assert bench.drain().stopped_by == "stop"
    assert bench.states() == {"todo": 1}


def test_a_persons_value_stays(bench: Bench) -> None:
    bench.crm.edit("lead", "1", {"Title": "Founder"}, user="rep", at=NOW)
    bench.add(update("1", fields={"Title": "VP"}, expected={"Title": "CEO"}, ours=frozenset(), group="edit"))
    drained = bench.drain()
    assert (drained.written, drained.unchanged) == (0, 1)
    assert bench.crm.records("lead")["1"].fields["Title"] == "Founder"


class Storm:
    """Everything that may go wrong with one batch, in the order drawn."""

    faults = st.lists(
        st.sampled_from(["", "lost_answers", "lost_requests", "late", "unreachable", "rate_limit", "settle", "kill"]),
        max_size=14,
    )


class Killed(BaseException):
    """The process ends in the middle of a batch."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    storm=Storm.faults,
    unique=st.booleans(),
    wishes=st.lists(st.tuples(st.sampled_from("123"), st.integers(1, 5)), min_size=1, max_size=6),
)
def test_no_storm_doubles_or_loses(
    tmp_path_factory: pytest.TempPathFactory, storm: list[str], unique: bool, wishes: list[tuple[str, int]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("storm")
    bench = Bench(f"sqlite:///{folder}/state.db", unique=unique)
    keys = [f"k{number}" for number in range(3)]
    bench.add(*(create(key) for key in keys), create("child", depends_on=("k0",), references={"lead_id": "k0"}))
    final: dict[str, int] = {}
    for number, (id_, value) in enumerate(wishes):
        final[id_] = value
        bench.add(update(id_, fields={"Score": value}), plan_id=f"p{number}", run_id=f"r{number}")
        if storm:
            _strike(bench, storm.pop())
    while storm:
        _strike(bench, storm.pop())
    bench.crm.faults.errors.clear()
    bench.crm.faults.lost_answers = bench.crm.faults.lost_requests = bench.crm.faults.late = 0
    for _ in range(4):
        _pass_minutes(bench, 16)
        bench.crm.settle()
        bench.drain()
    states = bench.states()
    assert set(states) <= {"done", "superseded"}, states
    assert dict(bench.crm.creations) == dict.fromkeys([*keys, "child"], 1)
    assert {id_: bench.score(id_) for id_ in final} == final
    bench.store.close()


def _strike(bench: Bench, fault: str) -> None:
    faults = bench.crm.faults
    match fault:
        case "lost_answers" | "lost_requests" | "late":
            setattr(faults, fault, 1)
        case "unreachable" | "rate_limit":
            getattr(faults, fault)(1)
        case "settle":
            bench.crm.settle()
        case "kill":
            apply = type(bench.crm).apply

            def die(writes: Any, *, now: datetime) -> Any:
                apply(bench.crm, writes, now=now)
                raise Killed

            bench.crm.apply = die  # type: ignore[method-assign]
            with suppress(Killed):
                bench.drain(patience=0)
            del bench.crm.apply
            _pass_minutes(bench, 16)
            return
    bench.drain(patience=2)
    _pass_minutes(bench, 1)


def _pass_minutes(bench: Bench, minutes: int) -> None:
    bench.seconds += minutes * 60
    bench.crm.vendor_now = bench.now()
    if any(bench.now() - at > timedelta(minutes=9) for _, at in bench.crm._late):
        bench.crm.settle()  # a vendor is done with what it took within ten minutes
