"""Memory of somebody without a record of the CRM is written when something worth showing has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.contact("1", email="jo1@gmail.com", company=None)
    for number in range(3):
        made.did(f"v{number}", "page_view", "1", path="/pricing")
    made.run()
    yield made
    made.close()


def _shown(house: House) -> Any:
    [row] = house.store.knowledge.persons().to_pylist()
    return json.loads(row["shown"])


def _day(house: House, days: int) -> Any:
    house.now += timedelta(days=days)
    stored = house.run().document()
    assert stored["writes"]["planned"] == 0
    return _shown(house)


def test_a_number_that_ages_by_less_than_a_step_leaves_memory_as_it_is(house: House) -> None:
    first = _shown(house)
    assert (first["record"], first["total"] > 0) == (None, True)
    assert [_day(house, 1), _day(house, 1)] == [first, first]


def test_a_number_that_has_moved_by_a_step_is_remembered(house: House) -> None:
    first = _shown(house)
    later = _day(house, 200)
    assert later["total"] <= first["total"] - float(house.engine.mappings.scoring.write_step)
    assert later == {**first, **{name: later[name] for name in ("total", "grade", "verdict", "reasons_key")}}
