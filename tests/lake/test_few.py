"""What is read of a few people is what a query over everybody's files gives of them, to the row and the order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from state.store import open_store

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
_SOME = ("1", "3", "4")
_WORDS = pa.schema([(name, pa.string()) for name in ("system", "object", "id")])
_version = st.tuples(st.sampled_from("12345"), st.integers(0, 3), st.booleans(), st.sampled_from([None, "1", "2"]))


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("few")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(landings=st.lists(st.lists(_version, max_size=6), min_size=1, max_size=3), seen=st.integers(0, 3))
def test_a_few_are_read_as_all_would_be(folders: Callable[[], Path], landings: list[Any], seen: int) -> None:
    folder = folders()
    store = open_store(f"sqlite:///{folder}/state.db")
    landing = Landing(folder / "lake", store.manifest)
    for number, versions in enumerate(landings):
        at = T0 + timedelta(hours=number)
        records = [
            RecordVersion(
                Ref("s", "contact", id_),
                T0 + timedelta(minutes=minute),
                T0,
                {"title": f"{number}", **({"city": "Ulm"} if minute else {})},
                {"company": id_},
                deleted=deleted,
                merged_into=None if into is None else Ref("s", "contact", into),
            )
            for id_, minute, deleted, into in versions
        ]
        landing.land("s", "contacts", [Page(records, [], cursor=str(number), last=True)], shapes={}, landed_at=at)
    some = pa.table([["s"] * len(_SOME), ["contact"] * len(_SOME), list(_SOME)], schema=_WORDS)
    whole = Lake(folder / "lake", store.manifest)
    few = whole.of(some, [("s", "contact")])
    as_of = T0 + timedelta(hours=seen - 1)
    for columns in (None, ["f:title"], []):
        for read in ("current", "versions"):
            everybody = getattr(whole, read)("s", "contact", as_of=as_of, columns=columns)
            mine = everybody.filter(pc.is_in(everybody.column("id"), value_set=pa.array(_SOME)))
            assert getattr(few, read)("s", "contact", as_of=as_of, columns=columns).equals(mine), (read, columns)
    everybody = whole.mergers("s", "contact", as_of=as_of)
    mine = everybody.filter(pc.is_in(everybody.column("id"), value_set=pa.array(_SOME)))
    assert few.mergers("s", "contact", as_of=as_of).equals(mine)
    parts = pa.table({"id": ["1", "3"], "part": pa.array([0, 1], pa.int32())})
    spread = {}
    for name, lake in (("whole", whole), ("few", few)):
        lake.spread_records("s", "contact", parts, folder / name, as_of=as_of, columns=["f:title"])
        files = sorted((folder / name).rglob("*.parquet"))
        spread[name] = [pq.ParquetFile(file).read() for file in files]
    assert len(spread["whole"]) == len(spread["few"])
    assert all(one.equals(two) for one, two in zip(spread["whole"], spread["few"], strict=True))
    store.close()
