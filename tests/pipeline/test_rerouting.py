"""A user is deactivated between the decision and the write: the next one gets the work, once, and the row says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from small_house import House

from adapters.memory import MemoryCrm
from connector.delivery.shown import Shown
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.ports.crm import INACTIVE_OWNER


class Strict(MemoryCrm):
    """A CRM that takes no inactive owner; its users may leave after they have been pulled."""

    left: frozenset[str] = frozenset()
    refused = 0

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        good = [write for write in writes if write.fields.get("owner_id") not in self.left]
        told = {out.key: out for out in super().apply(good, now=now)}
        self.refused += len(writes) - len(good)
        no = OutcomeKind.REJECTED
        return [told.get(w.key) or WriteOutcome(w.key, no, w.id, code=INACTIVE_OWNER, fixer="ops") for w in writes]


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    made = House(tmp_path, sqlite_url, crm=Strict(system="crm"))
    made.run()
    made.contact("9", title="CEO", email="jo@elsewhere.example", company="New GmbH")
    made.asks("ask", "9")
    yield made
    made.close()


def _crm(house: House) -> Strict:
    assert isinstance(house.crm, Strict)
    return house.crm


def _first_choice(tmp_path: Path) -> str:
    """Say who gets the same work in a house where nobody leaves."""
    folder = tmp_path / "other"
    folder.mkdir()
    house = House(folder, f"sqlite:///{folder}/state.db")
    house.run()
    house.contact("9", title="CEO", email="jo@elsewhere.example", company="New GmbH")
    house.asks("ask", "9")
    house.run()
    [task] = house.tasks()
    house.close()
    return str(task["owner_id"])


def test_the_next_of_the_pool_gets_record_and_task_once_with_the_reason(house: House, tmp_path: Path) -> None:
    crm, left = _crm(house), _first_choice(tmp_path)
    crm.left = frozenset({left})
    report = house.run()
    assert (report.verdict, report.created, report.writes["dead"]) == ("green", {"lead": 1, "task": 1}, 0)
    [lead], [task] = list(crm.records("lead").values()), house.tasks()
    assert lead.fields["owner_id"] == task["owner_id"] not in {left, None, ""}
    assert set(crm.creations.values()) == {1}
    [memory] = [Shown.load(text) for text in house.store.knowledge.persons().column("shown").to_pylist()]
    assert memory.given == lead.fields["owner_id"], "whom we gave it to, for a late first touch and further work"
    assert f"{left.removeprefix('005')}@corp.example was deactivated before this was written" in task["body"]
    # the pull has not shown it yet, and nothing is decided anew
    assert house.run().writes["planned"] == 0


def test_where_nobody_is_left_the_fallback_takes_it(house: House) -> None:
    crm = _crm(house)
    crm.left = frozenset({"005rep1", "005rep2", "005rep3"})
    report = house.run()
    assert (report.verdict, report.created) == ("green", {"lead": 1, "task": 1})
    assert {one["owner_id"] for one in house.tasks()} == {"00G1"}


def test_a_queue_that_is_refused_too_ends_dead_and_not_in_a_circle(house: House) -> None:
    crm = _crm(house)
    crm.left = frozenset({"005rep1", "005rep2", "005rep3", "00G1"})
    report = house.run()
    assert (report.verdict, report.created, report.writes["dead"]) == ("red", {}, 1)
    assert crm.refused <= 6
