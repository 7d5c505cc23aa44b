"""What a cycle did, in words for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from connector.pipeline.cycle import Cycle
from connector.pipeline.reports.task_times import in_words

_COLOURS = {"green": "green", "amber": "yellow", "red": "red"}
#: what opt-outs kept from being done, in words behind a number
_OPTED_OUT = {
    "tasks": "tasks not opened",
    "closed": "tasks closed",
    "withdrawn": "waiting writes withdrawn",
    "asked": "requests left unanswered",
}


def _counts(counts: dict[str, int], *, empty: str = "nothing") -> str:
    return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items() if value) or empty


def _facts(screen: Console, document: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("pulled", _counts(document["pulled"]))
    table.add_row("persons", _counts(document["identity"]))
    table.add_row("matched", _counts(document["matched"]))
    table.add_row("stages", _counts(document["stages"]))
    table.add_row("now", _counts(document["dispositions"]))
    screen.print(table)


def _alarms(screen: Console, document: dict[str, Any]) -> None:
    """Say what makes a run amber or red though all its rows are settled."""
    for word, what in (("missing", "missing"), ("changed", "drift"), ("deleted", "deleted"), ("silent", "silent")):
        for sentence in document[what]:
            screen.print(f"{word}: {sentence}", style="yellow")


def tell_run(screen: Console, document: dict[str, Any]) -> None:
    """Tell a run: what came in, who moved, what was written, what waits and for whom."""
    colour = _COLOURS[document["verdict"]]
    screen.print(f"run {document['run_id']}: {document['verdict']} ({document['mode']})", style=f"bold {colour}")
    if document["identity"]["persons"]:
        # A plan that is carried out pulls and decides nothing; there is nothing to tell of that.
        _facts(screen, document)
    writes = document["writes"]
    screen.print(
        f"writes: {writes['planned']:,} planned = {writes['written']:,} written + {writes['unchanged']:,} unchanged + "
        f"{writes['superseded']:,} superseded + {writes['held']:,} held + {writes['dead']:,} dead"
    )
    held = _counts(document["held_by"], empty="")
    if held:
        screen.print(f"held by: {held}")
    opted_out = _counts({_OPTED_OUT[name]: count for name, count in document["opted_out"].items()}, empty="")
    if opted_out:
        screen.print(f"because people do not want to be reached: {opted_out}")
    for sentence in in_words(document["event_to_task"]):
        screen.print(sentence)
    if document["created"] or document["updated"]:
        created, updated = _counts(document["created"]), _counts(document["updated"])
        screen.print(f"created: {created}; updated: {updated}")
    for system, streams in document["streams"].items():
        told = [f"{name} {one['seen']:,} of {one['expected']:,}" for name, one in streams.items() if one["expected"]]
        if told:
            screen.print(f"seen of what {system} announced: {', '.join(told)}")
    _alarms(screen, document)
    for system, calls in document["api_calls"].items():
        screen.print(f"API calls to {system}: {calls['used']:,}")
    if document["needs_person"]:
        screen.print(
            f"waiting for a person: {document['needs_person']:,} (`handoff review list`, `handoff outbox list`)"
        )
    if document["mode"] != "live":
        screen.print(f"mode is {document['mode']}: nothing was written; what was decided is dropped")


def tell_plan(screen: Console, document: dict[str, Any], cycle: Cycle) -> None:
    """Tell a plan: what would be written and why, who would move, what it costs."""
    summary = document["plan"]
    screen.print(f"plan {document['plan_id']} ({document['mode']}): nothing was written", style="bold")
    _facts(screen, document)
    screen.print(f"would write {summary['writes']:,} rows: {_counts(summary['by_object'])}")
    screen.print(f"by cause: {_counts(summary['by_cause'])}")
    opted_out = _counts({_OPTED_OUT[name]: count for name, count in document["opted_out"].items()}, empty="")
    if opted_out:
        screen.print(f"because people do not want to be reached: {opted_out}")
    if summary["held"]:
        screen.print(f"held until approved: {_counts(summary['held'])}")
    _alarms(screen, document)
    if cycle.moves:
        ways = ", ".join(f"{count:,} {a} → {b}" for (a, b), count in cycle.moves.most_common(8))
        screen.print(f"moves: {ways}")
    for system, calls in document["api_calls"].items():
        screen.print(f"API calls to {system}: {calls['used']:,} so far, about {calls['forecast']:,} with the writes")
        if "bulk_rows" in calls:
            screen.print(
                f"  {calls['bulk_rows']:,} updates of our own fields go as Bulk jobs: in batches it would be about "
                f"{calls['without_bulk']:,} calls"
            )
    screen.print(f"to do exactly this: handoff run --plan {document['plan_id']}")
