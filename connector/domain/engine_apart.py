"""A database of one's own in an engine that is kept: for the few rows of a small cycle opening an engine costs more.

Opening and closing an embedded engine takes some seventeen milliseconds of processor and starts its threads; attaching
an empty database to one that runs takes one. Many rows get an engine of their own, which gives back all its memory when
it closes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import duckdb

from connector.domain.engine_memory import engine_memory

#: rows beyond which an engine of one's own is worth its opening
FEW = 20_000
#: pieces of work after which a kept engine is replaced: each leaves a little behind in its queues
_WORK = 128


@dataclass(slots=True)
class _Engine:
    """An engine and how it stands with those who use it."""

    database: duckdb.DuckDBPyConnection
    pid: int
    given: int = 0
    open: int = 0


_lock = threading.Lock()
_numbers = count()
_current: _Engine | None = None


@contextmanager
def engine_apart(rows: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database that nobody else sees, for about so many rows; it is gone at the end of the block."""
    if rows > FEW:
        with duckdb.connect(":memory:", config=engine_memory()) as own:
            yield own
        return
    engine = _taken()
    try:
        with engine.database.cursor() as connection:
            name = f"apart_{next(_numbers)}"
            connection.execute(f"ATTACH ':memory:' AS {name}")
            connection.execute(f"USE {name}")
            try:
                yield connection
            finally:
                connection.execute("USE memory")
                connection.execute(f"DETACH {name}")
    finally:
        _put_back(engine)


def _taken() -> _Engine:
    """Give the kept engine of this process; its threads do not survive a fork."""
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
        if engine.given >= _WORK and not engine.open:
            engine.database.close()
            if _current is engine:
                _current = None
