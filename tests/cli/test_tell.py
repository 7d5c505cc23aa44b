"""What people read of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from connector.cli.tell import tell_run
from connector.domain.spans import span_in_words
from connector.pipeline.reports.report import Report


def test_a_run_says_why_it_is_amber_or_red_though_all_rows_are_settled():
    report = Report("run-1", "plan-1", datetime(2026, 3, 3, tzinfo=UTC), "live")
    report.missing = ["contacts: 6 of 7"]
    report.drift = ["user rep1 was at work, now gone; used by routing.yaml:27"]
    report.silent = ["page_view: nothing for four days"]
    told = StringIO()
    tell_run(Console(file=told, width=200), report.document())
    lines = told.getvalue().splitlines()
    assert "missing: contacts: 6 of 7" in lines
    assert "changed: user rep1 was at work, now gone; used by routing.yaml:27" in lines
    assert "silent: page_view: nothing for four days" in lines


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (12, "12 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (599.7, "10 min"),
        (7_260, "2 h 1 min"),
        (86_399, "1 d"),
        (3 * 86_400 + 4 * 3_600 + 100, "3 d 4 h"),
        (400 * 86_400, "400 d"),
        (-90, "-1 min 30 s"),
    ],
)
def test_spans_are_told_as_people_say_them(seconds: float, words: str) -> None:
    assert span_in_words(timedelta(seconds=seconds)) == words
