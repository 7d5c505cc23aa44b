"""``sandbox`` and ``demo``: local orgs, and the whole job on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.errors import ConfigError


def sandbox(context: typer.Context) -> int:
    """Start local Salesforce and HubSpot orgs that real clients believe; `sandbox --help` lists the options."""
    try:
        from sandbox.serve import main as serve  # noqa: PLC0415 - the sandbox is an extra and may be absent
    except ImportError as error:
        raise ConfigError(
            "sandbox.missing",
            "the sandbox's packages are not installed",
            cure="pip install 'handoff-connector[sandbox]'",
        ) from error
    return serve(context.args)


def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="where to work; left out: a folder that is removed")
    ] = None,
    people: Annotated[int, typer.Option("--people", min=50, max=20_000, help="sample people")] = 1000,
) -> int:
    """Run the whole job on local orgs: provision, first load, quiet run, a day of buyers, one explained lead."""
    from connector.cli.demo import run_demo  # noqa: PLC0415 - nothing else needs what the demo imports

    return run_demo(folder, people=people)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
        add_help_option=False,
    )(sandbox)
    app.command()(demo)
