"""An embedded DuckDB that a process keeps, and a cursor for each piece of work: opening costs more than most queries.

Each join and each grouping leaves a few kilobytes behind in the engine that ran it (DuckDB 2.0 keeps the handles of
freed blocks in its eviction queues, about 40 MiB before it begins to clear them). So it is replaced from time to time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from connector.domain.engine_memory import engine_memory


@dataclass(slots=True)
class _Engine:
    """An engine and how it stands with those who use it."""

    database: duckdb.DuckDBPyConnection
    pid: int
    given: int = 0
    open: int = 0


class KeptEngine:
    """Lends cursors of one engine in memory, from any thread."""

    def __init__(self, most: int, **settings: Any) -> None:
        """Prepare; the engine is replaced after ``most`` cursors, once nobody is at work on it.

        ``settings``: of the engine, for all of its cursors.
        """
        self._most = most
        self._settings = settings
        self._lock = threading.Lock()
        self._current: _Engine | None = None

    @property
    def database(self) -> duckdb.DuckDBPyConnection | None:
        """The engine that is kept now, if one is."""
        return None if self._current is None else self._current.database

    def renew(self) -> None:
        """Let go of the engine that is kept: the next cursor is of a new one."""
        with self._lock:
            self._current = None

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor for the length of the block; what is registered on it is seen by nobody else."""
        engine = self._taken()
        try:
            with engine.database.cursor() as connection:
                yield connection
        finally:
            self._put_back(engine)

    def _taken(self) -> _Engine:
        """Give the engine of this process; its threads do not survive a fork."""
        with self._lock:
            if self._current is None or self._current.pid != os.getpid():
                database = duckdb.connect(":memory:", config=engine_memory())
                for name, value in self._settings.items():
                    database.execute(f"SET GLOBAL {name} = {value!r}")
                self._current = _Engine(database, os.getpid())
            self._current.given += 1
            self._current.open += 1
            return self._current

    def _put_back(self, engine: _Engine) -> None:
        with self._lock:
            engine.open -= 1
            if engine.given >= self._most and not engine.open:
                engine.database.close()
                if self._current is engine:
                    self._current = None
