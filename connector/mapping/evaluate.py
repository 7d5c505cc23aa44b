"""The one evaluator of conditions: facts in, one truth per row out, unknown kept apart from no."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.columns import Column, Scalar, column_of, constant
from connector.mapping.conditions import AllOf, AnyOf, Condition, Not, Test


class Evaluator:
    """Conditions over one table of facts at one instant.

    Text columns are folded at their first use and kept, so ask one evaluator about all conditions on a table.
    """

    def __init__(self, facts: pa.Table, *, now: datetime) -> None:
        self._facts = facts
        self._now = now
        self._rows: int = facts.num_rows
        self._columns: dict[str, Column] = {}

    def evaluate(self, condition: Condition) -> pa.BooleanArray:
        """Answer a condition for every row: true, false, or null where the facts do not say (Kleene logic)."""
        match condition:
            case Test():
                return self._test(condition)
            case Not(part):
                return pc.invert(self.evaluate(part))
            case AllOf(parts):
                return reduce(pc.and_kleene, map(self.evaluate, parts), constant(True, self._rows))
            case AnyOf(parts):
                return reduce(pc.or_kleene, map(self.evaluate, parts), constant(False, self._rows))

    def _test(self, test: Test) -> pa.BooleanArray:
        column, operand = self._column(test.field), test.operand
        match test.operator:
            case "known":
                return column.known() if operand else pc.invert(column.known())
            case "is":
                return column.equals(cast(Scalar, operand))
            case "is_not":
                return pc.invert(column.equals(cast(Scalar, operand)))
            case "in":
                return column.among(cast(tuple[Scalar, ...], operand))
            case "not_in":
                return pc.invert(column.among(cast(tuple[Scalar, ...], operand)))
            case "contains" | "starts_with" | "matches":
                return column.finds(test.operator, cast(str, operand))
            case "gt" | "gte" | "lt" | "lte":
                return column.orders(test.operator, cast(Decimal, operand))
            case "between":
                low, high = cast(tuple[Decimal, Decimal], operand)
                return pc.and_(column.orders("gte", low), column.orders("lte", high))
            case "within":
                return column.within(cast(timedelta, operand), self._now)

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            index = self._facts.schema.get_field_index(name)
            chunks = self._facts.column(index) if index >= 0 else None
            self._columns[name] = column_of(chunks, self._rows)
        return self._columns[name]


def evaluate(condition: Condition, facts: pa.Table, *, now: datetime) -> pa.BooleanArray:
    """Answer a condition for every row of ``facts``: true, false, or null where the facts do not say.

    A test's field names a column; a missing column, null, blank text and NaN are unknown. Text is compared folded
    (NFKC, case), numbers exactly and as written, numbers in text only when they are plain numbers. ``now`` is aware.
    """
    return Evaluator(facts, now=now).evaluate(condition)


def holds(mask: pa.BooleanArray) -> pa.BooleanArray:
    """Turn unknown into false: what is not known to hold does not hold."""
    return pc.fill_null(mask, False)
