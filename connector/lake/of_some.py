"""All versions of what concerns a few people, whether their files are read or lie arranged in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.lake.arranged import arranged
from connector.lake.asking import asking, rows_of
from connector.lake.layout import ACTIVITY_COLUMNS
from connector.ports.store import Segment

_WHO = "kind, id, person_system, person_object, person_id"


def records_of_some(root: Path, segments: Sequence[Segment], ids: pa.Array) -> pa.Table:
    """Give all versions of some records of one stream, at least one file of it; columns are those of all files.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    kept, others = arranged(root, segments)
    wanted = sorted(pc.drop_null(pc.unique(ids)).to_pylist())
    parts = [one.of(wanted) for one in kept]
    if others:
        with asking(root, others) as connection:
            connection.register("only_ids", pa.table({"id": ids}))
            query = f"SELECT * FROM {rows_of(root, others)} WHERE id IN (FROM only_ids)"
            parts.append(answer(connection, query))
    return pa.concat_tables(_spelt_alike(parts), promote_options="default")


def _spelt_alike(parts: list[pa.Table]) -> list[pa.Table]:
    """Let columns whose names differ in case alone have one name, the first, as the engine does that reads files.

    Where one part has several such it tells them apart as the engine does.
    """
    names = parts[0].column_names
    if len({name.casefold() for name in names}) == len(names) and all(part.column_names == names for part in parts):
        return parts
    spelling: dict[str, str] = {}
    alike = []
    for part in parts:
        seen: Counter[str] = Counter()
        names = []
        for name in part.column_names:
            key, number = name.casefold(), seen[name.casefold()]
            seen[key] += 1
            told = (key, name) if not number else (f"{key}_{number}", f"{name}_{number}")
            names.append(spelling.setdefault(*told))
        alike.append(part.rename_columns(names))
    return alike


def lay_deeds_of_some(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    root: Path,
    segments: Sequence[Segment],
    people: pa.Table,
    known: str,
) -> None:
    """Make a table of all versions of those activities of which any version was one of some people's.

    Who did something may change from version to version, and only all of them tell which is the latest.

    Args:
        connection: from ``asking`` for these files.
        rows: the table's name; beside the columns of activities it has ``h``, a hash of kind and id.
        root: the lake.
        segments: all files of one stream of activities, at least one.
        people: ``system``, ``object`` and ``id`` of these people.
        known: the test for what counts as known.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    kept, others = arranged(root, segments)
    wanted = sorted(pc.drop_null(pc.unique(people.column("id"))).to_pylist())
    connection.register("only_people", people)
    connection.register(f"theirs_{rows}", _together([one.of(wanted) for one in kept]))
    sources = [f"SELECT {_WHO} FROM theirs_{rows}"]
    if others:
        sources.append(f"SELECT {_WHO} FROM {rows_of(root, others)}")
    told = " UNION ALL ".join(sources)
    connection.execute(
        f"CREATE TEMP TABLE mine_{rows} AS SELECT DISTINCT hash(kind, a.id) AS h FROM ({told}) a "
        "SEMI JOIN only_people o ON o.id = a.person_id AND o.system = a.person_system AND o.object = a.person_object"
    )
    mine = answer(connection, f"SELECT h FROM mine_{rows}").column("h").to_numpy()
    connection.register(f"near_{rows}", _together([one.with_hashes(mine) for one in kept]))
    columns = ", ".join(ACTIVITY_COLUMNS.names)
    sources = [f"SELECT {columns} FROM near_{rows}"]
    if others:
        sources.append(f"SELECT {columns} FROM {rows_of(root, others)}")
    connection.execute(
        f"CREATE TEMP TABLE {rows} AS SELECT *, hash(kind, id) AS h FROM ({' UNION ALL '.join(sources)}) "
        f"WHERE {known} AND hash(kind, id) IN (FROM mine_{rows})"
    )


def _together(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables([ACTIVITY_COLUMNS.empty_table(), *parts], promote_options="default")
