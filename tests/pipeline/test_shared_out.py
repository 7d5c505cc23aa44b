"""What each member of a pool was given stands beside their fair share; what taking turns does not explain is marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.pipeline.people.census import census_of
from connector.pipeline.reports.shared_out import shared_out

PEOPLE = 12


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    """A house in which strangers have asked for sales: nobody owns them yet, so they are shared out by weight."""
    made = House(tmp_path, sqlite_url)
    made.run()
    for number in range(PEOPLE):
        made.contact(str(number), title="CEO", company="New", email=f"p{number}@new{number}.example")
        made.asks(f"ask{number}", str(number))
    made.run()
    assert len(made.tasks()) == PEOPLE
    yield made
    made.close()


def _shares(house: House, days: int = 30, ahead: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    return shared_out(census_of(house.engine), as_of=house.now + ahead, days=days)


def _members(document: dict[str, Any], pool: str) -> dict[str, tuple[float, int, bool]]:
    members = document["pools"][pool]["members"]
    return {one["user"].split("@")[0]: (one["expected"], one["given"], one["beyond_chance"]) for one in members}


def test_given_and_fair_share_stand_side_by_side(house: House) -> None:
    document = _shares(house)
    assert (document["tasks"], document["outside_pools"]) == (PEOPLE, 0)
    assert _members(document, "sdr") == {"rep1": (8.0, 8, False), "rep2": (4.0, 4, False)}
    assert _members(document, "sdr_dach") == {"rep3": (0.0, 0, False)}
    # what lies further back than was asked for does not count
    assert _shares(house, days=1, ahead=timedelta(days=2))["tasks"] == 0


def test_who_left_has_no_share_and_what_turns_do_not_explain_is_marked(house: House) -> None:
    gone = house.crm.records("user")["005rep1"]
    house.crm.add(gone._replace(modified_at=house.now, fields={**gone.fields, "active": False}))
    house.run()
    document = _shares(house)
    rep1, rep2 = document["pools"]["sdr"]["members"]
    assert (rep1["active"], rep1["weight"], rep1["expected"], rep1["given"]) == (False, 0, 0.0, 8)
    assert (rep2["expected"], rep2["given"], rep2["beyond_chance"]) == (12.0, 4, True)
