"""What is found in files arranged in memory is what reading the files finds, whatever lands, merges or goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Activity, Page, RecordVersion
from connector.domain.refs import Ref
from connector.errors import LocalFault
from connector.lake import arranged as room
from connector.lake.arranged import PATIENCE, arranged
from connector.lake.compaction import FAN
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from state.store import open_store

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
_WORDS = pa.schema([(name, pa.string()) for name in ("system", "object", "id")])
_KINDS = [("s", "contact")]
#: id of an activity, who did it, and when it was changed, if it can be
_deed = st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3", ""]), st.sampled_from([None, 1, 2]))
_version = st.tuples(
    st.sampled_from("1234"), st.integers(0, 3), st.sampled_from([{}, {"city": "Ulm"}, {"City": "Bonn", "Title": "CEO"}])
)


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("arranged")


def _page(number: int, deeds: list[Any], versions: list[Any]) -> Page:
    activities = [
        Activity(
            Ref("s", "view", f"{id_}{number if changed is None else ''}"),
            "page_view",
            Ref("s", "contact", who),
            T0 + timedelta(minutes=number),
            modified_at=None if changed is None else T0 + timedelta(minutes=changed),
        )
        for id_, who, changed in deeds
    ]
    records = [
        RecordVersion(Ref("s", "contact", id_), T0 + timedelta(minutes=minute), T0, {"title": f"{number}", **more}, {})
        for id_, minute, more in versions
    ]
    return Page(records, activities, cursor=str(number), last=True)


def _some(ids: str) -> pa.Table:
    return pa.table([["s"] * len(ids), ["contact"] * len(ids), list(ids)], schema=_WORDS)


def _read(lake: Lake, ids: str, as_of: datetime) -> list[pa.Table]:
    few = lake.of(_some(ids), _KINDS)
    return [few.activities(["s"], as_of=as_of), few.versions("s", "contact", as_of=as_of)]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    landings=st.lists(st.tuples(st.lists(_deed, max_size=5), st.lists(_version, max_size=4)), min_size=1, max_size=5),
    ids=st.sampled_from(["1", "13", "24", "9"]),
    merged=st.booleans(),
    small=st.sampled_from([0, 4, 5_000]),
)
def test_what_is_arranged_reads_as_the_files(
    folders: Callable[[], Path], landings: list[Any], ids: str, merged: bool, small: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_SMALL", small)
        _read_as_files(folders(), landings, ids, merged=merged)


def _read_as_files(folder: Path, landings: list[Any], ids: str, *, merged: bool) -> None:
    store = open_store(f"sqlite:///{folder}/state.db")
    landing, lake = Landing(folder / "lake", store.manifest), Lake(folder / "lake", store.manifest)
    for number in range(FAN + 1 if merged else len(landings)):
        at = T0 + timedelta(hours=number)
        page = _page(number, *landings[number % len(landings)])
        landing.land("s", "all", [page], shapes={}, landed_at=at)
        for _ in range(PATIENCE if number == 0 else 0):
            _read(lake, ids, at)
        if merged:
            landing.compact()
        found = _read(lake, ids, at)
        # A copy has a name of its own, so all its files are read.
        plain = _read(Lake(_linked(folder / "lake", folder / f"copy{number}"), store.manifest), ids, at)
        assert [one.equals(other) for one, other in zip(found, plain, strict=True)] == [True, True]
    store.close()


@settings(max_examples=60, deadline=None)
@given(
    ids=st.lists(st.sampled_from("bdfhj") | st.none(), min_size=1, max_size=14),
    wanted=st.sets(st.sampled_from("abcdefghijk"), max_size=11),
    small=st.sampled_from([0, 5_000]),
)
def test_the_rows_of_few_and_of_many_are_found_in_any_block(
    ids: list[str | None], wanted: set[str], small: int
) -> None:
    table = pa.table({"id": pa.array(ids, pa.string()), "row": range(len(ids))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_RECORD_ROWS", 2)
        patch.setattr(room, "_SMALL", small)
        found = room._arrange(table).of(sorted(wanted))
    assert sorted(found.column("row").to_pylist()) == [row for row, id_ in enumerate(ids) if id_ in wanted]


def _linked(lake: Path, place: Path) -> Path:
    place.symlink_to(lake)
    return place


def test_files_are_arranged_after_some_questions_and_let_go_once_they_are_not_listed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    landing = Landing(tmp_path / "lake", store.manifest)
    landing.land("s", "all", [_page(0, [("a", "1", None)], [])], shapes={}, landed_at=T0)
    segments = store.manifest.segments("activities/s")
    counts = [len(arranged(tmp_path / "lake", segments)[0]) for _ in range(PATIENCE + 1)]
    assert counts == [0] * PATIENCE + [1]
    landing.land("s", "all", [_page(1, [("b", "1", None)], [])], shapes={}, landed_at=T0)
    both = store.manifest.segments("activities/s")
    assert len(arranged(tmp_path / "lake", both)[0]) == 2
    assert len(arranged(tmp_path / "lake", both[1:])[0]) == 1
    place = str(tmp_path / "lake"), "activities/s"
    assert set(room._streams[place].files) == {both[1].path}
    room.forget_arranged(tmp_path / "lake", [both[1].path])
    assert not room._streams[place].files
    store.close()


def test_who_has_the_time_arranges_all_files_at_once(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    landing = Landing(tmp_path / "lake", store.manifest)
    for number in range(3):
        landing.land("s", "all", [_page(number, [("a", "1", None)], [("1", number, {})])], shapes={}, landed_at=T0)
    streams = [store.manifest.segments(name) for name in ("activities/s", "records/s/contact", "records/s/lead")]
    room.arrange(tmp_path / "lake", streams)
    for segments in streams[:2]:
        kept, others = arranged(tmp_path / "lake", segments)
        assert (len(kept), others) == (3, [])
    store.close()


def test_a_file_that_is_gone_is_missed_although_it_is_arranged(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    landing, lake = Landing(tmp_path / "lake", store.manifest), Lake(tmp_path / "lake", store.manifest)
    landing.land("s", "all", [_page(0, [("a", "1", None)], [("1", 0, {})])], shapes={}, landed_at=T0)
    for _ in range(PATIENCE + 1):
        assert [table.num_rows for table in _read(lake, "1", T0 + timedelta(hours=1))] == [1, 1]
    for segment in store.manifest.segments():
        (tmp_path / "lake" / segment.path).unlink()
    few = lake.of(_some("1"), _KINDS)
    with pytest.raises(LocalFault, match="missing"):
        few.activities(["s"], as_of=T0 + timedelta(hours=1))
    with pytest.raises(LocalFault, match="missing"):
        few.versions("s", "contact", as_of=T0 + timedelta(hours=1))
    store.close()


def test_what_does_not_fit_is_read_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_BYTES", 0)
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    landing = Landing(tmp_path / "lake", store.manifest)
    landing.land("s", "all", [_page(0, [("a", "1", None)], [])], shapes={}, landed_at=T0)
    segments = store.manifest.segments("activities/s")
    for _ in range(PATIENCE + 2):
        assert arranged(tmp_path / "lake", segments) == ([], segments)
    store.close()
