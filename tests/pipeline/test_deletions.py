"""Many records deleted at once are told, once; few, merged ones and those nobody knew of are not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.pipeline.intake.deletions import deleted_lately


@pytest.fixture
def house(tmp_path: Path) -> Any:
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    for number in range(60):
        made.lead(f"L{number}", str(number))
    for number in range(60, 100):
        made.lead(f"L{number}", str(number), deleted_before_we_came="yes")
        made.crm.delete("lead", f"L{number}", at=made.now)
    yield made
    made.close()


def _delete(house: House, *numbers: int) -> None:
    for number in numbers:
        house.crm.delete("lead", f"L{number}", at=house.now)


def test_many_deletions_make_one_run_amber_and_are_told_with_all_that_follow(house: House) -> None:
    assert house.run().document()["deleted"] == []
    begun = house.now
    _delete(house, *range(19))
    assert (house.run().verdict, deleted_lately(house.store, now=house.now)) == ("green", [])
    _delete(house, *range(19, 25))
    report = house.run()
    cure = "where nobody meant that, restore them there"
    words = f"crm lead: 25 of 60 deleted since {begun:%Y-%m-%d %H:%M} UTC; {cure}"
    assert (report.verdict, report.document()["deleted"]) == ("amber", [words])
    again = house.run()
    assert (again.verdict, again.deleted) == ("green", [])
    _delete(house, *range(25, 40))
    assert house.run().deleted == [], "told once"
    [one] = deleted_lately(house.store, now=house.now)
    assert (one.gone, one.of) == (40, 60)
    assert deleted_lately(house.store, now=begun + timedelta(days=8)) == []


def test_what_is_deleted_over_days_or_merged_is_no_alarm(house: House) -> None:
    house.run()
    for first in (0, 10, 20):
        _delete(house, *range(first, first + 10))
        assert house.run().deleted == []
        house.now += timedelta(days=1)
    for number in range(30, 60):
        gone = RecordVersion(Ref("crm", "lead", f"L{number}"), house.now, house.now, {}, {}, deleted=True)
        house.crm.add(gone._replace(merged_into=Ref("crm", "lead", "L99")))
    assert (house.run().deleted, deleted_lately(house.store, now=house.now)) == ([], [])


def test_the_share_is_what_an_admin_has_set(house: House) -> None:
    house.engine.deleted_share = 0.5
    house.run()
    _delete(house, *range(29))
    assert house.run().deleted == []
    _delete(house, 29)
    assert len(house.run().deleted) == 1
