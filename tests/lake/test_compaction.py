"""Merging files loses nothing, repeats nothing and is seen by no reader, whatever breaks on the way."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref
from connector.errors import LocalFault
from connector.lake import compaction
from connector.lake import segments as protocol
from connector.lake.compaction import FAN, MOST_ROWS, choose
from connector.ports.store import Segment
from state import open_store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
STREAMS = ("records/crm/contact", "activities/crm")
POINTS = ("write", "fsync", "replace", "fsync folder", "commit", "after the commit")


class PowerCut(BaseException):
    """The process ends here; nobody catches this."""


@st.composite
def versions(draw: st.DrawFn) -> RecordVersion:
    hour, deleted = draw(st.integers(0, 3)), draw(st.booleans())
    fields = {} if deleted else draw(st.dictionaries(st.sampled_from(["A", "B", "Z"]), st.integers(0, 9), max_size=2))
    merged = Ref("crm", "contact", "9") if draw(st.booleans()) else None
    id_ = draw(st.sampled_from(["1", "2", "3"]))
    return RecordVersion(Ref("crm", "contact", id_), T0 + timedelta(hours=hour), None, fields, {}, deleted, merged)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    id_, kind = draw(st.sampled_from(["1", "2", "3"])), draw(st.sampled_from(["task", "visit"]))
    changed = draw(st.integers(0, 3))
    modified = T0 + timedelta(hours=changed) if kind == "task" else None
    at = T0 + timedelta(hours=int(id_), minutes=changed if kind == "task" else 0)
    url = draw(st.sampled_from([None, "https://x.example/a", "https://x.example/b"]))
    deleted = kind == "task" and draw(st.booleans())
    person = Ref("crm", "contact", draw(st.sampled_from(["1", "2"])))
    return Activity(Ref("crm", kind, id_), "other", person, at, url=url, modified_at=modified, deleted=deleted)


histories = st.lists(st.lists(versions() | activities(), min_size=1, max_size=5), min_size=2, max_size=6)
_PROPERTY = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def everything(place: Any, days: int) -> list[Any]:
    """What a reader could ask, at every instant at which something landed and between them."""
    found = []
    for half_days in range(-1, 2 * days):
        as_of = T0 + timedelta(hours=12 * half_days)
        found += [
            place.lake.current("crm", "contact", as_of=as_of),
            place.lake.versions("crm", "contact", as_of=as_of),
            place.lake.activities(["crm"], as_of=as_of),
        ]
    return found


def same(one: list[Any], other: list[Any]) -> bool:
    return all(a.equals(b) for a, b in zip(one, other, strict=True))


def rows(place: Any) -> int:
    return sum(segment.rows for segment in place.manifest.segments())


def cut_at(patch: pytest.MonkeyPatch, point: str, place: Any, error: BaseException) -> None:
    def cut(*_args: object, **_words: object) -> None:
        raise error

    commit = type(place.manifest).commit_segments

    def commit_and_die(*args: Any, **words: Any) -> None:
        commit(*args, **words)
        raise error

    match point:
        case "write":
            patch.setattr(protocol.pq, "write_table", cut)
        case "fsync":
            patch.setattr(protocol.os, "fsync", cut)
        case "replace":
            patch.setattr(Path, "replace", cut)
        case "fsync folder":
            patch.setattr(protocol, "fsync", cut)
        case "commit":
            patch.setattr(type(place.manifest), "commit_segments", cut)
        case "after the commit":
            patch.setattr(type(place.manifest), "commit_segments", commit_and_die)


@_PROPERTY
@given(history=histories, point=st.sampled_from(POINTS), cuts=st.sets(st.integers(0, 11)))
def test_a_kill_anywhere_in_a_merge_changes_nothing_that_was_or_is_known(
    places: Any, history: list[list[Any]], point: str, cuts: set[int]
) -> None:
    place = places()
    with pytest.MonkeyPatch.context() as fan:
        fan.setattr(compaction, "FAN", 2)
        for day, items in enumerate(history):
            place.land(*items, at=T0 + timedelta(days=day), cursor=str(day))
        before, held, cursor = everything(place, len(history)), rows(place), place.manifest.cursor("crm", "stream")
        for attempt in range(12):
            stream = STREAMS[attempt % 2]
            with pytest.MonkeyPatch.context() as patch:
                if attempt in cuts:
                    cut_at(patch, point, place, PowerCut())
                try:
                    compaction.compact(place.root, place.manifest, stream)
                except PowerCut:
                    assert attempt in cuts
            assert rows(place) == held
        assert same(before, everything(place, len(history)))
        assert place.manifest.cursor("crm", "stream") == cursor
        # and what the lake holds it still knows, in this process and in the next
        for _ in range(2):
            again = place.land(*(item for items in history for item in items), at=T0 + timedelta(days=99))
            assert (again.records, again.activities) == (0, 0)
            place.restart()
        if not cuts:
            assert all(len(place.manifest.segments(stream)) <= 1 for stream in STREAMS)


def test_superseded_versions_stay(place: Any, say: Any) -> None:
    for day in range(FAN + 1):
        place.land(say.version("1", T0 + timedelta(hours=day), fields={"a": day}), at=T0 + timedelta(days=day))
    assert place.landing.compact() == FAN + 1
    assert len(place.manifest.segments()) == 1
    history = place.lake.versions("crm", "contact", as_of=T0 + timedelta(days=99)).to_pylist()
    assert [row["f:a"] for row in history] == [str(day) for day in range(FAN + 1)]
    assert [row["landed_at"] for row in history] == [T0 + timedelta(days=day) for day in range(FAN + 1)]
    assert place.current(as_of=T0 + timedelta(days=3))["1"]["f:a"] == "3"


def test_few_files_are_left_alone(place: Any, say: Any) -> None:
    for number in range(FAN):
        place.land(say.activity(str(number)))
        assert place.landing.compact() == 0
    place.land(say.activity("one more"))
    assert place.landing.compact() == FAN + 1
    assert place.landing.compact() == 0


def test_what_others_have_let_grow_is_merged_where_all_streams_are_looked_at(place: Any, say: Any) -> None:
    for number in range(FAN + 1):
        place.land(say.activity(str(number)))
    place.restart()
    assert place.landing.compact() == 0
    assert place.landing.compact(everywhere=True) == FAN + 1


def segment(number: int, *, rows: int = 10, size: int = 1000) -> Segment:
    return Segment(f"a/{number}", "a", rows, T0, T0, T0, "", size)


@given(st.lists(st.tuples(st.integers(1, 2 * MOST_ROWS), st.integers(1, 64 << 20)), max_size=80))
def test_a_choice_is_bounded_and_always_worth_its_while(sizes: list[tuple[int, int]]) -> None:
    segments = [segment(number, rows=rows, size=size) for number, (rows, size) in enumerate(sizes)]
    chosen = choose(segments)
    assert len(chosen) != 1
    assert len(chosen) <= compaction.MOST_FILES
    assert sum(one.rows for one in chosen) <= MOST_ROWS
    assert sum(one.size_bytes for one in chosen) <= compaction.MOST_BYTES
    assert [one.path for one in chosen] == [one.path for one in segments if one in chosen]


@given(st.lists(st.integers(200, 3 << 20), min_size=1, max_size=300))
def test_files_stay_few_and_rows_are_rewritten_a_few_times_only(arrivals: list[int]) -> None:
    live: list[Segment] = []
    rewritten = 0
    for number, size in enumerate(arrivals):
        live.append(segment(number, rows=size // 25 + 1, size=size))
        chosen = choose(live)
        if chosen:
            merged = sum(one.size_bytes for one in chosen)
            rewritten += merged
            new = segment(10_000 + number, rows=sum(one.rows for one in chosen), size=merged)
            live = [one for one in live if one not in chosen] + [new]
    large = sum(one.size_bytes > compaction.MOST_BYTES // 2 or one.rows > MOST_ROWS // 2 for one in live)
    assert len(live) - large <= 4 * FAN
    assert large <= sum(arrivals) / (compaction.MOST_BYTES // 4) + 1


def test_a_thousand_small_pages_stay_a_few_files(tmp_path: Path, sqlite_url: str, say: Any) -> None:
    clock = [T0]
    store = open_store(sqlite_url, now=lambda: clock[0])
    place = say.Place(tmp_path / "lake", store)
    place.restart(clock=lambda: clock[0])
    most_live = most_files = 0
    for number in range(1000):
        clock[0] += timedelta(minutes=5)
        place.land(say.activity(str(number), T0 + timedelta(minutes=number % 90)), at=clock[0], cursor=str(number))
        place.landing.compact()
        if number % 10 == 0:
            place.landing.sweep(now=clock[0])
        most_live = max(most_live, len(place.manifest.segments()))
        most_files = max(most_files, len(place.files()))
    assert most_live <= FAN + 1
    # an hour of retired files, ten pages until the next sweep, and what is live
    assert most_files <= 60 // 5 + 10 + 2 * FAN
    assert place.lake.activities(["crm"], as_of=clock[0]).num_rows == 1000
    assert place.manifest.cursor("crm", "stream") == "999"
    store.close()


def test_a_reader_across_a_merge_and_a_sweep_sees_one_whole_set(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FAN + 1):
        place.land(say.version(str(number), fields={"a": number}))
    listing = place.manifest.segments

    def list_then_merge(stream: str | None = None) -> list[Segment]:
        segments: list[Segment] = listing(stream)
        monkeypatch.setattr(place.manifest, "segments", listing)
        assert place.landing.compact() == FAN + 1
        for one in segments:
            (place.root / one.path).unlink()
        return segments

    monkeypatch.setattr(place.manifest, "segments", list_then_merge, raising=False)
    assert sorted(place.current()) == [str(number) for number in range(FAN + 1)]


def test_a_file_that_is_missing_while_nothing_changed_is_named(place: Any, say: Any) -> None:
    place.land(say.version("1"))
    (path,) = place.files()
    path.unlink()
    with pytest.raises(LocalFault) as caught:
        place.current()
    assert caught.value.code == "lake.segment_unreadable"
    assert path.name in caught.value.message


def test_damage_does_not_get_a_new_checksum(place: Any, say: Any) -> None:
    for number in range(FAN + 1):
        place.land(say.version(str(number), fields={"a": "x" * 200}))
    harmed = place.manifest.segments()[2]
    path = place.root / harmed.path
    about, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    before = place.manifest.segments()
    with pytest.raises(LocalFault) as caught:
        place.landing.compact()
    assert harmed.path in caught.value.message
    assert place.manifest.segments() == before


@pytest.mark.parametrize("point", ["fsync", "replace", "fsync folder"])
@pytest.mark.parametrize("number", [28, 30])
def test_a_merge_that_cannot_write_leaves_the_lake_as_it_was(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch, point: str, number: int
) -> None:
    for day in range(FAN + 1):
        place.land(say.version("1", T0 + timedelta(hours=day)))
    before = place.manifest.segments()
    with monkeypatch.context() as patch:
        cut_at(patch, point, place, OSError(number, os.strerror(number)))
        with pytest.raises(LocalFault) as caught:
            place.landing.compact()
    assert caught.value.code == "lake.write_failed"
    assert os.strerror(number) in caught.value.message
    assert caught.value.cure
    assert place.manifest.segments() == before
    assert not list((place.root / "staging").iterdir())
    place.land(say.version("2"))
    assert place.landing.compact() == FAN + 2
