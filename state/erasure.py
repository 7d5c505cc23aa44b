"""Taking a person out of the state: nothing that names them stays, what counts and keys stays."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.domain.outbox_states import MOVES, Move
from state.audit import note
from state.database import Database
from state.instants import to_us
from state.outbox_dependents import refresh, states
from state.quarantine import erase_quarantined

_TABLES: Final = ("identities", "persons", "stage_moves", "score_history", "account_moves", "reviews")
#: what of a plan says nothing of anybody but which records it was about
_OF_A_PLAN: Final = frozenset(
    {"version", "run_id", "plan_id", "at", "mappings", "rotations_before", "lanes", "report", "done"}
)
_PAST: Final = """
    DELETE FROM identities_past AS p WHERE {among} OR EXISTS (
        SELECT 1 FROM identities i WHERE i.system = p.system AND i.object = p.object AND i.id = p.id AND i.{among})
"""
_BURY: Final = "INSERT INTO tombstones (hash, at, grave) VALUES (:hash, :at, :grave) ON CONFLICT (hash) DO NOTHING"


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
    Rows not yet sent are superseded for good.
    """
    values: dict[str, Any] = {"ids": database.packed(person_ids), "at": to_us(at)}
    among = f"person_id IN {database.list_of('ids', 'text')}"
    receipt = {"quarantine": erase_quarantined(connection, database, person_ids)}
    # first, while the references are there to be compared: some were another's before, and their ids may be addresses
    past = connection.execute(text(_PAST.format(among=among)), {"ids": values["ids"]})
    receipt["identities_past"] = int(past.rowcount)
    for table in _TABLES:
        receipt[table] = int(
            connection.execute(text(f"DELETE FROM {table} WHERE {among}"), {"ids": values["ids"]}).rowcount
        )
    stop = f"""
        UPDATE outbox SET state = 'superseded', held_by = '', dismissed = 1, settled_at = :at
        WHERE {among} AND state IN ({states(*MOVES[Move.SUPERSEDE].sources)}) RETURNING kind, key
    """
    stopped = connection.execute(text(stop), {"ids": values["ids"], "at": values["at"]}).all()
    wiped = connection.execute(text(_wipe(f"{among} AND state IN ('done', 'superseded')")), {"ids": values["ids"]})
    receipt["outbox"] = int(wiped.rowcount)
    # what is on its way cannot be taken back; it is emptied when it is settled
    flying = f"UPDATE outbox SET dismissed = 1 WHERE {among} AND state IN ('doing', 'unknown')"
    connection.execute(text(flying), {"ids": values["ids"]})
    refresh(database, connection, keys=[key for kind, key in stopped if kind == "create"])
    receipt["plans"] = _close_plans(connection)
    _bury(database, connection, sorted(hashes), values["at"])
    receipt["tombstones"] = len(hashes)
    note(connection, who, "erase", at, receipt)
    return receipt


def _bury(database: Database, connection: Connection, hashes: Sequence[str], at_us: int) -> None:
    """Set tombstones; who was buried before, and comes back under further names, lies in one grave with them."""
    if not hashes:
        return
    known = f"SELECT min(grave) FROM tombstones WHERE grave <> '' AND hash IN {database.list_of('hashes', 'text')}"
    grave = connection.execute(text(known), {"hashes": database.packed(hashes)}).scalar() or hashes[0]
    connection.execute(text(_BURY), [{"hash": hash_, "at": at_us, "grave": grave} for hash_ in hashes])


def lift(database: Database, connection: Connection, hashes: Collection[str]) -> int:
    """Lift these tombstones and all that were set for the same people; give how many."""
    asked = {"hashes": database.packed(sorted(hashes))}
    among = f"hash IN {database.list_of('hashes', 'text')}"
    found = connection.execute(text(f"SELECT DISTINCT grave FROM tombstones WHERE grave <> '' AND {among}"), asked)
    graves = {"graves": database.packed(list(found.scalars()))}
    statement = f"DELETE FROM tombstones WHERE {among} OR grave IN {database.list_of('graves', 'text')}"
    return int(connection.execute(text(statement), asked | graves).rowcount)


def _close_plans(connection: Connection) -> int:
    """Take out of plans that nobody has carried out what they say of people: they can only be made anew."""
    open_plans = {
        plan_id: body
        for plan_id, body in connection.execute(text("SELECT id, body FROM plans WHERE body <> ''"))
        if not (told := json.loads(body)).get("done") and "rows" in told
    }
    for plan_id, body in open_plans.items():
        kept = {name: value for name, value in json.loads(body).items() if name in _OF_A_PLAN}
        closed = json.dumps(kept | {"done": True}, ensure_ascii=False)
        connection.execute(text("UPDATE plans SET body = :body WHERE id = :id"), {"body": closed, "id": plan_id})
    return len(open_plans)


def empty_settled(database: Database, connection: Connection, ids: Sequence[int]) -> None:
    """Empty those of the rows that are settled for good."""
    among = f"id IN {database.list_of('ids', 'bigint')}"
    statement = _wipe(f"{among} AND state IN ('done', 'superseded')")
    connection.execute(text(statement), {"ids": database.packed(ids)})


def _wipe(where: str) -> str:
    return f"""
        UPDATE outbox SET reason = '', message = '', before_values = NULL,
            body = '{{"fields"\\:{{}},"expected"\\:{{}},"ours"\\:[],"if_blank"\\:[],"references"\\:{{}}}}'
        WHERE {where}
    """
