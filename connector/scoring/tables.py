"""Tables from files: CSV or Parquet, checked, typed where scoring needs it; every fault names place and cure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from connector.domain.records import ACTIVITY_TYPES
from connector.errors import ConfigError

_INSTANT = pa.timestamp("us", "UTC")
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
_PARQUET = frozenset({".parquet", ".pq"})


def read_people(path: Path) -> pa.Table:
    """Read people; every row has its own ``person_id``. Other columns stay as they are; empty text is null.

    Raises:
        ConfigError: the file cannot be read or a row is wrong.
    """
    table = _read(path)
    _require(path, table, ("person_id",))
    table = _as_text(table, ("person_id", "account_id"))
    _unique(path, table, "person_id")
    return table


def read_accounts(path: Path) -> pa.Table:
    """Read accounts; every row has its own ``account_id``.

    Raises:
        ConfigError: the file cannot be read or a row is wrong.
    """
    table = _read(path)
    _require(path, table, ("account_id",))
    table = _as_text(table, ("account_id",))
    _unique(path, table, "account_id")
    return table


def read_activities(path: Path) -> pa.Table:
    """Read activities; the same row given twice counts once. Instants without an offset are UTC.

    Raises:
        ConfigError: the file cannot be read, or a row has no person, an unknown type, no readable instant, or shares
            its ``activity_id`` with another event.
    """
    table = _read(path)
    _require(path, table, ("person_id", "type", "occurred_at"))
    table = _as_text(table, ("activity_id", "person_id", "identity", "type"))
    for column in ("person_id", "type", "occurred_at"):
        _present(path, table, column)
    known = pc.is_in(table.column("type"), value_set=pa.array(sorted(ACTIVITY_TYPES)))
    _refuse_first(path, "type", pc.invert(known), "is no activity type", "use a type such as page_view, or other")
    for column in ("occurred_at", "landed_at"):
        if column in table.column_names:
            place = table.column_names.index(column)
            table = table.set_column(place, column, _instants(path, table, column))
    if "activity_id" in table.column_names:
        table = table.group_by(table.column_names, use_threads=False).aggregate([])
        _unique(path, table, "activity_id", may_be_missing=True)
    return table


def _read(path: Path) -> pa.Table:
    kind = path.suffix.lower()
    if kind != ".csv" and kind not in _PARQUET:
        raise ConfigError(
            "input.format",
            "the file is neither CSV nor Parquet by its name",
            cure="name it .csv or .parquet",
            at=str(path),
        )
    try:
        table = pq.read_table(path) if kind in _PARQUET else _read_csv(path)
    except FileNotFoundError as error:
        raise ConfigError("input.missing", "there is no such file", cure="check the path", at=str(path)) from error
    except OSError as error:
        raise ConfigError(
            "input.unreadable", "the file cannot be read", cure="check its rights", at=str(path)
        ) from error
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        # the cause is dropped from the text: it would quote the row
        message = "the file cannot be understood as " + (
            "Parquet" if kind in _PARQUET else "CSV in UTF-8 with a header"
        )
        cure = "export it again" if kind in _PARQUET else "save it again as CSV UTF-8 with commas between the columns"
        raise ConfigError("input.malformed", message, cure=cure, at=str(path)) from error
    repeated = {name for name in table.column_names if table.column_names.count(name) > 1}
    if repeated:
        name = min(repeated)
        raise ConfigError("input.repeated_column", f"column {name} appears twice", cure="leave one", at=str(path))
    return table


def _read_csv(path: Path) -> pa.Table:
    bad: list[pv.InvalidRow] = []

    def note(row: pv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    parsing = pv.ParseOptions(newlines_in_values=True, invalid_row_handler=note)
    with pv.open_csv(path, parse_options=parsing) as stream:
        names = stream.schema.names
    bad.clear()
    table = pv.read_csv(
        path,
        # one thread, so that a bad row knows its number
        read_options=pv.ReadOptions(use_threads=False),
        parse_options=parsing,
        convert_options=pv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    if bad:
        row = bad[0]
        raise ConfigError(
            "input.ragged_row",
            # the reader counts the header as row 1; every other message counts from 1 after it
            f"row {(row.number or 1) - 1} has {row.actual_columns} columns where the header has {row.expected_columns}",
            cure="put values that hold commas in double quotes",
            at=str(path),
        )
    _closed(path, table)
    return table


def _closed(path: Path, table: pa.Table) -> None:
    """Refuse a quote that is never closed: all rows after it would stand in one cell, and be missing without a word."""
    last = table.column(table.num_columns - 1)[-1].as_py() if table.num_rows else None
    if last is None or "\n" not in last:
        return
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 64), os.SEEK_END)
        end = file.read().rstrip()
    if not end.endswith(b'"'):
        raise ConfigError(
            "input.unclosed_quote",
            f"row {table.num_rows} opens a double quote that is never closed",
            cure="close it, or write two double quotes where one is meant",
            at=str(path),
        )


def _require(path: Path, table: pa.Table, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in table.column_names:
            other = [mark for mark in ";\t|" if table.num_columns == 1 and mark in table.column_names[0]]
            cure = "put commas between the columns" if other else f"add it; needed are {', '.join(columns)}"
            raise ConfigError(
                "input.missing_column",
                f"column {column} is missing",
                cure=cure,
                at=str(path),
            )


def _as_text(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    for column in columns:
        if column in table.column_names:
            place = table.column_names.index(column)
            texts = pc.utf8_trim_whitespace(table.column(column).cast(pa.string()))
            table = table.set_column(place, column, pc.if_else(pc.equal(texts, ""), None, texts))
    return table


def _present(path: Path, table: pa.Table, column: str) -> None:
    _refuse_first(path, column, pc.is_null(table.column(column)), "is empty", "fill it or leave the row out")


def _unique(path: Path, table: pa.Table, column: str, *, may_be_missing: bool = False) -> None:
    values = table.column(column)
    if not may_be_missing:
        _present(path, table, column)
    if pc.count_distinct(values, mode="only_valid").as_py() == len(values) - values.null_count:
        return
    codes = values.dictionary_encode().unify_dictionaries().combine_chunks()
    numbered = pa.table({"code": codes.indices, "row": pa.array(range(len(values)), pa.int64())})
    firsts = numbered.group_by("code", use_threads=False).aggregate([("row", "min")]).column("row_min")
    repeated = pc.and_(
        pc.is_valid(values), pc.invert(pc.is_in(numbered.column("row"), value_set=firsts.combine_chunks()))
    )
    _refuse_first(path, column, repeated, "stands in an earlier row too", "leave one row per id")


def _instants(path: Path, table: pa.Table, column: str) -> pa.ChunkedArray:
    values = table.column(column)
    if pa.types.is_timestamp(values.type):
        zoned = values if values.type.tz is not None else values.cast(pa.timestamp(values.type.unit, "UTC"))
        return zoned.cast(_INSTANT, safe=False)
    if pa.types.is_date(values.type):
        return values.cast(pa.timestamp("us")).cast(_INSTANT)
    cure = "write ISO 8601, for example 2026-01-31T09:00:00Z"
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise ConfigError("input.bad_value", f"column {column} holds no instants", cure=cure, at=str(path))
    texts = pc.utf8_trim_whitespace(values.cast(pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    shaped = pc.match_substring_regex(texts, _ISO)
    _refuse_first(path, column, pc.invert(shaped), "is no instant", cure)
    texts = pc.replace_substring_regex(texts, r"^(.{10})$", r"\1T00:00:00Z")
    texts = pc.replace_substring_regex(texts, r"[.,](\d{1,6})\d*", r".\1")
    bare = pc.invert(pc.match_substring_regex(texts, r"(Z|.{13,}[+-]\d{2}(:?\d{2})?)$"))
    texts = pc.if_else(bare, pc.binary_join_element_wise(texts, "Z", ""), texts)
    try:
        return texts.cast(_INSTANT)
    except pa.ArrowInvalid:
        _refuse_first(path, column, _uncastable(texts), "is no instant", cure)
        raise


def _uncastable(texts: pa.ChunkedArray) -> pa.Array:
    """Find the rows that look like instants and are none (a 13th month): halves are tried until one row is left."""
    first, last = 0, len(texts)
    while last - first > 1:
        middle = (first + last) // 2
        try:
            texts.slice(first, middle - first).cast(_INSTANT)
            first = middle
        except pa.ArrowInvalid:
            last = middle
    return pa.array([row == first for row in range(len(texts))])


def _refuse_first(path: Path, column: str, wrong: pa.ChunkedArray | pa.Array, what: str, cure: str) -> None:
    """Refuse the file when a row is wrong, naming the first; rows count from 1 after the header."""
    row = pc.index(pc.fill_null(wrong, False), pa.scalar(True)).as_py()
    if row >= 0:
        raise ConfigError("input.bad_value", f"row {row + 1}, column {column}: {what}", cure=cure, at=str(path))
