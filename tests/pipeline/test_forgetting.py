"""Whoever is forgotten is nowhere any more, stays out under every name, and takes nobody else with them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.errors import ConfigError, Refused
from connector.pipeline.forgetting import SETTING_DUE, Named, forget, forget_as_well, lift, named, purge
from connector.pipeline.people.census import census_of
from state import open_store
from state.backup import aside_of, back_up, kept_aside


@pytest.fixture
def house(tmp_path: Path) -> Any:
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.account()
    yield made
    made.close()


def _named(house: House, who: str) -> Named:
    return named(census_of(house.engine), who, as_of=house.now)


def _forget(house: House, who: str) -> dict[str, int]:
    return forget(house.store, _named(house, who), install="main", who="ann", at=house.now)


def _purge(house: House) -> Any:
    engine = house.engine
    return purge(house.store, engine.lake_root, engine.traits(), install="main", at=house.now)


def _lake(house: House) -> list[str]:
    """Every row of every file below the lake, whether a manifest lists it or not."""
    files = sorted(house.engine.lake_root.rglob("*.parquet"))
    return [str(row) for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def _state(house: House) -> list[str]:
    with house.store.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return [f"{name}: {row}" for name in names for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]


def _holding(rows: list[str], *needles: str) -> list[str]:
    return [row for row in rows if any(needle in row for needle in needles)]


def _crowd(house: House) -> None:
    for number in ("1", "2", "3"):
        house.contact(number, first_name=f"Surname{number}", title="VP Sales")
        house.did(
            f"v{number}", "page_view", number, path=f"/pricing/{number}", url=f"https://x.example/pricing/{number}"
        )
    house.lead("L1", "1", last_name="Surname1")
    house.asks("f1", "1")


#: what tells of the first of them, wherever it stands
_FIRST = ("Surname1", "jo1@acme.example", "/pricing/1")


def test_whoever_is_forgotten_is_in_no_row_of_state_and_lake(house: House) -> None:
    _crowd(house)
    house.run()
    house.asks("f2", "1")
    house.run()
    house.plan()
    assert _holding(_lake(house), *_FIRST)
    assert _holding(_state(house), *_FIRST), "the task that calls them is in the outbox"
    others = _holding(_lake(house), "Surname2", "Surname3")
    receipt = _forget(house, "JO1@Acme.example")
    assert receipt["identities"] >= 2
    assert receipt["tombstones"] >= 3, "contact, lead and address"
    assert _holding(_state(house), *_FIRST) == []
    assert house.store.switches.setting(SETTING_DUE) == "yes"
    purged = _purge(house)
    assert purged.rows >= 4, "contact, lead, visit, form"
    assert _holding(_lake(house), *_FIRST) == []
    assert _holding(_lake(house), "Surname2", "Surname3") == others
    assert _purge(house) is None, "it is done once"


def test_files_that_were_replaced_or_that_nobody_lists_tell_of_them_no_longer(house: House) -> None:
    _crowd(house)
    house.run()
    for number in range(12):  # many small files are merged, and lie on for those who still read them
        house.did(f"w{number}", "page_view", "1", path=f"/pricing/1/{number}")
        house.run()
    live = {segment.path for segment in house.store.manifest.segments()}
    root = house.engine.lake_root
    old = [path for path in root.rglob("*.parquet") if path.relative_to(root).as_posix() not in live]
    assert _holding([str(row) for path in old for row in pq.read_table(path).to_pylist()], *_FIRST)
    of_others = _holding(_lake(house), "/pricing/2")
    left = root / "activities" / "hubspot" / "left-by-a-crash.parquet"
    left.write_bytes(old[0].read_bytes())
    _forget(house, "jo1@acme.example")
    _purge(house)
    assert _holding(_lake(house), *_FIRST) == []
    assert set(of_others) == set(_holding(_lake(house), "/pricing/2"))
    house.run()


def test_what_comes_in_later_about_them_stays_out(house: House) -> None:
    _crowd(house)
    house.run()
    _forget(house, "hubspot:contact:1")
    house.contact("1", last_name="Surname1", title="CEO")
    house.did("v9", "page_view", "1", path="/pricing/1")
    house.asks("f9", "1")
    house.lead("L1", "1", last_name="Surname1", Title="CEO")
    tasks = len(house.tasks())
    report = house.run()
    assert report.pulled["refused"] >= 4
    assert len(house.tasks()) == tasks
    assert _holding(_lake(house) + _state(house), *_FIRST) == []
    assert report.identity["persons"] == 2


def test_who_comes_back_under_another_id_is_left_alone_and_leaves_again(house: House) -> None:
    _crowd(house)
    house.run()
    _forget(house, "jo1@acme.example")
    house.contact("77", email="Jo1@ACME.example", last_name="Surname1")
    house.asks("f77", "77")
    tasks, leads = len(house.tasks()), len(house.crm.records("lead"))
    for _ in range(2):
        house.run()
        assert (len(house.tasks()), len(house.crm.records("lead"))) == (tasks, leads)
    assert _holding(_lake(house) + _state(house), "Surname1", "jo1@acme", "ACME.example") == []


def test_new_consent_lifts_every_name_at_once(house: House) -> None:
    _crowd(house)
    house.run()
    _forget(house, "jo1@acme.example")
    house.run()
    whom = _named(house, "jo1@acme.example")
    assert whom.person_ids == ()
    assert lift(house.store, whom, install="main", who="ann", at=house.now) >= 3
    house.contact("1", last_name="Surname1", title="CEO")
    house.lead("L1", "1", last_name="Surname1", Title="CEO")
    report = house.run()
    assert report.identity["persons"] == 3
    assert house.crm.records("lead")["L1"].fields.get("Handoff_Score__c") is not None


def test_a_purge_that_was_cut_off_is_done_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _crowd(house)
    house.run()
    _forget(house, "jo1@acme.example")
    manifest = house.store.manifest
    commit = type(manifest).commit_segments
    commits = []

    def cut_off(self: Any, *words: Any) -> None:
        commit(self, *words)
        commits.append(1)
        if len(commits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(type(manifest), "commit_segments", cut_off)
    with pytest.raises(KeyboardInterrupt):
        _purge(house)
    monkeypatch.undo()
    assert _holding(_lake(house), *_FIRST), "the old file still lies there"
    assert house.run().verdict == "green"
    live = {segment.path for segment in manifest.segments()}
    left = [
        file
        for file in house.engine.lake_root.rglob("*.parquet")
        if str(file.relative_to(house.engine.lake_root)) in live
    ]
    rows = [str(row) for file in left for row in pq.read_table(file, partitioning=None).to_pylist()]
    assert _holding(rows, *_FIRST) == []


def test_a_plan_from_before_tells_nothing_and_cannot_be_carried_out(house: House) -> None:
    _crowd(house)
    plan = house.plan()
    _forget(house, "jo1@acme.example")
    with pytest.raises(Refused):
        house.cycle().run_plan(plan.plan_id)


def test_a_name_nobody_bears_is_said_and_an_address_may_be_buried_before_it_comes(house: House) -> None:
    with pytest.raises(ConfigError, match="nobody is known"):
        _named(house, "00Q000000000001")
    _forget(house, "new@acme.example")
    house.contact("5", email="new@acme.example", last_name="Surname5")
    house.run()
    house.run()
    assert _holding(_lake(house) + _state(house), "Surname5") == []


def test_what_we_have_created_for_them_is_buried_before_a_pull_has_shown_it(house: House) -> None:
    house.run()  # the baseline
    house.contact("2", last_name="Surname2", title="VP Sales")
    house.asks("e1", "2")
    report = house.run("sources")
    assert report.created == {"task": 1, "contact": 1}
    [made] = house.crm.records("contact")
    assert f"crm:contact:{made}" in _named(house, "jo2@acme.example").references
    _forget(house, "jo2@acme.example")
    for _ in range(2):
        house.run()
        assert _holding(_lake(house) + _state(house), "Surname2", "jo2@acme.example") == []
    assert len(house.crm.records("contact")) == 1


def test_a_record_that_points_at_them_goes_too(house: House) -> None:
    _crowd(house)
    house.run()
    fields = {"subject": "Call Surname1", "status": "Open"}
    house.crm.add(RecordVersion(Ref("crm", "task", "T9"), house.now, house.now, fields, {"lead": "L1"}))
    house.run()
    assert _holding(_lake(house), "Call Surname1")
    _forget(house, "jo1@acme.example")
    _purge(house)
    assert _holding(_lake(house), "Call Surname1") == []


def test_what_a_crash_left_half_way_to_its_place_tells_of_nobody(house: House) -> None:
    _crowd(house)
    house.run()
    root = house.engine.lake_root
    (told, *_) = [
        path for path in (root / "records").rglob("*.parquet") if "Surname1" in str(pq.read_table(path).to_pylist())
    ]
    (root / "staging").mkdir(exist_ok=True)
    (root / "scratch" / "crashed").mkdir(parents=True)
    left = [
        root / "staging" / "0123.77.parquet",
        told.with_name(f"{told.name}.part"),
        root / "scratch" / "crashed" / "x.arrow",
    ]
    for path in left:
        path.write_bytes(told.read_bytes())
    (root / "scratch" / "crashed" / "lock").touch()
    _forget(house, "jo1@acme.example")
    _purge(house)
    assert not any(path.exists() for path in left)
    assert _holding(_lake(house) + _state(house), *_FIRST) == []


def test_a_former_state_that_a_restore_keeps_tells_of_nobody_either(house: House, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    _crowd(house)
    house.run()
    house.asks("f2", "1")
    house.run()
    aside = aside_of(url, house.now)
    back_up(url, aside)
    assert kept_aside(url) == [aside]
    assert b"Surname1" in aside.read_bytes(), "the task that calls them is in the outbox"
    whom = _named(house, "jo1@acme.example")
    for _ in range(2):
        with closing(open_store(f"sqlite:///{aside}")) as former:
            forget_as_well(former, whom, install="main", who="ann", at=house.now)
            assert not set(former.knowledge.persons().column("person_id").to_pylist()) & set(whom.person_ids)
            assert former.knowledge.tombstones()
    told = b"".join(path.read_bytes() for path in tmp_path.glob(f"{aside.name}*"))
    assert b"Surname1" not in told
