"""What runs changed in the CRM, read from the settled rows of the outbox."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.domain.records import Value
from connector.domain.writes import Cause, OutcomeKind
from connector.ports.journal import Change, Journalled
from state.database import Database
from state.outbox_rows import Wish, wish_of

_COLUMNS: Final = (
    "id, run_id, kind, object, coalesce(record_id, target_id, ''), lane, grp, cause, rule, person_id, result, body, "
    "before_values"
)
#: a value found after a lost answer is ours as well
_CHANGED: Final = """
    state = 'done' AND (result IN ('written', 'human_won') OR (result = 'unchanged' AND was_unknown = 1))
"""


class SqlJournal:
    """``connector.ports.journal.Journal`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, run_id: str) -> list[Journalled]:
        """List what rows decided by a run changed, oldest first."""
        with self._database.read() as connection:
            return list(journalled(connection, "run_id = :run", {"run": run_id}))

    def since(self, lanes: Sequence[str], row: int) -> list[Journalled]:
        """List what younger rows changed in some lanes; see the port."""
        where = f"id > :row AND lane IN {self._database.list_of('lanes', 'text')}"
        with self._database.read() as connection:
            return list(journalled(connection, where, {"row": row, "lanes": self._database.packed(list(lanes))}))


def journalled(connection: Connection, where: str, values: Mapping[str, Any]) -> Iterator[Journalled]:
    """Read the settled rows that changed something, oldest first."""
    statement = f"SELECT {_COLUMNS} FROM outbox WHERE {where} AND {_CHANGED} ORDER BY id"
    for row in connection.execute(text(statement), dict(values)):
        id_, run_id, kind, object_, record, lane, group, cause, rule, person_id, result, body, before = row
        wish = wish_of(body)
        changes = _changes(wish, json.loads(before or "{}"), human=result == OutcomeKind.HUMAN_WON)
        if changes:
            yield Journalled(
                row=id_,
                run_id=run_id,
                kind=kind,
                object=object_,
                record=record,
                lane=lane,
                group=group,
                cause=Cause(cause),
                rule=rule,
                person_id=person_id,
                changes=changes,
                ours=wish.ours,
                if_blank=wish.if_blank,
            )


def _changes(wish: Wish, read: Mapping[str, Value], *, human: bool) -> tuple[Change, ...]:
    """List the fields that were written; ``human``: in some of them a person's value stayed."""
    seen = {**wish.expected, **read}
    changes = []
    for name, written in wish.fields.items():
        old = seen.get(name)
        filled = name in wish.if_blank and old not in (None, "")
        theirs = human and name not in wish.ours and name in wish.expected and old != wish.expected[name]
        if old != written and not filled and not theirs:
            changes.append(Change(name, old, written))
    return tuple(changes)
