"""One query over Arrow tables: how the pipeline joins what the rooms give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.lake.engine import querying


def sql(query: str, parameters: Mapping[str, Any] | None = None, /, **tables: pa.Table) -> pa.Table:
    """Run one query over named tables, in UTC; parameters are bound as ``$name``."""
    with querying() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return answer(connection, query, parameters)


def row_hashes(table: pa.Table) -> pa.ChunkedArray:
    """Give a 64-bit hash of each row, to be compared with others of this process only."""
    names = ", ".join(f'"{name}"' for name in table.column_names)
    return sql(f"SELECT hash({names}) AS h FROM rows", rows=table).column("h")


def beside(people: pa.Table, answer: pa.Table) -> pa.Table:
    """Set the columns of ``answer`` beside those of ``people``, by person; columns that are there are not copied.

    Both are keyed by ``person_id`` and in its order; ``answer`` has exactly one row for everybody.
    """
    if not people.column("person_id").equals(answer.column("person_id")):
        raise ValueError("an answer must have one row for every person, in the order of people")
    for name in answer.column_names:
        if name != "person_id":
            people = people.append_column(name, answer.column(name))
    return people


def changed(new: pa.Table, old: pa.Table, schema: pa.Schema) -> pa.Table:
    """Keep the rows of ``new`` that ``old`` does not hold word for word, in order."""
    if not old.num_rows:
        return new.select(schema.names).cast(schema)
    names = ", ".join(f'"{name}"' for name in schema.names)
    rows = sql(f"SELECT {names} FROM new EXCEPT SELECT {names} FROM old ORDER BY ALL", new=new, old=old)
    return rows.cast(schema)
