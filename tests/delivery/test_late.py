"""First touches that are late: once per stage entry, the next of the pool and the manager; human hands win."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from crowd import MAPPINGS, NOW, desk, ground, person, settled, shown
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.decide import Decided, decide
from connector.delivery.ground import Ground
from connector.delivery.shown import Shown
from connector.domain.writes import Cause
from connector.mapping.bundle import Mappings
from connector.mapping.routing import Sla
from connector.routing.first_touch import touch_due
from connector.routing.pools import Desk, User

Then = Literal["reassign", "notify_manager"]
SINCE = NOW - timedelta(days=1)


def with_clock(*then: Then) -> Mappings:
    """The starter's mappings with a clock on mql."""
    sla = {"mql": Sla(first_touch=timedelta(hours=4), then=then)}
    return replace(MAPPINGS, routing=MAPPINGS.routing.model_copy(update={"sla": sla}))


def managed() -> Desk:
    """The desk of the crowd, where rep1 and rep2 report to somebody who left, and that one to the boss."""
    plain = desk()
    users = {
        name: replace(user, manager="005gone" if name.startswith("rep") else "005boss" if name == "gone" else "")
        for name, user in plain.users.items()
    }
    return Desk(plain.pools, users, plain.queues)


def lead(owner: str = "005rep1", given: str | None = "005rep1", **changes: Any) -> dict[str, Any]:
    """Somebody in mql since yesterday, owned by rep1, to whom we gave the record."""
    one = settled(person(stage="mql", stage_entry=3, stage_since=SINCE, owner_id=owner))
    memory = Shown.load(one["shown"])
    memory.given = given
    return one | {"shown": memory.dump()} | changes


def task(owner: str = "005rep1", **changes: Any) -> dict[str, Any]:
    about = {"id": "T1", "person_id": "p1", "rule": "new-mql", "key": "k", "owner": owner, "changed_by": "handoff"}
    return about | {"status": "open", "subject": "Call Jo: pricing", "body": "", "due_at": None} | changes


def late(*people: dict[str, Any], due: datetime | None = NOW - timedelta(hours=1), **changes: Any) -> Ground:
    then: tuple[Then, ...] = changes.pop("then", ("reassign", "notify_manager"))
    base = ground(*people, **({"desk": managed(), "mappings": with_clock(*then)} | changes))
    times = pa.array([due] * base.people.num_rows, pa.timestamp("us", "UTC"))
    return replace(base, people=base.people.append_column("touch_due", times))


def moved(decided: Decided) -> dict[str, Any]:
    """Which record goes from whom to whom."""
    rows = [row for row in decided.rows if row.cause is Cause.OWNER_CHANGE]
    return {str(row.write.id): (*row.write.expected.values(), *row.write.fields.values()) for row in rows}


def told(decided: Decided) -> list[Any]:
    return [row for row in decided.rows if row.rule == "first-touch-mql"]


def test_the_work_goes_to_the_next_and_the_manager_is_told() -> None:
    decided = decide(late(lead(), tasks=[task()]))
    assert moved(decided) == {"T1": ("005rep1", "005rep2"), "L1": ("005rep1", "005rep2")}
    (row,) = told(decided)
    assert row.write.fields["owner_id"] == "005boss"
    assert row.write.fields["subject"] == "Not touched in time: Jo Doe (rep1@corp.example)"
    assert decided.late == {"reassigned": 1, "managers_told": 1}


def test_once_for_each_stage_entry() -> None:
    base = late(lead(), tasks=[task()])
    first = decide(base)
    memory = {"shown": shown(first, base), "owner_id": "005rep2"}
    assert decide(late(lead(**memory), tasks=[task("005rep2")])).rows == []
    again = decide(late(lead(**memory, stage_entry=5), tasks=[task("005rep2")]))
    assert again.late == {"reassigned": 1, "managers_told": 1}
    assert told(again)[0].write.key != told(first)[0].write.key


@pytest.mark.parametrize("due", [None, NOW + timedelta(minutes=1)])
def test_nothing_while_it_is_early_or_somebody_was_there(due: datetime | None) -> None:
    assert decide(late(lead(), due=due, tasks=[task()])).rows == []


def test_what_was_so_at_the_baseline_opens_nothing() -> None:
    assert decide(late(lead(), tasks=[task()], mark=SINCE)).rows == []
    assert decide(late(lead(baseline=True), tasks=[task()])).rows == []


def test_human_hands_win() -> None:
    # somebody has given the record to another: the task alone moves
    assert moved(decide(late(lead(owner="005boss"), tasks=[task()]))) == {"T1": ("005rep1", "005rep2")}
    # somebody has changed the task, and the record is not ours to give: nothing moves
    other = decide(late(lead(given=None), tasks=[task(changed_by="005rep1")]))
    assert (moved(other), other.late["left_to_owner"]) == ({}, 1)
    # it lies with the owner of the account: the manager is told, nobody else gets it
    theirs = decide(late(lead(account_owner_id="005rep1"), tasks=[task()]))
    assert (moved(theirs), theirs.late) == ({}, {"left_to_owner": 1, "managers_told": 1})


def test_nobody_else_and_no_manager_is_said() -> None:
    alone = managed()
    for name in ("rep2@corp.example",):
        alone.users[name] = replace(alone.users[name], active=False)  # type: ignore[index]
    users: dict[str, User] = {name: replace(user, manager="") for name, user in alone.users.items()}
    decided = decide(late(lead(), tasks=[task()], desk=Desk(alone.pools, users, alone.queues)))
    assert (decided.rows, decided.late) == ([], {"nobody_free": 1, "no_manager": 1})


def test_a_managers_task_is_closed_when_there_is_nothing_to_look_at_any_more() -> None:
    open_one = task(rule="first-touch-mql", id="T2")
    said = [decide(late(lead(), due=due, tasks=[open_one], then=())).rows for due in (NOW - timedelta(hours=1), None)]
    assert [[row.reason for row in rows] for rows in said] == [[], ["was touched"]]
    gone = decide(late(lead(stage="nurture"), due=None, tasks=[open_one], then=())).rows
    assert [row.reason for row in gone if row.write.id == "T2"] == ["left stage mql"]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)))  # noqa: DTZ001 - made aware below
def test_the_clock_runs_in_the_hours_of_the_pool(start: datetime) -> None:
    since = start.replace(tzinfo=UTC)
    due = touch_due(with_clock().routing, "mql", since)
    assert due is not None
    assert due - since >= timedelta(hours=4)
    assert due - since <= timedelta(days=4)
    local = due.astimezone(ZoneInfo("Europe/Berlin"))
    assert local.weekday() < 5
    assert 9 <= local.hour <= 17
    assert touch_due(with_clock().routing, "nurture", since) is None
