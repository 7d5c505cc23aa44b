"""One in-memory DuckDB per process for those who read the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from connector.domain.kept_engine import KeptEngine

#: what so many connections leave behind stays below a mebibyte, and a new engine costs one query in a hundred
CONNECTIONS = 256
_kept = KeptEngine(CONNECTIONS)


@contextmanager
def querying() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection in UTC; what is registered on it is seen by nobody else and gone at the end."""
    with _kept.cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
