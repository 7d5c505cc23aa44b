"""The clock of one org."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class OrgClock:
    """Run on with real time from a start that can be moved; safe between threads.

    With a path the clock is found again after a restart, and it has run on meanwhile.
    """

    def __init__(self, start: datetime, path: Path | None = None) -> None:
        """Start at an aware instant, or where the file left off if that is later."""
        self._lock = threading.Lock()
        self._path = path
        self._zero = start.astimezone(UTC)
        self._real = time.time()
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            resumed = datetime.fromisoformat(kept["org"]) + timedelta(seconds=max(0.0, self._real - kept["real_s"]))
            self._zero = max(self._zero, resumed)
        self._keep()

    def _keep(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps({"org": self._zero.isoformat(), "real_s": self._real}))
            draft.replace(self._path)

    def _read(self) -> datetime:
        return self._zero + timedelta(seconds=max(0.0, time.time() - self._real))

    def now(self) -> datetime:
        """Return the org's present, aware UTC."""
        with self._lock:
            return self._read()

    def advance(self, span: timedelta) -> datetime:
        """Move the clock by a span and return the new present.

        Raises: ValueError when no calendar reaches that far.
        """
        with self._lock:
            try:
                self._zero, self._real = self._read() + span, time.time()
            except OverflowError as error:
                message = f"no calendar reaches as far as {span}"
                raise ValueError(message) from error
            self._keep()
            return self._zero

    def set(self, instant: datetime) -> datetime:
        """Move the clock to an aware instant and return it."""
        with self._lock:
            self._zero, self._real = instant.astimezone(UTC), time.time()
            self._keep()
            return self._zero

    def reach(self, instant: datetime) -> None:
        """Move the clock forward to an instant; do nothing when it is already past it."""
        with self._lock:
            if instant > self._read():
                self._zero, self._real = instant.astimezone(UTC), time.time()
                self._keep()


SPAN_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_span(text: object) -> timedelta:
    """Read a span such as ``90s``, ``5m``, ``3d`` or a bare number of seconds.

    Raises: ValueError when it is neither.
    """
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        message = f"not a span: {text!r}"
        raise ValueError(message)
    word, factor = str(text).strip(), 1.0
    for unit in sorted(SPAN_UNITS, key=len, reverse=True):
        if word.endswith(unit):
            word, factor = word.removesuffix(unit), SPAN_UNITS[unit]
            break
    try:
        return timedelta(seconds=float(word) * factor)
    except (ValueError, OverflowError) as error:
        message = f"not a span such as 90s, 5m or 3d: {text!r}"
        raise ValueError(message) from error


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; without an offset it is UTC.

    Raises: ValueError when it is not one.
    """
    instant = datetime.fromisoformat(text.strip())
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
