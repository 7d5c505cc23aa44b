"""Equal content gives equal bytes, and one planted double does not."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.records import Record
from sandbox.core.snapshot import Shape, snapshot

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SHAPES = {
    "Lead": Shape(("Email", "City"), lambda row, _: [row.get("Email")]),
    "Task": Shape(
        ("Who", "Subject"), lambda row, resolve: [resolve(row.get("Who")), row.get("Subject")], frozenset({"Who"})
    ),
}

PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["a@x.example", "b@x.example", None]),
        st.sampled_from(["Ulm", "Bonn"]),
        st.lists(st.sampled_from(["Call", "Mail"]), max_size=3),
    ),
    max_size=5,
)


def rows_of(people, order: random.Random) -> list[Record]:
    """Make the rows in a random order under random ids."""
    rows = []
    for email, city, subjects in people:
        lead = f"id{order.getrandbits(60)}"
        rows.append(record("Lead", lead, {"Email": email, "City": city}))
        rows += [record("Task", f"id{order.getrandbits(60)}", {"Who": lead, "Subject": name}) for name in subjects]
    order.shuffle(rows)
    return rows


def record(obj, row_id, values, **more) -> Record:
    full = {name: value for name, value in values.items() if value is not None}
    return Record(obj, row_id, full, T0, "u", T0, "u", **more)


@given(PEOPLE, st.integers(0, 1000), st.integers(0, 1000))
def test_equal_content_gives_equal_bytes_whatever_ids_and_order(people, one, other):
    first = snapshot("toy", rows_of(people, random.Random(one)), SHAPES)
    second = snapshot("toy", rows_of(people, random.Random(f"{other}x")), SHAPES)
    assert first == second


@given(PEOPLE.filter(bool), st.integers(0, 1000), st.data())
def test_one_planted_double_changes_the_bytes(people, seed, data):
    rows = rows_of(people, random.Random(seed))
    twin = data.draw(st.sampled_from(rows))
    planted = [*rows, record(twin.obj, "planted", twin.values)]
    assert snapshot("toy", planted, SHAPES) != snapshot("toy", rows, SHAPES)
    binned = [*rows, record(twin.obj, "planted", twin.values, deleted=True)]
    assert snapshot("toy", binned, SHAPES) != snapshot("toy", rows, SHAPES)


def test_a_value_that_was_held_and_put_back_shows():
    plain = record("Lead", "a", {"Email": "a@x.example", "City": "Ulm"})
    touched = record("Lead", "a", {"Email": "a@x.example", "City": "Ulm"}, held={"City": ["Ulm", "Bonn"]})
    assert snapshot("toy", [plain], SHAPES) != snapshot("toy", [touched], SHAPES)
    shown = json.loads(snapshot("toy", [touched], SHAPES))["records"][0]
    assert shown["held"]["City"] == ["Bonn", "Ulm", "Ulm"]


def test_ids_are_shown_as_key_paths_and_ties_are_numbered_by_content():
    rows = [
        record("Lead", "x1", {"Email": "a@x.example", "City": "Ulm"}),
        record("Lead", "x2", {"Email": "a@x.example", "City": "Bonn"}),
        record("Task", "t1", {"Who": "x1", "Subject": "Call"}),
    ]
    shown = json.loads(snapshot("toy", rows, SHAPES))["records"]
    assert [(entry["key"][-1], entry["fields"]["City"]) for entry in shown[:2]] == [("#1", "Bonn"), ("#2", "Ulm")]
    assert shown[2]["fields"]["Who"] == ["Lead", "a@x.example", "#2"]
    assert "x1" not in json.dumps(shown)
