"""Decisions become outbox rows: newer wishes replace older ones, repeats add nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from connector.domain.outbox_states import MOVES, OWN_GROUPS, UNDONE, Move
from connector.errors import HandoffError
from connector.ports.store import OutboxRow
from state import bulk
from state.database import Database
from state.outbox_dependents import refresh, states
from state.outbox_rows import INSERTED, body_of, values_of
from state.tables import OUTBOX, OUTBOX_NEEDS

Wish = tuple[str, str]
#: rows held at a time
_AT_ONCE: Final = 10_000


class _Latest(NamedTuple):
    id: int
    seq: int
    plan_id: str
    run_id: str
    body: str
    object: str


def enqueue(database: Database, connection: Connection, rows: Iterable[OutboxRow], *, at_us: int) -> None:
    """Add rows inside the caller's transaction; so many at a time are held.

    Raises:
        HandoffError: ``outbox.two_wishes``: one decision asks twice for the same lane and group: our bug.
    """
    remaining = iter(rows)
    start = None
    while some := list(islice(remaining, _AT_ONCE)):
        start = _next_id(connection) if start is None else start
        _enqueue(database, connection, some, at_us=at_us, start=start)


def _next_id(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) + 1 FROM outbox").scalar_one())


def _enqueue(database: Database, connection: Connection, rows: Sequence[OutboxRow], *, at_us: int, start: int) -> None:
    """Add some rows; those with an id of ``start`` or more belong to the same decision."""
    _check_single(rows)
    taken = _taken(database, connection, [row.write.key for row in rows if row.write.kind == "create"])
    wishes = list(dict.fromkeys((row.lane, row.group) for row in rows))
    latest = _latest(database, connection, wishes)
    fresh: list[tuple[OutboxRow, int, str]] = []
    for row in rows:
        body = body_of(row.write)
        last = latest.get((row.lane, row.group))
        if row.write.kind == "create":
            if row.write.key in taken:
                continue
            taken.add(row.write.key)
        elif last is not None and last.id >= start:
            raise _two_wishes(row)
        elif last is not None and _repeats(row, body, last):
            continue
        seq = last.seq + 1 if last else 1
        latest[row.lane, row.group] = _Latest(-1, seq, row.plan_id, row.run_id, body, row.write.object)
        fresh.append((row, seq, body))
    _insert(database, connection, fresh, at_us, start)


def _undone(database: Database, connection: Connection, lanes: Sequence[str], first: int) -> list[int]:
    """Find what an undo holds back of our own fields: any newer wish for one of them is about all of them."""
    groups = ", ".join(f"'{group}'" for group in sorted(OWN_GROUPS))
    statement = f"""
        SELECT id FROM outbox WHERE state = 'held' AND held_by = '{UNDONE}' AND grp IN ({groups}) AND id < :first
        AND lane IN {database.list_of("lanes", "text")}
    """
    return list(connection.execute(text(statement), {"lanes": database.packed(lanes), "first": first}).scalars())


def _insert(
    database: Database, connection: Connection, fresh: Sequence[tuple[OutboxRow, int, str]], at_us: int, first: int
) -> None:
    if not fresh:
        return
    replaced = _supersede(database, connection, [(row.lane, row.group) for row, _, _ in fresh], at_us)
    own = [row.lane for row, _, _ in fresh if row.group in OWN_GROUPS]
    replaced |= supersede(database, connection, _undone(database, connection, own, first) if own else [], at_us)
    start = _next_id(connection)
    values = (values_of(row, id_=start + n, seq=seq, body=body) for n, (row, seq, body) in enumerate(fresh))
    bulk.insert(database, connection, OUTBOX, INSERTED, values)
    needs = [(start + n, key) for n, (row, _, _) in enumerate(fresh) for key in dict.fromkeys(row.depends_on)]
    if needs:
        bulk.insert(database, connection, OUTBOX_NEEDS, ("row_id", "key"), needs)
    created = [row.write.key for row, _, _ in fresh if row.write.kind == "create"]
    refresh(database, connection, rows=[id_ for id_, _ in needs], keys=[*replaced, *created])


def _check_single(rows: Iterable[OutboxRow]) -> None:
    seen: set[Wish] = set()
    for row in rows:
        if row.write.kind == "create":
            continue
        wish = (row.lane, row.group)
        if wish in seen:
            raise _two_wishes(row)
        seen.add(wish)


def _two_wishes(row: OutboxRow) -> HandoffError:
    return HandoffError("outbox.two_wishes", f"one decision holds two wishes of group {row.group} for one record")


def _repeats(row: OutboxRow, body: str, last: _Latest) -> bool:
    """Say whether the newest wish of lane and group is this very one: same plan (or run, without one), same body."""
    same = last.plan_id == row.plan_id if row.plan_id or last.plan_id else last.run_id == row.run_id
    return same and last.body == body and last.object == row.write.object


def _taken(database: Database, connection: Connection, keys: Sequence[str]) -> set[str]:
    """Find creation keys that have a row, or that a person has dismissed for good."""
    if not keys:
        return set()
    among = database.list_of("keys", "text")
    statement = f"""
        SELECT o.key FROM outbox o WHERE o.kind = 'create' AND o.state <> 'superseded' AND o.key IN {among}
        UNION SELECT o.key FROM outbox o WHERE o.dismissed = 1 AND o.key IN {among}
    """
    return set(connection.execute(text(statement), {"keys": database.packed(keys)}).scalars())


def known_keys(database: Database, connection: Connection, keys: Sequence[str]) -> set[str]:
    """Say which creation keys would add nothing."""
    return _taken(database, connection, keys)


def _latest(database: Database, connection: Connection, wishes: Sequence[Wish]) -> dict[Wish, _Latest]:
    """Give the newest row of each lane and group, settled or not."""
    statement = f"""
        SELECT o.lane, o.grp, o.id, o.seq, o.plan_id, o.run_id, o.body, o.object
        FROM {_wish_set(database)} w CROSS JOIN outbox o
        WHERE o.lane = w.lane AND o.grp = w.grp
        AND o.seq = (SELECT max(x.seq) FROM outbox x WHERE x.lane = w.lane AND x.grp = w.grp)
    """
    found = connection.execute(text(statement), _wish_values(database, wishes))
    return {(lane, group): _Latest(*rest) for lane, group, *rest in found}


def _supersede(database: Database, connection: Connection, wishes: Sequence[Wish], at_us: int) -> set[str]:
    """Replace what is still open of these wishes; give the keys of creations among it."""
    lock = "FOR UPDATE OF o" if database.make == "postgresql" else ""
    statement = f"""
        SELECT o.id FROM {_wish_set(database)} w CROSS JOIN outbox o
        WHERE o.lane = w.lane AND o.grp = w.grp AND o.state IN ({states(*MOVES[Move.SUPERSEDE].sources)})
        ORDER BY o.id {lock}
    """
    ids = list(connection.execute(text(statement), _wish_values(database, wishes)).scalars())
    return supersede(database, connection, ids, at_us)


def supersede(database: Database, connection: Connection, ids: Sequence[int], at_us: int) -> set[str]:
    """Mark rows as replaced by a newer wish; give the keys of creations among them."""
    if not ids:
        return set()
    statement = f"""
        UPDATE outbox SET state = 'superseded', held_by = '', settled_at = :at
        WHERE id IN {database.list_of("ids", "bigint")} RETURNING kind, key
    """
    result = connection.execute(text(statement), {"ids": database.packed(ids), "at": at_us})
    return {key for kind, key in result if kind == "create"}


def _wish_set(database: Database) -> str:
    if database.make == "sqlite":
        pair = "json_extract(value, '$[0]') AS lane, json_extract(value, '$[1]') AS grp"
        return f"(SELECT {pair} FROM json_each(:wishes))"
    return "(SELECT * FROM unnest(CAST(:lanes AS text[]), CAST(:groups AS text[])) AS u(lane, grp))"


def _wish_values(database: Database, wishes: Sequence[Wish]) -> dict[str, Any]:
    unique = list(dict.fromkeys(wishes))
    if database.make == "sqlite":
        return {"wishes": database.packed(unique)}
    return {"lanes": [lane for lane, _ in unique], "groups": [group for _, group in unique]}
