"""Scoring's SQL in Spark's words: written once in DuckDB's dialect, translated here, never kept twice."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

#: functions of lists, whose names the translator does not know; both count from 1
_RENAMED = {"LIST_EXTRACT": "ELEMENT_AT"}


@lru_cache(maxsize=2_000)
def spark_sql(sql: str) -> str:
    """Translate one query.

    Raises:
        sqlglot.errors.SqlglotError: the query is outside of what both engines answer alike.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    return tree.transform(_renamed).sql(dialect="spark", unsupported_level=ErrorLevel.RAISE)


def _renamed(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Anonymous) and node.name.upper() in _RENAMED:
        return exp.Anonymous(this=_RENAMED[node.name.upper()], expressions=node.expressions)
    return node
