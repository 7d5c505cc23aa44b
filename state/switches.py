"""Pause, leases, audit, settings, and what a run changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, text

from connector.domain.records import Value
from state import leases
from state.audit import note
from state.database import Database
from state.instants import from_us, to_us
from state.journal import journalled
from state.tables import AUDIT, PAUSES, SETTINGS

_MICROSECOND: Final = timedelta(microseconds=1)
_PAUSE: Final = "INSERT INTO pauses (number, who, at) VALUES (1, :who, :at) ON CONFLICT (number) DO NOTHING"
_PUT: Final = """
    INSERT INTO settings (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class SqlSwitches:
    """``connector.ports.store.Switches`` on a database.

    Leases need not reach SQLite's disk by themselves: all who share the file live on one machine, so what loses a
    lease ends its holder, and whatever is committed under it takes it along.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def paused(self) -> tuple[str, datetime] | None:
        """Say who paused and when, or None."""
        row = self._database.glance("SELECT who, at FROM pauses")
        return None if row is None else (row[0], from_us(row[1]))

    def pause(self, who: str, at: datetime) -> None:
        """Stop all writes; who paused first stays on record."""
        with self._database.write() as connection:
            connection.execute(text(_PAUSE), {"who": who, "at": to_us(at)})
            note(connection, who, "pause", at)

    def resume(self, who: str, at: datetime) -> None:
        """Go on."""
        with self._database.write() as connection:
            connection.execute(delete(PAUSES))
            note(connection, who, "resume", at)

    def acquire(self, name: str, owner: str, ttl: timedelta) -> int:
        """Take or renew a lease on the database's own clock; give its generation, 0 when another's has not run out."""
        with self._database.write(waits=False, as_it_is=True) as connection:
            return leases.take(self._database, connection, name, owner, ttl // _MICROSECOND)

    def renew(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Renew a lease that has not run out; see the port."""
        with self._database.write(waits=False, as_it_is=True) as connection:
            return leases.renew(self._database, connection, name, owner, ttl // _MICROSECOND)

    def release(self, name: str, owner: str) -> None:
        """Give a lease back; nothing happens when it is not ours."""
        with self._database.write(waits=False, as_it_is=True) as connection:
            leases.release(connection, name, owner)

    def holder(self, name: str) -> str | None:
        """Name the owner of a lease that has not run out, or None."""
        with self._database.read() as connection:
            return leases.holder(self._database, connection, name)

    def fence(self, name: str, generation: int | None) -> None:
        """Let commits of the lake and of decisions stand on a lease; see the port."""
        self._database.fence = None if generation is None else (name, generation)

    def audit(self, who: str, what: str, at: datetime, details: Mapping[str, Any] | None = None) -> None:
        """Record who did what."""
        with self._database.write() as connection:
            note(connection, who, what, at, details)

    def audited(self, count: int = 100) -> list[tuple[datetime, str, str, dict[str, Any]]]:
        """List the latest deeds (when, who, what, details), newest first."""
        query = select(AUDIT.c.at, AUDIT.c.who, AUDIT.c.what, AUDIT.c.details).order_by(AUDIT.c.id.desc()).limit(count)
        with self._database.read() as connection:
            return [(at, who, what, json.loads(details)) for at, who, what, details in connection.execute(query)]

    def setting(self, name: str) -> str | None:
        """Give a stored word, or None."""
        with self._database.read() as connection:
            return connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.name == name)).scalar_one_or_none()

    def put_setting(self, name: str, value: str) -> None:
        """Store a word."""
        with self._database.write() as connection:
            connection.execute(text(_PUT), {"name": name, "value": value})

    def before_values(self, run_id: str) -> list[tuple[str, str, str, Value, Value]]:
        """List what a run changed: (object, record id, field, before, written); see the port."""
        with self._database.read() as connection:
            found = list(journalled(connection, "run_id = :run AND result <> 'human_won'", {"run": run_id}))
        return [(one.object, one.record, *change) for one in found for change in one.changes]
