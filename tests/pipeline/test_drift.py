"""Fields that change under us: only what uses them stops, is named with its place, and goes on once they are back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.cli.explained_words import facts
from connector.mapping.load import load_mappings
from connector.pipeline.explain.explaining import explain
from connector.pipeline.intake.drift import drifted, look_for_drift, lost_by
from connector.pipeline.people.census import census_of
from connector.ports.traits import FieldInfo

SHOWN = "Handoff_Disposition__c"
SCORES = ("Handoff_Score__c", "Handoff_Grade__c", "Handoff_Reasons__c")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Give a house in which all is said and done; nobody lives in it, all copy it."""
    folder = tmp_path_factory.mktemp("quiet")
    house = House(folder, f"sqlite:///{folder}/state.db")
    house.account()
    for id_ in ("1", "2"):
        house.contact(id_, title="CEO" if id_ == "1" else "Student")
        house.lead(f"L{id_}", id_)
    house.run()
    house.run()
    house.close()
    return house


@pytest.fixture
def house(quiet: House, tmp_path: Path) -> Iterator[House]:
    house = quiet.copied(tmp_path)
    yield house
    house.close()


def described_as(adapter: Any, change: Callable[[FieldInfo], FieldInfo | None]) -> None:
    """Let an adapter describe its fields otherwise: ``change`` gives a field, or None where it is gone."""
    before = type(adapter).fields

    def fields(object_: str) -> list[FieldInfo]:
        return [info for one in before(adapter, object_) if (info := change(one)) is not None]

    adapter.fields = fields


def lose(adapter: Any, *names: str) -> None:
    """Let fields be gone, with their values in whatever is read from now on."""
    described_as(adapter, lambda info: None if info.name in names else info)


def lead(house: House, id_: str = "L1") -> dict[str, Any]:
    return dict(house.crm.records("lead")[id_].fields)


def scores(house: House, id_: str = "L1") -> dict[str, Any]:
    return {name: lead(house, id_)[name] for name in SCORES}


def _explained(house: House, who: str, as_of: datetime | None = None) -> dict[str, Any]:
    last = house.now - timedelta(hours=1)
    return explain(census_of(house.engine), who, as_of=as_of or house.now, last=last).document


def test_a_retyped_field_is_left_alone_and_all_else_goes_on(house: House) -> None:
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


def test_a_rule_that_lost_its_field_is_unknown_for_whom_it_could_concern_and_nothing_else_stops(house: House) -> None:
    before = scores(house)
    lose(house.source, "title")
    house.contact("1", title=None, phone="1")
    house.asks("form", "1")
    report = house.run()
    [words] = report.drift
    assert words.startswith("hubspot contact.title was text, now gone, or hidden from our user; used by scoring.yaml:")
    for rule in ("fit rule decider", "fit rule influencer", "role decider"):
        assert rule in words, "each rule is named, and no other"
    assert "size-large" not in words
    assert scores(house) == before, "unknown is not zero: what is shown stays"
    for document in (_explained(house, "crm:lead:L1"), _explained(house, "A1")):
        assert [one["field"] for one in document["lost"]] == ["hubspot contact.title"]
        assert report.drift[0] in "\n".join(facts(document)), "told in the words of `status`, with file and line"
        assert document["kind"] == "account" or document["score"]["unsure"]
    assert not _explained(house, "crm:lead:L1", as_of=house.now - timedelta(hours=3))["lost"], "it was there then"
    assert report.held_by["drift"] == 0, "no cause is held as a whole"
    assert lead(house)["Handoff_Disposition__c"] == "fast_lane"
    assert len(house.tasks()) == 1
    assert house.run().writes["planned"] == 0
    del house.source.fields
    house.contact("1", title="CEO", phone="1")
    house.run()
    assert scores(house) == before
    assert drifted(house.store) == []


def test_who_is_new_while_a_rule_has_lost_its_field_shows_no_number(house: House) -> None:
    lose(house.source, "title")
    house.run()
    house.contact("3", employees=500)
    house.asks("form", "3")
    house.run()
    [new] = [id_ for id_ in (*house.crm.records("lead"), *house.crm.records("contact")) if id_ not in ("L1", "L2")]
    record = house.crm.records("contact").get(new) or house.crm.records("lead")[new]
    assert {record.fields.get(name) for name in SCORES} == {None}
    assert record.fields["Handoff_Disposition__c"] == "fast_lane"
    del house.source.fields
    house.run()
    record = house.crm.records("contact").get(new) or house.crm.records("lead")[new]
    assert record.fields["Handoff_Score__c"] is not None


def test_a_stage_that_hangs_on_a_lost_field_is_kept_and_one_that_does_not_moves(house: House) -> None:
    for number in range(3):
        house.did(f"v{number}", "page_view", "1", path="/pricing")
    house.did("r", "email_reply", "1")
    house.run()
    before = lead(house)["Handoff_Stage__c"]
    assert before == "mql"
    lose(house.source, "title", "employees")
    lose(house.crm, "employees")
    house.contact("1", title=None, employees=None)
    report = house.run()
    assert any("account.employees" in words or "account.employees" in words for words in report.drift)
    assert lead(house)["Handoff_Stage__c"] == before, "unknown is not no"
    house.crm.edit("lead", "L1", {"Status": "Working - Contacted"}, user="005rep2", at=house.now)
    house.run()
    assert lead(house)["Handoff_Stage__c"] == "accepted", "what sales says moves the stage all the same"


