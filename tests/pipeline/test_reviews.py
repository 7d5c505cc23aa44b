"""A question is asked once, its answer is used by the next cycle, and taken back it leaves things as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.lake.reading import Lake
from connector.mapping.fields import PersonMatching
from connector.pipeline.explain.asked_in_review import AskedInReview, asked_in_review


@pytest.fixture
def house(tmp_path: Path) -> Any:
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.account()
    yield made
    made.close()


def _who(house: House) -> dict[str, str]:
    rows = house.store.knowledge.identities().to_pylist()
    return {f"{row['system']}:{row['object']}:{row['id']}": row["person_id"] for row in rows}


def _open(house: House) -> list[Any]:
    return house.store.knowledge.reviews("open")


def _answer(house: House, state: Any, answer: str = "") -> str:
    (question,) = _open(house)
    assert house.store.knowledge.answer_review(question.id, state=state, answer=answer, who="ann", at=house.now)
    return str(question.id)


def _shown(house: House, id_: str) -> Any:
    return house.crm.records("lead")[id_].fields.get("Handoff_Score__c")


def test_two_leads_of_one_address_wait_for_an_answer_and_then_one_is_written(house: House) -> None:
    house.contact("1")
    house.lead("L1", "1")
    house.lead("L2", "1")
    report = house.run()
    assert report.needs_person == 1
    assert report.identity["review"] == 1
    assert _shown(house, "L1") is _shown(house, "L2") is None
    _answer(house, "accepted", "crm:lead:L2")
    report = house.run()
    assert (report.needs_person, report.identity["review"]) == (0, 0)
    assert _shown(house, "L1") is None
    assert _shown(house, "L2") is not None
    assert house.run().needs_person == 0
    assert len(house.crm.records("lead")) == 2, "nobody was made a third time"


def test_a_rejected_question_is_never_asked_again_and_both_go_their_own_ways(house: House) -> None:
    house.contact("1")
    house.lead("L1", "1")
    house.lead("L2", "1")
    house.run()
    who = _who(house)
    assert who["crm:lead:L1"] == who["crm:lead:L2"]
    _answer(house, "rejected")
    house.run()
    who = _who(house)
    assert who["crm:lead:L1"] != who["crm:lead:L2"]
    for _ in range(2):
        house.run()
        assert len(house.store.knowledge.reviews("rejected")) == 1
        # the contact itself may now be either of them: that is another question
        assert all("hubspot:contact:1" in question.candidates for question in _open(house))


def test_a_question_that_answers_itself_is_gone(house: House) -> None:
    house.contact("1")
    house.lead("L1", "1")
    house.lead("L2", "1")
    assert house.run().needs_person == 1
    merged = RecordVersion(Ref("crm", "lead", "L2"), house.now, house.now, {}, {}, True, Ref("crm", "lead", "L1"))
    house.crm.add(merged)
    assert house.run().needs_person == 0
    assert house.store.knowledge.reviews() == []


def test_a_merger_taken_back_by_the_source_parts_the_two_with_their_own_histories(house: House) -> None:
    for id_ in ("1", "2"):
        house.contact(id_)
        house.did(f"e{id_}", "page_view", id_, path="/pricing")
    house.run()
    before = _who(house)
    assert before["hubspot:contact:1"] != before["hubspot:contact:2"]
    into = Ref("hubspot", "contact", "1")
    house.source.add(RecordVersion(Ref("hubspot", "contact", "2"), house.now, house.now, {}, {}, True, into))
    house.run()
    assert len(set(_who(house).values())) == 1
    house.contact("2")
    house.run()
    assert _who(house) == before
    house.run()
    assert _who(house) == before


def test_who_looks_like_somebody_else_is_asked_about_and_not_created(house: House) -> None:
    person = PersonMatching(keys=("crm_id", "source_id", "email", "name_account"), several="review")
    rules = house.engine.mappings
    matching = rules.matching.model_copy(update={"person": person})
    house.engine.mappings = replace(rules, matching=matching)
    names = {"first_name": "Catherine", "last_name": "Zeta-Martin", "city": "Ulm", "phone": "+49 731 555 010"}
    house.lead("L1", "1", **names, company="Acme")
    for number in range(2, 30):
        house.contact(str(number), first_name=f"P{number}", last_name=f"Other{number * 7919}")
    house.run()
    house.contact("90", email="cathy@acme.example", **(names | {"first_name": "Cathy", "last_name": "Zeta-Matrin"}))
    house.asks("f1", "90")
    report = house.run()
    (question,) = _open(house)
    assert report.needs_person == 1
    assert '"same": true' in question.candidates
    assert "Cathy" not in question.candidates
    assert len(house.crm.records("lead")) == 1
    before = _who(house)
    _answer(house, "accepted")
    house.run()
    assert _who(house)["hubspot:contact:90"] == _who(house)["crm:lead:L1"]
    assert _open(house) == []
    assert house.store.knowledge.reopen_review(question.id, who="ann", at=house.now)
    house.run()
    assert _who(house) == before
    assert [each.id for each in _open(house)] == [question.id]
    _answer(house, "rejected")
    house.run()
    assert _open(house) == []
    assert _who(house) == before


def test_who_moves_to_another_account_has_a_cause(house: House) -> None:
    house.account("A2", name="Beta", website="beta.example")
    house.contact("1")
    house.run()
    (person,) = set(_who(house).values())
    assert house.store.knowledge.account_moves(person).num_rows == 0
    house.contact("1", email="jo@beta.example", company="Beta")
    house.run()
    (move,) = house.store.knowledge.account_moves(person).to_pylist()
    assert (move["from_account"], move["to_account"]) == ("A1", "A2")
    assert move["cause"].startswith("domain: ")
    house.run()
    assert house.store.knowledge.account_moves(person).num_rows == 1


def test_a_plan_carried_out_later_keeps_the_cause_too(house: House) -> None:
    house.account("A2", name="Beta", website="beta.example")
    house.contact("1")
    house.run()
    house.contact("1", email="jo@beta.example", company="Beta")
    plan = house.plan().plan_id
    house.cycle().run_plan(plan)
    (move,) = house.store.knowledge.account_moves(_who(house)["hubspot:contact:1"]).to_pylist()
    assert (move["from_account"], move["to_account"]) == ("A1", "A2")


def _waiting(house: House) -> dict[str, AskedInReview]:
    lake, reviews = Lake(house.engine.lake_root, house.store.manifest), house.store.knowledge.reviews()
    return asked_in_review(reviews, house.store, lake, house.engine.mappings, ["hubspot"], as_of=house.now)


def test_somebody_who_is_in_no_crm_yet_waits_for_the_account_to_be_known(house: House) -> None:
    house.account("A2", website="acme-2.example")
    house.contact("1", email="jo@gmail.com")
    house.run()
    assert [one.kind for one in _open(house)] == ["account"]
    at = house.now
    house.asks("form", "1")
    house.run()
    assert not house.tasks()
    assert list(_waiting(house).values()) == [AskedInReview("contact-us", at)]
    _answer(house, "accepted", "A2")
    house.run()
    assert [task["rule"] for task in house.tasks()] == ["contact-us"]
    assert _waiting(house) == {}


def test_whoever_asks_for_sales_meanwhile_is_told_apart_until_their_task_opens(house: House) -> None:
    for number in ("1", "2"):
        house.contact(number)
        house.lead(f"L{number}", number)
        house.lead(f"M{number}", number)
    house.asks("before", "1")
    house.run()
    assert len(_open(house)) == 2
    assert _waiting(house) == {}, "what was asked for before the baseline is nobody's task"
    at = house.now
    house.asks("form", "1", at=at)
    house.now += timedelta(minutes=5)
    house.asks("again", "1")
    house.run()
    (who,) = _waiting(house)
    assert _waiting(house)[who] == AskedInReview("contact-us", at)
    assert not house.tasks()
    assert house.store.knowledge.answer_review(who, state="accepted", answer="crm:lead:L1", who="ann", at=house.now)
    house.run()
    assert [task["rule"] for task in house.tasks()] == ["contact-us"]
    assert _waiting(house) == {}
