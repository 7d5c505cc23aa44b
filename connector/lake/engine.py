"""One in-memory DuckDB per process and a cursor for each piece of work: starting one takes longer than most queries.

Each join and each grouping leaves a few kilobytes behind in the engine that ran it (DuckDB 2.0 keeps the handles of
freed blocks in its eviction queues, about 40 MiB before it begins to clear them). So it is replaced from time to time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from connector.domain.engine_memory import engine_memory

#: what so many connections leave behind stays below a mebibyte, and a new engine costs one query in a hundred
CONNECTIONS = 256


@dataclass(slots=True)
class _Engine:
    """An engine and how it stands with those who use it."""

    database: duckdb.DuckDBPyConnection
    pid: int
    given: int = 0
    open: int = 0


_lock = threading.Lock()
_current: _Engine | None = None


@contextmanager
def querying() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection in UTC; what is registered on it is seen by nobody else and gone at the end."""
    engine = _taken()
    try:
        with engine.database.cursor() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
    finally:
        _put_back(engine)


def _taken() -> _Engine:
    """Give the engine of this process; its threads do not survive a fork."""
    global _current  # noqa: PLW0603 - one for the process
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Engine(duckdb.connect(":memory:", config=engine_memory()), os.getpid())
        _current.given += 1
        _current.open += 1
        return _current


def _put_back(engine: _Engine) -> None:
    """Close an engine that has served long enough, once nobody is at work on it."""
    global _current  # noqa: PLW0603 - one for the process
    with _lock:
        engine.open -= 1
        if engine.given >= CONNECTIONS and not engine.open:
            engine.database.close()
            if _current is engine:
                _current = None
