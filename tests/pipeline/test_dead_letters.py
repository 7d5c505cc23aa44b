"""Dead letters come back once per change of the record, the mappings or our rights, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.domain.writes import RowState


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose lead L1 takes no writes."""
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.account()
    made.contact("1", title="CEO", employees=500)
    made.lead("L1", "1")
    made.crm.faults.rejected["L1"] = "refused"
    for _ in range(3):  # past the baseline, and past what is decided only then
        made.run()
    yield made
    made.close()


def _dead(house: House) -> list[Any]:
    return [row for row in house.store.outbox.unsettled() if row.state is RowState.DEAD]


def _tried(house: House) -> int:
    return sum(row.attempts for row in _dead(house))


def test_nothing_changed_so_nothing_is_sent_again(house: House) -> None:
    assert _dead(house)
    tried = _tried(house)
    house.run()
    house.run()
    assert _tried(house) == tried


def test_a_person_s_edit_of_the_record_lets_it_go_once(house: House) -> None:
    tried, rows = _tried(house), len(_dead(house))
    house.crm.edit("lead", "L1", {"title": "CTO"}, user="005rep1", at=house.now)
    house.run()
    assert _tried(house) == tried + rows, "the cause still stands: tried once for the change"
    house.run()
    assert _tried(house) == tried + rows
    house.crm.faults.rejected.clear()
    house.crm.edit("lead", "L1", {"title": "CFO"}, user="005rep1", at=house.now)
    report = house.run()
    assert not _dead(house)
    assert report.writes["written"] + report.writes["unchanged"] >= rows
    assert report.verdict == "green"


def test_our_own_write_to_the_record_is_no_change(house: House) -> None:
    tried = _tried(house)
    house.crm.edit("lead", "L1", {"title": "CTO"}, user=str(house.crm.user_id()), at=house.now)
    house.run()
    assert _tried(house) == tried


def test_the_person_s_record_in_marketing_counts_too(house: House) -> None:
    tried = _tried(house)
    house.contact("1", title="CEO", employees=500, phone="+49 30 1")
    house.run()
    assert _tried(house) > tried


def test_other_mappings_let_it_go(house: House) -> None:
    house.crm.faults.rejected.clear()
    house.engine.mappings = replace(house.engine.mappings, digest="another")
    house.run()
    assert not _dead(house)


def test_a_right_that_is_given_lets_it_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.crm.faults.rejected.clear()
    given = house.crm.fields
    monkeypatch.setattr(
        house.crm, "fields", lambda object_: [replace(info, label=f"{info.label}!") for info in given(object_)]
    )
    house.run()
    assert not _dead(house)


def test_while_paused_nothing_is_let_go(house: House) -> None:
    house.store.switches.pause("ops", house.now)
    house.crm.edit("lead", "L1", {"title": "CTO"}, user="005rep1", at=house.now)
    tried = _tried(house)
    house.run()
    assert _tried(house) == tried
    assert _dead(house)
    house.crm.faults.rejected.clear()
    house.store.switches.resume("ops", house.now)
    house.run()
    assert not _dead(house)
