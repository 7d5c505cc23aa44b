"""Many rows at once: Arrow tables in and out, plain rows in, on the cursors below SQLAlchemy."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from sqlalchemy import Connection, Table

from connector.domain.records import Value
from state.database import Database

#: rows held as Python objects at a time while a large set is read or written
CHUNK_ROWS = 50_000
#: made once: a hundred thousand bodies are written in one commit
_encode = json.JSONEncoder(separators=(",", ":")).encode
_encode_quickly = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


def storable(text: str) -> str:
    """Give text that both databases can keep: no NUL (PostgreSQL) and no half surrogate (UTF-8)."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def insert(
    database: Database, connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Any]
) -> None:
    """Add rows (tuples in the order of ``columns``): COPY on PostgreSQL, one prepared statement on SQLite."""
    names = ", ".join(columns)
    with _cursor(connection) as cursor:
        if database.make == "sqlite":
            marks = ", ".join("?" * len(columns))
            cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
            return
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def update_by_id(
    database: Database, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Set ``columns`` of the rows whose ``id`` stands last in each tuple."""
    if not rows:
        return
    with _cursor(connection) as cursor:
        if database.make == "sqlite":
            assignments = ", ".join(f"{name} = ?" for name in columns)
            cursor.executemany(f"UPDATE {table.name} SET {assignments} WHERE id = ?", rows)
            return
        _update_from_lists(connection, cursor, table, columns, rows)


def _update_from_lists(
    connection: Connection, cursor: Any, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Update by one statement of PostgreSQL; what is the same in every row is sent once."""
    kinds = {name: table.c[name].type.compile(connection.dialect) for name in (*columns, "id")}
    lists = dict(zip(kinds, zip(*rows, strict=True), strict=True))
    single = [name for name in columns if lists[name].count(lists[name][0]) == len(rows)]
    several = [name for name in kinds if name not in single]
    arrays = ", ".join(f"%s::{kinds[name]}[]" for name in several)
    assignments = ", ".join(
        [*(f"{name} = %s::{kinds[name]}" for name in single), *(f"{name} = new.{name}" for name in several[:-1])]
    )
    cursor.execute(
        f"UPDATE {table.name} AS old SET {assignments} FROM unnest({arrays}) AS new ({', '.join(several)})"
        " WHERE old.id = new.id",
        [*(lists[name][0] for name in single), *(list(lists[name]) for name in several)],
    )


def fetch(
    database: Database, connection: Connection, statement: str, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run a SELECT with named values (``:name``); give all rows as the driver gives them."""
    with _cursor(connection) as cursor:
        cursor.execute(_marked(database, statement, values), values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def change(database: Database, connection: Connection, statement: str, values: Mapping[str, Any]) -> int:
    """Run a change with named values (``:name``); give how many rows it met."""
    with _cursor(connection) as cursor:
        cursor.execute(_marked(database, statement, values), values)
        return int(cursor.rowcount)


def _marked(database: Database, statement: str, names: Iterable[str]) -> str:
    """Give a statement with the driver's own marks of named values."""
    if database.make == "postgresql":
        for name in names:
            statement = statement.replace(f":{name}", f"%({name})s")
    return statement


def read_arrow(database: Database, connection: Connection, select: str, schema: pa.Schema) -> pa.Table:
    """Run a SELECT without parameters whose columns are those of ``schema``; give all its rows."""
    stored = _stored(schema)
    if database.make == "postgresql":
        table = _copy_out(connection, select, stored)
    else:
        table = pa.Table.from_batches(_fetch(connection, select, stored), stored)
    return table.cast(schema)


def table_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Make a table of result rows whose columns are those of ``schema``."""
    if not rows:
        return schema.empty_table()
    stored = _stored(schema)
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), stored.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=stored).cast(schema)


def upsert_arrow(
    database: Database, connection: Connection, table: Table, rows: pa.Table, schema: pa.Schema, *, replace: bool
) -> None:
    """Add rows by primary key; a row that is there is replaced, or left alone where ``replace`` is false.

    Of several rows with one key the last counts.
    """
    if rows.num_rows == 0:
        return
    keys = [column.name for column in table.primary_key.columns]
    stored = _without_nul(_last_of_each(rows.select(schema.names).cast(schema), keys).cast(_stored(schema)))
    rest = [name for name in schema.names if name not in keys]
    update = ", ".join(f"{name} = excluded.{name}" for name in rest)
    conflict = f"ON CONFLICT ({', '.join(keys)}) DO " + (f"UPDATE SET {update}" if replace and rest else "NOTHING")
    names = ", ".join(schema.names)
    with _cursor(connection) as cursor:
        if database.make == "sqlite":
            marks = ", ".join("?" * len(schema.names))
            cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks}) {conflict}", _tuples(stored))
            return
        staging = f"incoming_{table.name}"
        cursor.execute(
            f"CREATE TEMPORARY TABLE {staging} ON COMMIT DROP AS SELECT {names} FROM {table.name} WITH NO DATA"
        )
        with cursor.copy(f"COPY {staging} ({names}) FROM STDIN (FORMAT csv)") as copy:
            for text in _csv(stored):
                copy.write(text)
        cursor.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {staging} {conflict}")
        cursor.execute(f"DROP TABLE {staging}")


def _cursor(connection: Connection) -> AbstractContextManager[Any]:
    """Open a cursor of the driver itself (sqlite3 or psycopg), inside the connection's transaction."""
    return closing(connection.connection.cursor())


def _stored(schema: pa.Schema) -> pa.Schema:
    """Give the schema with instants as the numbers the database keeps."""
    return pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in schema])


