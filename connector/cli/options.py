"""Options that many commands share, each defined once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from connector.errors import ConfigError

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="the configuration file", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document on standard output")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="ISO-TIME", help="the clock to use, for example 2026-03-01T09:00:00Z")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="log more, on standard error")]
DEFAULT_CONFIG = Path("handoff.yaml")


def instant(text: str | None) -> datetime | None:
    """Read a time; without a zone it is UTC.

    Raises:
        ConfigError: it is no ISO 8601 time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            "as_of.invalid",
            f"{text!r} is no time",
            cure="write ISO 8601, for example 2026-03-01T09:00:00Z",
            at="--as-of",
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
