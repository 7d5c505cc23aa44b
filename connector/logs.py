"""Logs are events without people: one line of JSON on standard error, redacted in one place."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

import structlog

from connector.pipeline.steps import StepDone

#: what never reaches a log line, whatever the key it hides under; ``%40`` is how addresses travel in URLs
_EMAIL = re.compile(r"[^\s@'\"<>(),;:=&?/\\]+(?:@|%40)[^\s@'\"<>(),;:&]+", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s?=]*=\S*")
_SECRET = re.compile(
    r"token|secret|password|passwd|authorization|cookie|credential|api_?key|session_?id|assertion"
    r"|email|first_?name|last_?name|full_?name|phone|(?<!every)body|subject",
    re.IGNORECASE,
)
#: ``token=…``, ``"access_token": "…"`` in the middle of a text
_PAIR = re.compile(
    r"(?i)([\w-]*(?:token|secret|password|passwd|authorization|cookie|credential|api_?key|assertion)[\w-]*"
    r"['\"]?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?['\"]?[^\s'\"&,;]+"
)
_TOKEN = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[^\s'\",;]+|\bpat-[a-z0-9]+-[a-z0-9-]+|\b00D[a-z0-9]{12,15}![^\s'\"]*"
    r"|\beyJ[a-z0-9_-]+\.[a-z0-9_-]+\.?[a-z0-9_-]*"
)
_GONE = "(redacted)"


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take people and secrets out of an event: by the name of the key, and by what the text looks like."""
    for key, value in list(event.items()):
        del event[key]
        event[redact_text(key)] = _GONE if key != "event" and _SECRET.search(key) else _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    """Go to the bottom of whatever was logged; what is no plain value is written down first."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact_text(value)
        case Mapping():
            return {
                redact_text(str(key)): _GONE if _SECRET.search(str(key)) else _redacted(inner)
                for key, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_redacted(inner) for inner in value]
        case datetime():
            return value.isoformat()
        case BaseException():
            return redact_text(f"{type(value).__name__}: {value}")
        case _:
            return redact_text(str(value))


def redact_text(text: str) -> str:
    """Take addresses, query strings and tokens out of a text."""
    text = _PAIR.sub(rf"\1{_GONE}", text)
    text = _TOKEN.sub(_GONE, text)
    return _EMAIL.sub(_GONE, _QUERY.sub("", text))


class _RedactingFilter(logging.Filter):
    """Redact what libraries log through the standard library."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the finished message and the trace; nothing is dropped."""
        record.msg, record.args = redact_text(record.getMessage()), ()
        if record.exc_info:
            # A trace quotes the exception's own words, in which libraries like to print whole URLs.
            record.exc_text = redact_text(_PLAIN.formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact_text(record.stack_info)
        return True


_PLAIN = logging.Formatter()


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


def log_step(done: StepDone) -> None:
    """Write one line for a step that has ended, with its counts; what each stream brought comes with ``verbose``."""
    log = structlog.get_logger()
    for stream in done.streams:
        log.debug(
            "stream",
            run=done.run_id,
            system=stream.system,
            stream=stream.stream,
            rows=stream.rows,
            landed=stream.landed,
            repeated=stream.repeated,
            refused=stream.refused,
            ended=stream.ended,
        )
    log.info(
        "step", run=done.run_id, step=done.step, seconds=round(done.seconds, 3), counts=dict(done.counts), **done.words
    )
