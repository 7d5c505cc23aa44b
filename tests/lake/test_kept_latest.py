"""What is kept of whole streams is what reading them gives, whatever lands, merges, or is asked as of which instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref
from connector.errors import LocalFault
from connector.lake import kept_latest as room
from connector.lake.compaction import FAN
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from state.store import open_store

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
_NOBODY = pa.table([[], [], []], schema=pa.schema([(name, pa.string()) for name in ("system", "object", "id")]))
#: id, minute of its change, deleted, further fields
_version = st.tuples(
    st.sampled_from(["1", "2", "22", "3", "é", "z"]),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([{}, {"city": "Ulm"}, {"title": "x"}]),
)
_landing = st.tuples(st.lists(_version, max_size=5), st.integers(0, 2))


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("latest")


def _page(number: int, versions: list[Any]) -> Page:
    records = [
        RecordVersion(
            Ref("s", "account", id_),
            T0 + timedelta(minutes=minute),
            T0,
            {"name": f"{number}", **more},
            {},
            deleted=gone,
        )
        for id_, minute, gone, more in versions
    ]
    return Page(records, [], cursor=str(number), last=True)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(landings=st.lists(_landing, min_size=1, max_size=5), merged=st.booleans())
def test_what_is_kept_is_what_is_read(folders: Callable[[], Path], landings: list[Any], merged: bool) -> None:
    folder = folders()
    store = open_store(f"sqlite:///{folder}/state.db")
    landing, whole = Landing(folder / "lake", store.manifest), Lake(folder / "lake", store.manifest)
    for number in range(FAN + 1 if merged else len(landings)):
        versions, back = landings[number % len(landings)]
        at = T0 + timedelta(hours=number)
        landing.land("s", "all", [_page(number, versions)], shapes={}, landed_at=at)
        if merged:
            landing.compact()
        for as_of in (at, at - timedelta(hours=back)):
            for columns in (None, ["f:name", "f:city"], []):
                lake = whole.of(_NOBODY, [("s", "contact")])
                found = lake.current("s", "account", as_of=as_of, columns=columns)
                assert found.equals(whole.current("s", "account", as_of=as_of, columns=columns)), columns
    store.close()


def _landed(folder: Path, count: int = 1) -> tuple[Any, Landing, Lake]:
    store = open_store(f"sqlite:///{folder}/state.db")
    landing = Landing(folder / "lake", store.manifest)
    page = _page(0, [(str(number), 0, False, {}) for number in range(count)])
    landing.land("s", "all", [page], shapes={}, landed_at=T0)
    return store, landing, Lake(folder / "lake", store.manifest).of(_NOBODY, [("s", "contact")])


def test_a_table_is_read_once_and_what_comes_is_put_in(tmp_path: Path) -> None:
    store, landing, lake = _landed(tmp_path)
    first = lake.current("s", "account", as_of=T0)
    assert lake.current("s", "account", as_of=T0) is first
    landing.land("s", "all", [_page(1, [("0", 1, False, {}), ("5", 1, True, {})])], shapes={}, landed_at=T0)
    second = lake.current("s", "account", as_of=T0).select(["id", "deleted", "f:name"]).to_pylist()
    assert second == [
        {"id": "0", "deleted": False, "f:name": "1"},
        {"id": "5", "deleted": True, "f:name": "1"},
    ]
    store.close()


def test_a_file_that_is_gone_is_missed_although_its_table_is_kept(tmp_path: Path) -> None:
    store, _, lake = _landed(tmp_path)
    assert lake.current("s", "account", as_of=T0).num_rows == 1
    for segment in store.manifest.segments():
        (tmp_path / "lake" / segment.path).unlink()
    with pytest.raises(LocalFault, match="missing"):
        lake.current("s", "account", as_of=T0)
    store.close()


def test_what_was_asked_for_longest_ago_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _, lake = _landed(tmp_path, 50)
    first = lake.current("s", "account", as_of=T0)
    monkeypatch.setattr(room, "MOST_BYTES", first.nbytes)
    assert lake.current("s", "account", as_of=T0, columns=[]).num_rows == 50
    assert sum(one.table.nbytes for one in room._tables.values()) <= first.nbytes
    again = lake.current("s", "account", as_of=T0)
    assert again is not first
    assert again.equals(first)
    store.close()
