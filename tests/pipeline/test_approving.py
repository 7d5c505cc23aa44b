"""What a limit held goes a few at a time, the first by rank, with whatever waits for it; the rest stays held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_house import House

from connector.delivery.approving import held_in_order
from connector.delivery.limits import Limits
from connector.domain.writes import Cause

TITLES = ("Intern", "Manager", "Director", "VP Sales", "CEO")


@pytest.fixture
def house(tmp_path: Path, state_url: str) -> Iterator[House]:
    """A house in which strangers of unlike rank have asked for sales, and nobody is created without a word."""
    made = House(tmp_path, state_url, limits=Limits({Cause.CREATION: 0}, share=1, share_from=500))
    made.run()
    for number, title in enumerate(TITLES):
        about = {"title": title, "employees": 50 * (number + 1), "company": "New", "email": f"p{number}@new.example"}
        made.contact(str(number), **about)
        made.asks(f"ask{number}", str(number))
    yield made
    made.close()


def _approve(house: House, plan_id: str, first: int) -> int:
    held = held_in_order(house.store.outbox.each_unsettled(), plan_id)
    return house.store.outbox.retry([row.id for row in held[:first]], now=house.now)


def test_the_first_by_rank_go_with_their_tasks_and_the_rest_stays(house: House) -> None:
    report, people = house.run(), len(TITLES)
    assert (report.held_by["limit"], report.held_by["dependency"], report.created) == (people, people, {})
    ranked = held_in_order(house.store.outbox.each_unsettled(), report.plan_id)
    assert {row.cause for row in ranked} == {Cause.CREATION}
    assert held_in_order(house.store.outbox.each_unsettled(), report.plan_id, cause=Cause.TASK) == []
    assert held_in_order(house.store.outbox.each_unsettled(), "another plan") == []

    assert _approve(house, report.plan_id, 2) == 2
    assert house.run().created == {"lead": 2, "task": 2}
    assert {lead.fields["title"] for lead in house.crm.records("lead").values()} == {"CEO", "VP Sales"}
    left = held_in_order(house.store.outbox.each_unsettled(), report.plan_id)
    assert [row.id for row in left] == [row.id for row in ranked[2:]]

    assert _approve(house, report.plan_id, people) == people - 2
    assert house.run().created == {"lead": people - 2, "task": people - 2}
    assert house.run().writes["planned"] == 0
    assert len(house.tasks()) == people
