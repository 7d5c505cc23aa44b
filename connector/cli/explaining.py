"""``explain``: why one person or account has the numbers it has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.bootstrap import open_house, utc_now
from connector.cli.explained_page import page
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, Verbose, instant
from connector.cli.output import console, emit
from connector.cli.tell_person import tell_person
from connector.errors import LocalFault
from connector.logs import set_up_logs
from connector.pipeline.explain.explaining import explain as explain_person
from connector.pipeline.people.census import census_of


def explain(
    somebody: Annotated[
        str, typer.Argument(metavar="WHO", help="e-mail, any id or reference; account id, domain or name")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    as_of: AsOf = None,
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="by what is known now of what had happened by --as-of")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="also as a page of its own, with the chart")
    ] = None,
    verbose: Verbose = False,
) -> int:
    """Explain one person or account: identity, match, lines that add up, stage, owner, tasks, story."""
    set_up_logs(verbose=verbose)
    with open_house(config) as house:
        engine = house.engine
        last = instant(house.store.switches.setting("last_as_of"))
        census = census_of(engine)
        moment = instant(as_of) or last or utc_now()
        told = explain_person(
            census, somebody, as_of=moment, last=last, hindsight=hindsight, lake_root=engine.lake_root
        )
    if html is not None:
        _write(html, page(told.document))
    if as_json:
        emit(told.document)
    else:
        tell_person(console(), told.document)
        if html is not None:
            console().print(f"wrote {html}")
    return 0


def _write(path: Path, text: str) -> None:
    """Write a page about somebody, for its owner's eyes.

    Raises:
        LocalFault: it cannot be written there.
    """
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LocalFault(
            "explain.unwritable",
            f"the page cannot be written: {error.strerror}",
            cure="give rights, or another place",
            at=str(path),
        ) from error


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)
