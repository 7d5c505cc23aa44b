"""Progress for people who watch a terminal; nothing where nobody does."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn


class Progress:
    """One line that says what the engine is doing; silent without a terminal."""

    def __init__(self, *, enabled: bool) -> None:
        self._bars: Bars | None = None
        if enabled and sys.stderr.isatty():
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bars.add_task("starting")

    def __call__(self, step: str, detail: str, rows: int) -> None:
        """Show the step in hand."""
        if self._bars is not None:
            count = f" {rows:,}" if rows else ""
            self._bars.update(self._task, description=f"{step}: {detail}{count}")

    def stop(self) -> None:
        """Clear the line."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __enter__(self) -> Self:
        """Begin."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, whatever happened."""
        self.stop()
