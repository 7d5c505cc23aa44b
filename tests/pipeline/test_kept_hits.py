"""Cycles that score from kept hits: nothing is matched twice, and whatever becomes of them, answers are right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from small_house import House

from connector.errors import LocalFault
from connector.pipeline.forgetting import SETTING_DUE, purge
from connector.pipeline.people import passes
from connector.scoring.hits.store import HitStore


@pytest.fixture
def house(tmp_path: Path) -> Any:
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.account()
    for number in ("1", "2"):
        made.contact(number)
        made.did(f"v{number}", "page_view", number, path="/pricing", at=made.now - timedelta(days=1))
    yield made
    made.close()


def _folder(house: House) -> Path:
    return house.engine.lake_root / "hits"


def _nothing_is_matched(*_: object, **__: object) -> Any:
    raise AssertionError("activities were matched")


def test_everybody_and_the_touched_are_scored_from_what_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "score_part", _nothing_is_matched)
    house.run()
    assert (_folder(house) / "current.json").exists()
    house.did("more", "page_view", "1", path="/pricing")
    house.run()
    house.cycle().run(full=True)


def test_a_house_that_keeps_no_hits_leaves_none(house: House) -> None:
    house.engine.keeps_hits = False
    house.run()
    assert not _folder(house).exists()


def test_a_plan_beside_a_daemon_leaves_the_hits_alone(house: House) -> None:
    house.run()
    before = {path.name: path.read_bytes() for path in _folder(house).iterdir()}
    house.did("more", "page_view", "1", path="/pricing")
    house.cycle().plan(pull=False)
    assert {path.name: path.read_bytes() for path in _folder(house).iterdir()} == before


def test_harmed_hits_are_made_again(house: House) -> None:
    house.run()
    for path in _folder(house).glob("*.hits"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    (_folder(house) / "left.heap").write_bytes(b"a process was killed here")
    house.did("more", "page_view", "1", path="/pricing")
    assert house.cycle().run(full=True).verdict == "green"
    assert not (_folder(house) / "left.heap").exists()


def test_hits_that_go_while_people_are_scored_are_made_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = HitStore.hits
    harmed: list[bool] = []

    def hits(self: HitStore, *words: Any) -> pa.Table:
        if not harmed:
            harmed.append(True)
            for path in _folder(house).glob("*.hits"):
                path.unlink()
        return real(self, *words)

    monkeypatch.setattr(HitStore, "hits", hits)
    house.run()
    assert harmed
    assert house.store.knowledge.persons().num_rows == 2


def test_a_disk_that_takes_no_hits_costs_no_cycle(house: House) -> None:
    house.engine.lake_root.mkdir(parents=True)
    _folder(house).write_text("in the way")
    assert house.run().verdict == "green"


def test_hits_that_are_harmed_again_and_again_end_the_cycle(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def hits(self: HitStore, *_: Any) -> pa.Table:
        raise self._damaged()

    monkeypatch.setattr(HitStore, "hits", hits)
    with pytest.raises(LocalFault, match="damaged"):
        house.run()


def test_a_purge_takes_the_hits_of_the_erased(house: House) -> None:
    house.run()
    store = house.store
    store.knowledge.erase([], hashes=["0" * 64], who="ann", at=house.now)
    store.switches.put_setting(SETTING_DUE, "yes")
    purge(store, house.engine.lake_root, house.engine.traits(), install="main", at=house.now)
    assert not _folder(house).exists()
