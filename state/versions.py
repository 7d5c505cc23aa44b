"""Which models and mappings were in use when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from connector.ports.versions import Version, VersionKind, VersionUse
from state.bulk import as_json, storable
from state.database import Database
from state.tables import VERSION_USES, VERSIONS

_VERSION: Final = tuple(VERSIONS.c[name] for name in Version.__slots__)
_USE: Final = tuple(VERSION_USES.c[name] for name in VersionUse.__slots__)


class SqlVersions:
    """``connector.ports.versions.Versions`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def meet(self, version: Version, *, run_id: str, at: datetime) -> int:
        """Note that a cycle uses these files; see the port."""
        with self._database.write() as connection:
            if self._database.make == "postgresql":
                connection.exec_driver_sql("LOCK TABLE versions IN SHARE ROW EXCLUSIVE MODE")
            number = self._number(connection, version)
            latest = self._latest(connection, version.kind)
            if latest is None or latest[1] != number:
                place = 1 if latest is None else latest[0] + 1
                words = {"kind": version.kind, "place": place, "number": number, "since": at, "run_id": run_id}
                connection.execute(insert(VERSION_USES).values(results="{}", **words))
            return number

    def _number(self, connection: Connection, version: Version) -> int:
        """Find the number of these files, or give them the next."""
        mine = VERSIONS.c.kind == version.kind
        known = select(VERSIONS.c.number).where(mine, VERSIONS.c.digest == version.digest)
        number = connection.execute(known).scalar()
        if number is None:
            newest = connection.execute(select(func.max(VERSIONS.c.number)).where(mine)).scalar()
            number = (newest or 0) + 1
            words = {"by": storable(version.by), "because": storable(version.because)}
            words |= {"files": as_json(dict(version.files)), "kind": version.kind, "digest": version.digest}
            row = insert(VERSIONS).values(number=number, first_used=version.first_used, **words)
            connection.execute(row)
        return int(number)

    def _latest(self, connection: Connection, kind: VersionKind) -> tuple[int, int] | None:
        """Give place and number of the latest span."""
        query = select(VERSION_USES.c.place, VERSION_USES.c.number).where(VERSION_USES.c.kind == kind)
        row = connection.execute(query.order_by(VERSION_USES.c.place.desc()).limit(1)).first()
        return None if row is None else (row[0], row[1])

    def tell(self, kind: VersionKind, results: Mapping[str, Any]) -> None:
        """Keep what a cycle said of everybody; see the port."""
        with self._database.write() as connection:
            latest = self._latest(connection, kind)
            if latest is None:
                return
            span = (VERSION_USES.c.kind == kind, VERSION_USES.c.place == latest[0])
            kept = json.loads(connection.execute(select(VERSION_USES.c.results).where(*span)).scalar_one())
            told = {"first": kept.get("first", results), "last": results}
            connection.execute(update(VERSION_USES).where(*span).values(results=as_json(told)))

    def versions(self, kind: VersionKind) -> list[Version]:
        """List all versions in order of number."""
        query = select(*_VERSION).where(VERSIONS.c.kind == kind).order_by(VERSIONS.c.number)
        with self._database.read() as connection:
            rows = list(connection.execute(query).mappings())
        return [Version(**{**row, "files": json.loads(row["files"])}) for row in rows]

    def uses(self, kind: VersionKind) -> list[VersionUse]:
        """List the spans in order of time."""
        query = select(*_USE).where(VERSION_USES.c.kind == kind).order_by(VERSION_USES.c.place)
        with self._database.read() as connection:
            rows = list(connection.execute(query).mappings())
        return [VersionUse(**{**row, "results": json.loads(row["results"])}) for row in rows]
