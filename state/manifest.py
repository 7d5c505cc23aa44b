"""Which files the lake consists of, and how far each stream has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select, text

from connector.errors import HandoffError, LocalFault
from connector.ports.store import Segment
from state.database import Database
from state.instants import from_us, to_us
from state.leases import refuse_outdated
from state.tables import CURSORS, SEGMENTS

_COLUMNS: Final = ", ".join(Segment.__slots__)
_VERSION: Final = "manifest_version"
_ASK_VERSION: Final = f"SELECT value FROM settings WHERE name = '{_VERSION}'"


class SqlManifest:
    """``connector.ports.store.Manifest`` on a database.

    A page of a few thousand rows is listed in a millisecond or the listing is what landing it costs: the statements go
    to the driver as they stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add_segment = _marked(database, _ADD_SEGMENT)
        self._next_version = _marked(database, _NEXT_VERSION)
        self._set_cursor = _marked(database, _SET_CURSOR)
        #: the segments, and the version they were listed at
        self._listed: tuple[int, list[Segment]] | None = None

    def segments(self, stream: str | None = None) -> list[Segment]:
        """List live segments in order of landing."""
        # A cycle asks some seventy times. The version is read first, and by itself: what another program adds after
        # that is only listed once more.
        version = self.version()
        listed = self._listed
        if listed is None or listed[0] != version:
            query = f"SELECT {_COLUMNS} FROM segments WHERE retired_at IS NULL ORDER BY number"
            with self._database.read() as connection:
                rows = connection.exec_driver_sql(query).all()
            found = [
                Segment(path, in_stream, count, from_us(low), from_us(high), from_us(landed_at), sha256, size_bytes)
                for path, in_stream, count, low, high, landed_at, sha256, size_bytes in rows
            ]
            self._listed = listed = (version, found)
        return [segment for segment in listed[1] if stream is None or segment.stream == stream]

    def commit_segments(
        self, added: Sequence[Segment], retired: Sequence[str], cursors: Mapping[tuple[str, str], str]
    ) -> None:
        """Add and retire segments and set cursors, all together; see the port."""
        with self._database.write() as connection:
            if self._database.make == "postgresql":
                # numbers are given in order of commit: two writers of the manifest take turns
                connection.exec_driver_sql("LOCK TABLE segments IN SHARE ROW EXCLUSIVE MODE")
            fresh = self._add(connection, added)
            gone = self._retire(connection, retired)
            if gone != len(set(retired)) and (fresh or gone):
                # where nothing at all is new, the answer to an earlier commit of the same was lost
                raise LocalFault(
                    "lake.no_longer_live",
                    "files of the lake that were to be replaced are not listed any more",
                    cure="another program has changed the lake meanwhile: stop it, then run again; nothing was lost",
                    at=self._database.where,
                )
            if fresh or gone:
                connection.exec_driver_sql(self._next_version, (_VERSION,))
            for (system, stream), cursor in cursors.items():
                connection.exec_driver_sql(self._set_cursor, (system, stream, cursor))
            refuse_outdated(self._database, connection)

    def _add(self, connection: Connection, added: Sequence[Segment]) -> int:
        fresh = 0
        for new in added:
            span = (to_us(new.low), to_us(new.high), to_us(new.landed_at))
            values = (new.path, new.stream, new.rows, *span, new.sha256, new.size_bytes)
            if connection.exec_driver_sql(self._add_segment, values).rowcount:
                fresh += 1
                continue
            known = connection.execute(select(SEGMENTS.c.sha256).where(SEGMENTS.c.path == new.path)).scalar_one()
            if known != new.sha256:
                raise HandoffError("lake.segment_changed", "a file of the lake was committed with other content")
            # else the answer to an earlier commit of the same was lost
        return fresh

    def _retire(self, connection: Connection, retired: Sequence[str]) -> int:
        if not retired:
            return 0
        change = f"""
            UPDATE segments SET retired_at = :at
            WHERE retired_at IS NULL AND path IN {self._database.list_of("paths", "text")}
        """
        values = {"at": self._database.clock_us(connection), "paths": self._database.packed(retired)}
        return int(connection.execute(text(change), values).rowcount)

    def version(self) -> int:
        """Count the commits that have changed the set of segments."""
        row = self._database.glance(_ASK_VERSION)
        return 0 if row is None else int(row[0])

    def retired_before(self, instant: datetime) -> list[str]:
        """List paths retired before ``instant``, whose files may be deleted."""
        query = select(SEGMENTS.c.path).where(SEGMENTS.c.retired_at < instant).order_by(SEGMENTS.c.number)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def forget_retired(self, paths: Sequence[str]) -> None:
        """Take retired segments off the list once their files are gone; see the port."""
        with self._database.write() as connection:
            connection.execute(delete(SEGMENTS).where(SEGMENTS.c.path.in_(paths), SEGMENTS.c.retired_at.is_not(None)))
            refuse_outdated(self._database, connection)

    def cursor(self, system: str, stream: str) -> str | None:
        """Give the stored cursor, or None when the stream was never read."""
        query = select(CURSORS.c.cursor).where(CURSORS.c.system == system, CURSORS.c.stream == stream)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()


_ADD_SEGMENT: Final = f"""
    INSERT INTO segments ({_COLUMNS}, number)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM segments)) ON CONFLICT (path) DO NOTHING
"""
_SET_CURSOR: Final = """
    INSERT INTO cursors (system, stream, cursor) VALUES (?, ?, ?)
    ON CONFLICT (system, stream) DO UPDATE SET cursor = excluded.cursor
"""
_NEXT_VERSION: Final = """
    INSERT INTO settings (name, value) VALUES (?, '1')
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS INTEGER) + 1 AS TEXT)
"""


def _marked(database: Database, statement: str) -> str:
    """Write a statement of ours, in which every ``?`` is a value, as the driver wants it."""
    return statement if database.make == "sqlite" else statement.replace("?", "%s")
