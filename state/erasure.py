"""Taking a person out of the state: nothing that names them stays, what counts and keys stays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.domain.outbox_states import MOVES, Move
from state.audit import note
from state.database import Database
from state.instants import to_us
from state.outbox_dependents import refresh, states

_TABLES: Final = ("identities", "persons", "stage_moves", "score_history", "reviews")
_EMPTY_BODY: Final = '{"fields":{},"expected":{},"ours":[],"if_blank":[],"references":{}}'
_BURY: Final = "INSERT INTO tombstones (hash, at) VALUES (:hash, :at) ON CONFLICT (hash) DO NOTHING"


def erase(
    database: Database,
    connection: Connection,
    person_ids: Sequence[str],
    *,
    hashes: Collection[str],
    who: str,
    at: datetime,
) -> dict[str, int]:
    """Erase people inside the caller's transaction; give the rows removed per table and the outbox rows emptied.

    Outbox rows keep key, lane and state, so that nothing is created twice, and lose wishes, words and before-values.
    Rows not yet sent are superseded.
    """
    values: dict[str, Any] = {"ids": database.packed(person_ids), "at": to_us(at), "body": _EMPTY_BODY}
    among = f"person_id IN {database.list_of('ids', 'text')}"
    receipt: dict[str, int] = {}
    for table in _TABLES:
        receipt[table] = int(
            connection.execute(text(f"DELETE FROM {table} WHERE {among}"), {"ids": values["ids"]}).rowcount
        )
    stop = f"""
        UPDATE outbox SET state = 'superseded', held_by = '', dismissed = 1, settled_at = :at
        WHERE {among} AND state IN ({states(*MOVES[Move.SUPERSEDE].sources)}) RETURNING kind, key
    """
    stopped = connection.execute(text(stop), {"ids": values["ids"], "at": values["at"]}).all()
    scrub = f"""
        UPDATE outbox SET body = :body, reason = '', message = '', before_values = NULL
        WHERE {among} AND state IN ('done', 'superseded')
    """
    receipt["outbox"] = int(connection.execute(text(scrub), {"ids": values["ids"], "body": values["body"]}).rowcount)
    refresh(database, connection, keys=[key for kind, key in stopped if kind == "create"])
    if hashes:
        connection.execute(text(_BURY), [{"hash": hash_, "at": values["at"]} for hash_ in sorted(hashes)])
    receipt["tombstones"] = len(hashes)
    note(connection, who, "erase", at, receipt)
    return receipt
