"""A database of one's own in an engine that is kept: for the few rows of a small cycle opening an engine costs more.

Opening and closing an embedded engine takes some seventeen milliseconds of processor and starts its threads; attaching
an empty database to one that runs takes one. Many rows get an engine of their own, which gives back all its memory when
it closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import duckdb

from connector.domain.engine_memory import engine_memory
from connector.domain.kept_engine import KeptEngine

#: rows beyond which an engine of one's own is worth its opening
FEW = 20_000
#: replaced after so many pieces of work: each leaves a little behind in its queues
_kept = KeptEngine(128, threads=1)
_numbers = count()


@contextmanager
def engine_apart(rows: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database that nobody else sees, for about so many rows; it is gone at the end of the block."""
    if rows > FEW:
        with duckdb.connect(":memory:", config=engine_memory()) as own:
            yield own
        return
    with _kept.cursor() as connection:
        name = f"apart_{next(_numbers)}"
        connection.execute(f"ATTACH ':memory:' AS {name}")
        connection.execute(f"USE {name}")
        try:
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {name}")
