"""How often a job looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.daemon.rhythm import LONGEST_FAILING_SECONDS, SLOWEST, Rhythm


def _spans(rhythm: Rhythm, *outcomes: str) -> list[float]:
    found = []
    for outcome in outcomes:
        rhythm.ran(0, outcome)  # type: ignore[arg-type]
        found.append(rhythm.seconds)
    return found


def test_a_job_that_never_ran_is_due_and_then_not_before_its_span() -> None:
    rhythm = Rhythm(60)
    assert rhythm.due(0)
    rhythm.ran(0, "news")
    assert [rhythm.due(at) for at in (1, 58, 59, 60, 3600)] == [False, False, True, True, True]


def test_quiet_looks_slow_down_to_a_bound_and_news_ends_it() -> None:
    assert _spans(Rhythm(60), *["quiet"] * 6, "news") == [90, 135, 202.5, 240, 240, 240, 60]


def test_failures_double_the_span_to_a_bound_and_a_success_ends_it() -> None:
    assert _spans(Rhythm(60), *["failed"] * 5, "quiet") == [120, 240, 300, 300, 300, 90]
    assert _spans(Rhythm(600), "failed", "failed") == [600, 600], "never more often than when it works"


def test_a_wait_the_system_named_is_kept_in_full() -> None:
    rhythm = Rhythm(60)
    rhythm.ran(100, "failed", wait_seconds=1000)
    assert not rhythm.due(1099)
    assert rhythm.due(1100)


def test_hurry_brings_a_quiet_job_back_and_leaves_a_failing_one() -> None:
    quiet, failing = Rhythm(60), Rhythm(60)
    for _ in range(5):
        quiet.ran(0, "quiet")
        failing.ran(0, "failed")
    quiet.hurry()
    failing.hurry()
    assert (quiet.due(60), failing.due(60)) == (True, False)
    failing.wake()
    assert failing.due(0)


@given(st.floats(1, 3600), st.lists(st.sampled_from(["news", "quiet", "failed"]), min_size=1, max_size=40))
def test_whatever_happens_it_is_due_again_in_bounded_time(span: float, outcomes: list[str]) -> None:
    rhythm = Rhythm(span)
    _spans(rhythm, *outcomes)
    assert not rhythm.due(0.8 * span)
    assert rhythm.due(max(SLOWEST * span, LONGEST_FAILING_SECONDS))
