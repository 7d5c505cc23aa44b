"""However unevenly the way delays calls, no window of the vendor's ever counts more than it allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hubspot.pace import Pace

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
