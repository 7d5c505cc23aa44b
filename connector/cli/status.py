"""``status``: health, backlog, budget, the model in use, and the last runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.bootstrap import lake_folder, open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from connector.cli.output import console, emit
from connector.domain.writes import RowState
from connector.errors import LocalFault
from connector.lake.checking import check_segments
from connector.mapping.load import load_mappings
from connector.pipeline.circuits import clocks_told, expiries, lacking, open_circuits
from connector.pipeline.cycle import SETTING_BEFORE_BASELINE
from connector.pipeline.intake.deletions import deleted_lately
from connector.pipeline.intake.drift import drifted
from connector.pipeline.intake.silence import silent_streams
from connector.pipeline.intake.streams_read import last_counted, missing_rows
from connector.pipeline.reports.task_times import in_words, told_times
from connector.pipeline.turn import LEASE, by_cycles, last_clock
from connector.pipeline.versions import news_of
from connector.ports.store import Store
from connector.trust.clocks import wrong_clock
from connector.trust.expiry import known_expiries, soon
from connector.trust.golive import unsigned

DAY = timedelta(hours=24)
_OPEN = (RowState.TODO, RowState.DOING, RowState.UNKNOWN)


def status(
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    deep: Annotated[bool, typer.Option("--deep", help="read every file of the lake against its checksum")] = False,
) -> int:
    """Show health, backlog, budget, questions and the last runs; 5 where files of the lake are not what was written."""
    settings = read_settings_of_state(config)
    with open_state(settings) as store:
        # Calls, tasks and models are stamped with the cycles' clock, by which the budget counts its day, too.
        now = by_cycles(store)
        mappings = load_mappings(settings.mappings)
        paused = store.switches.paused()
        counts = store.outbox.counts()
        systems = [system.name for system in settings.sources] + [settings.crm.name]
        budget = {
            name: {
                "used_24h": store.ledger.spent(name, now - DAY),
                "ceiling": settings.limits.api_calls_per_day.get(name),
            }
            for name in dict.fromkeys(systems)
        }
        document = {
            "mode": settings.mode,
            "paused": None if paused is None else {"by": paused[0], "at": paused[1]},
            "at_work": store.switches.holder(LEASE) is not None,
            "model": news_of(store, mappings, at=now),
            "definition": unsigned(mappings.lifecycle.definition, now.date()) or "signed",
            "outbox": counts,
            "waiting": sum(counts.get(state, 0) for state in _OPEN),
            "reviews": store.knowledge.open_questions(),
            "quarantine": {word: store.quarantine.counts().get(word, 0) for word in ("held", "released")},
            "baseline": store.knowledge.marks().get("baseline"),
            "before_baseline": json.loads(store.switches.setting(SETTING_BEFORE_BASELINE) or "[]"),
            "api_calls": budget,
            "circuits": open_circuits(store),
            "event_to_task": told_times(store.task_times.since(now - DAY), target=settings.alarms.event_to_task),
            "silent": [one.words(now) for one in silent_streams(store)],
            "streams": last_counted(store),
            "missing": missing_rows(store),
            "drift": [one.words() for one in drifted(store)],
            "deleted": [one.words() for one in deleted_lately(store, now=now)],
            "expiring": soon(known_expiries(settings, expiries(store)), now=utc_now(), ahead=settings.alarms.expiry),
            "lacks": lacking(store),
            "clock": wrong_clock(clocks_told(store), last=last_clock(store), now=utc_now()),
            "last_runs": _last_runs(store),
            "lake": _lake(store, lake_folder(settings.lake), deep=deep),
        }
    if as_json:
        emit(document)
    else:
        _tell_status(console(), document)
    return LocalFault.exit_code if document["lake"]["problems"] else 0


def _last_runs(store: Store) -> list[dict[str, Any]]:
    """Give the latest runs, newest first, and what those that failed ended with: code, message, cure, at."""
    return [
        {
            "run_id": run.id,
            "kind": run.kind,
            "mode": run.mode,
            "as_of": run.as_of,
            "verdict": run.verdict or "running",
            "error": json.loads(run.report).get("error") if run.report else None,
        }
        for run in store.runs.last(5)
    ]


def _lake(store: Store, root: Path, *, deep: bool) -> dict[str, Any]:
    """Say how much the lake holds and which of its files are harmed."""
    segments = store.manifest.segments()
    problems = check_segments(root, store.manifest, deep=deep)
    return {
        "files": len(segments),
        "rows": sum(segment.rows for segment in segments),
        "bytes": sum(segment.size_bytes for segment in segments),
        "checked": "checksums" if deep else "sizes and footers",
        "problems": [
            {"file": one.path, "what": one.kind, "stream": one.stream, "rows": one.rows, "cure": one.cure}
            for one in problems
        ],
    }


def _tell_status(screen: Console, document: dict[str, Any]) -> None:
    paused = document["paused"]
    screen.print(
        f"mode: {document['mode']}"
        + (f", paused by {paused['by']} since {paused['at']:%Y-%m-%d %H:%M} UTC" if paused else "")
    )
    screen.print(f"definition: {document['definition']}")
    screen.print(f"baseline: {document['baseline'] or 'not yet: the first live run writes scores and stages only'}")
    _tell_model(screen, document["model"])
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(document["outbox"].items()) if count) or "empty"
    screen.print(f"outbox: {states}")
    held = document["quarantine"]["held"]
    if held:
        screen.print(
            f"made by machines, counting for nothing: {held:,} events (`handoff quarantine list --by-campaign`)"
        )
    asked = f"{document['reviews']:,} (`handoff review list`)" if document["reviews"] else "none"
    screen.print(f"open questions (who is who, which account): {asked}")
    if document["before_baseline"]:
        screen.print(
            f"asked for sales in the week before the baseline, not called by us: {len(document['before_baseline'])}"
        )
    for system, calls in document["api_calls"].items():
        ceiling = f" of {calls['ceiling']:,}" if calls["ceiling"] else ""
        screen.print(f"API calls to {system} in 24 hours: {calls['used_24h']:,}{ceiling}")
    for system, circuit in document["circuits"].items():
        screen.print(
            f"{system} has been down since {circuit['since']} ({circuit['code']}): it is asked again every few seconds"
        )
    for sentence in in_words(document["event_to_task"]):
        screen.print(f"{sentence} in 24 hours")
    for word, what in (
        ("changed", "drift"),
        ("missing", "missing"),
        ("deleted", "deleted"),
        ("silent", "silent"),
        ("renew", "expiring"),
        ("clock", "clock"),
    ):
        for sentence in document[what]:
            screen.print(f"{word}: {sentence}")
    for system, words in document["lacks"].items():
        for sentence in words:
            screen.print(f"{system}: {sentence}")
    lake = document["lake"]
    screen.print(
        f"lake: {lake['rows']:,} rows in {lake['files']:,} files, {lake['bytes'] / 1e6:,.1f} MB"
        + ("" if lake["problems"] else f", whole by {lake['checked']}")
    )
    for harmed in lake["problems"]:
        screen.print(f"  {harmed['file']} is {harmed['what']} ({harmed['rows']:,} rows of {harmed['stream']})")
        screen.print(f"    cure: {harmed['cure']}")
    screen.print(f"at work now: {'yes' if document['at_work'] else 'nobody, neither a daemon nor a run'}")
    _tell_runs(screen, document["last_runs"])


def _tell_runs(screen: Console, runs: Sequence[dict[str, Any]]) -> None:
    """List them, and say once of several that failed alike why."""
    told = None
    for run in runs:
        screen.print(f"  {run['as_of']:%Y-%m-%d %H:%M} {run['kind']} {run['run_id']}: {run['verdict']} ({run['mode']})")
        error = run["error"]
        if error and error != told:
            screen.print(f"    {error['at'] + ': ' if error['at'] else ''}{error['message']} [{error['code']}]")
            if error["cure"]:
                screen.print(f"    cure: {error['cure']}")
        told = error


def _tell_model(screen: Console, model: dict[str, Any]) -> None:
    if model["number"] is None:
        screen.print("model: no cycle has used one yet")
    else:
        why = ": " + model["because"] if model["because"] else ""
        by = f" by {model['by']}" if model["by"] else ""
        screen.print(f"model: version {model['number']}, in use since {model['since']:%Y-%m-%d}{by}{why}")
    if model["note"]:
        screen.print(f"  {model['note']}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)
