"""Who asks to talk to sales is called once: by somebody who works there, at once, with the reason on the task."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from benchmarks.survival.buyers import Day, a_day_of_buyers, submit
from benchmarks.survival.place import Place, later

PEOPLE = 200
_TASKS = (
    "SELECT Id, Subject, Description, WhoId, WhatId, Status, Priority, ActivityDate, ReminderDateTime, IsReminderSet,"
    " Handoff_Due__c, Handoff_Rule__c, Handoff_Key__c, OwnerId, Owner.Username FROM Task WHERE Handoff_Key__c != null"
)
_LEADS = (
    "SELECT Id, Email, Company, FirstName, LastName, OwnerId, Handoff_Key__c, Handoff_Score__c, Handoff_Grade__c,"
    " Handoff_Reasons__c, Handoff_Stage__c, Handoff_Stage_Entry__c, Handoff_Disposition__c FROM Lead"
)


@pytest.fixture
def place(place_of, loaded) -> Place:
    return place_of(loaded(PEOPLE))


def _tasks(place: Place, who: str) -> list[dict[str, object]]:
    return [row for row in place.query(_TASKS) if row["WhoId"] == who]


def _again(place: Place, at: datetime, *acts: dict[str, object]) -> dict[str, object]:
    """Let something happen a minute before a cycle, and run it."""
    place.clock(at - timedelta(minutes=1))
    place.act("hubspot", *acts)
    place.clock(at)
    return place.cycle(at)


def test_a_form_makes_one_task_on_the_right_record(place):
    day: Day = a_day_of_buyers(place)
    document = place.cycle(day.at)
    assert document["verdict"] == "green"
    assert document["created"]["task"] == len(place.query(_TASKS)) == 2
    (task,) = _tasks(place, day.lead_id)
    lead = next(row for row in place.query(_LEADS) if row["Id"] == day.lead_id)
    assert task["Subject"] == f"Call {lead['FirstName']}: asked to talk to sales"
    assert task["Description"]
    assert task["Description"] == lead["Handoff_Reasons__c"]
    assert task["Priority"] == "High"
    assert task["Handoff_Rule__c"] == "contact-us"
    assert task["WhatId"] is None, "a lead's task hangs on nothing else"
    due = datetime.fromisoformat(str(task["Handoff_Due__c"]))
    assert timedelta() < due - later(days=1) <= timedelta(minutes=6), "five minutes after the form, in the pool's hours"
    assert task["ActivityDate"] == due.date().isoformat()
    assert task["IsReminderSet"]
    owners = {row["Id"]: row for row in place.query("SELECT Id, Username, IsActive FROM User")}
    owner = owners[task["OwnerId"]]
    assert owner["IsActive"]
    assert owner["Username"].startswith("rep")
    assert lead["Handoff_Disposition__c"] == "fast_lane"
    quiet = place.cycle(day.at)
    assert quiet["writes"]["planned"] == 0


def test_a_stranger_becomes_one_lead_complete_with_score_and_task(place):
    before = {row["Id"] for row in place.query(_LEADS)}
    day = a_day_of_buyers(place)
    document = place.cycle(day.at)
    fresh = [row for row in place.query(_LEADS) if row["Id"] not in before]
    assert [row["Email"] for row in fresh] == [day.stranger], "nobody else is created, least of all for nurture"
    (lead,) = fresh
    assert document["created"]["lead"] == 1
    assert (lead["FirstName"], lead["LastName"], lead["Company"]) == ("Brand", "New", "Neucorp")
    for field in ("Score", "Grade", "Reasons", "Stage", "Stage_Entry", "Disposition", "Key"):
        assert lead[f"Handoff_{field}__c"] is not None, field
    (task,) = _tasks(place, lead["Id"])
    assert task["OwnerId"] == lead["OwnerId"]


def test_a_stranger_at_a_known_account_becomes_its_contact(place):
    accounts = place.query("SELECT Id, Name, Website FROM Account WHERE Website != null")
    known = {row["Website"] for row in accounts}
    account = next(row for row in accounts if sum(row["Website"] == site for site in known) == 1)
    domain = account["Website"].removeprefix("https://").removeprefix("http://").removeprefix("www.").strip("/")
    email = f"quite.new@{domain}"
    at = later(days=1, minutes=2)
    document = _again(place, at, submit(email, firstname="Quite", lastname="New"))
    assert document["created"] == {"contact": 1, "task": 1}
    (contact,) = place.query(
        "SELECT Id, Email, AccountId, Handoff_Score__c, Handoff_Reasons__c, Handoff_Key__c FROM Contact"
        f" WHERE Email = '{email}'"
    )
    assert contact["AccountId"] == account["Id"]
    assert contact["Handoff_Score__c"] is not None
    assert contact["Handoff_Reasons__c"]
    assert len(_tasks(place, contact["Id"])) == 1


def test_asking_again_refreshes_the_open_task_and_after_its_end_opens_another(place):
    day = a_day_of_buyers(place)
    place.cycle(day.at)
    (first,) = _tasks(place, day.lead_id)

    again = _again(place, later(days=1, hours=2), submit(day.lead))
    (refreshed,) = _tasks(place, day.lead_id)
    assert again["created"] == {}
    assert refreshed["Id"] == first["Id"]
    assert refreshed["Handoff_Due__c"] > first["Handoff_Due__c"]
    for untouched in ("OwnerId", "Status", "Handoff_Key__c", "Priority"):
        assert refreshed[untouched] == first[untouched]

    place.clock(later(days=1, hours=3))
    place.act("salesforce", {"do": "complete_task", "id": first["Id"], "user": "rep1@corp.example"})
    quiet = place.cycle(later(days=1, hours=3, minutes=1))
    assert "task" not in quiet["created"]

    third = _again(place, later(days=2), submit(day.lead))
    assert third["created"] == {"task": 1}
    tasks = {row["Id"]: row for row in _tasks(place, day.lead_id)}
    assert len(tasks) == 2
    assert tasks[first["Id"]]["Status"] == "Completed"
    assert len({row["Handoff_Key__c"] for row in tasks.values()}) == 2


def test_a_person_under_review_gets_nothing(place):
    leads = place.query("SELECT Email FROM Lead WHERE IsConverted = false AND Email != null")
    contacts = place.query("SELECT Email FROM Contact WHERE Email != null")
    emails = [row["Email"] for row in [*leads, *contacts]]
    twice = next(email for email in emails if emails.count(email) > 1)
    records = [row["Id"] for row in place.query(f"SELECT Id FROM Lead WHERE Email = '{twice}'")]
    records += [row["Id"] for row in place.query(f"SELECT Id FROM Contact WHERE Email = '{twice}'")]
    document = _again(place, later(days=1, minutes=2), submit(twice))
    assert document["created"] == {}
    assert document["needs_person"] > 0
    assert [task for task in place.query(_TASKS) if task["WhoId"] in records] == []


def test_what_was_true_at_the_baseline_never_opens_a_task(place_of, prepared):
    place = place_of(prepared(PEOPLE))
    day = a_day_of_buyers(place)
    place.clock(day.at + timedelta(hours=2))
    first = place.cycle(day.at + timedelta(hours=2))
    assert first["created"] == {}
    for hours in (3, 30):
        assert "task" not in place.cycle(day.at + timedelta(hours=hours))["created"]
    assert place.query(_TASKS) == []
