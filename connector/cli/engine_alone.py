"""``score`` and ``match``: the engine alone, on files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from connector.bootstrap import utc_now
from connector.cli.options import AsJson, AsOf, Verbose, instant
from connector.cli.output import console, emit
from connector.logs import set_up_logs
from connector.mapping.load import load_mappings
from connector.matching.files import match_files
from connector.scoring.engines.choosing import engine_named
from connector.scoring.files import LeftOut, score_files

People = Annotated[Path, typer.Option("--people", metavar="FILE", help="CSV or Parquet with person_id and facts")]


def score(
    mappings: Annotated[Path, typer.Option("--mappings", metavar="DIR", help="the folder of the mapping files")],
    people: People,
    activities: Annotated[Path, typer.Option("--activities", metavar="FILE", help="CSV or Parquet")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="where the three Parquet files go")],
    accounts: Annotated[Path | None, typer.Option("--accounts", metavar="FILE", help="CSV or Parquet")] = None,
    as_of: AsOf = None,
    engine: Annotated[str, typer.Option("--engine", help="duckdb, spark or spark://host:7077")] = "duckdb",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="left out: all cores")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> int:
    """Score people from files: scores.parquet, lines.parquet, accounts.parquet."""
    set_up_logs(verbose=verbose)
    moment = instant(as_of) or utc_now()
    unused: list[LeftOut] = []
    scored = score_files(
        mappings,
        people,
        activities,
        accounts,
        as_of=moment,
        out=out,
        engine=engine_named(engine, threads),
        told=unused.append,
    )
    (left_out,) = unused
    counts = {"people": scored.scores.num_rows, "lines": scored.lines.num_rows, "accounts": scored.accounts.num_rows}
    if as_json:
        emit({"as_of": moment, "out": str(out), **counts, "left_out": asdict(left_out)})
        return 0
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    screen = console()
    screen.print(f"scored as of {moment.isoformat()}: {told} in {out}")
    if left_out.of_nobody:
        screen.print(f"  {left_out.of_nobody:,} activities count for nobody: their person_id is in no row of people")
    if left_out.later:
        screen.print(f"  {left_out.later:,} activities are later than that instant")
    for name, count in left_out.no_numbers.items():
        screen.print(f"  {count:,} values of {name} are no number, so they are unknown; write 1200, not 1,200 or 200+")
    return 0


def match(
    people: Annotated[Path, typer.Option("--people", metavar="FILE", help="CSV; person_id and company are enough")],
    accounts: Annotated[Path, typer.Option("--accounts", metavar="FILE", help="CSV; account_id and name are enough")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="the CSV to write")],
    mappings: Annotated[
        Path | None, typer.Option("--mappings", metavar="DIR", help="left out: starter thresholds")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> int:
    """Match people to accounts from files; what is not sure is marked for review."""
    set_up_logs(verbose=verbose)
    matching = None if mappings is None else load_mappings(mappings).matching.account
    counts, suspects, because = match_files(people, accounts, out, matching=matching)
    if as_json:
        emit({"out": str(out), **counts, "suspect_domains": suspects})
    else:
        console().print(", ".join(f"{count:,} {name}" for name, count in counts.items()) + f" in {out}")
        if suspects:
            for domain, why in list(zip(suspects, because, strict=True))[:10]:
                console().print(f"  {domain}: {why}")
            more = f", and {len(suspects) - 10:,} more (--json lists all)" if len(suspects) > 10 else ""
            console().print(f"  by these alone nobody is matched; what is shared belongs into shared_domains{more}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(score)
    app.command()(match)