def _fetch(connection: Connection, select: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with _cursor(connection) as cursor:
        cursor.execute(select)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _copy_out(connection: Connection, select: str, schema: pa.Schema) -> pa.Table:
    """Read CSV, in which PostgreSQL writes nothing for NULL and ``""`` for the empty text."""
    sink = io.BytesIO()
    with _cursor(connection) as cursor, cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT csv)") as copy:
        for block in copy:
            sink.write(block)
    if not sink.tell():
        return schema.empty_table()
    return pacsv.read_csv(
        pa.BufferReader(sink.getbuffer()),
        read_options=pacsv.ReadOptions(column_names=schema.names),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def _csv(rows: pa.Table) -> Iterator[bytes]:
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in rows.to_batches(max_chunksize=CHUNK_ROWS):
        sink = io.BytesIO()
        pacsv.write_csv(batch, sink, options)
        yield sink.getvalue()


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in rows.to_batches(max_chunksize=CHUNK_ROWS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _without_nul(rows: pa.Table) -> pa.Table:
    for place, name in enumerate(rows.column_names):
        column = rows.column(place)
        if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\x00")).as_py():
            rows = rows.set_column(place, name, pc.replace_substring(column, "\x00", "\ufffd"))
    return rows


def _last_of_each(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    numbered = rows.select(keys).append_column("place", pa.array(range(rows.num_rows), pa.int64()))
    last = numbered.group_by(list(keys), use_threads=False).aggregate([("place", "max")])
    if last.num_rows == rows.num_rows:
        return rows
    places = last["place_max"].combine_chunks()
    return rows.take(places.take(pc.sort_indices(places)))


#: of these, and of texts in ASCII, both encoders make the same text
_PLAIN = frozenset({str, int, bool, type(None)})


def values_json(values: Mapping[str, Value]) -> str:
    """Write a record's values as ``as_json`` does, several times as fast where nothing in them is unusual."""
    if not values:
        return "{}"
    if _PLAIN.issuperset(map(type, values.values())):
        try:
            return _encode_quickly(values).decode("ascii")
        except (UnicodeError, OverflowError):
            pass
    return as_json(values)


def all_values_json(several: Sequence[Mapping[str, Value]]) -> list[str]:
    """Write the values of records, one after the other, as ``values_json`` does; at once where all are usual."""
    if _PLAIN.issuperset(map(type, chain.from_iterable(values.values() for values in several))):
        try:
            # a line break in a text is escaped
            return _encode_lines(several).decode("ascii").splitlines()
        except (UnicodeError, OverflowError):
            pass
    return [values_json(values) for values in several]


def as_json(value: Any) -> str:
    """Write JSON in pure ASCII: any text survives, NUL and half surrogates included."""
    return _encode(value)
