"""``handoff undo`` through the real command: the CRM as it was, but for what people did since, and it stays so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from benchmarks.survival.boundaries import Watch
from benchmarks.survival.buyers import a_day_of_buyers, submit
from benchmarks.survival.place import Place

PEOPLE = 60
STEP = timedelta(minutes=1)


def _records(place: Place) -> dict[str, Any]:
    """Give what people see of leads, contacts and accounts: values, not what fields have held in between."""
    return {
        f"{one['object']} {one['key']}": one["fields"]
        for one in place.snapshot()["records"]
        if one["object"] in {"Lead", "Contact", "Account"}
    }


def _undo(place: Place, run: str, at: datetime, *words: str, code: int = 0) -> dict[str, Any]:
    return place.json("undo", run, "--as-of", at.isoformat(), *words, code=code)


def _plans_nothing(place: Place, at: datetime) -> None:
    place.clock(at)
    report = place.cycle(at)
    assert (report["writes"]["planned"], report["created"], report["updated"]) == (0, {}, {}), report


def test_a_run_is_undone_but_for_what_a_rep_did(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    before = _records(place)
    day = a_day_of_buyers(place)
    ran = place.cycle(day.at)
    assert ran["created"]["task"] == 2
    assert ran["updated"]["lead"] >= 1
    written = _records(place)
    (rep,) = place.query("SELECT Id FROM User WHERE Username = 'rep1@corp.example'") or [{"Id": None}]
    edit = {
        "do": "edit",
        "object": "Lead",
        "id": day.lead_id,
        "values": {"Handoff_Grade__c": "Z9", "Phone": "+49 30 1"},
    }
    place.act("salesforce", edit | ({"user": rep["Id"]} if rep["Id"] else {}))
    look = place.json("undo", ran["run_id"], "--dry-run")
    assert {stay["why"] for stay in look["stays"]} == {"a person changed it since"}
    assert place.handoff("pause").code == 0
    refused = _undo(place, ran["run_id"], day.at + STEP, code=3)
    assert refused["error"]["code"] == "undo.paused"
    assert place.handoff("resume").code == 0
    undone = _undo(place, ran["run_id"], day.at + STEP)
    assert undone["verdict"] == "amber"
    assert undone["undo"]["counts"]["back"] == look["counts"]["back"] > 0
    assert undone["undo"]["counts"]["closed"] == 2
    assert len(undone["undo"]["created"]) == ran["created"].get("lead", 0) + ran["created"].get("contact", 0)
    after = _records(place)
    mine = {name for name in before if before[name] != after[name]}
    assert len(mine) == 1, "the lead that the rep changed, and nothing else"
    (name,) = mine
    assert {k: v for k, v in after[name].items() if before[name].get(k) != v} == {
        "Handoff_Grade__c": "Z9",
        "Phone": "+49 30 1",
    }
    assert written[name] != after[name]
    tasks = place.query("SELECT Status FROM Task WHERE Handoff_Key__c != null")
    assert [task["Status"] for task in tasks] == ["Completed"] * 2
    for later in (2 * STEP, 3 * STEP, timedelta(days=1)):
        _plans_nothing(place, day.at + later)
    groups = [group for group in place.json("outbox", "list")["groups"] if group["why"] == "undone"]
    assert groups
    again = _undo(place, ran["run_id"], day.at + timedelta(days=1, minutes=1))
    assert again["writes"]["planned"] == 0
    place.act("hubspot", submit(day.lead))
    at = day.at + timedelta(days=1, minutes=5)
    place.clock(at)
    news = place.cycle(at)
    assert news["created"] == {"task": 1}
    assert news["updated"]["lead"] >= 1


def test_killed_in_the_middle_it_is_repeated(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    before = _records(place)
    day = a_day_of_buyers(place)
    ran = place.cycle(day.at)
    at = day.at + STEP
    killed = place.handoff("undo", ran["run_id"], "--as-of", at.isoformat(), "--json", watch=Watch(end_at="commit#12"))
    assert killed.code < 0
    _undo(place, ran["run_id"], at + STEP)
    place.cycle(at + 2 * STEP)
    after = _records(place)
    assert {name: after[name] for name in before} == before
    _plans_nothing(place, at + 3 * STEP)
