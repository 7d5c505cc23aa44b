"""The fault list: what it takes, what it refuses, and that a seed decides alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.clock import OrgClock, parse_instant, parse_span
from sandbox.core.faults import BadFault, FaultList


def pattern(document, requests: int = 60) -> list[str | None]:
    faults = FaultList()
    faults.replace(document)
    return [fault.what if (fault := faults.strike("GET", f"/x/{n}")) else None for n in range(requests)]


@given(st.integers(), st.floats(0, 1))
def test_the_same_seed_strikes_the_same_requests(seed, rate):
    document = [{"match": "GET /x", "what": "reset", "rate": rate, "seed": seed}]
    assert pattern(document) == pattern(document)


def test_rate_count_and_match_limit_what_is_struck():
    assert pattern([{"match": "GET", "what": "reset", "count": 3}]) == ["reset"] * 3 + [None] * 57
    assert pattern([{"match": "^POST ", "what": "reset"}]) == [None] * 60
    struck = pattern([{"match": "GET", "what": "delay", "rate": 0.3, "seed": 7}], 1000).count("delay")
    assert 230 < struck < 370
    assert pattern([]) == [None] * 60


def test_the_first_entry_that_strikes_wins():
    assert pattern([{"match": "/x/1$", "what": "503"}, {"match": "/x", "what": "429"}], 3) == ["429", "503", "429"]


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ({"match": "x"}, "list"),
        ([{"match": "x"}], "what"),
        ([{"match": "x", "what": "earthquake"}], "earthquake"),
        ([{"match": "(", "what": "reset"}], "fault 0"),
        ([{"match": "x", "what": "reset", "rate": 2}], "rate"),
        ([{"match": "x", "what": "reset", "rate": "often"}], "rate"),
        ([{"match": "x", "what": "commit_late", "after": "soon"}], "fault 0"),
        ([{"match": "x", "what": "reset", "speed": 3}], "speed"),
        ([{"match": "x", "what": "reset", "count": -1}], "count"),
        ([{"match": "x", "what": "reset", "count": 1.5}], "count"),
        ([{"match": "x", "what": "reset", "count": True}], "count"),
        ([{"match": None, "what": "reset"}], "match"),
        ([{"match": "x", "what": "reset", "seed": {}}], "seed"),
        ([{"match": "x", "what": "delay", "after": "-5s"}], "after"),
        ([{"match": "x", "what": "delay", "after": "1e400"}], "fault 0"),
    ],
)
def test_a_bad_list_is_refused_with_its_place_and_the_present_one_stays(document, word):
    faults = FaultList()
    faults.replace([{"match": "", "what": "reset"}])
    with pytest.raises(BadFault, match=word.replace("(", r"\(")):
        faults.replace(document)
    assert faults.strike("GET", "/") is not None


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("3d", 259200), ("2h", 7200), (15, 15), ("250ms", 0.25), ("7", 7)]
)
def test_spans_are_read_in_every_unit(text, seconds):
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "", "3 years", "1e400d", "nan", None, True, []])
def test_what_is_no_span_is_named(text):
    with pytest.raises(ValueError, match="not a span"):
        parse_span(text)


def test_a_clock_stays_within_the_calendar():
    clock = OrgClock(datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="no calendar"):
        clock.advance(timedelta(days=99_999_999))
    assert clock.now().year == 2026


def test_a_clock_runs_on_moves_and_is_found_again(tmp_path):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    clock = OrgClock(start, tmp_path / "clock.json")
    assert start <= clock.now() < start + timedelta(seconds=5)
    clock.advance(timedelta(days=3))
    assert start + timedelta(days=3) <= OrgClock(start, tmp_path / "clock.json").now()
    clock.set(parse_instant("2026-05-01T12:00:00+02:00"))
    assert clock.now() - datetime(2026, 5, 1, 10, tzinfo=UTC) < timedelta(seconds=5)
    clock.reach(start)
    assert clock.now() >= datetime(2026, 5, 1, 10, tzinfo=UTC)
