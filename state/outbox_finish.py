"""The usual end of a batch, in one statement: updates that were on their way for the first time, and went well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Connection

from connector.domain.outbox_states import OUTCOME_MOVES, Move
from connector.domain.writes import OutcomeKind, WriteOutcome
from state.bulk import all_values_json
from state.database import Database

_FINISHING: Final = frozenset(kind for kind, move in OUTCOME_MOVES.items() if move is Move.FINISH)
#: what the row must be, so that nothing but itself changes with it
_PLAIN: Final = """
    old.state = 'doing' AND old.kind = 'update' AND old.was_unknown = 0 AND old.dismissed = 0
    AND old.before_values IS NULL
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
    outcomes: Mapping[int, WriteOutcome],
    *,
    now_us: int,
    claims: Mapping[int, int] | None,
) -> bool:
    """Settle rows to done where all are plain; else change nothing and say so.

    Rows without ``claims``, creations (others may wait for them), rows whose fate was unknown, whose person was erased
    or of which more is to be told than that they are done take the long way.
    """
    if claims is None or any(one.kind not in _FINISHING or one.message or one.fixer for one in outcomes.values()):
        return False
    before = all_values_json([one.before for one in outcomes.values()])
    rows = [
        (one.id, _RESULTS[one.kind], shown if one.before else None, one.code, id_, claims[id_], one.key)
        for (id_, one), shown in zip(outcomes.items(), before, strict=True)
    ]
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute("SAVEPOINT finishing")
        if _finished(database, cursor, rows, now_us) == len(rows):
            cursor.execute("RELEASE SAVEPOINT finishing")
            return True
        cursor.execute("ROLLBACK TO SAVEPOINT finishing")
        cursor.execute("RELEASE SAVEPOINT finishing")
    return False


def _finished(database: Database, cursor: Any, rows: Sequence[tuple[Any, ...]], now_us: int) -> int:
    """Count the rows that were plain; after the first that is not, the rest is not looked at."""
    if database.make == "postgresql":
        cursor.execute(_POSTGRES, [now_us, *map(list, zip(*rows, strict=True))])
        return int(cursor.rowcount)
    cursor.execute(_SQLITE, (now_us, *rows[0]))
    if cursor.rowcount != 1:
        return 0
    cursor.executemany(_SQLITE, [(now_us, *row) for row in rows[1:]])
    return 1 + max(int(cursor.rowcount), 0)
