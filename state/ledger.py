"""The one account of API calls."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select

from connector.ports.store import Spent
from state import bulk
from state.database import Database
from state.instants import to_us
from state.tables import CALLS

_SPEND: Final = """
    INSERT INTO calls (system, at, cause, calls) VALUES (:system, :at, :cause, :calls)
    ON CONFLICT (system, at, cause) DO UPDATE SET calls = calls.calls + excluded.calls
"""


def spend(database: Database, connection: Connection, spent: Spent, *, at_us: int) -> None:
    """Record calls inside the caller's transaction."""
    values = {"system": spent.system, "at": at_us, "cause": spent.cause, "calls": spent.calls}
    bulk.change(database, connection, _SPEND, values)


class SqlLedger:
    """``connector.ports.store.Ledger`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spend(self, system: str, calls: int, *, cause: str, at: datetime) -> None:
        """Record calls sent."""
        with self._database.write() as connection:
            spend(self._database, connection, Spent(system, calls, cause), at_us=to_us(at))

    def spent(self, system: str, since: datetime) -> int:
        """Count calls recorded at or after ``since``."""
        query = select(func.coalesce(func.sum(CALLS.c.calls), 0)).where(CALLS.c.system == system, CALLS.c.at >= since)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def prune(self, before: datetime) -> int:
        """Forget calls recorded before an instant."""
        with self._database.write() as connection:
            return connection.execute(delete(CALLS).where(CALLS.c.at < before)).rowcount
