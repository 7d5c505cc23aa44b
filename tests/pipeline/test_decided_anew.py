"""A creation that was refused and may go again is decided anew: for the person as they are now, and never twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.pipeline.decisions.redeciding import ask_anew, asked_anew


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    """A house in which somebody new has asked for sales, and the CRM has refused to make their record."""
    made = House(tmp_path, sqlite_url)
    made.run()
    _known(made, company="Old GmbH", last_name="Doe")
    made.asks("ask", "9")
    plan = json.loads(made.store.runs.plan(made.plan().plan_id) or "{}")
    made.crm.faults.rejected |= dict.fromkeys(plan["lanes"], "refused")
    made.run()
    assert {(row.write.object, row.state.value) for row in made.store.outbox.unsettled()} == {
        ("lead", "dead"),
        ("task", "held"),
    }
    made.crm.faults.rejected.clear()
    yield made
    made.close()


def _known(house: House, **fields: Any) -> None:
    house.contact("9", title="CEO", email="jo@elsewhere.example", **fields)


def _asked(house: House) -> list[str]:
    """Ask as `outbox retry` does; give the keys."""
    rows = house.store.outbox.unsettled()
    ask_anew(house.store, [row.id for row in rows if row.state.value == "dead"])
    assert {row.write.object for row in asked_anew(house.store)} == {"lead", "task"}
    return sorted(row.write.key for row in rows)


def _leads(house: House) -> list[dict[str, Any]]:
    return [dict(one.fields) for one in house.crm.records("lead").values()]


def _settled(house: House) -> None:
    assert house.store.outbox.unsettled() == []
    assert asked_anew(house.store) == []
    report = house.run()
    assert (report.writes["planned"], report.created) == (0, {})


def test_it_is_sent_with_what_is_known_now_under_the_key_it_had(house: House) -> None:
    keys = _asked(house)
    _known(house, company="New GmbH", last_name="Roe")
    report = house.run()
    assert report.created == {"lead": 1, "task": 1}
    [lead] = _leads(house)
    assert (lead["company"], lead["last_name"]) == ("New GmbH", "Roe")
    assert [one["key"] for one in house.tasks()] == [key for key in keys if key != lead["key"]]
    assert lead["key"] in keys
    _settled(house)


def test_a_change_of_the_person_asks_for_it_by_itself(house: House) -> None:
    _known(house, company="New GmbH", last_name="Doe")
    assert house.run().created == {"lead": 1, "task": 1}
    assert [lead["company"] for lead in _leads(house)] == ["New GmbH"]
    _settled(house)


def test_whom_somebody_has_made_by_hand_is_not_made_again_and_the_task_goes_to_that_record(house: House) -> None:
    _asked(house)
    house.lead("HAND", "9", email="jo@elsewhere.example")
    report = house.run()
    assert report.created == {"task": 1}
    assert list(house.crm.records("lead")) == ["HAND"]
    [task] = house.crm.records("task").values()
    assert "HAND" in (task.links.get("who"), task.fields.get("who_id"), task.fields.get("who"))
    _settled(house)


def test_an_owner_who_left_since_is_another_now(house: House) -> None:
    _asked(house)
    [row] = [row for row in house.store.outbox.unsettled() if row.write.object == "lead"]
    owner = str(row.write.fields["owner_id"])
    gone = house.crm.records("user")[owner]
    house.crm.add(gone._replace(modified_at=house.now, fields={**gone.fields, "active": False}))
    assert house.run().created == {"lead": 1, "task": 1}
    assert {one["owner_id"] for one in (*_leads(house), *house.tasks())}.isdisjoint({owner})


def test_killed_before_it_is_stored_it_is_asked_for_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _asked(house)

    def killed(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(house.store.outbox), "renew", killed)
        with pytest.raises(KeyboardInterrupt):
            house.run()
    assert house.run().created == {"lead": 1, "task": 1}
    _settled(house)
