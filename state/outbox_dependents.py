"""Rows that wait for the creation of a record: held while nothing is to come of it, let go when something is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from connector.domain.outbox_states import HOPEFUL
from connector.domain.writes import RowState
from state.database import Database


def states(*members: RowState) -> str:
    """Write states as SQL words; partial indexes need them as literals."""
    return ", ".join(f"'{state.value}'" for state in members)


#: the words of the index of unsettled rows; SQLite uses it only where they stand
UNSETTLED_ROWS: Final = "state <> 'done' AND state <> 'superseded'"

#: true where some creation the row needs is missing, held, dead or superseded; a scalar, so that every row asks by key
_HOPELESS: Final = f"""(
    SELECT count(*) FROM outbox_needs n WHERE n.row_id = o.id AND (
        SELECT count(*) FROM outbox d
        WHERE d.key = n.key AND d.kind = 'create' AND d.state <> 'superseded' AND d.state IN ({states(*HOPEFUL)})
    ) = 0
) > 0"""


def refresh(database: Database, connection: Connection, *, rows: Iterable[int] = (), keys: Iterable[str] = ()) -> None:
    """Look again at these rows and at all that depend on creations with these keys, and at what hangs on those."""
    concerned = set(rows) | _dependents(database, connection, keys)
    while concerned:
        moved = _shift(database, connection, concerned, to_held=True)
        moved |= _shift(database, connection, concerned, to_held=False)
        concerned = _dependents(database, connection, moved)


def _dependents(database: Database, connection: Connection, keys: Iterable[str]) -> set[int]:
    wanted = sorted(set(keys))
    if not wanted:
        return set()
    statement = f"SELECT n.row_id FROM outbox_needs n WHERE n.key IN {database.list_of('keys', 'text')}"
    return set(connection.execute(text(statement), {"keys": database.packed(wanted)}).scalars())


def _shift(database: Database, connection: Connection, ids: set[int], *, to_held: bool) -> set[str]:
    """Hold or free rows; give the keys of the creations among those that moved."""
    if to_held:
        change, start = "state = 'held', held_by = 'dependency'", f"o.state = 'todo' AND {_HOPELESS}"
    else:
        change = "state = 'todo', held_by = ''"
        start = f"o.state = 'held' AND o.held_by = 'dependency' AND NOT {_HOPELESS}"
    found = connection.execute(
        text(f"SELECT o.id FROM outbox o WHERE o.id IN {database.list_of('ids', 'bigint')} AND {start}"),
        {"ids": database.packed(sorted(ids))},
    ).scalars()
    moving = list(found)
    if not moving:
        return set()
    result = connection.execute(
        text(f"UPDATE outbox SET {change} WHERE id IN {database.list_of('ids', 'bigint')} RETURNING kind, key"),
        {"ids": database.packed(moving)},
    )
    return {key for kind, key in result if kind == "create"}
