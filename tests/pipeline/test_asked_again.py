"""Whoever asks again while their task is on its way is called once, also where it is closed before we see it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest import mock

from small_house import House

from connector.errors import TransientError


def test_a_task_that_was_closed_before_it_showed_takes_care_of_what_was_asked_before(tmp_path: Path) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    house.contact("1")
    house.lead("L1", "1")
    house.run()
    house.asks("e1", "1")
    with mock.patch.object(house.crm, "apply", side_effect=TransientError("crm.unreachable", "nobody answers")):
        house.run()
        house.asks("e2", "1")
        house.run()
    assert house.tasks() == []
    house.run()
    ((ref, _),) = house.crm.records("task").items()
    closed_at = house.now - timedelta(minutes=30)
    house.crm.edit("task", ref, {"status": "closed"}, user="005rep2", at=closed_at)
    house.run()
    house.run()
    assert len(house.tasks()) == 1
    # what they ask for after that is another call
    house.asks("e3", "1")
    house.run()
    assert len(house.tasks()) == 2
    house.close()
