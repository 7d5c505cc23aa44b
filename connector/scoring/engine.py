"""The embedded engine: one in-memory DuckDB per piece of work, and the few integer idioms every stage writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from connector.domain.engine_memory import engine_memory


@contextmanager
def engine(threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory engine and close it at the end; ``threads`` None leaves the number to the machine.

    Extensions are neither fetched nor loaded, and row order is free: whoever cares orders by a key.
    """
    config: dict[str, Any] = {
        **engine_memory(),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(":memory:", config=config)
    try:
        yield connection
    finally:
        connection.close()


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema | None = None) -> pa.Table:
    """Run one query and give its rows, cast to ``schema`` where given."""
    table = connection.sql(sql).to_arrow_table()
    return table if schema is None else table.cast(schema)


def rounded(numerator: str, denominator: str) -> str:
    """Write the quotient of two 64-bit integers, rounded half away from zero; the denominator is positive."""
    return (
        f"(CASE WHEN ({numerator}) < 0 THEN -1 ELSE 1 END"
        f" * ((2 * abs({numerator}) + ({denominator})) // (2 * ({denominator}))))"
    )
