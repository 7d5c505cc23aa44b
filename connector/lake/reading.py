"""Read the lake as it was known at an instant: the latest version of each record, each activity once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal, moment, quoted
from connector.errors import LocalFault
from connector.lake import few
from connector.lake.asking import asking, rows_of
from connector.lake.kept_latest import latest_kept
from connector.lake.layout import ACTIVITY_COLUMNS, RECORD_COLUMNS, activities_stream, records_stream
from connector.lake.of_some import lay_deeds_of_some, records_of_some
from connector.ports.store import Manifest, Segment

_Answer = TypeVar("_Answer")

#: how often a reader that comes too late for a file asks for the newer set; files stay an hour after they were replaced
_TRIES = 4


class Narrowed(NamedTuple):
    """Which people a lake is narrowed to (system, object, id), and which streams of records are."""

    people: pa.Table
    streams: frozenset[str]


class Lake:
    """Reads streams of the lake under ``root`` as Arrow tables. Safe beside a writer: segments never change."""

    def __init__(
        self, root: Path, manifest: Manifest, only: Narrowed | None = None, *, hindsight: bool = False
    ) -> None:
        """Take the lake at ``root``; see ``of`` for ``only`` and ``in_hindsight`` for ``hindsight``."""
        self._root = root
        self._manifest = manifest
        self._only = only
        self._hindsight = hindsight
        #: of a narrowed lake: what has been read of it, by the files it was read from
        self._deeds: tuple[tuple[object, ...], pa.Table] | None = None
        self._records: dict[str, tuple[tuple[str, ...], pa.Table]] = {}
        #: hashes of activities that came more than once, by instant and files
        self._again: dict[tuple[str, ...], pa.Table] = {}

    def of(self, people: pa.Table, kinds: Iterable[tuple[str, str]]) -> Lake:
        """Give the lake as if it held of some ``kinds`` of record (system, object) only ``people`` and what they did.

        ``people`` has ``system``, ``object`` and ``id``. Records of other kinds stay.
        """
        streams = frozenset(records_stream(system, object_) for system, object_ in kinds)
        only = Narrowed(people.select(["system", "object", "id"]), streams)
        return Lake(self._root, self._manifest, only, hindsight=self._hindsight)

    @property
    def hindsight(self) -> bool:
        """Whether what had not landed by then is read all the same."""
        return self._hindsight

    def in_hindsight(self) -> Lake:
        """Give the same lake, read by what is known now of what had happened by an instant, whenever it landed.

        An activity counts that had occurred by then; a record is as it was then by its latest change before, else,
        where nobody knows, as it is known first; whom it was merged into is told as of now. What is known to have been
        created later is left out. So the order in which things arrived makes no difference.
        """
        return Lake(self._root, self._manifest, self._only, hindsight=True)

    def objects(self, system: str) -> list[str]:
        """List the kinds of record one system has left here."""
        prefix = records_stream(system, "")
        streams = {s.stream for s in self._manifest.segments() if s.stream.startswith(prefix)}
        return sorted(stream.removeprefix(prefix) for stream in streams)

    def current(
        self, system: str, object_: str, *, as_of: datetime, columns: Collection[str] | None = None
    ) -> pa.Table:
        """Give each record's latest version that had landed by ``as_of``, deletions included, in order of id.

        Columns: those of every record, then ``f:FIELD`` and ``l:LINK``, of these only ``columns`` where that is given.
        Empty when nothing has landed.
        """
        of_few = self._of_few(records_stream(system, object_), as_of, columns)
        if of_few is not None:
            return few.latest(of_few)

        def ask(connection: duckdb.DuckDBPyConnection, latest: str) -> pa.Table:
            return answer(connection, f"{latest} ORDER BY id")

        return self._read(records_stream(system, object_), as_of, columns, ask, latest=True, keep=True)

    def versions(
        self, system: str, object_: str, *, as_of: datetime, columns: Collection[str] | None = None
    ) -> pa.Table:
        """Give every version that had landed by ``as_of``, in order of id and modification; columns as ``current``."""
        of_few = self._of_few(records_stream(system, object_), as_of, columns)
        if of_few is not None:
            return few.in_order(of_few)

        def ask(connection: duckdb.DuckDBPyConnection, known: str) -> pa.Table:
            return answer(connection, f"{known} ORDER BY id, modified_at, landed_at, serial")

        return self._read(records_stream(system, object_), as_of, columns, ask, latest=False)

    def mergers(self, system: str, object_: str, *, as_of: datetime) -> pa.Table:
        """Give every merger that was told by ``as_of``, taken back or not: ``id``, ``merged_into``; each once."""
        of_few = self._of_few(records_stream(system, object_), as_of, ())
        if of_few is not None:
            return few.mergers(of_few)

        def ask(connection: duckdb.DuckDBPyConnection, known: str) -> pa.Table:
            query = f"SELECT DISTINCT id, merged_into FROM ({known}) WHERE merged_into IS NOT NULL ORDER BY ALL"
            return answer(connection, query)

        return self._read(records_stream(system, object_), as_of, (), ask, latest=False).select(["id", "merged_into"])

    def spread_records(
        self,
        system: str,
        object_: str,
        parts: pa.Table,
        folder: Path,
        *,
        as_of: datetime,
        columns: Collection[str] | None = None,
    ) -> None:
        """Write what ``current`` gives to ``folder/part=N/*.parquet``, by the ``part`` that ``parts`` has for each id.

        Records without a part are left out. Memory holds neither the records nor a part of them as a whole.
        """
        of_few = self._of_few(records_stream(system, object_), as_of, columns)
        if of_few is not None:
            few.spread(few.latest(of_few), parts, folder)
            return

        def ask(connection: duckdb.DuckDBPyConnection, latest: str) -> pa.Table:
            connection.register("parts", parts)
            _spread(connection, f"SELECT r.*, p.part FROM ({latest}) r JOIN parts p USING (id)", folder)
            return RECORD_COLUMNS.empty_table()

        self._read(records_stream(system, object_), as_of, columns, ask, latest=True)

    def spread_activities(
        self, query: str, systems: Sequence[str], folder: Path, *, as_of: datetime, tables: Mapping[str, pa.Table]
    ) -> None:
        """Write what ``ask_activities`` would give to ``folder/part=N/*.parquet``, by the query's column ``part``."""

        def ask() -> None:
            segments = {system: self._manifest.segments(activities_stream(system)) for system in systems}
            with self._over(segments, as_of, tables) as connection:
                _spread(connection, query, folder)

        self._while_compacted(ask)

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
        return sum(segment.rows for one in systems for segment in self._manifest.segments(activities_stream(one)))

    def latest_activity(self, systems: Sequence[str]) -> datetime | None:
        """Give the time of the latest activity that has landed, be it still to come; nothing is read for it."""
        each = (self._manifest.segments(activities_stream(system)) for system in systems)
        return max((segment.high for segments in each for segment in segments), default=None)

    def ask_activities(
        self, query: str, systems: Sequence[str], *, as_of: datetime, tables: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one query over ``activities``, a table as ``activities()`` gives it, and ``tables``.

        Nothing is read but the columns and rows the query asks for, and never all at once: use it for large lakes.
        """

        def ask() -> pa.Table:
            segments = {system: self._manifest.segments(activities_stream(system)) for system in systems}
            with self._over(segments, as_of, tables or {}) as connection:
                return answer(connection, query)

        return self._while_compacted(ask)

    @contextmanager
    def _over(
        self, segments: Mapping[str, Sequence[Segment]], as_of: datetime, tables: Mapping[str, pa.Table]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection that sees ``activities`` and ``tables``."""
        if self._only is None:
            with self._over_files(segments, as_of, tables) as connection:
                yield connection
            return
        # What some people did is little, and asked for again and again: it is read once.
        asked = (as_of, *(segment.path for each in segments.values() for segment in each))
        if self._deeds is None or self._deeds[0] != asked:
            with self._over_files(segments, as_of, {}) as connection:
                self._deeds = (asked, answer(connection, "SELECT * FROM activities"))
        with asking(self._root, []) as connection:
            for name, table in {**tables, "activities": self._deeds[1]}.items():
                connection.register(name, table)
            yield connection

    @contextmanager
    def _over_files(
        self, segments: Mapping[str, Sequence[Segment]], as_of: datetime, tables: Mapping[str, pa.Table]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        listed = [segment for each in segments.values() for segment in each]
        with asking(self._root, listed) as connection:
            connection.register("none", ACTIVITY_COLUMNS.append(pa.field("system", pa.string())).empty_table())
            for name, table in tables.items():
                connection.register(name, table)
            parts = ["SELECT * FROM none"]
            for number, (system, each) in enumerate(segments.items()):
                if each:
                    parts.append(self._once(connection, f"rows_{number}", system, each, as_of))
            connection.execute(f"CREATE TEMP VIEW activities AS {' UNION ALL '.join(parts)}")
            yield connection

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
        instant = moment(as_of)
        if self._only is None:
            files = rows_of(self._root, segments)
            known = f"SELECT *, hash(kind, id) AS h FROM {files} WHERE {self._known(instant)}"
            connection.execute(f"CREATE TEMP VIEW {rows} AS {known}")
        else:
            # It is little, and taken in: three questions are asked about it, each of which would read again.
            lay_deeds_of_some(connection, rows, self._root, segments, self._only.people, self._known(instant))
        asked = (instant, *(segment.path for segment in segments))
        if asked not in self._again:
            # Every question about the same files needs this again: it is small, and looking at all of them is not.
            query = f"SELECT h FROM {rows} GROUP BY h HAVING count(*) > 1"
            self._again = {asked: answer(connection, query)} | self._again
        connection.register(f"again_{rows}", self._again[asked])
        count = self._again[asked].num_rows
        columns = ", ".join(ACTIVITY_COLUMNS.names)
        # Whoever reads asks again what had landed by then.
        told = f"* REPLACE (least(landed_at, {instant}) AS landed_at)" if self._hindsight else "*"
        single = f"SELECT {columns} FROM {rows}" + (f" WHERE h NOT IN (FROM again_{rows})" if count else "")
        latest = (
            f"SELECT {columns} FROM {rows} WHERE h IN (FROM again_{rows}) QUALIFY row_number() OVER "
            "(PARTITION BY kind, id ORDER BY modified_at DESC NULLS LAST, landed_at DESC, deleted DESC, "
            "occurred_at DESC, person_system, person_object, person_id) = 1"
        )
        both = f"{single} UNION ALL ({latest})" if count else single
        happened = f"occurred_at <= {instant} AND NOT deleted"
        return f"SELECT {told}, {literal(system)} AS system FROM ({both}) WHERE {happened}"

    def _known(self, instant: str) -> str:
        """Write the test for what counts as known."""
        return "true" if self._hindsight else f"landed_at <= {instant}"

    def _read(
        self,
        stream: str,
        as_of: datetime,
        columns: Collection[str] | None,
        ask: Callable[[duckdb.DuckDBPyConnection, str], pa.Table],
        *,
        latest: bool,
        keep: bool = False,
    ) -> pa.Table:
        def read() -> pa.Table:
            segments = self._manifest.segments(stream)

            def once() -> pa.Table:
                return self._ask(segments, as_of, columns, ask, latest=latest)

            # Whoever asks for some people asks again and again for all of the few other things there are.
            if keep and segments and self._only is not None and not self._hindsight:
                return latest_kept(self._root, segments, columns, once, as_of=as_of)
            return once()

        return self._while_compacted(read)

    def _while_compacted(self, ask: Callable[[], _Answer]) -> _Answer:
        for _ in range(_TRIES - 1):
            version = self._manifest.version()
            try:
                return ask()
            except LocalFault:
                # A compaction and a sweep may have passed between the listing and the reading: then there is a newer
                # set.
                if self._manifest.version() == version:
                    raise
        return ask()

    def _ask(
        self,
        segments: Sequence[Segment],
        as_of: datetime,
        columns: Collection[str] | None,
        ask: Callable[[duckdb.DuckDBPyConnection, str], pa.Table],
        *,
        latest: bool,
    ) -> pa.Table:
        if not segments:
            return RECORD_COLUMNS.empty_table()
        instant = moment(as_of)
        with asking(self._root, segments) as connection:
            files = rows_of(self._root, segments)
            if self._only is not None and segments[0].stream in self._only.streams:
                connection.register("few", self._few(segments[0].stream, self._only))
                files = "few"
            held = connection.sql(f"SELECT * FROM {files} LIMIT 0").columns
            # The order of columns must not tell in which order files were written or merged.
            wanted = sorted(set(held) - set(RECORD_COLUMNS.names) if columns is None else set(held) & set(columns))
            named = ", ".join(quoted(name) for name in (*RECORD_COLUMNS.names, *wanted))
            connection.execute(
                f"CREATE TEMP VIEW known AS SELECT {named}, hash(id) AS h FROM {files} WHERE {self._known(instant)}"
            )
            if not self._hindsight:
                return ask(connection, _latest(connection, named) if latest else f"SELECT {named} FROM known")
            then = f"SELECT {named} FROM known WHERE modified_at <= {instant}"
            return ask(connection, _as_it_was(instant, named) if latest else then)

    def _of_few(self, stream: str, as_of: datetime, columns: Collection[str] | None) -> pa.Table | None:
        """Give what is known of the records of one stream that were asked for; None where all are, or in hindsight."""
        only = self._only
        if only is None or self._hindsight or stream not in only.streams:
            return None
        return self._while_compacted(lambda: few.known(self._few(stream, only), columns, as_of=as_of))

    def _few(self, stream: str, only: Narrowed) -> pa.Table:
        """Give all versions of the records of one stream that were asked for; they are read once."""
        segments = self._manifest.segments(stream)
        if not segments:
            return RECORD_COLUMNS.empty_table()
        paths = tuple(segment.path for segment in segments)
        if self._records.get(stream, ((), None))[0] != paths:
            _, system, object_ = stream.split("/", 2)
            people = only.people
            here = pc.and_(pc.equal(people.column("system"), system), pc.equal(people.column("object"), object_))
            ids = people.filter(here).column("id")
            self._records[stream] = (paths, records_of_some(self._root, segments, ids))
        return self._records[stream][1]


def _latest(connection: duckdb.DuckDBPyConnection, named: str) -> str:
    """Write the query for the latest version of each record; only ids that have several are compared."""
    connection.execute("CREATE TEMP TABLE again AS SELECT h FROM known GROUP BY h HAVING count(*) > 1")
    single = f"SELECT {named} FROM known"
    if connection.execute("SELECT count(*) FROM again").fetchall() == [(0,)]:
        return single
    return (
        f"{single} WHERE h NOT IN (FROM again) UNION ALL (SELECT {named} FROM known WHERE h IN (FROM again) "
        "QUALIFY row_number() OVER (PARTITION BY id ORDER BY modified_at DESC, landed_at DESC, serial DESC) = 1)"
    )


def _as_it_was(instant: str, named: str) -> str:
    """Write the query for each record as it was at an instant, whenever that was told."""
    before = f"modified_at <= {instant}"
    nearest = f"{before} DESC, CASE WHEN {before} THEN modified_at END DESC, modified_at, landed_at DESC, serial DESC"
    return (
        f"SELECT {named} FROM (SELECT * REPLACE (first_value(merged_into) OVER newest AS merged_into), "
        f"row_number() OVER (PARTITION BY id ORDER BY {nearest}) AS place "
        "FROM known WINDOW newest AS (PARTITION BY id ORDER BY modified_at DESC, landed_at DESC, serial DESC)) "
        f"WHERE place = 1 AND ({before} OR coalesce(created_at <= {instant}, true))"
    )


def _spread(connection: duckdb.DuckDBPyConnection, query: str, folder: Path) -> None:
    """Write a query's rows to ``folder/part=N/*.parquet``; what is there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Rows wait in memory until so many are there, for each thread.
    connection.execute("SET partitioned_write_flush_threshold = 50000")
    connection.execute(
        f"COPY ({query}) TO {literal(str(folder))} (FORMAT parquet, PARTITION_BY (part), OVERWRITE_OR_IGNORE)"
    )
