"""What people do in the CRM."""

from __future__ import annotations

from urllib.parse import quote

import pytest


def test_people_edit_complete_reject_and_reply(empty):
    lead = empty.lead(Email="a@x.example")
    task = empty.create("Task", WhoId=lead, Subject="Call")
    empty.act(
        {"do": "edit", "object": "Lead", "id": lead, "user": "rep2@corp.example", "values": {"City": "Ulm"}},
        {"do": "complete_task", "email": "a@x.example", "user": "rep1"},
        {"do": "reply", "email": "a@x.example", "at": "2026-02-27T10:00:00Z"},
        {"do": "log_call", "email": "a@x.example"},
        {"do": "reject", "email": "a@x.example", "user": "rep1", "values": {"Status": "Closed - Not Converted"}},
    )
    row = empty.ask("GET", f"sobjects/Lead/{lead}")[1]
    assert (row["City"], row["Status"], row["LastModifiedById"]) == (
        "Ulm",
        "Closed - Not Converted",
        empty.user("rep1"),
    )
    assert empty.ask("GET", f"sobjects/Task/{task}")[1]["Status"] == "Completed"
    found = empty.rows(
        "SELECT TaskSubtype, ActivityDate, CreatedDate, SystemModstamp FROM Task "
        "WHERE TaskSubtype != 'Task' ORDER BY TaskSubtype"
    )
    assert [(task["TaskSubtype"], task["ActivityDate"]) for task in found] == [
        ("Email", "2026-02-27"),
        ("Call", "2026-03-01"),
    ]
    assert found[0]["CreatedDate"] == "2026-02-27T10:00:00.000+0000"
    assert found[0]["SystemModstamp"] >= "2026-03-01T09:00:00"


def test_a_merge_moves_children_and_leaves_a_forwarding_address(empty):
    winner, loser = empty.lead("Ada", Email="a@x.example"), empty.lead("Ada B", Email="b@x.example", City="Ulm")
    task = empty.create("Task", WhoId=loser)
    empty.act({"do": "merge", "object": "Lead", "id": loser, "into": winner})
    gone = empty.rows(f"SELECT IsDeleted, MasterRecordId FROM Lead WHERE Id = '{loser}'", "queryAll")[0]
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, winner)
    assert empty.ask("GET", f"sobjects/Task/{task}")[1]["WhoId"] == winner
    assert empty.ask("GET", f"sobjects/Lead/{winner}")[1]["City"] == "Ulm"


def test_a_conversion_finds_or_makes_account_and_contact(empty):
    account = empty.create("Account", Name="Corp")
    contact = empty.create("Contact", LastName="Ada", Email="a@x.example", AccountId=account)
    known, new = empty.lead(Email="a@x.example"), empty.lead(Email="n@x.example", Company="New", City="Ulm")
    first, second = empty.act(
        {"do": "convert", "id": known}, {"do": "convert", "email": "n@x.example", "convert_to": "opportunity"}
    )
    assert (first["account"], first["contact"]) == (account, contact)
    made = empty.ask("GET", f"sobjects/Contact/{second['contact']}")[1]
    assert (made["Email"], made["MailingCity"], made["AccountId"]) == ("n@x.example", "Ulm", second["account"])
    assert empty.ask("GET", f"sobjects/Lead/{new}")[1]["ConvertedOpportunityId"].startswith("006")
    assert empty.rows("SELECT ContactId FROM OpportunityContactRole")[0]["ContactId"] == second["contact"]


def test_a_removed_right_refuses_writes_or_hides_a_field(empty):
    lead = empty.lead()
    empty.act({"do": "remove_right", "object": "Lead"})
    status, body = empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})
    assert (status, body[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    empty.act({"do": "give_right", "object": "Lead"})
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[0] == 204
    empty.act({"do": "remove_right", "object": "Contact", "right": "Title"})
    assert "Title" not in empty.fields("Contact")
    empty.act({"do": "remove_right", "object": "Task", "right": "read"})
    assert empty.ask("GET", f"query?q={quote('SELECT Id FROM Task')}")[1][0]["errorCode"] == "INVALID_TYPE"


@pytest.mark.parametrize(
    ("act", "word"),
    [
        ({"do": "fly"}, "fly"),
        ({"do": "edit", "email": "nobody@x.example"}, "nobody here"),
        ({"do": "edit", "id": "00Q", "values": {}}, "nobody here"),
        ({"do": "edit", "values": {}}, "id or email"),
        ({"do": "edit", "user": "rep9"}, "rep9"),
        ({"do": "create", "object": "Lead", "values": {"City": "Ulm"}}, "REQUIRED_FIELD_MISSING"),
        ({"do": "create", "object": "Dog"}, "Dog"),
        ({"do": "edit", "speed": 1}, "speed"),
        ({"do": "reply", "email": "x", "at": "noon"}, "noon"),
    ],
)
def test_impossible_acts_are_answered_in_words_and_change_nothing(empty, act, word):
    before = empty.snapshot()
    status, body = empty.ask(
        "POST", "/__sandbox__/act", [{"do": "create", "values": {"LastName": "A", "Company": "B"}}, act]
    )
    assert status == 400
    assert word in body["error"]
    assert empty.snapshot() == before
