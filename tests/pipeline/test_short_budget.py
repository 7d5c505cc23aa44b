"""A day whose calls are nearly spent: the fast lane goes, the rest waits by name for the next day, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from adapters.memory import MemoryCrm
from connector.delivery.limits import Limits
from connector.domain.writes import Cause, Write, WriteOutcome
from connector.ports.traits import Usage

PEOPLE = 24
BATCH = 4


class Metered(MemoryCrm):
    """A CRM whose vendor counts calls, others' too, and tells so in its answers."""

    limit = 0
    #: calls of ours before the day
    before = 0
    others = 0
    #: what others send between two batches of ours
    others_a_batch = 0

    def usage(self) -> Usage | None:
        clock = self.clock()
        used = self.calls() - self.before + self.others
        return Usage(used, self.limit, clock) if self.limit and clock else None

    def apply(self, writes: Sequence[Write], *, now: datetime) -> list[WriteOutcome]:
        self.others += self.others_a_batch
        return super().apply(writes, now=now)


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    made = House(tmp_path, sqlite_url, crm=Metered({"batch_size": BATCH}, system="crm"))
    made.account()
    for number in range(PEOPLE):
        made.contact(str(number), title="CEO", employees=500)
        made.lead(f"L{number}", str(number))
    made.run()
    yield made
    made.close()


def _spent(house: House) -> int:
    return house.store.ledger.spent("crm", house.now - timedelta(days=1))


def _spent_once_the_next_has_read(house: House) -> int:
    """Say what the day will have taken when the next cycle has read, by what a quiet one reads."""
    before = _spent(house)
    house.run()
    return 2 * _spent(house) - before


@pytest.mark.parametrize("bound", ["our own ceiling", "the vendor's counter"])
def test_buyers_are_served_first_and_the_rest_goes_the_next_day(house: House, bound: str) -> None:
    spent = _spent_once_the_next_has_read(house)
    if bound == "our own ceiling":
        house.engine = replace(house.engine, calls_per_day={"crm": spent + 2})
    else:
        # half of what the vendor gives is left to others
        assert isinstance(house.crm, Metered)
        house.crm.limit, house.crm.before = 2 * (spent + 2), house.crm.calls() - _spent(house)
    for number in range(PEOPLE):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    for number in range(BATCH):
        house.asks(f"e{number}", str(number))
    first = house.run()
    assert (first.verdict, first.settled) == ("amber", True)
    # two batches: the tasks, and the first of what is next; the rest waits by name
    assert first.created == {"task": BATCH}
    assert first.writes["written"] == 2 * BATCH
    assert first.held_by["budget"] == first.writes["planned"] - 2 * BATCH > 0
    assert first.api_calls["crm"]["forecast"] > first.api_calls["crm"]["used"]
    # the same day changes nothing, the next one lets everything go
    assert house.run().held_by["budget"] == first.held_by["budget"]
    house.now += timedelta(days=1)
    house.crm.before = house.crm.calls()  # type: ignore[attr-defined]
    last = house.run()
    assert (last.held_by["budget"], last.writes["dead"], last.settled, last.created) == (0, 0, True, {})
    assert house.run().writes["planned"] == 0
    assert len(house.tasks()) == BATCH
    shown: list[Any] = [lead.fields["Handoff_Score__c"] for lead in house.crm.records("lead").values()]
    assert len(shown) == PEOPLE
    assert all(shown)


def test_what_others_take_in_the_middle_of_a_run_is_left_to_them(tmp_path: Path, sqlite_url: str) -> None:
    """There is room for all batches; beside each of ours others send a third of the day's calls: we stop with them."""
    crm = Metered({"batch_size": BATCH}, system="crm")
    house = House(tmp_path, sqlite_url, crm=crm)
    for number in range(PEOPLE):
        house.contact(str(number), title="CEO", employees=500)
        house.lead(f"L{number}", str(number))
    crm.limit, crm.others_a_batch = 1_800, 600
    report = house.run()
    assert report.writes["written"] == 3 * BATCH
    assert report.held_by["budget"] == report.writes["planned"] - 3 * BATCH > 0
    assert crm.others == crm.limit
    house.close()


@pytest.mark.parametrize("scores", ["stay", "move"])
def test_what_is_left_of_a_first_load_is_no_stage_move(tmp_path: Path, sqlite_url: str, scores: str) -> None:
    """Stages shown for the first time disturb nobody: they take nothing of a day's moves, and no limit holds them."""
    limits = Limits({Cause.STAGE_MOVE: 2}, share=1, share_from=500)
    house = House(tmp_path, sqlite_url, crm=Metered({"batch_size": BATCH}, system="crm"), limits=limits)
    for number in range(PEOPLE):
        house.contact(str(number), title="CEO", employees=500)
        house.lead(f"L{number}", str(number))
    house.engine = replace(house.engine, calls_per_day={"crm": 12})
    first = house.run()
    assert first.held_by["budget"] > BATCH, first.held_by
    house.engine = replace(house.engine, calls_per_day={})
    if scores == "move":
        for number in range(PEOPLE):
            house.did(f"v{number}", "page_view", str(number), path="/pricing")
    last = house.run()
    anew = PEOPLE if scores == "move" else 0
    assert (last.held_by["limit"], last.settled, last.moves) == (0, True, 0)
    assert last.writes["planned"] == first.writes["held"] + anew
    leads = list(house.crm.records("lead").values())
    assert all(lead.fields["Handoff_Stage__c"] for lead in leads)
    assert len({lead.fields["Handoff_Score__c"] for lead in leads}) == 1, "the number is everybody's last one"
    assert not house.store.outbox.used_by_cause(house.now - timedelta(days=1)).get(Cause.STAGE_MOVE)
    rows = list(house.store.outbox.each_done("update", "lead"))
    shown = first.writes["written"] if scores == "move" else 0
    assert len(rows) == PEOPLE + shown, "nothing was written twice"
    house.close()


def test_a_stage_that_moves_while_a_first_load_waits_is_a_move(tmp_path: Path, sqlite_url: str) -> None:
    limits = Limits({Cause.STAGE_MOVE: 2}, share=1, share_from=500)
    house = House(tmp_path, sqlite_url, crm=Metered({"batch_size": BATCH}, system="crm"), limits=limits)
    house.account()
    for number in range(PEOPLE):
        house.contact(str(number), title="CEO", employees=500)
        house.lead(f"L{number}", str(number))
    house.engine = replace(house.engine, calls_per_day={"crm": 12})
    waiting = house.run().held_by["budget"]
    assert waiting > BATCH
    house.engine = replace(house.engine, calls_per_day={})
    for number in range(PEOPLE):
        for visit in range(3):
            house.did(f"v{number}-{visit}", "page_view", str(number), path="/pricing")
        house.did(f"r{number}", "email_reply", str(number))
    last = house.run()
    assert last.moves == PEOPLE
    assert last.held_by["limit"] >= PEOPLE - 2
    assert house.store.outbox.used_by_cause(house.now - timedelta(days=1))[Cause.STAGE_MOVE] == 2
    house.close()
