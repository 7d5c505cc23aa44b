"""Read the lake as it was known at an instant: the latest version of each record, each activity once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from connector.errors import LocalFault
from connector.lake.engine import querying
from connector.lake.layout import ACTIVITY_COLUMNS, RECORD_COLUMNS, activities_stream, records_stream
from connector.lake.segments import assure, check_segment
from connector.ports.store import Manifest, Segment


class Lake:
    """Reads streams of the lake under ``root`` as Arrow tables. Safe beside a writer: segments never change."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self._manifest = manifest

    def objects(self, system: str) -> list[str]:
        """List the kinds of record one system has left here."""
        prefix = records_stream(system, "")
        streams = {s.stream for s in self._manifest.segments() if s.stream.startswith(prefix)}
        return sorted(stream.removeprefix(prefix) for stream in streams)

    def current(self, system: str, object_: str, *, as_of: datetime) -> pa.Table:
        """Give each record's latest version that had landed by ``as_of``, deletions included, in order of id.

        Columns: those of every record, then ``f:FIELD`` and ``l:LINK``. Empty when nothing has landed.
        """
        return self._read(
            records_stream(system, object_),
            RECORD_COLUMNS,
            "SELECT * FROM rows WHERE landed_at <= $as_of "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY modified_at DESC, landed_at DESC, serial DESC) = 1 "
            "ORDER BY id",
            as_of,
        )

    def versions(self, system: str, object_: str, *, as_of: datetime) -> pa.Table:
        """Give every version that had landed by ``as_of``, in order of id and modification."""
        return self._read(
            records_stream(system, object_),
            RECORD_COLUMNS,
            "SELECT * FROM rows WHERE landed_at <= $as_of ORDER BY id, modified_at, landed_at, serial",
            as_of,
        )

    def activities(self, systems: Sequence[str], *, as_of: datetime) -> pa.Table:
        """Give each activity that had occurred and landed by ``as_of``, once, in its latest version, not deleted.

        Columns: ``ACTIVITY_COLUMNS`` and ``system``, in order of time, then id.
        """
        query = "SELECT * FROM activities ORDER BY occurred_at, kind, id"
        tables = [self.ask_activities(query, [system], as_of=as_of) for system in systems]
        empty = ACTIVITY_COLUMNS.append(pa.field("system", pa.string())).empty_table()
        return pa.concat_tables([empty, *tables]) if tables else empty

    def count_activities(self, systems: Sequence[str]) -> int:
        """Count the rows that have landed, every version of each activity."""
        streams = {activities_stream(system) for system in systems}
        return sum(segment.rows for segment in self._manifest.segments() if segment.stream in streams)

    def ask_activities(
        self, query: str, systems: Sequence[str], *, as_of: datetime, tables: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one query over ``activities``, a table as ``activities()`` gives it, and ``tables``.

        Nothing is read but the columns and rows the query asks for, and never all at once: use it for large lakes.
        """

        def ask() -> pa.Table:
            segments = {system: self._manifest.segments(activities_stream(system)) for system in systems}
            return self._over(segments, query, as_of, tables or {})

        return self._while_compacted(ask)

    def _over(
        self, segments: Mapping[str, Sequence[Segment]], query: str, as_of: datetime, tables: Mapping[str, pa.Table]
    ) -> pa.Table:
        listed = [segment for each in segments.values() for segment in each]
        for segment in listed:
            assure(self._root, segment)
        with querying() as connection, self._blaming(listed):
            connection.register("none", ACTIVITY_COLUMNS.append(pa.field("system", pa.string())).empty_table())
            for name, table in tables.items():
                connection.register(name, table)
            parts = ["SELECT * FROM none"]
            for number, (system, each) in enumerate(segments.items()):
                if each:
                    parts.append(self._once(connection, f"rows_{number}", system, each, as_of))
            connection.execute(f"CREATE TEMP VIEW activities AS {' UNION ALL '.join(parts)}")
            return connection.sql(query).to_arrow_table()

    def _once(
        self,
        connection: duckdb.DuckDBPyConnection,
        rows: str,
        system: str,
        segments: Sequence[Segment],
        as_of: datetime,
    ) -> str:
        """Write the query for one system's activities, each once.

        Few come more than once, so only those are compared: all whose hash does, which may be some more and never less.
        """
        paths = ", ".join(_literal(str(self._root / segment.path)) for segment in segments)
        instant = f"TIMESTAMPTZ '{as_of.astimezone(UTC).isoformat()}'"
        connection.execute(
            f"CREATE TEMP VIEW {rows} AS SELECT *, hash(kind, id) AS h "
            f"FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false) "
            f"WHERE landed_at <= {instant}"
        )
        connection.execute(f"CREATE TEMP TABLE again_{rows} AS SELECT h FROM {rows} GROUP BY h HAVING count(*) > 1")
        (count,) = connection.execute(f"SELECT count(*) FROM again_{rows}").fetchall()[0]
        columns = ", ".join(ACTIVITY_COLUMNS.names)
        single = f"SELECT {columns} FROM {rows}" + (f" WHERE h NOT IN (FROM again_{rows})" if count else "")
        latest = (
            f"SELECT {columns} FROM {rows} WHERE h IN (FROM again_{rows}) QUALIFY row_number() OVER "
            "(PARTITION BY kind, id ORDER BY modified_at DESC NULLS LAST, landed_at DESC, deleted DESC, "
            "occurred_at DESC, person_system, person_object, person_id) = 1"
        )
        both = f"{single} UNION ALL ({latest})" if count else single
        return f"SELECT *, {_literal(system)} AS system FROM ({both}) WHERE occurred_at <= {instant} AND NOT deleted"

    def _read(self, stream: str, schema: pa.Schema, query: str, as_of: datetime) -> pa.Table:
        return self._while_compacted(lambda: self._ask(self._manifest.segments(stream), schema, query, as_of))

    def _while_compacted(self, ask: Callable[[], pa.Table]) -> pa.Table:
        version = self._manifest.version()
        try:
            return ask()
        except LocalFault:
            # A compaction and a sweep may have passed between the listing and the reading: then there is a newer set.
            if self._manifest.version() == version:
                raise
            return ask()

    def _ask(self, segments: Sequence[Segment], schema: pa.Schema, query: str, as_of: datetime) -> pa.Table:
        if not segments:
            return schema.empty_table()
        for segment in segments:
            assure(self._root, segment)
        paths = [str(self._root / segment.path) for segment in segments]
        with querying() as connection, self._blaming(segments):
            # Bound as a variable: a prepared list of thousands of paths is parsed once.
            rows = connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)  # noqa: F841 - by name
            table = connection.sql(query, params={"as_of": as_of}).to_arrow_table()
        # The order of columns must not tell in which order files were written or merged.
        return table.select([*schema.names, *sorted(set(table.column_names) - set(schema.names))])

    @contextmanager
    def _blaming(self, segments: Sequence[Segment]) -> Iterator[None]:
        """Find the file a query stumbled over: its own words do not always say which."""
        try:
            yield
        except duckdb.Error as error:
            for segment in segments:
                check_segment(self._root, segment)
            stream = segments[0].stream if segments else ""
            raise LocalFault(
                "lake.unreadable",
                f"{stream} cannot be read although its segments are whole",
                cure="free memory and space for temporary files, then try again",
                at=str(self._root / stream),
            ) from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
