"""The commands, gathered, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import click
import typer

from connector.cli.engine_alone import register as register_engine_alone
from connector.cli.local import register as register_local
from connector.cli.looking import register as register_looking
from connector.cli.output import complain, emit, error_document
from connector.cli.project import register as register_project
from connector.cli.running import register as register_running
from connector.errors import HandoffError

app = typer.Typer(
    name="handoff",
    help="Carries a lead from marketing to sales: exactly once, with the reason beside every number.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for register in (register_project, register_running, register_looking, register_engine_alone, register_local):
    register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"handoff {version('handoff-connector')}")
        raise typer.Exit


@app.callback()
def _root(
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Carry leads from marketing to sales."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    try:
        code = app(args=words, standalone_mode=False)
    except HandoffError as error:
        if as_json:
            # A cycle that failed has printed its own document, which holds the error and what was done so far.
            if not getattr(error, "told", False):
                emit(error_document(error))
        else:
            complain(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        if as_json:
            emit({"error": {"code": "usage", "message": error.format_message(), "cure": "see --help", "at": ""}})
        else:
            error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
