"""Qualification: what a person in sales has confirmed, 20 points per yes. No and unknown give nothing."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.scoring.compile import QUESTIONS

#: tenths of a point
YES_TENTHS = 200


def answers(people: pa.Table) -> pa.Table:
    """Read the columns ``bants.<question>``: one column per question, true = yes, false = no, null = unknown."""
    columns = {}
    for question in QUESTIONS:
        name = f"bants.{question}"
        if name in people.column_names:
            columns[question] = _answer(people.column(name))
        else:
            columns[question] = pa.nulls(people.num_rows, pa.bool_())
    return pa.table(columns)


def _answer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return column
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    return pc.if_else(pc.is_in(text, value_set=pa.array(["yes", "no"])), pc.equal(text, "yes"), None)
