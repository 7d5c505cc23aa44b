"""The commands, gathered, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from connector.cli.engine_alone import register as register_engine_alone
from connector.cli.explaining import register as register_explaining
from connector.cli.forgetting import register as register_forgetting
from connector.cli.keeping import register as register_keeping
from connector.cli.local import register as register_local
from connector.cli.models import register as register_models
from connector.cli.outbox import register as register_outbox
from connector.cli.output import complain, emit, error_document
from connector.cli.project import register as register_project
from connector.cli.quarantine import register as register_quarantine
from connector.cli.reconciling import register as register_reconciling
from connector.cli.reports import register as register_reports
from connector.cli.reviewing import register as register_reviewing
from connector.cli.running import register as register_running
from connector.cli.status import register as register_status
from connector.cli.undoing import register as register_undoing
from connector.errors import AdapterFault, HandoffError
from connector.logs import redact_text

#: What Typer raises for a wrong command line. Its name is private, and differs between Typer's versions: some bring
#: their own copy of Click, others use the package. The base of a public subclass is right in both.
_WrongCommand: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="handoff",
    help="Carries a lead from marketing to sales: exactly once, with the reason beside every number.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for register in (
    register_project,
    register_running,
    register_status,
    register_explaining,
    register_outbox,
    register_reviewing,
    register_quarantine,
    register_models,
    register_keeping,
    register_forgetting,
    register_undoing,
    register_reconciling,
    register_reports,
    register_engine_alone,
    register_local,
):
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


_commands = typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    code = _run(words, as_json="--json" in words)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us (`| head`) has seen enough. What is left must not complain while the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run(words: list[str], *, as_json: bool) -> int:
    """Run one command and give its exit code; every error has been told."""
    try:
        code = _commands(args=words, standalone_mode=False, prog_name="handoff")
    except HandoffError as error:
        return _told(error, as_json=as_json)
    except _WrongCommand as error:
        return _wrong_command(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return 0
    except SystemExit as leaving:  # Typer's answer to a closed pipe
        if isinstance(leaving.__context__, BrokenPipeError):
            return 0
        raise
    except Exception as error:  # noqa: BLE001 - the door: a bug of ours gets its exit code, and says where it is
        sys.stderr.write(redact_text("".join(traceback.format_exception(error))))
        bug = AdapterFault(
            "program.bug", f"{type(error).__name__} inside Handoff", cure="this is our bug: please report it"
        )
        return _told(bug, as_json=as_json)
    return code if isinstance(code, int) else 0


def _told(error: HandoffError, *, as_json: bool) -> int:
    if not as_json:
        complain(error)
    # A cycle that failed has printed its own document, which holds the error and what was done so far.
    elif not getattr(error, "told", False):
        emit(error_document(error))
    return error.exit_code


def _wrong_command(error: Exception, *, as_json: bool) -> int:
    if as_json:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        emit({"error": {"code": "usage", "message": message, "cure": "see --help", "at": ""}})
    elif hasattr(error, "show"):
        error.show()
    return 2
