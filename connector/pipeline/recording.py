"""Writes runs into the history, each with its report: also one that a system has refused before its first step."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from connector.errors import AccessError, HandoffError, TransientError
from connector.pipeline import steps
from connector.pipeline.circuits import note_circuits
from connector.pipeline.engine import Engine
from connector.pipeline.reports.report import Report
from connector.ports.store import Run


@contextmanager
def recorded(engine: Engine, report: Report, walk: steps.Walk, kind: steps.Command) -> Iterator[None]:
    """Record the run before its first step and its verdict after the last, failed or not."""
    store, started = engine.store, time.monotonic()
    store.runs.begin(Run(report.run_id, report.plan_id, kind, report.mode, report.as_of, report.as_of))
    walk.begin()
    calls = {adapter.traits().system: adapter.calls() for adapter in engine.adapters}
    # Until the block has ended, what ends it is a bug of ours: such a run is red, not green for want of rows.
    report.fail(HandoffError("program.bug", "a bug inside Handoff"))
    try:
        yield
        report.error = None
    except HandoffError as error:
        report.fail(error)
        raise
    finally:
        for adapter in engine.adapters:
            system = adapter.traits().system
            used = adapter.calls() - calls[system]
            forecast = report.api_calls.get(system, {}).get("forecast", used + calls[system]) - calls[system]
            report.api_calls[system] = {**report.api_calls.get(system, {}), "used": used, "forecast": forecast}
        report.seconds["total"] = time.monotonic() - started
        report.judge(dead_share=engine.dead_share)
        words = {"verdict": report.verdict, "code": report.error["code"] if report.error else ""}
        walk.done(steps.REPORT, report.writes, words=words)
        note_circuits(store, engine.adapters)
        told = json.dumps(report.document(), ensure_ascii=False)
        store.runs.finish(report.run_id, verdict=report.verdict, report=told, at=report.as_of)


@contextmanager
def refusal_recorded(engine: Engine, report: Report, walk: steps.Walk) -> Iterator[None]:
    """Record a run whose first question a system does not answer; one that we refuse ourselves is none.

    Raises:
        AccessError, TransientError: what the block has raised; by then it is recorded.
    """
    try:
        yield
    except (AccessError, TransientError):
        with recorded(engine, report, walk, "run"):
            raise
