"""Fields that change under us: only what uses them stops, is named with its place, and goes on once they are back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_house import House

from connector.pipeline.drift import drifted

SHOWN = "Handoff_Disposition__c"


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    house.account()
    house.contact("1", title="CEO")
    house.lead("L1", "1")
    house.run()
    house.run()
    yield house
    house.close()


def described_as(adapter, change):
    """Let an adapter describe its fields otherwise: ``change`` gives a field, or None where it is gone."""
    before = type(adapter).fields

    def fields(object_):
        return [info for one in before(adapter, object_) if (info := change(one)) is not None]

    adapter.fields = fields


def lead(house):
    return house.crm.records("lead")["L1"].fields


def test_a_retyped_field_is_left_alone_and_all_else_goes_on(house):
    before = lead(house)[SHOWN]
    described_as(house.crm, lambda info: replace(info, type="date") if info.name == SHOWN else info)
    house.asks("form", "1")
    report = house.run()
    assert report.verdict == "amber"
    [lead_words, contact_words] = sorted(report.document()["drift"], reverse=True)
    assert lead_words.startswith(f"crm lead.{SHOWN} was text, now date; used by fields.yaml:")
    assert f"crm.person.{SHOWN}: change it back" in lead_words
    assert contact_words.startswith(f"crm contact.{SHOWN}")
    assert report.held_by["drift"] == 1
    assert lead(house)[SHOWN] == before
    assert len(house.tasks()) == 1, "whoever asks for sales is called all the same"
    assert {one.field for one in drifted(house.store)} == {SHOWN}
    del house.crm.fields
    again = house.run()
    assert again.drift == []
    assert again.held_by["drift"] == 0
    assert lead(house)[SHOWN] == "fast_lane"
    assert house.run().writes["planned"] == 0


def test_a_field_of_the_source_that_rules_look_at_stops_scores_and_nothing_else(house):
    before = dict(lead(house))
    described_as(house.source, lambda info: None if info.name == "title" else info)
    house.asks("form", "1")
    report = house.run()
    [words] = report.drift
    assert words.startswith("hubspot contact.title was text, now gone, or hidden from our user; used by scoring.yaml:")
    assert report.held_by["drift"] >= 1
    shown = {name: lead(house)[name] for name in before if name.startswith("Handoff_")}
    assert shown == {name: value for name, value in before.items() if name.startswith("Handoff_")}
    assert len(house.tasks()) == 1
    del house.source.fields
    house.run()
    assert lead(house)["Handoff_Disposition__c"] == "fast_lane"
    assert drifted(house.store) == []
