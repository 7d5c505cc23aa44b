"""Where scoring computes: what every stage asks of an engine, and the integer idioms of the SQL they share."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa


class Runner(Protocol):
    """One piece of work on an engine: tables go in by name, queries make further ones, the last are fetched.

    SQL is written once, in DuckDB's dialect, and kept to what every engine answers alike: 64-bit integers, texts and
    truth values; no floating point before the last division by ten; sums say their type (``sum(x)::BIGINT``); division
    is ``//`` on integers; whoever cares for order names every column of it. ``docs/how-it-works.md`` says what
    to avoid.
    """

    def register(self, name: str, table: pa.Table) -> None:
        """Give an Arrow table a name."""

    def table(self, name: str, sql: str) -> None:
        """Name the result of a query for later ones; it is computed at most once. A name is given once only."""

    def fetch(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        """Run one query and give its rows in the query's order, cast to ``schema`` where given."""


class Engine(Protocol):
    """A kind of engine with its settings; every piece of work gets a runner of its own."""

    def runner(self) -> AbstractContextManager[Runner]:
        """Open a runner; what it holds is given back at the end of the ``with`` block."""


def rounded(numerator: str, denominator: str) -> str:
    """Write the quotient of two 64-bit integers, rounded half away from zero; the denominator is positive."""
    return (
        f"(CASE WHEN ({numerator}) < 0 THEN -1 ELSE 1 END"
        f" * ((2 * abs({numerator}) + ({denominator})) // (2 * ({denominator}))))"
    )


def signed(number: str) -> str:
    """Write the sign of an integer as an integer; an engine's own ``sign`` may be a floating-point number."""
    return f"(CASE WHEN ({number}) > 0 THEN 1 WHEN ({number}) < 0 THEN -1 ELSE 0 END)"
