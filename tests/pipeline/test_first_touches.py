"""The clock of the first touch through whole cycles: it wakes whom it concerns, and nobody else has to have come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house_with_a_clock import with_a_clock
from small_house import T0, House

from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref
from connector.pipeline.people.census import census_of
from connector.pipeline.reports.late_follow_ups import late_follow_ups
from connector.pipeline.steps import StepDone

TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)


@pytest.fixture
def worked() -> list[StepDone]:
    return []


@pytest.fixture
def house(tmp_path: Path, worked: list[StepDone]) -> Iterator[House]:
    """Somebody in mql since Tuesday nine o'clock, with the stage's task."""
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db", mappings=with_a_clock(tmp_path), on_step=worked.append)
    for name in ("rep1", "rep2", "rep3"):
        user: Any = {"username": f"{name}@corp.example", "active": True, "time_zone": "UTC", "manager": "005boss"}
        made.crm.add(RecordVersion(Ref("crm", "user", f"005{name}"), T0, T0, user, {}))
    boss: Any = {"username": "boss@corp.example", "active": True, "time_zone": "UTC"}
    made.crm.add(RecordVersion(Ref("crm", "user", "005boss"), T0, T0, boss, {}))
    made.account(owner_id="")
    made.contact("1", title="CEO", employees=500, lead_source="Webinar")
    made.lead("L1", "1", owner_id="handoff")
    made.run()
    made.now = TUESDAY
    for number in range(3):
        made.did(f"v{number}", "page_view", "1", path="/pricing")
    made.did("r", "email_reply", "1")
    made.run()
    made.run()
    yield made
    made.close()


def stage(house: House) -> Any:
    return house.crm.records("lead")["L1"].fields["Handoff_Stage__c"]


def tasks(house: House) -> dict[str, tuple[Any, Any]]:
    return {task["rule"]: (task["owner_id"], task["status"]) for task in house.tasks()}


def test_a_late_first_touch_moves_the_work_and_tells_the_manager(house: House, worked: list[StepDone]) -> None:
    assert stage(house) == "mql"
    first = tasks(house)["new-mql"][0]
    house.now = TUESDAY + timedelta(hours=3, minutes=50)
    assert house.run().late_touches["reassigned"] == 0
    # nothing has come; the clock alone wakes them
    house.now = TUESDAY + timedelta(hours=4, minutes=10)
    worked.clear()
    report = house.run()
    (identified,) = (step for step in worked if step.step == "identify")
    assert identified.counts.get("touched") == 1, identified
    assert (report.late_touches["reassigned"], report.late_touches["managers_told"]) == (1, 1)
    second = tasks(house)["new-mql"][0]
    assert second != first
    assert house.crm.records("lead")["L1"].fields["owner_id"] == second
    assert tasks(house)["first-touch-mql"][0] == "005boss"
    assert not any(house.run().late_touches.values()), "once for each stage entry"
    (line,) = late_follow_ups(census_of(house.engine), as_of=house.now).document()["late"]
    assert (line["campaign"], line["people"], line["owners"]) == ("Webinar", 1, {f"{second[3:]}@corp.example": 1})
    # a call ends it: the manager need not look any more, and nobody is late
    call = Activity(
        Ref("crm", "task", "c1"), "call", Ref("crm", "lead", "L1"), house.now, by_user=second, modified_at=house.now
    )
    house.crm.did(call)
    house.run()
    house.run()
    assert tasks(house)["first-touch-mql"][1] == "closed"
    assert late_follow_ups(census_of(house.engine), as_of=house.now).document()["late"] == []


def test_a_touch_in_time_is_a_touch(house: House) -> None:
    owner = tasks(house)["new-mql"][0]
    house.crm.did(
        Activity(
            Ref("crm", "task", "c1"), "call", Ref("crm", "lead", "L1"), house.now, by_user=owner, modified_at=house.now
        )
    )
    house.run()
    house.now = TUESDAY + timedelta(days=2)
    assert not any(house.run().late_touches.values())
    assert "first-touch-mql" not in tasks(house)
