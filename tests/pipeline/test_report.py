"""Every row is accounted for, and the verdict follows from the rows alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import HandoffError
from connector.pipeline.reports.report import HOLDS, Report

_PARTS = ("written", "unchanged", "superseded", "held", "dead")
_words = st.sampled_from(
    ["written", "unchanged", "superseded", "dead", "todo", "doing", "unknown", *(f"held:{reason}" for reason in HOLDS)]
)
tallies = st.dictionaries(_words, st.integers(0, 50))


def _report() -> Report:
    return Report("run", "plan", datetime(2026, 3, 1, tzinfo=UTC), "live")


@given(tallies, st.integers(0, 20), st.floats(0, 1))
def test_planned_is_always_the_sum(tally: dict[str, int], by_mode: int, share: float) -> None:
    report = _report()
    report.add_writes(tally, by_mode=by_mode)
    writes = report.writes
    assert writes["planned"] == sum(writes[name] for name in _PARTS) == sum(tally.values()) + by_mode
    assert writes["held"] == sum(report.held_by.values())
    assert set(report.held_by) == set(HOLDS)
    open_rows = sum(tally.get(name, 0) for name in ("todo", "doing", "unknown"))
    assert report.settled is (open_rows == 0)
    verdict = report.judge(dead_share=share)
    dead = tally.get("dead", 0)
    if dead > share * max(1, writes["planned"]):
        assert verdict == "red"
    else:
        assert verdict == ("amber" if writes["held"] or dead else "green")


@given(tallies, st.sampled_from(_PARTS), st.integers(1, 5))
def test_a_row_that_is_missing_makes_it_red(tally: dict[str, int], part: str, missing: int) -> None:
    report = _report()
    report.add_writes(tally)
    report.writes[part] += missing
    assert report.judge(dead_share=1) == "red"


def test_a_failure_is_red_and_has_the_same_shape() -> None:
    good, bad = _report(), _report()
    bad.fail(HandoffError("a.b", "it broke", cure="mend it", at="here"))
    good.judge(dead_share=0)
    assert bad.judge(dead_share=0) == "red"
    assert set(bad.document()) == {*good.document(), "error"}
    assert bad.document()["error"] == {"code": "a.b", "message": "it broke", "cure": "mend it", "at": "here"}
    assert good.document()["as_of"] == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(("dead", "planned", "verdict"), [(1, 99, "red"), (1, 100, "amber"), (0, 5, "green")])
def test_the_bound_of_dead_rows(dead: int, planned: int, verdict: str) -> None:
    report = _report()
    report.add_writes({"dead": dead, "written": planned - dead})
    assert report.judge(dead_share=0.01) == verdict
