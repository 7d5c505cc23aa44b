"""``report``: what people ask for regularly; each report reads and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from connector.bootstrap import open_house, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, Verbose, instant
from connector.cli.output import console, emit
from connector.domain.spans import span_in_words
from connector.logs import set_up_logs
from connector.pipeline.people.census import census_of
from connector.pipeline.reports.late_follow_ups import late_follow_ups
from connector.pipeline.reports.shared_out import shared_out

#: people listed one by one on a screen
_LISTED = 20


def late(
    config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False, as_of: AsOf = None, verbose: Verbose = False
) -> int:
    """List by campaign who was handed over and has not been touched in time."""
    set_up_logs(verbose=verbose)
    with open_house(config) as house:
        last = instant(house.store.switches.setting("last_as_of"))
        found = late_follow_ups(census_of(house.engine), as_of=instant(as_of) or last or utc_now())
    document = found.document()
    if as_json:
        emit(document)
    else:
        _tell(console(), document)
    return 0


def _tell(screen: Console, document: dict[str, Any]) -> None:
    if not document["stages"]:
        screen.print("no stage wants a first touch: name one under sla in routing.yaml")
        return
    late = sum(line["people"] for line in document["late"])
    screen.print(
        f"late first touches in {', '.join(document['stages'])} as of {document['as_of'][:16]}: {late:,}; "
        f"not touched and not late yet: {document['waiting']:,}",
        style="bold",
    )
    if not late:
        return
    table = Table("campaign or source", "people", "late by up to", "with whom", box=None, padding=(0, 2, 0, 0))
    for line in document["late"]:
        owners = ", ".join(f"{name} {count:,}" for name, count in line["owners"].items())
        table.add_row(
            line["campaign"],
            f"{line['people']:,}",
            span_in_words(timedelta(seconds=line["longest_late_seconds"])),
            owners,
        )
    screen.print(table)
    for one in document["people"][:_LISTED]:
        screen.print(
            f"  {one['record'] or one['person_id']}: {one['stage']} since {one['since'][:16]}, due {one['due'][:16]}, "
            f"late by {span_in_words(timedelta(seconds=one['late_seconds']))}, with {one['owner']}"
        )
    if late > _LISTED:
        screen.print(f"  and {late - _LISTED:,} more (--json lists all)")


def shares(
    days: Annotated[int, typer.Option(min=1, max=3650, help="how many days to look back")] = 30,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    as_of: AsOf = None,
    verbose: Verbose = False,
) -> int:
    """Show how tasks were shared out within each pool, beside what the weights say."""
    set_up_logs(verbose=verbose)
    with open_house(config) as house:
        last = instant(house.store.switches.setting("last_as_of"))
        document = shared_out(census_of(house.engine), as_of=instant(as_of) or last or utc_now(), days=days)
    if as_json:
        emit(document)
        return 0
    screen = console()
    screen.print(f"tasks of {days} days until {document['as_of'][:16]}: {document['tasks']:,}", style="bold")
    for name, pool in document["pools"].items():
        table = Table(name, "weight", "fair share", "given", "", box=None, padding=(0, 2, 0, 0))
        for one in pool["members"]:
            notes = {"not active": not one["active"], "also in another pool": one["in_several_pools"]}
            notes["more than taking turns explains"] = one["beyond_chance"]
            told = ", ".join(note for note, holds in notes.items() if holds)
            table.add_row(one["user"], str(one["weight"]), f"{one['expected']:,}", f"{one['given']:,}", told)
        screen.print(table)
    if document["outside_pools"]:
        screen.print(f"given to queues and others outside the pools: {document['outside_pools']:,}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    reports = typer.Typer(help="What people ask for regularly.", no_args_is_help=True)
    reports.command("late")(late)
    reports.command("shares")(shares)
    app.add_typer(reports, name="report")
