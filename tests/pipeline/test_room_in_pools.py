"""A member's cap counts what they have on their desk, also what was put there since the CRM was last read."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.pipeline.intake.looking import SETTING_UNSEEN

REP1, REP2 = "005rep1", "005rep2"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    place = tmp_path / "mappings"
    shutil.copytree(Path(str(files("mappings") / "default")), place)
    routing = place / "routing.yaml"
    text = routing.read_text("utf-8")
    assert "cap: 40" in text
    routing.write_text(text.replace("cap: 40", "cap: 1"), encoding="utf-8")
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db", mappings=place)
    for number in range(4):
        made.contact(str(number), email=f"jo{number}@gmail.com", company=None)
    made.run()
    yield made
    made.close()


def _asks(house: House, person: str) -> None:
    """Ask for sales; what was written before has not been read back when it is decided who calls."""
    house.asks(f"ask{person}", person)
    house.store.switches.put_setting(SETTING_UNSEEN, "")
    house.run("sources")


def _desks(house: House) -> Counter[Any]:
    return Counter(task["owner_id"] for task in house.tasks())


def test_who_has_just_been_given_a_task_has_it_before_the_crm_says_so(house: House) -> None:
    for person in "012":
        _asks(house, person)
    assert _desks(house) == {REP1: 1, REP2: 2}


def test_what_was_done_makes_room_once_the_crm_has_told_of_it(house: House) -> None:
    for person in "01":
        _asks(house, person)
    for id_, task in house.crm.records("task").items():
        if task.fields["owner_id"] == REP1:
            # What we wrote bears the time of the sending, whatever the house's clock says.
            at = task.modified_at + timedelta(seconds=1)
            house.crm.edit("task", id_, {"status": "closed"}, user=REP1, at=at)
    house.run()
    for person in "23":
        _asks(house, person)
    assert _desks(house) == {REP1: 2, REP2: 2}


def test_what_the_crm_has_not_told_of_in_a_day_is_not_there(house: House) -> None:
    _asks(house, "0")
    made = house.store.outbox.tasks_made(house.now - timedelta(days=1))
    assert [row.record_id for row in made] == list(house.crm.records("task"))
    assert house.store.outbox.tasks_made(house.now + timedelta(days=1)) == []
