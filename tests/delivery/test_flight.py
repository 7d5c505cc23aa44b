"""While a batch is on the wire others are settled and taken: nothing is sent twice, lost, or sent after a stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from drain_bench import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outbox_words import NOW, create, update

from adapters.memory import MemoryCrm
from connector.delivery import drain as drain_module
from connector.delivery.answers import Answer
from connector.delivery.flight import AHEAD, fly
from connector.errors import AccessError, HandoffError, TransientError

PEOPLE = 12


class Crash(BaseException):
    """The process ends."""


def _answer() -> Answer:
    return Answer((), [])


class _Waiting(MemoryCrm):
    """A CRM between whose requests and answers something can be done."""

    def __init__(self) -> None:
        super().__init__({}, system="crm")
        self.work: Any = None

    def meanwhile(self, work: Any) -> None:
        self.work = work

    def request(self) -> None:
        work, self.work = self.work, None
        if work is not None:
            work()


@pytest.mark.parametrize("requests", [0, 1, 3])
def test_work_is_done_once_and_while_the_first_answer_is_awaited(requests: int) -> None:
    crm, done = _Waiting(), list[str]()

    def send() -> Answer:
        for _ in range(requests):
            crm.request()
        done.append("answered")
        return _answer()

    assert fly(crm, send, lambda: done.append("worked")) == _answer()
    assert done == (["worked", "answered"] if requests else ["answered", "worked"])
    assert crm.work is None


def test_a_crm_that_offers_nothing_is_waited_for() -> None:
    done: list[str] = []

    def send() -> Answer:
        done.append("answered")
        return _answer()

    fly(MemoryCrm({}, system="crm"), send, lambda: done.append("worked"))
    assert done == ["answered", "worked"]


@pytest.mark.parametrize("error", [OSError("disk"), TransientError("x", "later"), Crash(), KeyboardInterrupt()])
def test_what_goes_wrong_meanwhile_waits_for_the_answer(error: BaseException) -> None:
    crm, done = _Waiting(), list[str]()

    def send() -> Answer:
        crm.request()
        done.append("answered")
        return _answer()

    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        fly(crm, send, work)
    assert done == ["answered"], "it did not come between a request and its answer"


def test_what_sending_raises_comes_out() -> None:
    crm, done = _Waiting(), list[str]()

    def send() -> Answer:
        raise Crash

    with pytest.raises(Crash):
        fly(crm, send, lambda: done.append("worked"))
    assert (done, crm.work) == ([], None)


@pytest.fixture
def bench(state_url: str) -> Iterator[Bench]:
    made = Bench(state_url, batch=1)
    made.add(*(create(f"k{number}", priority=1) for number in range(PEOPLE)))
    yield made
    made.store.close()


class _Watched:
    """The outbox, with something happening before or after each turn; a dead process asks it nothing more."""

    def __init__(self, outbox: Any, happen: Any) -> None:
        self._outbox = outbox
        self._happen = happen
        self.turns = 0
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        if self.dead:
            raise Crash
        return getattr(self._outbox, name)

    def turn(self, *args: Any, **words: Any) -> Any:
        if self.dead:
            raise Crash
        self.turns += 1
        self._happen(self.turns, "before")
        turned = self._outbox.turn(*args, **words)
        self._happen(self.turns, "after")
        return turned


def _watch(bench: Bench, happen: Any) -> _Watched:
    watched = _Watched(bench.store.outbox, happen)
    bench.store.outbox = watched  # type: ignore[assignment]
    return watched


def test_a_commit_settles_takes_and_counts(bench: Bench) -> None:
    most: list[int] = []
    watched = _watch(bench, lambda _turn, _when: most.append(bench.outbox.counts().get("doing", 0)))
    assert bench.drain().written == PEOPLE
    assert watched.turns <= PEOPLE // 2 + 1, "one commit for two batches"
    assert max(most) <= AHEAD, "and no more in question after a kill"
    assert bench.states() == {"done": PEOPLE}
    assert bench.store.ledger.spent("crm", NOW - timedelta(days=1)) == bench.crm.calls() == PEOPLE


@pytest.mark.parametrize("how", ["pause", "stop"])
@pytest.mark.parametrize("at", [1, 2, 5, PEOPLE])
def test_it_stops_inside_one_batch(bench: Bench, how: str, at: int) -> None:
    def apply_and_stop(writes: Any, *, now: Any) -> Any:
        if len(bench.crm.sent) + 1 == at:
            bench.stopped = how == "stop"
            if how == "pause":
                bench.store.switches.pause("ops", NOW)
        return type(bench.crm).apply(bench.crm, writes, now=now)

    bench.crm.apply = apply_and_stop  # type: ignore[method-assign]
    drained = bench.drain()
    assert (drained.written, drained.stopped_by) == (at, how)
    left = {"todo": PEOPLE - at} if at < PEOPLE else {}
    assert bench.states() == {"done": at, **left}, "what was taken and not sent went back"


@pytest.mark.parametrize("error", [TransientError("crm.busy", "later"), AccessError("crm.out", "not let in")])
def test_an_error_gives_everything_back_and_settles_what_was_answered(bench: Bench, error: HandoffError) -> None:
    def apply(writes: Any, *, now: Any) -> Any:
        if len(bench.crm.sent) == 4:
            raise error
        return type(bench.crm).apply(bench.crm, writes, now=now)

    bench.crm.apply = apply  # type: ignore[method-assign]
    if isinstance(error, AccessError):
        with pytest.raises(AccessError):
            bench.drain()
    else:
        assert bench.drain(patience=0).written == 4
    assert bench.states() == {"done": 4, "todo": PEOPLE - 4}
    assert bench.store.ledger.spent("crm", NOW - timedelta(days=1)) == bench.crm.calls() == 4


def test_near_the_end_of_the_budget_each_batch_asks_for_itself(bench: Bench) -> None:
    drained = bench.drain(ceiling=5)
    assert (drained.written, drained.stopped_by, bench.crm.calls()) == (5, "budget", 5)
    assert bench.states() == {"done": 5, "todo": PEOPLE - 5}


def test_a_fresh_wish_of_the_fast_lane_waits_for_what_is_taken_and_no_longer(bench: Bench) -> None:
    def happen(turn: int, when: str) -> None:
        if (turn, when) == (2, "before"):
            bench.add(create("fast", priority=0), plan_id="p2", run_id="r2")

    _watch(bench, happen)
    bench.drain()
    order = [batch[0].key for batch in bench.crm.sent]
    assert order.index("fast") <= 2 + 2 * AHEAD


def test_after_so_many_batches_others_are_looked_after(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "_STINT", 4)
    bench.crm.faults.lost_answers = 1
    drained = bench.drain()
    assert (drained.written, drained.unchanged) == (PEOPLE, 0)
    first = [batch[0].key for batch in bench.crm.sent].index("k0", 1)
    assert first <= 2 * AHEAD + 4, "a lost answer does not wait until all the rest has been sent"


@pytest.mark.parametrize("at", range(1, 6))
def test_what_got_nowhere_is_looked_after_before_more_is_taken(bench: Bench, at: int) -> None:
    def apply(writes: Any, *, now: Any) -> Any:
        bench.crm.faults.lost_answers = int(len(bench.crm.sent) + 1 == at)
        return type(bench.crm).apply(bench.crm, writes, now=now)

    bench.crm.apply = apply  # type: ignore[method-assign]
    assert bench.drain().written == PEOPLE
    order = [batch[0].key for batch in bench.crm.sent]
    lost = order[at - 1]
    assert order.index(lost, at) <= at + AHEAD, "what had been taken goes first, and nothing else"


TROUBLES = (
    "crash",
    "kill",
    "crash_after",
    "kill_after",
    "lease",
    "pause",
    "late",
    "lost_answers",
    "lost_requests",
    "busy",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    troubles=st.lists(
        st.tuples(st.sampled_from(TROUBLES), st.integers(1, 6), st.sampled_from(["turn", "apply"])), max_size=4
    ),
    unique=st.booleans(),
    wishes=st.lists(st.tuples(st.sampled_from("0123"), st.integers(1, 9)), max_size=6),
)
def test_whatever_happens_between_two_steps_nothing_is_doubled_lost_or_overtaken(
    tmp_path_factory: pytest.TempPathFactory,
    troubles: list[tuple[str, int, str]],
    unique: bool,
    wishes: list[tuple[str, int]],
) -> None:
    bench = Bench(f"sqlite:///{tmp_path_factory.mktemp('flight')}/state.db", unique=unique, batch=1)
    keys = [f"k{number}" for number in range(4)]
    bench.add(*(create(key) for key in keys))
    for number, (id_, value) in enumerate(wishes):
        # Groups of their own: none replaces another, so each is sent, in the order of the decisions.
        fields = {"Score": 100 * (number + 1) + value}
        bench.add(update(id_, fields=fields, group=f"g{number}"), plan_id=f"p{number}", run_id=f"r{number}")
    outbox = bench.store.outbox
    reached: dict[str, int] = {}
    for trouble in troubles:
        _disturbed(bench, outbox, reached, *trouble)
        _minutes(bench, 1)
    for _ in range(4):
        _minutes(bench, 16)
        bench.crm.settle()
        bench.drain()
    assert set(bench.states()) <= {"done"}
    assert dict(bench.crm.creations) == dict.fromkeys(keys, 1)
    for key, sending in reached.items():
        again = [write for batch in bench.crm.sent[sending:] for write in batch if write.key == key]
        assert unique or not again, "where keys are not unique, what the CRM has got is not sent again"
    for id_ in "0123":
        wanted = [100 * (number + 1) + value for number, (to, value) in enumerate(wishes) if to == id_]
        sent = [write.fields["Score"] for batch in bench.crm.sent for write in batch if write.id == id_]
        assert sent == sorted(sent), "an older wish never follows a newer one"
        assert sorted(set(sent)) == wanted
        assert bench.score(id_) == (wanted[-1] if wanted else 0)
    bench.store.close()


def _disturbed(bench: Bench, outbox: Any, reached: dict[str, int], what: str, at: int, place: str) -> None:
    """Drain until the trouble comes, at one step of one thread or the other; note when the CRM has got a creation."""
    apply, calls = MemoryCrm.apply, [0]

    def strike(moment: str) -> None:
        if not what.startswith(("crash", "kill")):
            _trouble(bench, outbox, what)
        elif moment == ("after" if what.endswith("_after") else "before"):
            watched.dead = what.startswith("kill")
            raise Crash

    def happen(turn: int, when: str) -> None:
        if place == "turn" and turn == at:
            strike(when)

    def sending(writes: Any, *, now: Any) -> Any:
        calls[0] += 1
        here = place == "apply" and calls[0] == at
        bench.crm.sent.append(list(writes))
        if here:
            strike("before")
        found = apply(bench.crm, writes, now=now)
        if what != "lost_requests":
            reached.update({write.key: len(bench.crm.sent) for write in writes if write.kind == "create"})
        if here:
            strike("after")
        return found

    watched = _Watched(outbox, happen)
    bench.store.outbox = watched  # type: ignore[assignment]
    bench.crm.apply = sending  # type: ignore[method-assign]
    try:
        with suppress(Crash):
            bench.drain(patience=2)
    finally:
        bench.store.outbox = outbox
        del bench.crm.apply
    bench.store.switches.resume("ops", NOW)


def _trouble(bench: Bench, outbox: Any, what: str) -> None:
    match what:
        case "lease":
            with bench.store.database.write() as connection:
                connection.exec_driver_sql("UPDATE leases SET until = 1 WHERE name LIKE 'sender:%'")
            outbox.lose_dead()
        case "pause":
            bench.store.switches.pause("ops", NOW)
        case "late" | "lost_answers" | "lost_requests":
            setattr(bench.crm.faults, what, 1)
        case "busy":
            bench.crm.faults.unreachable(1)


def _minutes(bench: Bench, minutes: int) -> None:
    bench.seconds += 60 * minutes
    bench.crm.vendor_now = bench.now()
