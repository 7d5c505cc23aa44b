"""In-memory DuckDBs of a process for those who read the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from connector.domain.few_at_work import works_few
from connector.domain.kept_engine import KeptEngine

#: what so many connections leave behind stays below a mebibyte, and a new engine costs one query in a hundred
CONNECTIONS = 256
_kept = KeptEngine(CONNECTIONS, TimeZone="UTC")
#: for the few rows of a small cycle
_alone = KeptEngine(CONNECTIONS, TimeZone="UTC", threads=1)


@contextmanager
def querying(*, files: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection in UTC; what is registered on it is seen by nobody else and gone at the end.

    ``files``: it reads files, which is worth all cores however few people are asked for.
    """
    with (_alone if works_few() and not files else _kept).cursor() as connection:
        yield connection
