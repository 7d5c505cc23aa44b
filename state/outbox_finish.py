"""The usual end of a batch, in one statement: updates that were on their way for the first time, and went well."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Connection

from connector.domain.outbox_states import OUTCOME_MOVES, Move
from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.ports.store import OwnRows, Taken
from state import bulk
from state.bulk import all_values_json
from state.database import Database
from state.outbox_folded import Line, packed, parted, take_out
from state.outbox_rows import ids_of

_FINISHING: Final = frozenset(kind for kind, move in OUTCOME_MOVES.items() if move is Move.FINISH)
#: what the row must be, so that nothing but itself changes with it
_PLAIN: Final = """
    old.state = 'doing' AND old.kind = 'update' AND old.was_unknown = 0 AND old.dismissed = 0
    AND old.before_values IS NULL
"""
#: what stood there before is what the wish says was expected, so the journal finds it there
_AS_ASKED: Final = f"""
    UPDATE outbox AS old SET state = 'done', lease_owner = NULL, lease_until = NULL, not_before = NULL, message = '',
        fixer = '', settled_at = :now, result = '{OutcomeKind.WRITTEN.value}', code = ''
    WHERE old.id IN %s AND old.attempts = :attempts AND {_PLAIN}
"""
#: the same of rows that are on their way and do not say so themselves
_FOLDED_AS_ASKED: Final = f"""
    UPDATE outbox AS old SET state = 'done', attempts = attempts + 1, sent_at = :sent, not_before = NULL, message = '',
        fixer = '', settled_at = :now, result = '{OutcomeKind.WRITTEN.value}', code = ''
    WHERE old.id IN %s AND old.attempts = :attempts - 1 AND {_PLAIN.replace("'doing'", "'todo'")}
"""
_SQLITE: Final = f"""
    UPDATE outbox AS old SET state = 'done', lease_owner = NULL, lease_until = NULL, not_before = NULL, message = '',
        fixer = '', settled_at = ?, record_id = coalesce(?, old.record_id), result = ?, before_values = ?, code = ?
    WHERE old.id = ? AND old.attempts = ? AND old.key = ? AND {_PLAIN}
"""
_POSTGRES: Final = f"""
    UPDATE outbox AS old SET state = 'done', lease_owner = NULL, lease_until = NULL, not_before = NULL, message = '',
        fixer = '', settled_at = %s, record_id = coalesce(new.record_id, old.record_id), result = new.result,
        before_values = new.before_values, code = new.code
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])
        AS new (record_id, result, before_values, code, id, attempts, key)
    WHERE old.id = new.id AND old.attempts = new.attempts AND old.key = new.key AND {_PLAIN}
"""
_RESULTS: Final = {kind: kind.value for kind in OutcomeKind}


def finish(
    database: Database,
    connection: Connection,
    rows: Sequence[Taken],
    outcomes: Sequence[WriteOutcome],
    *,
    now_us: int,
    folded: Sequence[Line] = (),
) -> bool:
    """Settle rows to done where all are plain; else change nothing and say so.

    Those that stand in lines are settled from there, where all went as they were asked for.
    Creations (others may wait for them), rows whose fate was unknown, whose person was erased or of which more is to be
    told than that they are done take the long way.
    """
    as_asked = _as_asked(rows, outcomes)
    if not as_asked and (folded or not all(map(_finishing, outcomes))):
        return False
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute("SAVEPOINT finishing")
        if as_asked:
            count = _finished_as_asked(database, connection, rows, now_us, folded)
        else:
            count = _finished(database, cursor, rows, outcomes, now_us)
        plain = count == len(rows)
        if not plain:
            cursor.execute("ROLLBACK TO SAVEPOINT finishing")
        cursor.execute("RELEASE SAVEPOINT finishing")
    return plain


def _as_asked(rows: Sequence[Taken], outcomes: Sequence[WriteOutcome]) -> bool:
    """Say whether outcomes tell nothing but that the wishes came true; where they may not, a loop looks at each."""
    if isinstance(rows, OwnRows) and isinstance(outcomes, AsAsked) and outcomes.updates is rows.updates:
        return True
    written = OutcomeKind.WRITTEN
    for row, outcome in zip(rows, outcomes, strict=True):
        write = row.write
        if (
            outcome.kind is not written
            or (outcome.before is not write.expected and outcome.before != write.expected)
            or outcome.id != write.id
            or outcome.key != write.key
            or outcome.code
            or outcome.message
            or outcome.fixer
        ):
            return False
    return True


def _finishing(outcome: WriteOutcome) -> bool:
    """Say whether an outcome ends a row's story, and nothing is to be told to a person."""
    return outcome.kind in _FINISHING and not outcome.message and not outcome.fixer


def _finished_as_asked(
    database: Database, connection: Connection, rows: Sequence[Taken], now_us: int, folded: Sequence[Line]
) -> int:
    """Count the rows that were plain."""
    count = 0
    touched: dict[int, Line] = {}
    for attempts, ids in _by_attempts(rows).items():
        for line, some in parted(ids, folded):
            statement = (_AS_ASKED if line is None else _FOLDED_AS_ASKED) % database.list_of("ids", "bigint")
            values: dict[str, Any] = {"attempts": attempts, "now": now_us}
            if line is None:
                values["ids"] = database.packed(some)
            else:
                touched[line.first] = line
                values |= {"ids": packed(some), "sent": line.sent_at}
            count += bulk.change(database, connection, statement, values)
    for line in touched.values():
        take_out(database, connection, line, set(ids_of(rows)))
    return count


def _by_attempts(rows: Sequence[Taken]) -> dict[int, Sequence[int]]:
    if isinstance(rows, OwnRows):
        return {rows.attempts: rows.ids}
    return {
        attempts: [row.id for row in rows if row.attempts == attempts]
        for attempts in sorted({row.attempts for row in rows})
    }


def _finished(
    database: Database, cursor: Any, rows: Sequence[Taken], outcomes: Sequence[WriteOutcome], now_us: int
) -> int:
    """Count the rows that were plain; after the first that is not, the rest is not looked at."""
    before = all_values_json([outcome.before for outcome in outcomes])
    changes = [
        (
            outcome.id,
            _RESULTS[outcome.kind],
            shown if outcome.before else None,
            outcome.code,
            row.id,
            row.attempts,
            outcome.key,
        )
        for row, outcome, shown in zip(rows, outcomes, before, strict=True)
    ]
    if database.make == "postgresql":
        cursor.execute(_POSTGRES, [now_us, *map(list, zip(*changes, strict=True))])
        return int(cursor.rowcount)
    cursor.execute(_SQLITE, (now_us, *changes[0]))
    if cursor.rowcount != 1:
        return 0
    cursor.executemany(_SQLITE, [(now_us, *change) for change in changes[1:]])
    return 1 + max(int(cursor.rowcount), 0)
