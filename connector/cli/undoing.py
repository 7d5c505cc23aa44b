"""``undo``: put back what a run wrote, except where somebody has changed it since."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connector.bootstrap import House, check_ready, open_house, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, Verbose, instant
from connector.cli.output import console, emit
from connector.cli.progress import Progress
from connector.cli.running import Signals, clock_of, who
from connector.cli.tell import tell_run
from connector.errors import HandoffError, Stopped
from connector.logs import set_up_logs
from connector.pipeline.reports.report import Report
from connector.pipeline.turn import guest_turn, remember_clock
from connector.pipeline.undo.undo_weighing import Chosen
from connector.pipeline.undo.undoing import Undoing
from connector.trust.put_back import notice_put_back, witness

#: lines of one kind that are told on the screen; `--json` gives all
_MOST = 20


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="the run's id, as `handoff status` lists it")],
    record: Annotated[
        list[str] | None, typer.Option("--record", metavar="REF", help="only this record: lead:ID or its id")
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", metavar="NAME", help="only this field, by its name in the CRM")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would go back and what would stay")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    as_of: AsOf = None,
    verbose: Verbose = False,
) -> int:
    """Put back what a run wrote, where the CRM still shows it, and hold it back until there is news."""
    set_up_logs(verbose=verbose, quiet=not as_json)
    chosen = Chosen(frozenset(record or ()), frozenset(field or ()))
    moment, stop = instant(as_of), Signals()
    with Progress(enabled=not as_json) as progress, open_house(config, progress=progress, stop=stop) as house:
        if dry_run:
            document = Undoing(house.engine, now=utc_now()).look(run, chosen)
            progress.stop()
            if as_json:
                emit(document)
            else:
                _tell(document)
            return 0
        cycle = Undoing(house.engine, now=moment or utc_now())
        try:
            # Beside a daemon we wait for its job in hand: no cycle may decide about the same people meanwhile.
            with guest_turn(house.store, house.engine.owner, stop=stop) as turn:
                house.engine.still_ours = turn.renew
                cycle = Undoing(house.engine, now=clock_of(house, moment))
                report = _undo(house, cycle, run, chosen)
        except HandoffError as error:
            stop.rest()
            _failed(cycle.report, error, as_json=as_json)
            raise
        stop.rest()
        progress.stop()
    if as_json:
        emit(report.document())
    else:
        tell_run(console(), report.document())
        _tell(report.document()["undo"])
    return 1 if report.verdict == "red" else 0


def _undo(house: House, cycle: Undoing, run: str, chosen: Chosen) -> Report:
    now = cycle.report.as_of
    check_ready(house, today=now.date())
    notice_put_back(house.store, house.engine.lake_root, now=utc_now())
    report = cycle.undo(run, chosen, who=who())
    remember_clock(house.store, now)
    witness(house.engine.lake_root, report.run_id)
    return report


def _failed(report: Report, error: HandoffError, *, as_json: bool) -> None:
    report.fail(error)
    if isinstance(error, Stopped):
        report.verdict = "amber"
    if as_json:
        emit(report.document())
        error.told = True  # type: ignore[attr-defined]


def _tell(document: dict[str, Any]) -> None:
    """Tell what goes back and what stays, and why."""
    screen, counts = console(), document["counts"]
    would = "would go back" if document["dry_run"] else "go back"
    screen.print(f"of run {document['run']}: {counts['back']:,} fields {would}, {counts['stays']:,} stay", style="bold")
    for one in document["back"][:_MOST]:
        values = f": {one['shows']!r} → {one['goes_back_to']!r}" if "shows" in one else ""
        screen.print(f"  {one['record']} {one['field']}{values}", markup=False, highlight=False)
    for one in document["stays"][:_MOST]:
        screen.print(f"  stays: {one['record']} {one['field']}: {one['why']}", markup=False, highlight=False)
    if counts["closed"]:
        screen.print(
            f"tasks of that run that no person touched, {'to be ' if document['dry_run'] else ''}closed: "
            f"{counts['closed']:,}"
        )
    if counts["not_sent"]:
        screen.print(f"not sent any more: {counts['not_sent']:,}")
    for one in document["created"][:_MOST]:
        screen.print(f"  created: {one['record']}: {one['next']}", markup=False, highlight=False)
    if not document["dry_run"] and counts["back"]:
        screen.print("held back until there is news; `handoff outbox list` shows it, `handoff approve` lets it go")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(undo)
