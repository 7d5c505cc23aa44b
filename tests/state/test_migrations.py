from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect

from connector.domain.outbox_states import BLOCKING, UNSETTLED
from connector.errors import LocalFault
from state import migrations, open_store
from state.migrations import MIGRATIONS, Migration, migrate
from state.outbox_dependents import states
from state.tables import METADATA


def test_migrated_tables_are_those_the_program_reads(store):
    inspector = inspect(store.database.engine)
    found = {name: [c["name"] for c in inspector.get_columns(name)] for name in inspector.get_table_names()}
    found.pop("state_version")
    assert {name: sorted(columns) for name, columns in found.items()} == {
        table.name: sorted(table.columns.keys()) for table in METADATA.sorted_tables
    }
    for table in METADATA.sorted_tables:
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert set(key) == {column.name for column in table.primary_key.columns}
        kinds = {c["name"]: c["type"]._type_affinity for c in inspector.get_columns(table.name)}
        assert {c.name: c.type._type_affinity for c in table.columns} == kinds


def test_partial_indexes_speak_of_the_states_of_the_table():
    first = "\n".join(MIGRATIONS[0].statements)
    assert f"state IN ({states(*BLOCKING)})" in first
    assert f"state IN ({states(*UNSETTLED)})" in first


def test_many_first_openers_agree(state_url):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_store(state_url), range(4)))
    with stores[0].database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM state_version").scalar_one() == len(MIGRATIONS)
    for store in stores:
        store.close()


def test_older_program_leaves_a_newer_state_alone(state_url):
    store = open_store(state_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO state_version (number, name, at) VALUES (99, 'future', 0)")
    store.close()
    with pytest.raises(LocalFault, match=f"version 99, this program knows {len(MIGRATIONS)}") as refusal:
        open_store(state_url)
    assert refusal.value.code == "state.newer"
    assert refusal.value.exit_code == 5


def test_next_step_is_taken_once_and_a_failing_one_not_at_all(store):
    number = MIGRATIONS[-1].number + 1
    good = Migration(number, "good", ["CREATE TABLE more (a {text})"])
    bad = Migration(number + 1, "bad", ["CREATE TABLE most (a {text})", "CREATE TABLE broken ("])
    with pytest.raises(Exception, match="state"):
        migrate(store.database, (*MIGRATIONS, good, bad))
    names = inspect(store.database.engine).get_table_names()
    assert "more" not in names
    assert "most" not in names
    for _ in range(2):
        assert migrate(store.database, (*MIGRATIONS, good)) == number
    assert "more" in inspect(store.database.engine).get_table_names()


def test_released_steps_are_numbered_without_gaps():
    assert [step.number for step in migrations.MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
