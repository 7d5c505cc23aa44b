"""``reconcile``: both sides compared, and repaired where asked."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.bootstrap import House, open_house
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, instant
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.errors import Refused
from connector.logs import set_up_logs
from connector.pipeline.both_sides.reconciled import Reconciled
from connector.pipeline.both_sides.reconciling import DAYS, Reconciler
from connector.pipeline.turn import cycle_clock, guest_turn

_WORDS = {
    "missed_change": "changed or created there, and not here",
    "missed_deletion": "gone there, living here",
    "missed_event": "told there, and never landed",
    "unseen": "our user sees them no longer; gone or hidden, nobody can say which",
    "lost_write": "written by the outbox, and not there",
    "overwritten": "our field holds what somebody else put there",
    "doubled_key": "one creation key on several records",
}


def reconcile(
    config: ConfigFile = DEFAULT_CONFIG,
    repair: Annotated[bool, typer.Option("--repair", help="land what was missed; the next run decides on it")] = False,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="records of each kind whose values are compared")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="which records are sampled")] = 0,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=0, max=90, help="days of events that are read again; 0: none")
    ] = DAYS,
    as_json: AsJson = False,
    as_of: AsOf = None,
) -> int:
    """Compare what both systems hold with what was pulled and written; 0 when equal in the end, 1 when not."""
    set_up_logs(verbose=False, quiet=not as_json)
    with open_house(config) as house, ExitStack() as stack:
        if repair:
            if house.settings.mode == "paused" or house.store.switches.paused() is not None:
                cure = "`handoff resume`, then repair; without --repair nothing is changed"
                raise Refused("reconcile.paused", "writes are paused, and a repair leads to writes", cure=cure)
            stack.enter_context(guest_turn(house.store, house.engine.owner))
        now = cycle_clock(house.store, instant(as_of))
        work = Reconciler(house.engine, now=now, sample=sample, seed=seed, days=days)
        _forecast(work.forecast())
        found = work.compare()
        if repair and found.differences:
            _repair(house, work, found)
        document = found.document()
    if as_json:
        emit(document)
    else:
        _tell(console(), document)
    return 0 if document["equal"] else 1


def _repair(house: House, work: Reconciler, found: Reconciled) -> None:
    work.repair(found)
    causes = {cause: sum(one.cause == cause for one in found.differences) for cause in _WORDS}
    house.store.switches.audit(who(), "reconcile --repair", found.as_of, {**causes, **found.repaired})


def _forecast(calls: dict[str, int]) -> None:
    parts = ", ".join(f"about {count:,} to {system}" for system, count in calls.items() if count) or "none"
    typer.echo(f"calls: {parts}; both sides are read, and nothing is changed there", err=True)


def _tell(screen: Console, document: dict[str, Any]) -> None:
    for line in document["streams"]:
        more = "".join(
            f", {line[name]:,} {words}"
            for name, words in (("changed_since", "changed since the last pull"), ("erased", "erased people left out"))
            if line[name]
        )
        screen.print(
            f"{line['system']} {line['object']}: {line['theirs']:,} there, {line['ours']:,} here,"
            f" values of {line['sampled']:,} compared{more}"
        )
    for line in document["not_compared"]:
        screen.print(f"{line['system']} {line['stream']}: not compared: {line['why']}")
    screen.print(f"our own: {document['own_fields']:,} values and {document['creations']:,} creations looked up")
    if document["foreign_keys"]:
        screen.print(f"{document['foreign_keys']:,} records carry keys of another install, or of an older state")
    _tell_events(screen, document["events"])
    for group in document["differences"]:
        named = ", ".join(" ".join(filter(None, [one["id"], one.get("field", "")])) for one in group["examples"])
        more = (
            f" and {group['count'] - len(group['examples']):,} more" if group["count"] > len(group["examples"]) else ""
        )
        screen.print(
            f"{group['cause']}: {group['count']:,} x {group['system']} {group['object']}: {_WORDS[group['cause']]}"
        )
        screen.print(f"  {named}{more}")
        screen.print(f"  cure: {group['cure']}")
    for line in document["left_alone"]:
        screen.print(f"left alone: {line}")
    if document["repaired"]:
        done = document["repaired"]
        counts = ", ".join(f"{done[name]:,} {name}" for name in ("changes", "deletions", "events") if done.get(name))
        screen.print(f"landed: {counts or 'nothing'}; `handoff run` decides on it")
    for group in document["left"] or ():
        screen.print(
            f"left after the repair: {group['count']:,} x {group['cause']} {group['system']} {group['object']}"
        )
    screen.print("equal" if document["equal"] else "not equal")


def _tell_events(screen: Console, days: list[dict[str, Any]]) -> None:
    """Tell the events by stream, and each day that lacks some."""
    streams: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in days:
        streams.setdefault((line["system"], line["stream"]), []).append(line)
    for (system, stream), lines in streams.items():
        theirs, ours = (sum(line[name] for line in lines) for name in ("theirs", "ours"))
        span = f"{min(line['day'] for line in lines)} to {max(line['day'] for line in lines)}"
        screen.print(f"{system} {stream}: {theirs:,} events there, {ours:,} here, {span}")
        for line in lines:
            if line["missing"]:
                screen.print(
                    f"  {line['day']} {line['kind']}: {line['missing']:,} of {line['theirs']:,} are missing here"
                )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconcile)
