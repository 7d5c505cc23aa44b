"""One in-memory DuckDB per process and a cursor for each piece of work: starting one takes longer than most queries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

from connector.domain.engine_memory import engine_memory


@contextmanager
def querying() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection in UTC; what is registered on it is seen by nobody else and gone at the end."""
    with _engine(os.getpid()).cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@cache
def _engine(_pid: int) -> duckdb.DuckDBPyConnection:
    """Start the engine of this process; its threads do not survive a fork."""
    return duckdb.connect(":memory:", config=engine_memory())
