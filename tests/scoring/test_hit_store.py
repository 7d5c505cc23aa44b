"""Hits on the disk: however a history lands, they are those of matching everything at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_cases import model_of

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.errors import LocalFault
from connector.lake.landing import Landing
from connector.lake.layout import ACTIVITY_COLUMNS
from connector.lake.segments import read_segment
from connector.lake.streaming import ActivityRows
from connector.scoring.compile import compile_model
from connector.scoring.hits.match import match_hits
from connector.scoring.hits.store import HitStore
from connector.scoring.local_days import EPOCH_DAY
from state.store import open_store

T0 = datetime(2026, 3, 28, 21, tzinfo=UTC)
ZONE = "Europe/Berlin"
NEVER = datetime(1, 1, 1, tzinfo=UTC)
RULES = [
    {"id": "pages", "on": "page_view", "where": {"path": {"starts_with": "/p"}}, "points": 1},
    {"id": "spaced", "on": "page_view", "where": {"path": {"known": True}}, "points": 2, "debounce": "30m"},
    {"id": "spaced-too", "on": "page_view", "where": {"path": {"starts_with": "/p"}}, "points": 2, "debounce": "2h"},
    {
        "id": "again",
        "on": "page_view",
        "where": {"path": {"starts_with": "/p"}},
        "points": 3,
        "at_most": {"count": 1, "per": "1d"},
    },
    {"id": "chat", "on": "chat", "points": [5, 1]},
]
MODEL = compile_model(model_of(interest=RULES))
SYSTEMS = ["crm", "web"]


class Place:
    """A lake, a store of hits beside it, and a clock that goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = open_store(f"sqlite:///{folder}/state.db")
        self.landing = Landing(folder / "lake", self.state.manifest)
        self.rows = ActivityRows(folder / "lake", self.state.manifest)
        self.store = HitStore(folder / "hits", MODEL, ZONE)
        self.now = T0
        self.left_out = pa.table(
            {"system": [], "kind": [], "id": []}, pa.schema([(n, pa.string()) for n in ("system", "kind", "id")])
        )

    def land(self, deeds: list[Activity]) -> None:
        for system in SYSTEMS:
            mine = [deed for deed in deeds if deed.ref.system == system]
            if mine:
                self.landing.land(system, "s", [Page([], mine, cursor="c", last=True)], shapes={}, landed_at=self.now)

    def catch_up(self) -> Any:
        return self.store.catch_up(self.rows, SYSTEMS, as_of=self.now, left_out=self.left_out)

    def held(self) -> list[tuple[Any, ...]]:
        """What the store says, with two identities for each of the first two persons."""
        refs = [(s, str(n)) for s in SYSTEMS for n in range(4)]
        asked = pa.table(
            {
                "person": pa.array([int(n) for _, n in refs], pa.int32()),
                "system": [s for s, _ in refs],
                "object": ["contact"] * len(refs),
                "id": [n for _, n in refs],
            }
        )
        return sorted(tuple(row.values()) for row in self.store.hits(asked).to_pylist())

    def expected(self) -> list[tuple[Any, ...]]:
        """What matching everything at once says."""
        versions: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for system in SYSTEMS:
            for segment in self.state.manifest.segments(f"activities/{system}"):
                for row in read_segment(self.folder / "lake", segment).to_pylist():
                    versions.setdefault((system, row["kind"], row["id"]), []).append(row)
        outside = {tuple(row.values()) for row in self.left_out.to_pylist()}
        rows = []
        for key, each in versions.items():
            latest = max(
                each, key=lambda v: (v["modified_at"] or NEVER, v["landed_at"], v["deleted"], v["occurred_at"])
            )
            if key not in outside and not latest["deleted"] and latest["occurred_at"] <= self.now:
                rows.append(latest | {"identity": f"{latest['person_system']}:{latest['person_id']}"})
        schema = ACTIVITY_COLUMNS.append(pa.field("identity", pa.string()))
        hits = match_hits(MODEL, pa.Table.from_pylist(rows, schema=schema), time_zone=ZONE, as_of=self.now)
        numbers = {rule.id: rule.number for rule in MODEL.interest}
        found: dict[tuple[Any, ...], int] = {}
        for row in hits.to_pylist():
            key = (int(row["person_id"]), numbers[row["rule"]], (row["day"] - EPOCH_DAY).days)
            found[key] = found.get(key, 0) + row["count"]
        return sorted((*key, count) for key, count in found.items())


@pytest.fixture
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened: list[Place] = []

    def make() -> Place:
        opened.append(Place(tmp_path_factory.mktemp("hits")))
        return opened[-1]

    yield make
    for place in opened:
        place.state.close()


def deed(number: int, at: datetime, *, who: str = "0", system: str = "web", **more: Any) -> Activity:
    words: dict[str, Any] = {"path": "/pricing", **more}
    kind = words.pop("type", "page_view")
    return Activity(Ref(system, "visit", str(number)), kind, Ref(system, "contact", who), at, **words)


