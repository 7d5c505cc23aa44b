"""Opt-outs of either system, through whole cycles: what opens, what closes, what the report and explain say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.delivery.limits import Limits
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import Cause, RowState
from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import census_of


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    house.account()
    house.contact("1")
    house.lead("L1", "1", source_id="1")
    house.run()
    yield house
    house.close()


def open_tasks(house: House) -> list[Any]:
    return [task for task in house.tasks() if task["status"] != "closed"]


def test_either_side_closes_and_a_later_no_of_the_other_does_not_open(house: House) -> None:
    house.contact("1", email_opt_out="yes")
    house.run()
    house.lead("L1", "1", source_id="1", email_opt_out=False, do_not_call=True)
    house.asks("e1", "1")
    report = house.run()
    assert (report.opted_out["asked"], open_tasks(house)) == (1, [])
    # one of them opens again: what was asked meanwhile stays asked, what is asked now is answered
    house.contact("1", email_opt_out="no")
    assert house.run().opted_out == dict.fromkeys(report.opted_out, 0)
    assert open_tasks(house) == []
    house.asks("e2", "1")
    house.run()
    assert [task["subject"] for task in open_tasks(house)] == ["(do not call) Call Jo: asked to talk to sales"]


def test_an_opt_out_closes_the_open_task_in_a_cycle_of_the_touched(house: House) -> None:
    house.asks("e1", "1")
    house.run()
    assert len(open_tasks(house)) == 1
    house.contact("1", email_opt_out="1")
    house.run()
    assert open_tasks(house)[0]["subject"].startswith("(no e-mail) ")
    house.lead("L1", "1", source_id="1", do_not_call="true")
    assert house.run().opted_out["closed"] == 1
    assert open_tasks(house) == []


def test_a_deleted_record_keeps_its_word(house: House) -> None:
    house.contact("1", email_opt_out="true", do_not_call="true")
    house.run()
    fields: dict[str, Any] = {"email": "jo1@acme.example", "email_opt_out": "true", "do_not_call": "true"}
    gone = RecordVersion(Ref("hubspot", "contact", "1"), house.now, house.now, fields, {}, deleted=True)
    house.source.add(gone)
    house.run()
    document = explain(census_of(house.engine), "jo1@acme.example", as_of=house.now).document
    assert document["opt_out"]["call"] == {"closed": True, "by": ["hubspot:contact:1"]}
    assert document["opt_out"]["email"]["closed"] is True


def test_what_a_limit_holds_is_withdrawn(tmp_path: Path) -> None:
    limits = Limits({Cause.FAST_LANE_TASK: 0}, share=1, share_from=500)
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db", limits=limits)
    house.contact("1")
    house.lead("L1", "1", source_id="1")
    house.run()
    house.asks("e1", "1")
    plan = house.run()
    assert plan.held_by["limit"] == 1
    house.contact("1", email_opt_out="true", do_not_call="true")
    report = house.run()
    assert report.opted_out["withdrawn"] == 1
    assert house.store.outbox.release(plan_id=plan.plan_id, held_by="limit", now=house.now) == 0
    assert house.store.outbox.ids([RowState.TODO, RowState.HELD]) == []
    # nor is it asked for again when the channel opens
    house.contact("1")
    house.now += timedelta(days=1)
    house.run()
    assert open_tasks(house) == []
    house.close()
