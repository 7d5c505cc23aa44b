"""Scoring on the embedded engine: one in-memory DuckDB per process, and a connection for each piece of work.

Opening an engine takes longer than scoring the thirty people of a small cycle. What one leaves behind in its queues, a
few kilobytes for each join, goes when it is replaced, once so many pieces of work have been done on it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.domain.engine_memory import engine_memory
from connector.domain.few_at_work import works_few
from connector.scoring.engines.runner import Runner


@dataclass(frozen=True, slots=True)
class DuckDb:
    """The embedded engine; ``threads`` None leaves the number to the machine. A handful of people is scored by one."""

    threads: int | None = None

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """Open a connection of its own; what is named on it is seen by nobody else and gone at its end.

        Extensions are neither fetched nor loaded, and row order is free: whoever cares orders by a key.
        """
        engine = _taken(1 if works_few() else self.threads)
        try:
            with engine.database.cursor() as connection:
                yield _DuckDbRunner(connection)
        finally:
            _put_back(engine)


#: pieces of work after which an engine is replaced
_WORK = 128


@dataclass(slots=True)
class _Engine:
    """An engine and how it stands with those who use it."""

    database: duckdb.DuckDBPyConnection
    threads: int | None
    pid: int
    given: int = 0
    open: int = 0


_lock = threading.Lock()
_engines: dict[int | None, _Engine] = {}


def _taken(threads: int | None) -> _Engine:
    """Give the engine of this process with so many threads; they do not survive a fork."""
    with _lock:
        engine = _engines.get(threads)
        if engine is None or engine.pid != os.getpid():
            config: dict[str, Any] = {
                **engine_memory(),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
            if threads is not None:
                config["threads"] = threads
            engine = _engines[threads] = _Engine(duckdb.connect(":memory:", config=config), threads, os.getpid())
        engine.given += 1
        engine.open += 1
        return engine


def _put_back(engine: _Engine) -> None:
    """Close an engine that has served long enough, once nobody is at work on it."""
    with _lock:
        engine.open -= 1
        if engine.given >= _WORK and not engine.open:
            engine.database.close()
            if _engines.get(engine.threads) is engine:
                del _engines[engine.threads]


class _DuckDbRunner:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def table(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")

    def fetch(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        table = answer(self._connection, sql)
        return table if schema is None else table.cast(schema)


#: the embedded engine with all cores: what everything runs on that is told nothing else
EMBEDDED = DuckDb()
