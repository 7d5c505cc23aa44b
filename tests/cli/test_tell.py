"""What people read of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from connector.cli.tell import tell_run
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
