"""One query over Arrow tables: how the pipeline joins what the rooms give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa


def sql(query: str, parameters: Mapping[str, Any] | None = None, /, **tables: pa.Table) -> pa.Table:
    """Run one query over named tables, in UTC; parameters are bound as ``$name``."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(query, params=dict(parameters) if parameters else None).to_arrow_table()
