"""The rows of an org: history, uniqueness, order, transactions, and what a killed process leaves."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.records import Duplicate, Record, Records

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def records(tmp_path):
    store = Records(tmp_path / "org.db")
    yield store
    store.close()


def test_a_row_keeps_all_values_a_field_has_held(records):
    records.insert("Lead", "a", {"Email": "x@y.example", "City": None}, at=T0, by="u")
    records.update("Lead", "a", {"Email": "z@y.example"}, at=T0, by="v")
    records.update("Lead", "a", {"Email": None}, at=T0, by="v")
    row = records.update("Lead", "a", {"Email": "x@y.example"}, at=T0 + timedelta(seconds=1), by="v")
    assert row.ever("Email") == ["x@y.example", "z@y.example", None, "x@y.example"]
    assert row.ever("City") == []
    assert (row.created_by, row.modified_by, row.created_at) == ("u", "v", T0)


def test_writing_the_same_value_again_stamps_but_adds_no_history(records):
    records.insert("Lead", "a", {"City": "Ulm"}, at=T0, by="u")
    row = records.update("Lead", "a", {"City": "Ulm"}, at=T0 + timedelta(seconds=5), by="v")
    assert row.ever("City") == ["Ulm"]
    assert row.modified_at == T0 + timedelta(seconds=5)


def test_a_unique_field_refuses_a_second_living_row_whatever_its_case(records):
    records.unique("Lead", "Key")
    records.insert("Lead", "a", {"Key": "Abc"}, at=T0, by="u")
    with pytest.raises(Duplicate) as caught:
        records.insert("Lead", "b", {"Key": "aBC"}, at=T0, by="u")
    assert caught.value.holder == "a"
    records.update("Lead", "a", {"Key": "abc"}, at=T0, by="u")
    records.remove("Lead", "a", at=T0, by="u")
    records.insert("Lead", "b", {"Key": "ABC"}, at=T0, by="u")
    with pytest.raises(Duplicate):
        records.remove("Lead", "a", at=T0, by="u", deleted=False)


def test_find_follows_changes_deletions_and_rollbacks(records):
    records.insert("Lead", "a", {"Email": "One@x.example"}, at=T0, by="u")
    assert [row.id for row in records.find("Lead", "Email", "one@X.example")] == ["a"]
    with records.transaction() as whole:
        records.update("Lead", "a", {"Email": "two@x.example"}, at=T0, by="u")
        assert records.find("Lead", "Email", "one@x.example") == []
        whole.roll_back()
    assert [row.id for row in records.find("Lead", "Email", "one@x.example")] == ["a"]
    records.remove("Lead", "a", at=T0, by="u")
    assert records.find("Lead", "Email", "one@x.example") == []


def test_an_inner_block_may_fail_alone_and_an_outer_one_takes_all_along(records):
    with records.transaction() as outer:
        records.insert("Lead", "a", {}, at=T0, by="u")
        with contextlib.suppress(KeyError), records.transaction():
            records.insert("Lead", "b", {}, at=T0, by="u")
            records.update("Lead", "nobody", {}, at=T0, by="u")
        assert records.get("Lead", "b") is None
        assert records.get("Lead", "a") is not None
        outer.roll_back()
    assert records.get("Lead", "a") is None
    assert list(records.changed_since("Lead")) == []


def test_changed_since_is_ordered_by_stamp_then_id_and_takes_the_edge(records):
    for place, row_id in enumerate("cabd"):
        records.insert("Lead", row_id, {}, at=T0 + timedelta(seconds=place // 2), by="u")
    assert [row.id for row in records.changed_since("Lead")] == ["a", "c", "b", "d"]
    assert [row.id for row in records.changed_since("Lead", T0 + timedelta(seconds=1))] == ["b", "d"]
    assert [row.id for row in records.changed_since("Lead", before=T0 + timedelta(seconds=1))] == ["a", "c"]
    records.update("Lead", "a", {}, at=T0 + timedelta(seconds=9), by="u")
    assert [row.id for row in records.changed_since("Lead")] == ["c", "b", "d", "a"]


def test_restore_goes_back_to_the_seal(records):
    records.insert("Lead", "a", {"City": "Ulm"}, at=T0, by="u")
    assert not records.sealed
    records.seal()
    records.update("Lead", "a", {"City": "Bonn"}, at=T0, by="u")
    records.insert("Lead", "b", {}, at=T0, by="u")
    records.restore()
    assert records.sealed
    row = records.get("Lead", "a")
    assert row is not None
    assert (row.values, records.get("Lead", "b")) == ({"City": "Ulm"}, None)


def test_an_acknowledged_write_survives_a_killed_process(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from sandbox.core.records import Records\n"
        "store = Records(Path(sys.argv[1]))\n"
        "at = datetime(2026, 3, 1, tzinfo=UTC)\n"
        "store.insert('Lead', 'a', {'City': 'Ulm'}, at=at, by='u')\n"
        "store.update('Lead', 'a', {'City': 'Bonn'}, at=at, by='u')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "org.db")], cwd=root, check=False)
    assert done.returncode == -9
    store = Records(tmp_path / "org.db")
    row = store.get("Lead", "a")
    assert row is not None
    assert row.ever("City") == ["Ulm", "Bonn"]
    store.close()


FIELDS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["p", "q", None, 1, True]), max_size=3)
STEPS = st.lists(st.tuples(st.sampled_from("abc"), FIELDS, st.booleans(), st.integers(0, 3)), max_size=25)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_agree_with_a_plain_dict_through_rollbacks_and_a_restart(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("steps") / "org.db"
    store = Records(path)
    store.find("Lead", "x", "p")
    model: dict[str, tuple[dict[str, object], datetime]] = {}
    for row_id, values, keep, seconds in steps:
        at = T0 + timedelta(seconds=seconds)
        with store.transaction() as whole:
            if store.get("Lead", row_id) is None:
                store.insert("Lead", row_id, values, at=at, by="u")
            else:
                store.update("Lead", row_id, values, at=at, by="u")
            if not keep:
                whole.roll_back()
        if keep:
            old = model.get(row_id, ({}, at))[0]
            model[row_id] = ({k: v for k, v in {**old, **values}.items() if v is not None}, at)

    def shown(rows: list[Record]) -> list[tuple[str, dict[str, object]]]:
        return [(row.id, row.values) for row in rows]

    expected = [(row_id, entry[0]) for row_id, entry in sorted(model.items(), key=lambda pair: (pair[1][1], pair[0]))]
    held = {row.id: row.held for row in store.rows("Lead")}
    for again in (store, Records(path)):
        assert shown(list(again.changed_since("Lead"))) == expected
        assert sorted(row.id for row in again.find("Lead", "x", "p")) == sorted(
            row_id for row_id, (values, _) in model.items() if values.get("x") == "p"
        )
        assert {row.id: row.held for row in again.rows("Lead")} == held
        again.close()
