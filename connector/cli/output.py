"""How commands speak: one JSON document, or words for people; never both."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import Any

from rich.console import Console

from connector.errors import HandoffError, MappingError

_PIPE_WIDTH = 240


class _Screen(Console):
    """A console whose reader may leave (`| head`): the command still ends with its own exit code."""

    def on_broken_pipe(self) -> None:
        """Say the rest to nobody."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console() -> Console:
    """Give the screen for people: no colours without a terminal or with NO_COLOR.

    Markup and emoji codes stay off: names and subjects from other systems are shown as they are.
    """
    no_color = bool(os.environ.get("NO_COLOR")) or None
    # Without a terminal nothing is cut to its width: a plan's id must come through a pipe whole.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return _Screen(highlight=False, soft_wrap=True, markup=False, emoji=False, no_color=no_color, width=width)


def emit(document: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def error_document(error: HandoffError) -> dict[str, Any]:
    """Give an error as JSON, with every problem of a mapping file apart."""
    body: dict[str, Any] = {"code": error.code, "message": error.message, "cure": error.cure, "at": error.at}
    if isinstance(error, MappingError):
        body["problems"] = [
            {"file": p.file, "line": p.line, "column": p.column, "key": p.key, "message": p.message}
            for p in error.problems
        ]
    return {"error": body}


def complain(error: HandoffError) -> None:
    """Say on standard error what is wrong and what cures it."""
    if isinstance(error, MappingError):
        sys.stderr.write(f"{error}\n")
        return
    where = f"{error.at}: " if error.at else ""
    sys.stderr.write(f"{where}{error.message} [{error.code}]\n")
    if error.cure:
        sys.stderr.write(f"  cure: {error.cure}\n")
