"""Read the lake as it was known at an instant: the latest version of each record, each activity once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
            "SELECT {shown} FROM rows WHERE landed_at <= $as_of "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY modified_at DESC, landed_at DESC, deleted DESC, "
            "merged_into NULLS LAST, shape) = 1 "
            "ORDER BY id",
            as_of,
        )

    def versions(self, system: str, object_: str, *, as_of: datetime) -> pa.Table:
        """Give every version that had landed by ``as_of``, in order of id and modification."""
        return self._read(
            records_stream(system, object_),
            RECORD_COLUMNS,
            "SELECT {shown} FROM rows WHERE landed_at <= $as_of "
            "ORDER BY id, modified_at, landed_at, deleted, merged_into NULLS FIRST, shape",
            as_of,
        )

    def activities(self, systems: Sequence[str], *, as_of: datetime) -> pa.Table:
        """Give each activity that had occurred and landed by ``as_of``, once, in its latest version, not deleted.

        Columns: ``ACTIVITY_COLUMNS`` and ``system``, in order of time, then id.
        """
        tables = []
        for system in systems:
            table = self._read(
                activities_stream(system),
                ACTIVITY_COLUMNS,
                "SELECT * FROM (SELECT {shown} FROM rows WHERE landed_at <= $as_of QUALIFY row_number() OVER "
                "(PARTITION BY kind, id ORDER BY modified_at DESC NULLS LAST, landed_at DESC, deleted DESC, "
                "occurred_at DESC, person_system, person_object, person_id) = 1) "
                "WHERE occurred_at <= $as_of AND NOT deleted ORDER BY occurred_at, kind, id",
                as_of,
            )
            tables.append(table.append_column("system", pa.array([system] * table.num_rows, pa.string())))
        empty = ACTIVITY_COLUMNS.append(pa.field("system", pa.string())).empty_table()
        return pa.concat_tables([empty, *tables]) if tables else empty

    def _read(self, stream: str, schema: pa.Schema, query: str, as_of: datetime) -> pa.Table:
        version = self._manifest.version()
        try:
            return self._ask(self._manifest.segments(stream), schema, query, as_of)
        except LocalFault:
            # A compaction and a sweep may have passed between the listing and the reading: then there is a newer set.
            if self._manifest.version() == version:
                raise
            return self._ask(self._manifest.segments(stream), schema, query, as_of)

    def _ask(self, segments: Sequence[Segment], schema: pa.Schema, query: str, as_of: datetime) -> pa.Table:
        if not segments:
            return schema.empty_table()
        for segment in segments:
            assure(self._root, segment)
        paths = [str(self._root / segment.path) for segment in segments]
        with querying() as connection:
            try:
                # Bound as a variable: a prepared list of thousands of paths is parsed once.
                rows = connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
                # The order of columns must not tell in which order files were written or merged.
                known = set(schema.names)
                more = sorted(name for name in rows.columns if name not in known)
                shown = ", ".join('"' + name.replace('"', '""') + '"' for name in (*schema.names, *more))
                return connection.sql(query.format(shown=shown), params={"as_of": as_of}).to_arrow_table()
            except duckdb.Error as error:
                for segment in segments:
                    # A query's own words do not always say which file it stumbled over.
                    check_segment(self._root, segment)
                raise LocalFault(
                    "lake.unreadable",
                    f"{segments[0].stream} cannot be read although its segments are whole",
                    cure="free memory and space for temporary files, then try again",
                    at=str(self._root / segments[0].stream),
                ) from error
