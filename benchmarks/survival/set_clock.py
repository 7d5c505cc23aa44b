"""Let a daemon live at an instant that stands in a file: each of its looks then answers as ``run --once --as-of``."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from connector.daemon import serve
from connector.daemon.clock import Clock


class _SetClock(Clock):
    """Stands still until the file is written again: that is a jump, and the daemon looks at everything once."""

    def __init__(self, path: Path) -> None:
        super().__init__(now=self._read, monotonic=time.monotonic)
        self._path = path
        self._seen = self._stamp()

    def _read(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text(encoding="utf-8"))

    def _stamp(self) -> int:
        return self._path.stat().st_mtime_ns

    def jumped(self) -> timedelta | None:
        """Say whether the file was written since the last look; by how much it moved is nobody's concern."""
        now, before = self._stamp(), self._seen
        self._seen = now
        return timedelta() if now != before else None


def set_clock(path: Path) -> None:
    """Let the daemon of this process live by the file."""
    vars(serve)["Clock"] = lambda: _SetClock(path)


def write_clock(path: Path, at: datetime) -> None:
    """Set the clock, or set it to what it shows already, so that who lives by it looks again."""
    draft = path.with_suffix(".draft")
    draft.write_text(at.isoformat(), encoding="utf-8")
    draft.replace(path)
