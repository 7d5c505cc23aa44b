"""What goes into the lake comes out of it: compared with a list in plain Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref

T0 = datetime(2026, 3, 1, tzinfo=UTC)
_SHORT = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ids = st.sampled_from(["1", "2", "3"])
hours = st.integers(0, 4)
values = st.none() | st.integers(-5, 5) | st.booleans() | st.sampled_from(["", " ", "x", "é\u0000\t", "1.0"])


@st.composite
def versions(draw: st.DrawFn) -> RecordVersion:
    # what a record held at one instant is one thing: the fields follow from id and time
    id_, hour, deleted = draw(ids), draw(hours), draw(st.booleans())
    fields = {} if deleted else {"Name": f"{id_}@{hour}", "Even": hour % 2 == 0}
    return RecordVersion(Ref("crm", "contact", id_), T0 + timedelta(hours=hour), None, fields, {}, deleted)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    id_, kind = draw(ids), draw(st.sampled_from(["task", "visit"]))
    changed = draw(hours)
    at = T0 + timedelta(hours=int(id_), minutes=changed if kind == "task" else 0)
    modified = T0 + timedelta(hours=changed) if kind == "task" else None
    deleted = kind == "task" and draw(st.booleans())
    person = Ref("crm", "contact", "1")
    return Activity(Ref("crm", kind, id_), "other", person, at, modified_at=modified, deleted=deleted)


landings = st.lists(st.lists(versions() | activities(), max_size=6), min_size=1, max_size=5)


@_SHORT
@given(landings)
def test_latest_version_of_each_record_counts(places: Any, batches: list[list[Any]]) -> None:
    place = places()
    model: dict[str, tuple[Any, ...]] = {}
    for number, batch in enumerate(batches):
        landed_at = T0 + timedelta(days=number)
        place.land(*batch, at=landed_at)
        for place_in_batch, item in enumerate(batch):
            if isinstance(item, RecordVersion):
                # of two versions under one stamp the one that was read later counts
                rank = (item.modified_at, number, place_in_batch, item.deleted)
                best = model.get(item.ref.id, ((datetime.min.replace(tzinfo=UTC), -1, -1, False), set()))
                if (item.modified_at, item.deleted) in best[1]:
                    continue
                seen = best[1] | {(item.modified_at, item.deleted)}
                model[item.ref.id] = (max(best[0], rank), seen)
    current = place.current()
    assert set(current) == set(model)
    for id_, (rank, _) in model.items():
        row = current[id_]
        assert (row["modified_at"], row["deleted"]) == (rank[0], rank[3])
        if not rank[3]:
            assert row["f:Name"] == f"{id_}@{(rank[0] - T0) // timedelta(hours=1)}"


@_SHORT
@given(landings)
def test_each_activity_once_in_its_latest_version(places: Any, batches: list[list[Any]]) -> None:
    place = places()
    best: dict[tuple[str, str], tuple[Any, ...]] = {}
    seen: set[tuple[Any, ...]] = set()
    for number, batch in enumerate(batches):
        place.land(*batch, at=T0 + timedelta(days=number + 1))
        for item in batch:
            if isinstance(item, Activity):
                key = (item.ref.object, item.ref.id)
                version = (*key, item.modified_at, item.deleted)
                if version in seen:
                    continue
                seen.add(version)
                rank = (item.modified_at or T0, number, item.deleted, item.occurred_at)
                best[key] = max(best.get(key, rank), rank)
    rows = place.lake.activities(["crm"], as_of=T0 + timedelta(days=99)).to_pylist()
    wanted = {key: rank[3] for key, rank in best.items() if not rank[2]}
    assert {(row["kind"], row["id"]): row["occurred_at"] for row in rows} == wanted
    assert len(rows) == len(wanted)
    assert [(row["occurred_at"], row["kind"], row["id"]) for row in rows] == sorted(
        (row["occurred_at"], row["kind"], row["id"]) for row in rows
    )


@_SHORT
@given(st.lists(versions(), min_size=1, max_size=8), st.data())
def test_batching_and_repeats_change_nothing(places: Any, items: list[RecordVersion], data: st.DataObject) -> None:
    once, many = places(), places()
    once.land(*items)
    cuts = data.draw(st.lists(st.integers(0, len(items)), max_size=3).map(sorted))
    for start, end in zip([0, *cuts], [*cuts, len(items)], strict=True):
        many.land(*items[start:end])
        many.land(*items[:end])
    assert _told(once) == _told(many)


def _told(place: Any) -> dict[str, dict[str, Any]]:
    """What the lake says of records; the serial only tells which was read later."""
    return {id_: row | {"serial": None} for id_, row in place.current().items()}


def test_two_changes_under_one_stamp_both_land_and_the_later_counts(place: Any, say: Any) -> None:
    place.land(say.version("1", fields={"a": 1}))
    place.land(say.version("1", fields={"a": 2}))
    place.land(say.version("1", fields={"a": 1}))
    assert place.current()["1"]["f:a"] == "2", "the first again is a repeat"
    assert place.lake.versions("crm", "contact", as_of=T0 + timedelta(days=9999)).num_rows == 2


def test_a_repeated_landing_adds_nothing(place: Any, say: Any) -> None:
    items = (say.version("1", fields={"a": 1}), say.activity("v"))
    first = place.land(*items)
    again = place.land(*items, cursor="later", at=T0 + timedelta(days=1))
    assert (first.records, first.activities, first.repeated) == (1, 1, 0)
    assert (again.records, again.activities, again.repeated) == (0, 0, 2)
    assert place.manifest.cursor("crm", "stream") == "later"
    assert len(place.manifest.segments()) == 2


def test_as_of_sees_only_what_had_landed(place: Any, say: Any) -> None:
    place.land(say.version("1", T0, fields={"a": "old"}), say.activity("v", T0), at=T0)
    late = T0 + timedelta(days=2)
    place.land(say.version("1", T0 + timedelta(hours=1), fields={"a": "new"}), say.activity("late", T0), at=late)
    before = late - timedelta(microseconds=1)
    assert place.current(as_of=before)["1"]["f:a"] == "old"
    assert place.current(as_of=late)["1"]["f:a"] == "new"
    assert place.lake.activities(["crm"], as_of=before).column("id").to_pylist() == ["v"]
    assert sorted(place.lake.activities(["crm"], as_of=late).column("id").to_pylist()) == ["late", "v"]
    assert place.current(as_of=T0 - timedelta(seconds=1)) == {}


def test_an_activity_of_the_future_waits(place: Any, say: Any) -> None:
    place.land(say.activity("soon", T0 + timedelta(hours=1)), at=T0)
    assert place.lake.activities(["crm"], as_of=T0).num_rows == 0
    assert place.lake.activities(["crm"], as_of=T0 + timedelta(hours=1)).num_rows == 1


def test_further_fields_are_read_anew_and_the_latest_reading_wins(place: Any, say: Any) -> None:
    place.land(say.version("1", fields={"a": "1"}), say.version("2", fields={"a": "2"}), shape="s1")
    place.land(say.version("1", fields={"a": "1", "b": "9"}), shape="s2", at=T0 + timedelta(days=1))
    current = place.current()
    assert (current["1"]["f:a"], current["1"]["f:b"], current["1"]["shape"]) == ("1", "9", "s2")
    assert (current["2"]["f:b"], current["2"]["shape"]) == (None, "s1")
    assert place.lake.versions("crm", "contact", as_of=T0 + timedelta(days=1)).num_rows == 3


def test_an_empty_lake_has_shapes_and_no_rows(place: Any) -> None:
    assert place.lake.objects("crm") == []
    assert place.current() == {}
    table = place.lake.activities(["crm", "other"], as_of=T0)
    assert table.num_rows == 0
    assert "system" in table.column_names
    assert place.lake.activities([], as_of=T0).schema.equals(table.schema)


def test_merges_and_links_stand_beside_the_fields(place: Any, say: Any) -> None:
    place.land(
        say.version("1", merged_into=Ref("crm", "contact", "a:b"), deleted=True),
        say.version("2", links={"account": "001", "owner": ""}),
    )
    current = place.current()
    assert current["1"]["merged_into"] == "crm:contact:a:b"
    assert (current["2"]["l:account"], current["2"]["l:owner"]) == ("001", None)
    assert place.lake.objects("crm") == ["contact"]
