"""What a sender had on the wire when it died, or fell asleep, may come true for minutes, and over nothing newer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drain_bench import Bench
from outbox_words import NOW, create, update

from connector.delivery.drain import LEASE
from connector.domain.writes import OutcomeKind, WriteOutcome


def test_a_sender_that_died_leaves_a_question_and_its_bound_begins_late(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.add(create("a"))
    (row,) = bench.outbox.claim(1, owner="dead", now=NOW, lease=LEASE)
    bench.seconds = 16 * 60
    bench.crm.vendor_now = bench.now()
    bench.drain()
    assert (bench.states(), bench.crm.sent) == ({"unknown": 1}, [])
    bench.seconds += 12 * 60
    bench.crm.vendor_now = bench.now()
    bench.drain()
    assert (bench.states(), bench.tasks()) == ({"done": 1}, ["a"])
    assert row.write.key == "a"


def test_a_row_that_waited_for_a_moment_is_no_answer_once_its_sender_has_died(plain_bench: Bench) -> None:
    bench = plain_bench
    bench.add(create("a"))
    (row,) = bench.outbox.claim(1, owner="me", now=NOW, lease=LEASE)
    later = WriteOutcome(key="a", kind=OutcomeKind.RETRY, not_before=NOW + timedelta(minutes=1))
    bench.outbox.settle({row.id: later}, now=NOW)
    bench.outbox.claim(1, owner="dead", now=NOW + timedelta(minutes=2), lease=LEASE)
    bench.outbox.lose_dead(alone=True)
    assert [row.not_before for row in bench.outbox.unknown(1)] == [None]


def test_what_a_dead_sender_had_on_the_wire_does_not_come_true_over_a_newer_wish(bench: Bench) -> None:
    bench.add(update("1", fields={"Score": 1}), plan_id="p1")
    (row,) = bench.outbox.claim(1, owner="dead", now=NOW, lease=LEASE)
    bench.crm.faults.late = 1
    bench.crm.apply([row.write], now=NOW)  # and it is killed before it hears of it
    bench.outbox.lose_dead(alone=True)
    bench.add(update("1", fields={"Score": 2}), update("2", fields={"Score": 2}), plan_id="p2", run_id="r2")
    bench.add(create("of-1", references={}), plan_id="p2", run_id="r2")
    bench.drain()
    # it is sent again at once, nothing newer of this record is, and nobody else waits for it
    assert (bench.states(), bench.score("1"), bench.score("2")) == ({"done": 3, "todo": 1}, 1, 2)
    assert sum(bench.slept) < 3, "nobody sits and waits for what takes minutes"
    bench.crm.settle()
    bench.seconds = 12 * 60
    bench.drain()
    assert (bench.states(), bench.score("1")) == ({"done": 4}, 2)


def test_who_wakes_up_with_a_request_of_before_on_the_wire_overwrites_nothing_newer(bench: Bench) -> None:
    apply = type(bench.crm).apply
    asked: list[dict[str, int]] = []

    def sleep(writes: Any, *, now: datetime) -> Any:
        if asked:
            return apply(bench.crm, writes, now=now)
        bench.crm.faults.late = 1
        outcomes = apply(bench.crm, writes, now=now)
        with bench.store.database.write() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("UPDATE leases SET until = 1")
        bench.add(update("1", fields={"Score": 2}), plan_id="p2", run_id="r2")
        asked.append({})
        bench.drain()  # another sender, meanwhile
        asked[0] = bench.states()
        return outcomes

    bench.crm.apply = sleep  # type: ignore[method-assign]
    bench.add(update("1", fields={"Score": 1}), plan_id="p1")
    bench.drain()
    assert asked[0] == bench.states() == {"done": 1, "todo": 1}
    bench.crm.settle()
    bench.seconds += 12 * 60
    bench.drain()
    assert (bench.states(), bench.score()) == ({"done": 2}, 2)


def test_its_bound_begins_when_its_death_is_seen(bench: Bench) -> None:
    bench.add(update("1", fields={"Score": 1}), plan_id="p1")
    bench.outbox.claim(1, owner="dead", now=NOW, lease=LEASE)
    find = bench.crm.find_applied

    def sleep_on_it(writes: Any) -> Any:
        bench.seconds += 20 * 60
        return find(writes)

    bench.crm.find_applied = sleep_on_it  # type: ignore[method-assign]
    bench.add(update("1", fields={"Score": 2}), plan_id="p2", run_id="r2")
    bench.seconds = 16 * 60
    bench.drain()
    assert (bench.states(), bench.score()) == ({"done": 1, "todo": 1}, 1)
    bench.seconds += 10 * 60
    bench.drain()
    assert bench.states() == {"done": 1, "todo": 1}
    bench.seconds += 2 * 60
    bench.drain()
    assert (bench.states(), bench.score()) == ({"done": 2}, 2)
