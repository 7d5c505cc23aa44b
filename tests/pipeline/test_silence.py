"""What fails to appear: a broken rhythm makes the run red; week-ends, quiet kinds and clocks that jump do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_house import House

from connector.pipeline.intake.silence import FEWEST, MEMORY, OVER, TIMES, silent_since, silent_streams

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def working_hours(days, *, until=NOW):
    """Give an hour of each working day before ``until``, oldest first."""
    each = [until - DAY * number for number in range(days, 0, -1)]
    return [day for day in each if day.weekday() < 5]


def test_a_week_end_is_no_silence_and_a_week_without_anything_is():
    hours = working_hours(80)
    assert silent_since(hours, NOW) is None
    assert silent_since(hours, NOW + 3 * DAY) is None
    last, longest = silent_since(hours, NOW + 6 * DAY)
    assert last == hours[-1]
    assert longest == 3 * DAY


def test_what_came_seldom_never_alarms():
    assert silent_since([], NOW) is None
    assert silent_since(working_hours(80)[:1], NOW) is None
    assert silent_since(working_hours(80)[: FEWEST - 1], NOW) is None
    burst = [NOW - 20 * DAY + HOUR * number for number in range(100)]
    assert silent_since(burst, NOW) is None, "a mailing of four days is no rhythm"


def test_a_silence_is_told_for_a_month():
    hours = working_hours(80)
    assert silent_since(hours, hours[-1] + OVER) is not None
    assert silent_since(hours, hours[-1] + OVER + DAY) is None


@given(st.lists(st.integers(0, 24 * 90), min_size=1, max_size=60), st.integers(0, 24 * 60))
def test_no_alarm_within_twice_the_longest_gap(numbers, later):
    hours = [NOW + HOUR * number for number in sorted(set(numbers))]
    broken = silent_since(hours, hours[-1] + HOUR * later)
    gaps = [after - before for before, after in pairwise(hours) if before >= hours[-1] - MEMORY]
    if broken is not None:
        assert HOUR * later > TIMES * max(gaps)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    house.contact("1")
    start = house.now
    for number in range(40):
        at = start - timedelta(days=number, hours=1)
        house.did(f"view-{number}", "page_view", "1", path="/pricing", at=at)
    house.did("only-once", "webinar_attended", "1", at=start - timedelta(days=30))
    yield house
    house.close()


def test_the_run_is_red_and_names_the_stream_until_it_speaks_again(house):
    verdicts = []
    for _ in range(5):
        verdicts.append(house.run().verdict)
        house.now += DAY - HOUR
    assert verdicts[:3] == ["green"] * 3
    report = house.run()
    assert report.verdict == "red"
    [sentence] = report.document()["silent"]
    assert sentence.startswith("hubspot page_view: nothing for 5 days")
    assert [(one.system, one.what) for one in silent_streams(house.store)] == [("hubspot", "page_view")]
    # a narrow look does not whitewash it
    house.asks("form", "1")
    assert house.run("sources").verdict == "red"
    house.did("view-new", "page_view", "1", path="/pricing")
    again = house.run()
    assert again.silent == []
    assert again.verdict != "red"
    assert silent_streams(house.store) == []


def test_time_in_which_nobody_listened_is_no_silence(house):
    assert house.run().verdict == "green"
    house.now += 20 * DAY
    assert house.run().silent == [], "the first cycle after three weeks off"
    house.now += DAY
    assert house.run().silent == []
    for _ in range(3):
        house.now += DAY
        last = house.run()
    assert last.verdict == "red", "nothing in three days of listening either"
