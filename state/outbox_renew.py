"""Rows that were refused and are decided anew: another wish under the same key, so that there are never two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.ports.store import OutboxRow
from state.bulk import as_json, storable
from state.database import Database
from state.outbox_dependents import refresh
from state.outbox_rows import body_of

_RENEW: Final = """
    UPDATE outbox SET object = :object, body = :body, reason = :reason, depends_on = :needs, decided_at = :at,
        state = 'todo', held_by = '', settled_at = NULL, result = NULL, code = '', message = '', fixer = ''
    WHERE id = :id AND key = :key AND state IN ('dead', 'held')
"""
_FORGET: Final = "DELETE FROM outbox_needs WHERE row_id = :id"
_NEED: Final = "INSERT INTO outbox_needs (row_id, key) VALUES (:id, :key)"


def renew(database: Database, connection: Connection, rows: Mapping[int, OutboxRow], *, at_us: int) -> int:
    """Put other wishes in the place of dead or held rows and let them go; give how many still were that."""
    renewed = []
    for id_, row in rows.items():
        values: dict[str, Any] = {"id": id_, "key": row.write.key, "object": row.write.object, "at": at_us}
        values |= {"body": body_of(row.write), "reason": storable(row.reason), "needs": as_json(row.depends_on)}
        if not connection.execute(text(_RENEW), values).rowcount:
            continue
        renewed.append(id_)
        connection.execute(text(_FORGET), {"id": id_})
        for key in dict.fromkeys(row.depends_on):
            connection.execute(text(_NEED), {"id": id_, "key": key})
    refresh(database, connection, rows=renewed, keys=[rows[id_].write.key for id_ in renewed])
    return len(renewed)
