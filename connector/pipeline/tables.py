"""One query over Arrow tables: how the pipeline joins what the rooms give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from connector.lake.engine import querying


def sql(query: str, parameters: Mapping[str, Any] | None = None, /, **tables: pa.Table) -> pa.Table:
    """Run one query over named tables, in UTC; parameters are bound as ``$name``."""
    with querying() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(query, params=dict(parameters) if parameters else None).to_arrow_table()
