"""The list of writes is copied to a table whose checks cost less: nothing of it may get lost on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from connector.errors import LocalFault
from state.database import Database
from state.migrations import MIGRATIONS, migrate

_TABLES = ("outbox", "outbox_needs", "outbox_quiet")
_ROW = """
    INSERT INTO outbox (id, key, kind, object, target_id, lane, grp, seq, cause, rule, person_id, reason, run_id,
        plan_id, priority, decided_at, body, depends_on, state, held_by, attempts, not_before, sent_at, lease_owner,
        lease_until, record_id, result, before_values, was_unknown, dismissed, settled_at, code, message, fixer)
    VALUES ({id}, 'k{id}', 'update', 'lead', 't{id}', 'l{id}', 'score', 1, 'score', 'r', 'p', 'why', 'run', 'plan',
        2, 3, '{{}}', '[]', '{state}', '{held_by}', 4, 5, 6, {owner}, {until},
        'rec', 'written', '{{"A":1}}', 1, 0, 7, 'code', 'message', 'ops')
"""
_STATES = ("todo", "doing", "done", "held", "unknown", "superseded", "dead")


@pytest.fixture
def before(state_url: str) -> Any:
    """A state as it was before the step, with a row in every state, a need and a quiet lane."""
    database = Database(state_url, now=None, patience=timedelta(seconds=10))
    migrate(database, MIGRATIONS[:9])
    with database.write() as connection:
        for id_, state in enumerate(_STATES, 1):
            connection.exec_driver_sql(_row(id_, state))
        connection.exec_driver_sql("INSERT INTO outbox_needs (row_id, key) VALUES (1, 'k3')")
        connection.exec_driver_sql("INSERT INTO outbox_quiet (lane, row_id, until) VALUES ('l5', 5, 9)")
    yield database
    database.close()


def _row(id_: int, state: str, held_by: str | None = None) -> str:
    owner, until = ("'me'", "8") if state == "doing" else ("NULL", "NULL")
    by = ("limit" if state == "held" else "") if held_by is None else held_by
    return _ROW.format(id=id_, state=state, held_by=by, owner=owner, until=until)


def _content(database: Database) -> dict[str, list[Any]]:
    with database.read() as connection:
        found = {
            name: [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1").mappings()]
            for name in _TABLES
        }
        if database.make == "sqlite":
            indexes = (
                "SELECT name, replace(sql, '  ', ' ') FROM sqlite_master WHERE type = 'index' AND sql <> '' ORDER BY 1"
            )
            found["indexes"] = [tuple(row) for row in connection.exec_driver_sql(indexes)]
            found["damage"] = [tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
            found["damage"] += [tuple(row) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    return found


def test_every_row_and_index_is_there_after_the_step(before: Database) -> None:
    told = _content(before)
    assert [row["state"] for row in told["outbox"]] == list(_STATES)
    assert migrate(before, MIGRATIONS[:10]) == 10
    assert _content(before) == told


_REFUSED = (
    _row(8, "sent"),
    _row(8, "held", held_by=""),
    _row(8, "todo", held_by="limit"),
    _row(8, "todo").replace("NULL, NULL", "'me', 8"),
    _row(8, "todo").replace("'update'", "'upsert'"),
    _row(8, "doing").replace("'l8'", "'l2'").replace("'score', 1", "'score', 2"),
    "INSERT INTO outbox_needs (row_id, key) VALUES (99, 'k')",
    "INSERT INTO outbox_quiet (lane, row_id, until) VALUES ('l', 99, 9)",
    "DELETE FROM outbox WHERE id = 5",
)


def test_the_database_refuses_what_it_refused_before(before: Database) -> None:
    migrate(before)
    for statement in _REFUSED:
        with pytest.raises(IntegrityError), before.engine.connect() as connection:
            connection.exec_driver_sql(statement)


def test_one_index_takes_the_place_of_two_and_every_row_stays(before: Database) -> None:
    migrate(before, MIGRATIONS[:14])
    told = _content(before)
    assert migrate(before) == len(MIGRATIONS)
    found = _content(before)
    assert {name: found[name] for name in _TABLES} == {name: told[name] for name in _TABLES}
    names = {index["name"] for index in inspect(before.engine).get_indexes("outbox")}
    assert "outbox_unsettled" in names
    assert "outbox_queue" not in names
    assert found.get("damage", []) == told.get("damage", [])
    with pytest.raises(LocalFault) as refusal:
        migrate(before, MIGRATIONS[:14])
    assert refusal.value.code == "state.newer"
