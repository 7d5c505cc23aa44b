"""What came of the writes: rows move on, before-values are kept for undo, dependents are looked at again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from connector.domain.outbox_states import MOVES, OUTCOME_MOVES, Move, check_move
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, RowState, WriteOutcome
from connector.errors import HandoffError
from state import bulk
from state.bulk import storable, values_json
from state.database import Database
from state.erasure import empty_settled
from state.instants import to_us
from state.outbox_dependents import refresh, states
from state.outbox_enqueue import supersede
from state.tables import OUTBOX

_SET: Final = (
    "state",
    "held_by",
    "not_before",
    "lease_owner",
    "lease_until",
    "record_id",
    "result",
    "before_values",
    "was_unknown",
    "settled_at",
    "code",
    "message",
    "fixer",
)
_SETTLED: Final = frozenset({RowState.DONE, RowState.DEAD})
#: in which an answer to a sending is awaited
_OPEN: Final = frozenset({RowState.DOING, RowState.UNKNOWN})


class _Row(NamedTuple):
    id: int
    key: str
    kind: str
    lane: str
    state: str
    was_unknown: int
    before_values: str | None
    record_id: str | None
    result: str | None
    dismissed: int
    attempts: int


def settle(
    database: Database,
    connection: Connection,
    outcomes: Mapping[int, WriteOutcome],
    *,
    now_us: int,
    claims: Mapping[int, int] | None = None,
) -> set[int]:
    """Move rows to what their outcomes say, all or none but those ``claims`` leaves out; give the ids of the moved.

    Raises:
        HandoffError: ``outbox.unlawful_move``, ``outbox.no_such_row``, ``outbox.wrong_key``: our bugs.
    """
    if not outcomes:
        return set()
    rows = _locked(database, connection, list(outcomes))
    if len(rows) != len(outcomes):
        raise HandoffError("outbox.no_such_row", f"{len(outcomes) - len(rows)} settled rows do not exist")
    if claims is not None:
        rows = [row for row in rows if row.attempts == claims[row.id] and RowState(row.state) in _OPEN]
    changes: list[tuple[Any, ...]] = []
    quiet: list[dict[str, Any]] = []
    creations: list[str] = []
    returned: list[int] = []
    for row in rows:
        outcome = outcomes[row.id]
        if outcome.key != row.key:
            raise HandoffError("outbox.wrong_key", f"row {row.id} was given the outcome of another write")
        if row.state == RowState.DONE and row.result == outcome.kind:
            continue  # the answer to an earlier commit of the same was lost
        target = check_move(OUTCOME_MOVES[outcome.kind], RowState(row.state))
        changes.append(_change(row, outcome, target, now_us))
        if outcome.kind is OutcomeKind.UNKNOWN and outcome.not_before is not None:
            quiet.append({"lane": row.lane, "row_id": row.id, "until": to_us(outcome.not_before)})
        if row.kind == "create":
            creations.append(row.key)
        if outcome.kind is OutcomeKind.REJECTED or (outcome.kind is OutcomeKind.RETRY and not row.was_unknown):
            returned.append(row.id)
    bulk.update_by_id(database, connection, OUTBOX, _SET, changes)
    if quiet:
        connection.execute(text(_QUIET), quiet)
    creations += drop_outdated(database, connection, returned, now_us)
    erased = [row.id for row in rows if row.dismissed]
    if erased:
        creations += _drop_erased(database, connection, erased, now_us)
    refresh(database, connection, keys=creations)
    return {row.id for row in rows}


def _drop_erased(database: Database, connection: Connection, ids: Sequence[int], now_us: int) -> list[str]:
    """Let go of rows whose person was erased while they were on their way; give the keys of creations among them."""
    sources = states(*MOVES[Move.SUPERSEDE].sources)
    statement = f"SELECT id FROM outbox WHERE id IN {database.list_of('ids', 'bigint')} AND state IN ({sources})"
    back = list(connection.execute(text(statement), {"ids": database.packed(ids)}).scalars())
    keys = supersede(database, connection, back, now_us)
    empty_settled(database, connection, ids)
    return sorted(keys)


_QUIET: Final = """
    INSERT INTO outbox_quiet (lane, row_id, until) VALUES (:lane, :row_id, :until)
    ON CONFLICT (lane) DO UPDATE SET row_id = excluded.row_id, until = excluded.until
"""


def _change(row: _Row, outcome: WriteOutcome, target: RowState, now_us: int) -> tuple[Any, ...]:
    lost = outcome.kind is OutcomeKind.UNKNOWN
    # RETRY means «certainly not applied»: what an earlier try saw before writing says nothing about the next one.
    # Otherwise the first look counts, for a later one may already have seen our own value.
    before: dict[str, Value] | None = None
    if outcome.kind is not OutcomeKind.RETRY:
        earlier = json.loads(row.before_values) if row.before_values else {}
        before = {**outcome.before, **earlier}
    waits = outcome.kind in (OutcomeKind.RETRY, OutcomeKind.UNKNOWN)
    return (
        target.value,
        "",
        to_us(outcome.not_before) if waits else None,
        None,
        None,
        outcome.id or row.record_id,
        outcome.kind.value,
        values_json(before) if before else None,
        int(lost or (bool(row.was_unknown) and outcome.kind is not OutcomeKind.RETRY)),
        now_us if target in _SETTLED else None,
        outcome.code,
        storable(outcome.message),
        outcome.fixer,
        row.id,
    )


def _locked(database: Database, connection: Connection, ids: Sequence[int]) -> list[_Row]:
    lock = "FOR UPDATE" if database.make == "postgresql" else ""
    among = database.list_of("ids", "bigint")
    statement = f"SELECT {', '.join(_Row._fields)} FROM outbox WHERE id IN {among} ORDER BY id {lock}"
    return list(map(_Row._make, bulk.fetch(database, connection, statement, {"ids": database.packed(ids)})))


def drop_outdated(database: Database, connection: Connection, ids: Sequence[int], now_us: int) -> list[str]:
    """Supersede those of the rows whose lane and group have a newer wish; give the keys of creations among them.

    A wish that came while the older row was on its way could not replace it then. Once the older one is back it must
    not be sent any more: it would put an old value over a new one.
    """
    if not ids:
        return []
    statement = f"""
        SELECT o.id FROM outbox o
        WHERE o.id IN {database.list_of("ids", "bigint")} AND o.state IN ({states(*MOVES[Move.SUPERSEDE].sources)})
        AND (SELECT count(*) FROM outbox n
             WHERE n.lane = o.lane AND n.grp = o.grp AND n.seq > o.seq AND n.state <> 'superseded') > 0
    """
    outdated = list(connection.execute(text(statement), {"ids": database.packed(ids)}).scalars())
    return sorted(supersede(database, connection, outdated, now_us))


def expire(connection: Connection, *, now_us: int) -> int:
    """Turn rows whose sender did not come back into unknown ones; give their number."""
    statement = f"""
        UPDATE outbox SET state = 'unknown', was_unknown = 1, lease_owner = NULL, lease_until = NULL,
            not_before = NULL, code = 'handoff.lease_ran_out'
        WHERE state IN ({states(*MOVES[Move.EXPIRE].sources)}) AND lease_until <= :now
    """
    return int(connection.execute(text(statement), {"now": now_us}).rowcount)
