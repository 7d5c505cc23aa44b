"""From what set a task off to the task in the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.ports.task_times import TaskEvent, TaskTime
from state.database import Database
from state.instants import from_us, to_us

#: a creation that is done; of one key at most one row is not superseded
_DONE: Final = "JOIN outbox o ON o.key = t.key AND o.kind = 'create' AND o.state <> 'superseded' AND o.state = 'done'"
_PUT: Final = """
    INSERT INTO task_times (key, rule, opened_by, event_at) VALUES (:key, :rule, :opened_by, :at)
    ON CONFLICT (key) DO NOTHING
"""
_OPEN: Final = f"SELECT t.key, o.settled_at FROM task_times t {_DONE} WHERE t.task_at IS NULL ORDER BY t.key"
_MEASURED: Final = """
    UPDATE task_times SET task_at = :at WHERE key = :key AND task_at IS NULL
    RETURNING key, rule, opened_by, event_at, task_at
"""


def put_events(connection: Connection, events: Sequence[TaskEvent]) -> None:
    """Keep what sets off tasks, inside the caller's transaction; what is known of a key stays."""
    if events:
        rows = [{"key": e.key, "rule": e.rule, "opened_by": e.opened_by, "at": to_us(e.at)} for e in events]
        connection.execute(text(_PUT), rows)


class SqlTaskTimes:
    """``connector.ports.task_times.TaskTimes`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def measure(self) -> list[TaskTime]:
        """Give the tasks confirmed since this was last asked; see the port."""
        with self._database.read() as connection:
            found = list(connection.execute(text(_OPEN)))
        if not found:
            return []
        with self._database.write() as connection:
            measured = [connection.execute(text(_MEASURED), {"key": key, "at": at}).one_or_none() for key, at in found]
        return [_time(row) for row in measured if row is not None]

    def since(self, at: datetime) -> list[TaskTime]:
        """Give the tasks confirmed and measured since."""
        query = "SELECT key, rule, opened_by, event_at, task_at FROM task_times WHERE task_at >= :at"
        return self._ask(query, {"at": to_us(at)})

    def of_person(self, person_id: str) -> list[TaskTime]:
        """Give the confirmed tasks of one person."""
        query = f"""
            SELECT t.key, t.rule, t.opened_by, t.event_at, o.settled_at AS task_at FROM task_times t {_DONE}
            WHERE o.person_id = :person
        """
        return self._ask(query, {"person": person_id})

    def _ask(self, query: str, values: dict[str, Any]) -> list[TaskTime]:
        with self._database.read() as connection:
            found = connection.execute(text(f"SELECT * FROM ({query}) AS found ORDER BY task_at, key"), values)
            return [_time(row) for row in found]


def _time(row: Any) -> TaskTime:
    key, rule, opened_by, event_at, task_at = row
    return TaskTime(key, rule, opened_by, from_us(event_at), from_us(task_at))
