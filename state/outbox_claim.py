"""Which rows may be sent now: one statement that takes them, and nobody else can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from connector.domain.outbox_states import BLOCKING
from connector.ports.store import Taken
from state import bulk
from state.database import Database
from state.leases import may_claim
from state.outbox_dependents import UNSETTLED_ROWS, states
from state.outbox_folded import flying, fold, ids_in
from state.outbox_rows import OF_ALL, TAKEN, ids_of, own_rows, rows_taken, taken_of

#: the columns of a row as they will be once it is taken
_TAKEN: Final = ", ".join("o.attempts + 1" if name == "attempts" else f"o.{name}" for name in TAKEN.split(", "))

_AMONG: Final = "FROM json_each(:ids) j CROSS JOIN outbox o ON o.id = j.value"
_ONE_BY_ONE: Final = f"SELECT {_TAKEN} {_AMONG}"
#: The same as one row of SQLite: what differs from row to row in lines, the rest as it is of the first, and whether it
#: is that of all. A value that becomes one of Python's by itself costs as much as SQLite's way to it.
_AS_ONE: Final = f"""
    SELECT group_concat(o.key, char(10)), group_concat(o.target_id, char(10)), group_concat(o.body, char(10)),
        min({" AND ".join(f"o.{name} IS f.{name}" for name in OF_ALL)}),
        {", ".join(f"f.{name}" for name in OF_ALL)} + 1
    {_AMONG} CROSS JOIN outbox f ON f.id = json_extract(:ids, '$[0]')
"""
#: A row may go when nothing of its lane is on its way or unclear and nothing in it is older. Scalar subqueries on
#: purpose: each candidate asks the index by itself, whatever the planner believes about a table that was filled a
#: second ago. What waits for nothing is not looked up among what waits, and where no lane is quiet none is looked up.
_CLAIMABLE: Final = f"""
    FROM outbox o
    WHERE o.state = 'todo' AND {UNSETTLED_ROWS} AND (o.not_before IS NULL OR o.not_before <= :now)
    AND (SELECT count(*) FROM outbox b WHERE b.lane = o.lane AND b.settled_at IS NULL
         AND b.id <> o.id AND b.state IN ({states(*BLOCKING)}) AND (b.state <> 'todo' OR b.id < o.id)) = 0
    AND (o.depends_on = '[]' OR (SELECT count(*) FROM outbox_needs n WHERE n.row_id = o.id AND (
             SELECT count(*) FROM outbox d WHERE d.key = n.key AND d.kind = 'create' AND d.state <> 'superseded'
             AND d.state = 'done') = 0) = 0)
    AND (NOT EXISTS (SELECT 1 FROM outbox_quiet) OR (
         SELECT count(*) FROM outbox_quiet q WHERE q.lane = o.lane AND q.row_id <> o.id AND q.until > :now) = 0)
"""
#: what is on its way and does not say so itself; in its lane it is the oldest, so that nothing else of it goes either
_BUT: Final = "AND o.id NOT IN (SELECT value FROM json_each(:flying))"
_IN_ORDER: Final = "ORDER BY o.priority, o.kind, o.object, o.id LIMIT :limit"


def claim(
    database: Database, connection: Connection, limit: int, *, owner: str, now_us: int, lease_until_us: int
) -> Sequence[Taken]:
    """Take rows inside the caller's transaction; each of them says so.

    Raises:
        Collision: PostgreSQL only: another sender took another row of one of the lanes meanwhile.
    """
    if not may_claim(database, connection, owner):
        return []
    lock = ""
    if database.make == "postgresql":
        lock = "FOR UPDATE OF o SKIP LOCKED"
        # Rows are wanted in the order of ``outbox_unsettled``, a few at a time. Without fresh statistics PostgreSQL
        # prefers to look at all of them and sort.
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    rows = _found(database, connection, lock, {"now": now_us, "limit": limit})
    if rows:
        update = f"""
            UPDATE outbox SET state = 'doing', attempts = attempts + 1, sent_at = :now, lease_owner = :owner,
                lease_until = :until
            WHERE id IN {database.list_of("ids", "bigint")}
        """
        ids = database.packed(ids_of(rows))
        bulk.change(database, connection, update, {"ids": ids, "now": now_us, "owner": owner, "until": lease_until_us})
    return rows


def claim_folded(
    database: Database, connection: Connection, limit: int, *, owner: str, now_us: int, lease_until_us: int
) -> Sequence[Taken]:
    """Take rows of SQLite inside the caller's transaction, written down in one line."""
    if not may_claim(database, connection, owner):
        return []
    values = {"now": now_us, "limit": limit, "flying": flying(database, connection)}
    rows = _found(database, connection, "", values, but=_BUT if values["flying"] else "")
    if rows:
        fold(database, connection, ids_of(rows), owner=owner, at_us=now_us, until_us=lease_until_us)
    return rows


def _found(
    database: Database, connection: Connection, lock: str, values: Mapping[str, Any], *, but: str = ""
) -> Sequence[Taken]:
    which = f"{_CLAIMABLE} {but} {_IN_ORDER} {lock}"
    if database.make == "postgresql":
        return rows_taken(bulk.fetch(database, connection, f"SELECT {_TAKEN} {which}", values))
    # a part of a statement that is limited gives its rows in the order it was asked for
    statement = f"SELECT json_group_array(id) FROM (SELECT o.id {which})"
    [(ids,)] = bulk.fetch(database, connection, statement, values)
    [(keys, target_ids, bodies, alike, *of_all)] = bulk.fetch(database, connection, _AS_ONE, {"ids": ids})
    rows = own_rows(ids_in(ids), keys, target_ids, bodies, of_all) if alike else None
    if rows is not None:
        return rows
    return [taken_of(row) for row in bulk.fetch(database, connection, _ONE_BY_ONE, {"ids": ids})]
