"""From a buyer's event to the task in the CRM: in the report, with a target, and told of one person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_house import House

from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import census_of
from connector.pipeline.reports.task_times import in_words, told_times
from connector.ports.task_times import TaskTime

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def times(*seconds: float) -> list[TaskTime]:
    return [TaskTime(str(n), "contact-us", "event", AT, AT + timedelta(seconds=took)) for n, took in enumerate(seconds)]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_percentiles_are_values_that_occurred(seconds: list[float]) -> None:
    measured = times(*seconds)
    told = told_times(measured, target=timedelta(seconds=60))
    ordered = sorted(one.seconds for one in measured)
    assert told["event"]["p50_seconds"] in ordered
    assert sum(one <= told["event"]["p50_seconds"] for one in ordered) * 2 >= len(ordered)
    assert sum(one <= told["event"]["p99_seconds"] for one in ordered) * 100 >= 99 * len(ordered)
    assert told["missed"] == sum(one > 60 for one in ordered)
    assert told["stage"]["tasks"] == 0


def test_clocks_that_differ_give_no_time_below_nothing() -> None:
    assert times(-5)[0].seconds == 0


@pytest.mark.parametrize(("target", "verdict", "missed"), [(None, "green", 0), (9, "green", 0), (5, "amber", 1)])
def test_a_cycle_tells_the_time_and_is_amber_where_the_target_is_missed(
    tmp_path: Path, target: int | None, verdict: str, missed: int
) -> None:
    span = None if target is None else timedelta(minutes=target)
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db", event_to_task=span)
    house.contact("1")
    house.lead("L1", "1")
    house.run()
    house.asks("e1", "1", at=house.now - timedelta(minutes=7))
    report = house.run()
    told = report.event_to_task
    assert (told["event"]["tasks"], told["missed"], report.verdict) == (1, missed, verdict)
    assert 420 <= told["event"]["p99_seconds"] < 540
    assert len(report.task_seconds["event"]) == 1
    assert bool(missed) == any("alarms.event_to_task" in words for words in in_words(told))
    (line,) = explain(census_of(house.engine), "jo1@acme.example", as_of=house.now).document["task_times"]
    assert (line["rule"], line["seconds"]) == ("contact-us", told["event"]["p50_seconds"])
    again = house.run()
    assert (again.event_to_task["event"]["tasks"], again.verdict) == (0, "green")
    house.close()
