"""Nothing is lost while logs are read: late arrivals, events added meanwhile, kills, stale places."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hubspot import event_walks
from adapters.hubspot.event_walks import REMEMBERED, LogMark, LogWalk
from adapters.hubspot.reading import Rows, from_ms
from connector.errors import AdapterFault

OVERLAP = timedelta(milliseconds=20)


@dataclass
class FakeLog:
    """Events as (id, time); places are tokens that name the last row handed out."""

    newest_first: bool
    filtered: bool
    page: int = 3
    events: list[tuple[str, int]] = field(default_factory=list)
    now: int = 1000
    arrivals: list[tuple[str, int]] = field(default_factory=list)
    forgets: bool = False
    asked: int = 0

    def ask(self, since, token):
        self.asked += 1
        assert self.asked < 3000
        if token and self.forgets:
            self.forgets = False
            raise AdapterFault("hubspot.http_400", "no such place")
        rows = sorted(set(self.events), key=lambda e: (e[1], e[0]), reverse=self.newest_first)
        if self.filtered:
            rows = [event for event in rows if event[1] >= since]
        if token:
            when, _, id_ = token.partition(":")
            last = (int(when), id_)
            later = (lambda key: key < last) if self.newest_first else (lambda key: key > last)
            rows = [event for event in rows if later((event[1], event[0]))]
        shown = rows[: self.page]
        more = len(rows) > self.page
        answer = Rows(shown, [], None, f"{shown[-1][1]}:{shown[-1][0]}" if more else None)
        if self.arrivals:
            self.events.append(self.arrivals.pop())
            self.now += 1
        return answer

    def walk(self):
        return LogWalk(
            self.ask, lambda event: event, overlap=OVERLAP, clock=lambda: from_ms(self.now), cut=not self.filtered
        )


shapes = st.sampled_from([(True, True), (True, False), (False, True)])
old = st.lists(st.integers(1, 990), max_size=20)


def events(times, prefix="e"):
    return [(f"{prefix}{number}", when) for number, when in enumerate(times)]


def taken(steps):
    return {row for step in steps for row in step.rows}


@settings(max_examples=150, deadline=None)
@given(shape=shapes, times=old, lags=st.lists(st.integers(0, 15), max_size=8), kill=st.integers(0, 6))
def test_every_event_comes_although_more_arrive_and_the_reader_is_killed(shape, times, lags, kill):
    log = FakeLog(*shape, events=events(times), arrivals=[(f"n{n}", 1000 - lag) for n, lag in enumerate(lags)])
    first = []
    for step in log.walk().steps(LogMark()):
        first.append(step)
        if len(first) > kill:
            break
    got, mark = taken(first), first[-1].mark
    for _ in range(3):
        log.arrivals = log.arrivals[:1] if log.arrivals else []
        steps = list(log.walk().steps(mark))
        got |= taken(steps)
        mark = steps[-1].mark
    log.arrivals = []
    got |= taken(log.walk().steps(mark))
    assert set(log.events) <= got


@settings(max_examples=100, deadline=None)
@given(shape=shapes, rounds=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 30)), max_size=12))
def test_events_that_arrive_late_are_not_lost(shape, rounds):
    log = FakeLog(*shape, events=events([5, 5, 7]))
    mark, got = LogMark(), set()
    for number, (lag, pause) in enumerate(rounds):
        steps = list(log.walk().steps(mark))
        got |= taken(steps)
        mark = steps[-1].mark
        log.now += pause
        log.events.append((f"late{number}", log.now - lag))
    for _ in range(2):
        log.now += 5
        steps = list(log.walk().steps(mark))
        got |= taken(steps)
        mark = steps[-1].mark
    assert set(log.events) <= got


@pytest.mark.parametrize("shape", [(True, True), (True, False), (False, True)])
def test_a_quiet_log_costs_one_call_and_brings_nothing_twice(shape):
    log = FakeLog(*shape, page=50, events=events(range(900, 940)))
    steps = list(log.walk().steps(LogMark()))
    for _ in range(4):
        log.asked = 0
        steps = list(log.walk().steps(steps[-1].mark))
        assert (log.asked, taken(steps)) == (1, set())
        log.now += 100
    assert steps[-1].mark.settled


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_place_the_vendor_has_forgotten_sends_the_walk_back_to_its_beginning(newest_first):
    log = FakeLog(newest_first, filtered=True, events=events(range(20)))
    first = next(log.walk().steps(LogMark()))
    log.forgets = True
    assert taken(log.walk().steps(first.mark)) == set(log.events)


def test_a_refusal_inside_a_walk_is_not_hidden():
    log = FakeLog(newest_first=True, filtered=True, events=events(range(20)))
    steps = log.walk().steps(LogMark())
    next(steps)
    log.forgets = True
    with pytest.raises(AdapterFault):
        next(steps)


def test_the_cursor_stays_small_when_many_events_share_a_moment():
    log = FakeLog(newest_first=True, filtered=True, page=1000, events=events([500] * (REMEMBERED + 1)))
    steps = list(log.walk().steps(LogMark()))
    assert steps[-1].mark.edge == []
    assert len(taken(log.walk().steps(steps[-1].mark))) == REMEMBERED + 1


def test_the_same_page_twice_is_a_fault():
    walk = LogWalk(
        lambda _since, _token: Rows([("a", 1)], [], None, "again"),
        lambda event: event,
        overlap=OVERLAP,
        clock=lambda: from_ms(1),
    )
    with pytest.raises(AdapterFault, match="twice"):
        list(walk.steps(LogMark()))


@settings(max_examples=100, deadline=None)
@given(
    shape=shapes,
    rounds=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 30), st.integers(0, 3)), max_size=12),
    kills=st.lists(st.integers(0, 4), max_size=12),
)
def test_of_a_crowded_log_nothing_that_arrives_late_is_lost(shape, rounds, kills):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_walks, "REMEMBERED", 2)
        log = FakeLog(*shape, events=events([980, 985, 990, 995, 999]))
        mark, got = LogMark(), set()

        def pull(pages=99):
            nonlocal mark
            for step in islice(log.walk().steps(mark), pages):
                got.update(step.rows)
                mark = step.mark

        for number, (lag, pause, more) in enumerate(rounds):
            pull(1 + kills[number] if number < len(kills) else 99)
            log.now += pause
            log.events += [(f"late{number}", log.now - lag), *((f"{number}-{n}", log.now) for n in range(more))]
        for _ in range(4):
            pull()
            log.now += 7
        assert set(log.events) <= got


def test_a_crowded_log_is_looked_back_on_whole_only_now_and_then():
    log = FakeLog(newest_first=False, filtered=True, page=10, events=events(range(300, 1000)))
    log.page, span = 10, timedelta(milliseconds=600)

    def calls(mark):
        walk = LogWalk(log.ask, lambda event: event, overlap=span, clock=lambda: from_ms(log.now))
        log.asked = 0
        steps = list(walk.steps(mark))
        return log.asked, steps[-1].mark

    _, mark = calls(LogMark())
    asked = []
    for _ in range(8):
        log.events += [(f"n{log.now + n}", log.now + n) for n in range(50)]
        log.now += 50
        count, mark = calls(mark)
        asked.append(count)
    # 90 rows are 10 pages; every fourth pull of 50 ms looks back by 600 ms and a bit
    assert [count > 30 for count in asked] == [False, False, False, True, False, False, False, True]
    assert all(count <= 10 for count in asked if count <= 30)
