"""Which files the lake consists of, and how far each stream has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, text, update

from connector.errors import HandoffError
from connector.ports.store import Segment
from state.database import Database
from state.instants import from_us
from state.tables import CURSORS, SEGMENTS

_COLUMNS: Final = tuple(SEGMENTS.c[name] for name in Segment.__slots__)
_VERSION: Final = "manifest_version"


class SqlManifest:
    """``connector.ports.store.Manifest`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def segments(self, stream: str | None = None) -> list[Segment]:
        """List live segments in order of landing."""
        query = select(*_COLUMNS).where(SEGMENTS.c.retired_at.is_(None)).order_by(SEGMENTS.c.number)
        if stream is not None:
            query = query.where(SEGMENTS.c.stream == stream)
        with self._database.read() as connection:
            return [Segment(*row) for row in connection.execute(query)]

    def commit_segments(
        self, added: Sequence[Segment], retired: Sequence[str], cursors: Mapping[tuple[str, str], str]
    ) -> None:
        """Add and retire segments and set cursors, all together; see the port."""
        with self._database.write() as connection:
            if self._database.make == "postgresql":
                # numbers are given in order of commit: two writers of the manifest take turns
                connection.exec_driver_sql("LOCK TABLE segments IN SHARE ROW EXCLUSIVE MODE")
            changed = self._add(connection, added) + self._retire(connection, retired)
            if changed:
                connection.execute(text(_NEXT_VERSION), {"name": _VERSION})
            if cursors:
                rows = [{"system": s, "stream": t, "cursor": cursor} for (s, t), cursor in cursors.items()]
                connection.execute(text(_SET_CURSOR), rows)

    def _add(self, connection: Connection, added: Sequence[Segment]) -> int:
        known = {
            row.path: row.sha256
            for row in connection.execute(
                select(SEGMENTS.c.path, SEGMENTS.c.sha256).where(SEGMENTS.c.path.in_([s.path for s in added]))
            )
        }
        number = connection.execute(select(func.coalesce(func.max(SEGMENTS.c.number), 0))).scalar_one()
        fresh: list[dict[str, Any]] = []
        for segment in added:
            if segment.path in known:
                if known[segment.path] != segment.sha256:
                    raise HandoffError("lake.segment_changed", "a file of the lake was committed with other content")
                continue  # the answer to an earlier commit of the same was lost
            known[segment.path] = segment.sha256
            number += 1
            values = {name: getattr(segment, name) for name in Segment.__slots__}
            fresh.append({**values, "number": number, "retired_at": None})
        if fresh:
            connection.execute(insert(SEGMENTS), fresh)
        return len(fresh)

    def _retire(self, connection: Connection, retired: Sequence[str]) -> int:
        if not retired:
            return 0
        at = from_us(self._database.clock_us(connection))
        change = update(SEGMENTS).where(SEGMENTS.c.path.in_(retired), SEGMENTS.c.retired_at.is_(None))
        return int(connection.execute(change.values(retired_at=at)).rowcount)

    def version(self) -> int:
        """Count the commits that have changed the set of segments."""
        with self._database.read() as connection:
            found = connection.execute(
                text("SELECT value FROM settings WHERE name = :name"), {"name": _VERSION}
            ).scalar_one_or_none()
            return int(found or 0)

    def retired_before(self, instant: datetime) -> list[str]:
        """List paths retired before ``instant``, whose files may be deleted."""
        query = select(SEGMENTS.c.path).where(SEGMENTS.c.retired_at < instant).order_by(SEGMENTS.c.number)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def forget_retired(self, paths: Sequence[str]) -> None:
        """Take retired segments off the list once their files are gone; see the port."""
        with self._database.write() as connection:
            connection.execute(delete(SEGMENTS).where(SEGMENTS.c.path.in_(paths), SEGMENTS.c.retired_at.is_not(None)))

    def cursor(self, system: str, stream: str) -> str | None:
        """Give the stored cursor, or None when the stream was never read."""
        query = select(CURSORS.c.cursor).where(CURSORS.c.system == system, CURSORS.c.stream == stream)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()


_SET_CURSOR: Final = """
    INSERT INTO cursors (system, stream, cursor) VALUES (:system, :stream, :cursor)
    ON CONFLICT (system, stream) DO UPDATE SET cursor = excluded.cursor
"""
_NEXT_VERSION: Final = """
    INSERT INTO settings (name, value) VALUES (:name, '1')
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS INTEGER) + 1 AS TEXT)
"""
