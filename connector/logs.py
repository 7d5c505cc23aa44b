"""Logs are events without people: one line of JSON on standard error, redacted in one place."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: what never reaches a log line, whatever the key it hides under
_EMAIL = re.compile(r"[^\s@'\"<>(),;:]+@[^\s@'\"<>(),;:]+")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")
_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|email|first_?name|last_?name|phone|body|subject", re.IGNORECASE
)
_BEARER = re.compile(r"(?i)\b(bearer|pat-[a-z0-9]+-|00D[A-Za-z0-9]{12,15}!)\S*")


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take people and secrets out of an event: by the name of the key, and by what the text looks like."""
    for key, value in list(event.items()):
        if key != "event" and _SECRET_KEYS.search(key):
            event[key] = "(redacted)"
        elif isinstance(value, str):
            event[key] = redact_text(value)
    return event


def redact_text(text: str) -> str:
    """Take addresses, query strings and tokens out of a text."""
    return _BEARER.sub("(redacted)", _QUERY.sub(r"\1", _EMAIL.sub("(redacted)", text)))


class _RedactingFilter(logging.Filter):
    """Redact what libraries log through the standard library."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the finished message; nothing is dropped."""
        record.msg, record.args = redact_text(record.getMessage()), ()
        return True


def set_up_logs(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send events of this process to standard error as JSON lines; libraries speak from warnings up.

    ``quiet`` is for commands that tell a person what happened in words: only warnings are logged besides.
    """
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RedactingFilter())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
