"""One in-memory DuckDB per process and a cursor for each piece of work: starting one takes longer than most queries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

#: what one query may hold while it works; beyond it, sorting and joining go through the disk
MEMORY_LIMIT = "512MB"


@contextmanager
def querying() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection in UTC; what is registered on it is seen by nobody else and gone at the end."""
    with _engine(os.getpid()).cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@cache
def _engine(_pid: int) -> duckdb.DuckDBPyConnection:
    """Start the engine of this process; its threads do not survive a fork."""
    engine = duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT})
    # Never the working directory, which may be anybody's and read-only.
    engine.execute("SET temp_directory = ?", [str(Path(tempfile.gettempdir()) / f"handoff-{os.getpid()}.spill")])
    return engine
