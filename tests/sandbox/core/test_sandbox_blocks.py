"""Rows kept as columns behave as rows kept as records do, through changes, roll-backs, erasure and a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.block import Block
from sandbox.core.columns import Documents, Nested, Numbers, Picks, Uuids
from sandbox.core.record import Record
from sandbox.core.records import Records

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
TYPES = ("OPEN", "Click", None)


def block(size: int = 12) -> Block:
    place = np.arange(size)
    return Block(
        "event",
        Uuids(place * 3 + 11, SPREAD),
        {
            "type": Picks(np.where(place % 3 == 2, -1, place % 3), ["OPEN", "Click"]),
            "ms": Numbers(1000 * (place // 2)),
            "by": Nested({"n": Numbers(place)}, place % 4 == 1),
            "typed": Documents(np.where(place % 2, 0, -1), ['[{"name": "email"}]']),
        },
        int(T0.timestamp()) + place,
        "system",
    )


def plain(size: int = 12) -> list[Record]:
    rows = []
    for place, record in enumerate(block(size)):
        values = {"type": TYPES[place % 3], "ms": 1000 * (place // 2)}
        values["by"] = {"n": place} if place % 4 == 1 else None
        values["typed"] = [{"name": "email"}] if place % 2 else None
        stamp = T0 + timedelta(seconds=place)
        kept = {name: value for name, value in values.items() if value is not None}
        rows.append(Record("event", record.id, kept, stamp, "system", stamp, "system"))
    return rows


@pytest.fixture
def store(tmp_path):
    made = Records(tmp_path / "org.db")
    made.add_block(block())
    yield made
    made.close()


def test_a_block_reads_as_the_rows_it_stands_for(store):
    assert list(store.rows("event")) == plain()
    assert store.count("event") == 12
    assert [store.get("event", row.id) for row in plain()] == plain()
    assert store.get("event", "nothing like it") is None
    assert list(store.changed_since("event", T0 + timedelta(seconds=10))) == plain()[10:]
    assert [row.id for row in store.from_id("event")] == sorted(row.id for row in plain())


def test_a_block_is_the_same_after_a_restart_and_after_restore(tmp_path):
    store = Records(tmp_path / "org.db")
    store.add_block(block())
    store.seal()
    gone, changed = plain()[4].id, plain()[5].id
    store.erase("event", gone)
    store.update("event", changed, {"type": "OPEN"}, at=T0, by="u")
    seen = list(store.rows("event"))
    store.close()
    again = Records(tmp_path / "org.db")
    assert list(again.rows("event")) == seen
    assert again.get("event", gone) is None
    again.restore()
    assert list(again.rows("event")) == plain()
    again.close()


def test_many_rows_at_once_are_found_like_others_and_kept(tmp_path):
    store = Records(tmp_path / "org.db")
    store.insert("event", "z", {"type": "OPEN"}, at=T0, by="u")
    assert len(store.find("event", "type", "open")) == 1
    assert [row.id for row in store.changed_since("event")] == ["z"]
    store.fill("event", plain())
    assert len(store.find("event", "type", "open")) == 5
    assert store.count("event") == 13
    assert [row.id for row in store.changed_since("event", T0 + timedelta(seconds=11))] == [plain()[11].id]
    seen = list(store.rows("event"))
    store.close()
    again = Records(tmp_path / "org.db")
    assert list(again.rows("event")) == seen
    again.close()


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["update", "erase", "insert", "remove", "look"]),
        st.integers(0, 13),
        st.sampled_from(["open", "CLICK", None]),
        st.booleans(),
    ),
    max_size=14,
)


@given(ACTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_block_and_plain_rows_cannot_be_told_apart(tmp_path_factory, acts):
    folder = tmp_path_factory.mktemp("layers")
    layered, rows = Records(folder / "a.db"), Records(folder / "b.db")
    layered.add_block(block())
    rows.fill("event", plain())
    ids = [row.id for row in plain()] + ["x1", "x2"]
    for number, (what, place, kind, keep) in enumerate(acts):
        at = T0 + timedelta(seconds=number)
        for store in (layered, rows):
            there = store.get("event", ids[place]) is not None
            with store.transaction() as whole:
                if what == "insert" and not there:
                    store.insert("event", ids[place], {"type": kind, "ms": number * 700}, at=at, by="v")
                elif what == "update" and there:
                    store.update("event", ids[place], {"type": kind}, at=at, by="v")
                elif what == "remove" and there:
                    store.remove("event", ids[place], at=at, by="v")
                elif what == "erase" and there:
                    store.erase("event", ids[place])
                elif what == "look":
                    store.find("event", "type", kind)
                if not keep:
                    whole.roll_back()
    for again in (False, True):
        left = Records(folder / "a.db") if again else layered
        right = Records(folder / "b.db") if again else rows
        key = lambda row: row.id  # noqa: E731
        assert sorted(left.rows("event"), key=key) == sorted(right.rows("event"), key=key)
        assert list(left.sorted_by("event", "ms")) == right.sorted_by("event", "ms")
        for kind in ("open", "click"):
            assert sorted(left.find("event", "type", kind), key=key) == sorted(
                right.find("event", "type", kind), key=key
            )
            where = ("type", kind)
            view = left.sorted_by("event", "ms", where)
            assert list(view) == right.sorted_by("event", "ms", where)
            assert list(view[1:3]) == right.sorted_by("event", "ms", where)[1:3]
        assert list(left.changed_since("event")) == list(right.changed_since("event"))
        assert left.count("event") == right.count("event")
        left.close()
        right.close()
