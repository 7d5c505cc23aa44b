"""However unevenly the way delays calls, no window of the vendor's ever counts more than it allows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hubspot.pace import Pace
from adapters.hubspot.source import HubSpotSource

DELAYS = st.floats(0, 3, allow_nan=False)


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@given(limit=st.integers(1, 6), ways=st.lists(st.tuples(DELAYS, DELAYS, DELAYS), max_size=60))
def test_no_window_holds_more_than_the_limit_wherever_a_call_is_counted_on_its_way(limit, ways):
    time, counted = Time(), []
    pace = Pace(limit, 1.0, clock=time.clock, sleep=time.sleep)
    for idle, there, back in ways:
        time.now += idle
        with pace:
            time.now += there
            counted.append(time.now)
            time.now += back
    for first, later in zip(counted, counted[limit:], strict=False):
        assert later - first >= 1.0 - 1e-9


def test_quick_answers_let_nearly_the_whole_rate_through():
    time = Time()
    pace = Pace(5, 1.0, clock=time.clock, sleep=time.sleep)
    for _ in range(500):
        with pace:
            time.now += 0.01
    assert 500 / time.now > 0.95 * 5


def test_a_call_that_fails_counts_and_no_limit_means_no_wait():
    time = Time()
    pace = Pace(1, 1.0, clock=time.clock, sleep=time.sleep)
    for _ in range(2):
        with pytest.raises(OSError, match="cut"), pace:
            raise OSError("cut")
    assert time.now == pace.waited == 1.0
    free = Pace(0, 1.0, clock=time.clock, sleep=time.sleep)
    for _ in range(100):
        with free:
            pass
    assert free.waited == 0.0


@given(limit=st.integers(10, 60), often=st.floats(1.01, 3), quick=st.floats(0.001, 0.05))
def test_who_is_in_a_hurry_waits_for_nothing_while_others_read_on(limit, often, quick):
    time = Time()
    pace = Pace(limit, 10.0, clock=time.clock, sleep=time.sleep)
    apart, calls, due, waits = often * 10.0 / (limit // 10), 0, 3.0, []
    while time.now < 60:
        pace.unhurried = time.now < due
        waited = pace.waited
        with pace:
            pass
        if pace.unhurried:
            calls += 1
            time.now += quick
        else:
            waits.append(pace.waited - waited)
            due = time.now + apart
    assert max(waits) == 0.0
    assert calls >= 0.7 * min(limit * 6, 60 / quick), "and these get nearly all of the rate"


def test_only_slow_streams_leave_room_and_only_when_told_to():
    source = HubSpotSource({"token": "t", "base_url": "http://127.0.0.1:1"})
    paces = source._wire._all

    def unhurried(stream):
        source.pull(stream, None, now=datetime(2026, 3, 2, tzinfo=UTC))
        return {pace.unhurried for pace in paces}

    assert unhurried("contacts") == {False}
    source.leave_room(leave=True)
    assert (unhurried("contacts"), unhurried("form_submissions"), unhurried("page_views")) == ({True}, {False}, {True})
    source.leave_room(leave=False)
    assert {pace.unhurried for pace in paces} == {False}
    assert unhurried("contacts") == {False}