DEEDS = st.builds(
    deed,
    st.integers(0, 30),
    st.integers(-6 * 60, 6 * 60).map(lambda minutes: T0 + timedelta(minutes=minutes)),
    who=st.sampled_from("0123"),
    system=st.sampled_from(SYSTEMS),
    type=st.sampled_from(["page_view", "page_view", "chat", "other"]),
    path=st.sampled_from(["/pricing", "/p", "/docs", None]),
    deleted=st.booleans() | st.just(False),
    modified_at=st.none() | st.integers(0, 3).map(lambda hours: T0 + timedelta(hours=hours)),
)
STEPS = st.lists(
    st.tuples(
        st.lists(DEEDS, max_size=12),
        st.sampled_from([0, 1, 90, 600]),
        st.sampled_from(["go on", "restart", "merge files", "leave out", "say nothing", "lose the hits", "many"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_landing_in_any_order_with_any_restart_gives_the_hits_of_matching_all_at_once(
    steps: Any, places: Any
) -> None:
    place = places()
    for deeds, minutes, what in steps:
        place.now += timedelta(minutes=minutes)
        place.land(deeds)
        if what == "say nothing":
            continue
        if what == "restart":
            place.store = HitStore(place.folder / "hits", MODEL, ZONE)
        elif what == "lose the hits":
            next(iter((place.folder / "hits").glob("*.hits")), place.folder / "none").unlink(missing_ok=True)
        elif what == "merge files":
            for number in range(9):
                place.land([deed(100 + number, T0 - timedelta(days=number))])
            place.landing.compact()
        elif what == "leave out":
            rows = [
                {"system": "web", "kind": "visit", "id": str(n)} for n in random.Random(minutes).sample(range(30), 9)
            ]
            place.left_out = pa.Table.from_pylist(rows, schema=place.left_out.schema)
        elif what == "many":
            for number in range(14):
                place.land([deed(200 + number, T0 + timedelta(minutes=number * 20), who=str(number % 4))])
                place.catch_up()
        place.catch_up()
        assert place.held() == place.expected()


def filled(places: Any) -> Place:
    place: Place = places()
    place.land([deed(number, T0 - timedelta(hours=number), who=str(number % 3)) for number in range(20)])
    place.catch_up()
    return place


def rules(**changes: Any) -> Any:
    return compile_model(model_of(interest=[rule | changes.get(str(rule["id"]), {}) for rule in reversed(RULES)]))


def test_other_points_caps_windows_and_orders_of_rules_match_nothing_again(places: Any) -> None:
    place = filled(places)
    more = {"pages": {"points": 7, "cap": 9}, "again": {"at_most": {"count": 2, "per": "7d"}, "half_life": "9d"}}
    place.store = HitStore(place.folder / "hits", rules(**more), ZONE)
    told = place.catch_up()
    assert told.activities == 0
    assert told.touched.num_rows == 0
    names = [rule["id"] for rule in reversed(RULES)]
    known = [rule["id"] for rule in RULES]
    assert sorted((p, known.index(names[r]), d, n) for p, r, d, n in place.held()) == place.expected()


@pytest.mark.parametrize("change", [{"on": "chat"}, {"where": {"path": {"starts_with": "/pri"}}}, {"debounce": "1h"}])
def test_what_a_rule_matches_by_is_matched_again_when_it_changes(places: Any, change: dict[str, Any]) -> None:
    place = filled(places)
    place.store = HitStore(place.folder / "hits", rules(pages=change), ZONE)
    assert place.catch_up().touched is None


@pytest.mark.parametrize("harm", ["shorten", "change", "remove"])
@pytest.mark.parametrize("ending", ["hits", "seen"])
def test_harmed_files_are_nothing_and_all_is_built_again(places: Any, harm: str, ending: str) -> None:
    place = filled(places)
    path = max((place.folder / "hits").glob(f"*.{ending}"), key=lambda file: file.stat().st_size)
    data = path.read_bytes()
    path.unlink()
    if harm == "shorten":
        path.write_bytes(data[:-1])
    elif harm == "change":
        path.write_bytes(data[:-70] + bytes([data[-70] ^ 1]) + data[-69:])
    place.land([deed(50, T0 - timedelta(minutes=5), who="1")])
    assert place.catch_up().touched is None
    assert place.held() == place.expected()


def test_hits_that_are_harmed_before_they_are_asked_for_say_so_and_come_back(places: Any) -> None:
    place = filled(places)
    for path in (place.folder / "hits").glob("*.hits"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LocalFault, match="damaged"):
        place.held()
    assert place.catch_up().touched is None
    assert place.held() == place.expected()


def test_another_date_than_now_is_left_to_the_lake(places: Any) -> None:
    place = filled(places)
    assert place.store.catch_up(place.rows, SYSTEMS, as_of=place.now - timedelta(minutes=1)) is None
    assert place.held() == place.expected()


def test_a_rule_that_asks_how_long_ago_is_left_to_the_lake(places: Any) -> None:
    place = filled(places)
    place.store = HitStore(place.folder / "hits", rules(pages={"where": {"occurred_at": {"within": "7d"}}}), ZONE)
    assert place.catch_up() is None


def test_only_who_did_something_new_is_touched(places: Any) -> None:
    place = filled(places)
    place.now += timedelta(minutes=5)
    place.land([deed(60, place.now, who="2"), deed(61, place.now, who="3", type="other")])
    assert place.catch_up().touched.to_pylist() == [{"system": "web", "object": "contact", "id": "2"}]
