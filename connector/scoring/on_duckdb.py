"""Scoring on the embedded engine: one in-memory DuckDB per piece of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from connector.domain.engine_memory import engine_memory
from connector.scoring.engine import Runner


@dataclass(frozen=True, slots=True)
class DuckDb:
    """The embedded engine; ``threads`` None leaves the number to the machine."""

    threads: int | None = None

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """Open an in-memory engine and close it at the end.

        Extensions are neither fetched nor loaded, and row order is free: whoever cares orders by a key.
        """
        config: dict[str, Any] = {
            **engine_memory(),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        if self.threads is not None:
            config["threads"] = self.threads
        connection = duckdb.connect(":memory:", config=config)
        try:
            yield _DuckDbRunner(connection)
        finally:
            connection.close()


class _DuckDbRunner:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def table(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")

    def fetch(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        table = self._connection.sql(sql).to_arrow_table()
        return table if schema is None else table.cast(schema)


#: the embedded engine with all cores: what everything runs on that is told nothing else
EMBEDDED = DuckDb()
