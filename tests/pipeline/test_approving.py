"""What a limit held goes a few at a time, the first by rank, with whatever waits for it; the rest stays held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_house import House

from connector.delivery.approving import held_in_order
from connector.delivery.limits import Limits
from connector.domain.writes import Cause

TITLES = ("Intern", "Manager", "Director", "VP Sales", "CEO")


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    """A house in which strangers of unlike rank have asked for sales, and nobody is created without a word."""
    made = House(tmp_path, sqlite_url, limits=Limits({Cause.CREATION: 0}, share=1, share_from=500))
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
    assert {lead.fields["Title"] for lead in house.crm.records("lead").values()} == {"CEO", "VP Sales"}
    left = held_in_order(house.store.outbox.each_unsettled(), report.plan_id)
    assert [row.id for row in left] == [row.id for row in ranked[2:]]

    assert _approve(house, report.plan_id, people) == people - 2
    assert house.run().created == {"lead": people - 2, "task": people - 2}
    assert house.run().writes["planned"] == 0
    assert len(house.tasks()) == people


def test_what_is_held_fills_a_rep_up_so_that_approving_it_floods_nobody(tmp_path: Path, sqlite_url: str) -> None:
    """Each rep of the pool may have one open task; three people ask, one a cycle, and a limit holds their tasks."""
    house = House(tmp_path, sqlite_url, limits=Limits({Cause.FAST_LANE_TASK: 0}, share=1, share_from=500))
    routing = house.engine.mappings.routing
    sdr = routing.pools["sdr"]
    full = sdr.model_copy(update={"members": tuple(one.model_copy(update={"cap": 1}) for one in sdr.members)})
    capped = routing.model_copy(update={"pools": routing.pools | {"sdr": full}})
    house.engine.mappings = replace(house.engine.mappings, routing=capped)
    for id_ in ("1", "2", "3"):
        house.contact(id_)
        house.lead(f"L{id_}", id_, owner_id="005rep3")
    house.run()
    for id_ in ("1", "2", "3"):
        house.asks(f"ask{id_}", id_)
        assert house.run().held_by["limit"] == 1
    outbox = house.store.outbox
    held = {str(row.write.fields["who"]): row.write.fields["owner_id"] for row in outbox.each_unsettled()}
    assert {held["L1"], held["L2"]} == {"005rep1", "005rep2"}
    assert held["L3"] == "00G1", "nobody has room: the fallback, until somebody has"
    house.close()
