"""The org as a whole: limits, ledger, snapshot, restart, reset, the sample in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sandbox.core.clock import OrgClock
from sandbox.core.org import OrgOptions
from sandbox.people.build import build_world
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.shapes import AUDIT_FIELDS

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_the_daily_limit_counts_is_shown_and_refuses(empty):
    empty.act({"do": "set_limit", "values": {"DailyApiRequests": 3}})
    for number in (1, 2, 3):
        assert empty.ask("GET", "limits/")[0] == 200
        assert empty.answer.headers["Sforce-Limit-Info"] == f"api-usage={number}/3"
    status, body = empty.ask("GET", "limits")
    assert (status, body[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert empty.calls()["violations"] == 1
    empty.advance("25h")
    assert empty.ask("GET", "limits")[1]["DailyApiRequests"] == {"Max": 3, "Remaining": 3}


STREAMS = ("Account", "Lead", "Contact", "Opportunity", "OpportunityContactRole", "Task", "Event", "User", "Group")


def pull(client, since, times=1):
    for obj in STREAMS:
        text = f"SELECT Id, SystemModstamp FROM {obj} WHERE SystemModstamp >= {since} ORDER BY SystemModstamp, Id"
        for _ in range(times):
            client.rows(text, "queryAll")


def test_an_honest_client_stays_within_the_floor_at_first_when_quiet_and_after_changes(make):
    client = make(people=900)
    pull(client, "2020-01-01T00:00:00Z")
    shown = client.calls()
    assert shown["used"] == shown["floor"] == len(STREAMS)
    client.ask("POST", "/__sandbox__/calls/mark")
    pull(client, "2026-02-20T00:00:00Z")
    shown = client.calls()
    assert shown["used"] <= shown["floor"] == len(STREAMS)
    client.ask("POST", "/__sandbox__/calls/mark")
    pull(client, "2026-02-20T00:00:00Z", times=2)
    shown = client.calls()
    assert shown["used"] == 2 * shown["floor"]


def test_writes_in_large_batches_meet_the_floor_and_look_ups_stand_apart(make):
    client = make(people=900)
    rows = client.rows("SELECT Id FROM Lead WHERE IsConverted = false LIMIT 300")
    client.ask("POST", "/__sandbox__/calls/mark")
    records = [{"attributes": {"type": "Lead"}, "id": row["Id"], "City": "Ulm"} for row in rows]
    for start in (0, 200):
        assert client.ask("PATCH", "composite/sobjects", {"records": records[start : start + 200]})[0] == 200
    client.query(f"SELECT Id FROM Lead WHERE Id = '{rows[0]['Id']}'")
    client.ask("GET", f"sobjects/Lead/{rows[0]['Id']}")
    client.ask("GET", "sobjects/Lead/describe")
    shown = client.calls()
    assert (shown["used"], shown["floor"]) == (2, 2)
    assert shown["apart"] == {"describe": 1, "look_up": 2}
    for record in records[:10]:
        client.ask("PATCH", f"sobjects/Lead/{record['id']}", {"City": "Bonn"})
    shown = client.calls()
    assert (shown["used"], shown["floor"]) == (12, 2)


def build(directory, seed=1, at=AT):
    return SalesforceOrg(directory, OrgClock(at), world=build_world(seed, at, 150), options=OrgOptions(seed))


def test_the_same_seed_and_start_give_the_same_org_and_another_seed_another(tmp_path):
    orgs = [build(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    shots = [org.snapshot() for org in orgs]
    ids = [sorted(row.id for row in org.records.rows("Lead")) for org in orgs]
    for org in orgs:
        org.close()
    assert shots[0] == shots[1] != shots[2]
    assert ids[0] == ids[1]


def test_a_restart_finds_rows_fields_rights_and_tokens(tmp_path, make):
    client = make(people=60)
    client.custom_field("Lead.Handoff_Key__c", externalId=True, unique=True)
    client.ask("PATCH", "sobjects/Lead/Handoff_Key__c/k", {"LastName": "A", "Company": "B"})
    before, used = client.snapshot(), client.org._api.usage()
    room = tmp_path / "org0"
    client.org.close()
    client.org.__init__(room, OrgClock(AT), options=OrgOptions())
    assert client.snapshot() == before
    assert client.org._api.usage() == used
    status, body = client.ask("PATCH", "sobjects/Lead/Handoff_Key__c/K", {"City": "Ulm"})
    assert (status, body["created"]) == (200, False)


def test_reset_goes_back_to_the_start_of_the_seed(make):
    client = make(people=60)
    before = client.snapshot()
    client.custom_field("Lead.Handoff_Key__c")
    client.lead()
    client.advance("3d")
    client.faults({"match": "", "what": "503"})
    assert client.snapshot() != before
    client.ask("POST", "/__sandbox__/reset")
    assert client.org.clock.now() - AT < timedelta(minutes=1)
    assert client.ask("GET", "limits")[0] == 200
    assert client.snapshot() == before
    assert "Handoff_Key__c" not in client.fields("Lead")


def test_the_snapshot_shows_every_writable_field_and_no_audit_field(filled):
    document = json.loads(filled.snapshot())
    shown = {row["object"]: set(row["fields"]) for row in document["records"]}
    for obj, names in shown.items():
        entry = filled.org._state.schema.object(obj)
        writable = {field.name for field in entry.fields.values() if field.createable or field.updateable}
        assert writable <= names, obj
        assert not names & AUDIT_FIELDS
    text = json.dumps(document)
    assert not any(row.id in text for obj in ("Lead", "Task", "Account") for row in filled.org.records.rows(obj))


def test_a_planted_double_and_a_double_deleted_again_both_show(make):
    client = make(people=60)
    before = client.snapshot()
    row = next(row for row in client.org.records.rows("Task") if not row.deleted)
    values = {name: row.get(name) for name in ("WhoId", "WhatId", "Subject", "ActivityDate", "Status", "OwnerId")}
    twin = client.act({"do": "create", "object": "Task", "values": values})[0]["id"]
    planted = client.snapshot()
    client.act({"do": "delete", "id": twin})
    assert len({before, planted, client.snapshot()}) == 3


def test_the_sample_is_whole(filled):
    records = filled.org.records
    assert {"handoff@corp.example", "rep1@corp.example", "ops@corp.example"} <= {
        row.get("Username") for row in records.rows("User")
    }
    assert any(not row.get("IsActive") for row in records.rows("User"))
    assert any(row.get("MasterRecordId") for row in records.rows("Lead")) or any(
        row.get("MasterRecordId") for row in records.rows("Contact")
    )
    for lead in records.rows("Lead"):
        if lead.get("IsConverted"):
            assert records.get("Contact", lead.get("ConvertedContactId")) is not None
    for task in records.rows("Task"):
        who = filled.org._state.row(task.get("WhoId"))
        assert who is None or who.obj == "Contact" or (task.get("WhatId") is None and not who.get("IsConverted"))
    assert all(row.modified_at <= AT and row.modified_at.microsecond == 0 for row in records.rows("Task"))
