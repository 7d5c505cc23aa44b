"""Qualification: what a person in sales has confirmed, 20 points per yes. No and unknown give nothing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connector.scoring.compile import QUESTIONS

#: tenths of a point
YES_TENTHS = 200
_PREFIX = "bants."
_INSTANT = pa.timestamp("us", "UTC")


def answers(people: pa.Table, zone: ZoneInfo) -> pa.Table:
    """Read the columns ``bants.<question>``: one column per question, true = yes, false = no, null = unknown.

    ``<question>_day`` is the local day (since 1970) on which the answer was given, from ``bants.<question>.on``: a
    date, an instant, or text such as 2026-01-31; null where it is not known.
    """
    columns = {}
    for question in QUESTIONS:
        name = _PREFIX + question
        here = name in people.column_names
        columns[question] = _answer(people.column(name)) if here else pa.nulls(people.num_rows, pa.bool_())
        when = f"{name}.on"
        dated = (
            _days(people.column(when), zone) if when in people.column_names else pa.nulls(people.num_rows, pa.int32())
        )
        columns[f"{question}_day"] = dated
    return pa.table(columns)


def _answer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return column
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    return pc.if_else(pc.is_in(text, value_set=pa.array(["yes", "no"])), pc.equal(text, "yes"), None)


def _days(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        day = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}$")
        column = pc.strptime(pc.if_else(day, text, None), format="%Y-%m-%d", unit="us", error_is_null=True)
        return column.cast(pa.date32()).cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        instants = (
            column.cast(_INSTANT, safe=False) if column.type.tz else column.cast(pa.timestamp("us")).cast(_INSTANT)
        )
        local = pc.local_timestamp(instants.cast(pa.timestamp("us", str(zone))))
        return local.cast(pa.date32(), safe=False).cast(pa.int32())
    if pa.types.is_date(column.type):
        return column.cast(pa.date32()).cast(pa.int32())
    return pa.chunked_array([pa.nulls(len(column), pa.int32())])