def test_two_losses_go_one_by_one(house: House) -> None:
    described_as(
        house.crm, lambda info: replace(info, type="date") if info.name in (SHOWN, "Handoff_Stage__c") else info
    )
    house.asks("form", "1")
    assert house.run().held_by["drift"] == 1
    described_as(house.crm, lambda info: replace(info, type="date") if info.name == "Handoff_Stage__c" else info)
    report = house.run()
    assert report.held_by["drift"] == 0
    assert {one.field for one in drifted(house.store)} == {"Handoff_Stage__c"}
    assert lead(house)[SHOWN] == "fast_lane", "what waited for the one goes, though the other is still away"


def test_a_picklist_value_that_is_gone_stops_the_rules_that_ask_for_it(house: House) -> None:
    status = {"Open": True, "Working - Contacted": True}

    def listed(info: FieldInfo) -> FieldInfo:
        known = tuple(value for value, there in status.items() if there)
        return replace(info, type="picklist", restricted=True, values=known) if info.name == "Status" else info

    house.crm.edit("lead", "L1", {"Status": "Open"}, user="005rep2", at=house.now)
    described_as(house.crm, listed)
    house.run()
    retyped = house.run()
    assert retyped.drift == [], "first seen so"
    status["Working - Contacted"] = False
    [words] = house.run().drift
    assert words.startswith(
        "crm lead.Status was picklist, now without the value Working - Contacted; used by lifecycle"
    )
    assert "transition to accepted" in words
    status["Working - Contacted"] = True
    assert house.run().drift == []


def test_a_user_who_left_is_named_with_the_pool(house: House) -> None:
    gone = house.crm.records("user")["005rep1"]
    house.crm.add(gone._replace(modified_at=house.now, fields={**gone.fields, "active": False}))
    report = house.run()
    [words] = report.drift
    assert words.startswith("crm user.rep1@corp.example was at work, now inactive or gone; used by routing.yaml:")
    assert "pools.sdr" in words
    house.asks("form", "1")
    house.run()
    assert [task["owner_id"] for task in house.tasks()] != ["005rep1"]
    house.crm.add(gone._replace(modified_at=house.now))
    assert house.run().drift == []


def test_a_property_that_never_was_there_is_named_at_the_first_run(tmp_path: Path, sqlite_url: str) -> None:
    house = House(tmp_path, sqlite_url)
    lose(house.source, "hs_analytics_source")
    house.contact("1", title="CEO")
    report = house.run()
    [words] = report.drift
    assert words.startswith("hubspot contact.hs_analytics_source was never seen")
    assert "fields.yaml:10 person.channel" in words
    assert report.verdict == "amber"
    house.close()


def test_a_crm_field_that_never_was_there_is_named_at_the_first_look_and_stops_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(Path(str(files("mappings") / "default")), folder)
    told = (folder / "fields.yaml").read_text()
    (folder / "fields.yaml").write_text(told.replace("    Title: {", "    Titel: {"))
    house.engine.mappings = load_mappings(folder)
    traits = house.crm.traits()
    native = {**traits.native, "lead": {**traits.native["lead"], "key": "Handoff_Key__c"}}
    monkeypatch.setattr(house.crm, "traits", lambda: replace(traits, native=native, custom_suffix="__c"))
    missing = {("contact", "Handoff_Grade__c")}

    def described(object_: str) -> list[FieldInfo]:
        known = [*type(house.crm).fields(house.crm, object_), FieldInfo(object_, "Handoff_Key__c", "text")]
        return [info for info in known if (object_, info.name) not in missing]

    monkeypatch.setattr(house.crm, "fields", described)
    found = {f"{one.object}.{one.field}": one for one in look_for_drift(house.engine, now=house.now, keep=False)}
    assert {"contact.Titel", "contact.Handoff_Grade__c"} <= set(found)
    assert found["contact.Titel"].words() == (
        "crm contact.Titel was never seen, now gone, or hidden from our user; used by fields.yaml:21 crm.person.Titel: "
        "Titel is no field there: correct its name in the mappings, or create it"
    )
    assert found["contact.Handoff_Grade__c"].cure == "run `handoff provision`"
    assert not {"lead.Titel", "lead.Handoff_Grade__c", "lead.Industry", "contact.DoNotCall"} & set(found)
    assert not lost_by(list(found.values()))
    missing.add(("lead", "Handoff_Key__c"))
    names = [one.field for one in look_for_drift(house.engine, now=house.now, keep=False)]
    assert "Handoff_Grade__c" not in names, "before provisioning nobody wonders"
    assert "Titel" in names


def test_saving_other_mappings_takes_the_fields_as_they_are(house: House, tmp_path: Path) -> None:
    lose(house.crm, SHOWN)
    assert house.run().drift
    folder = tmp_path / "mappings"
    shutil.copytree(str(files("mappings") / "default"), folder)
    fields = folder / "fields.yaml"
    fields.write_text("".join(line for line in fields.read_text().splitlines(True) if SHOWN not in line))
    house.engine.mappings = load_mappings(folder)
    assert house.run().drift == []


def test_plan_run_of_a_plan_and_check_tell_the_same(house: House) -> None:
    house.asks("form", "1")
    plan = house.plan()
    assert plan.drift == []
    described_as(house.crm, lambda info: replace(info, type="date") if info.name == SHOWN else info)
    checked = [one.words() for one in look_for_drift(house.engine, now=house.now, keep=False)]
    before = lead(house)[SHOWN]
    report = house.cycle().run_plan(plan.plan_id)
    assert report.drift == checked
    assert [one.words() for one in drifted(house.store)] == checked
    assert lead(house)[SHOWN] == before
    assert report.held_by["drift"] == 1
    assert len(house.tasks()) == 1
