"""Let a daemon live at an instant that stands in a file: each of its looks then answers as ``run --once --as-of``."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from connector.daemon import serve
from connector.daemon.clock import Clock


class _SetClock(Clock):
    """Stands still until the file says otherwise, which is a jump: the daemon then looks at everything once."""

    def __init__(self, path: Path) -> None:
        super().__init__(now=self._read, monotonic=time.monotonic)
        self._path = path
        self._seen = self._read()

    def _read(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text(encoding="utf-8"))

    def jumped(self) -> timedelta | None:
        """Say by how much the file's instant has moved since the last look."""
        now, before = self._read(), self._seen
        self._seen = now
        return now - before or None


def set_clock(path: Path) -> None:
    """Let the daemon of this process live by the file."""
    serve.Clock = lambda: _SetClock(path)  # type: ignore[attr-defined]
