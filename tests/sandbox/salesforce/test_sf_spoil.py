"""Planted faults: refusals in the vendor's words, an org that changes underfoot, spoiled answers."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("429", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("503", 503, "SERVER_UNAVAILABLE"),
        ("expire_token", 401, "INVALID_SESSION_ID"),
    ],
)
def test_refusals_are_the_vendors_and_not_the_clients_fault(empty, what, status, code):
    empty.faults({"match": "GET .*/limits", "what": what, "count": 1})
    got, body = empty.ask("GET", "limits")
    assert (got, body[0]["errorCode"]) == (status, code)
    assert empty.ask("GET", "limits")[0] == 200
    assert empty.calls()["apart"] == {"fault": 1, "limits": 1}


def test_an_expired_session_stays_expired(empty):
    own = empty.org.credentials
    keys = {"client_id": own.client_id, "client_secret": own.client_secret}
    form = urlencode({"grant_type": "client_credentials", **keys})
    empty.token = empty.ask("POST", "/services/oauth2/token", form)[1]["access_token"]
    empty.faults({"match": "limits", "what": "expire_token", "count": 1})
    assert [empty.ask("GET", "limits")[0] for _ in range(2)] == [401, 401]


def test_locked_rows_fail_one_by_one(empty):
    empty.faults({"match": "POST", "what": "lock_row", "count": 1, "seed": 3})
    lead = {"attributes": {"type": "Lead"}, "LastName": "A", "Company": "B"}
    rows = empty.ask("POST", "composite/sobjects", {"records": [lead] * 20})[1]
    failed = [row for row in rows if not row["success"]]
    assert rows[0] in failed
    assert 1 < len(failed) < 20
    assert failed[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert empty.ask("POST", "sobjects/Lead", {"LastName": "A", "Company": "B"})[0] == 201


def test_late_and_lagging_rows(empty):
    empty.advance("1h")
    empty.faults({"match": "/query", "what": "late_record", "count": 1, "after": "10m"})
    now = empty.org.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert empty.rows("SELECT Id FROM Lead") == []
    found = empty.rows("SELECT SystemModstamp FROM Lead")
    assert len(found) == 1
    assert found[0]["SystemModstamp"][:19] < now
    empty.faults({"match": "/query", "what": "search_lag", "after": "1m"})
    empty.lead("Fresh")
    assert len(empty.rows("SELECT Id FROM Lead")) == 1
    empty.advance("2m")
    assert len(empty.rows("SELECT Id FROM Lead")) == 2


def test_the_org_changes_under_a_clients_feet(empty):
    empty.custom_field("Lead.Handoff_A__c")
    empty.custom_field("Lead.Handoff_B__c")
    lead = empty.lead(Handoff_A__c="x", Handoff_B__c="text")
    empty.faults(
        {"match": "limits", "what": "field_deleted", "object": "Lead", "field": "Handoff_A__c", "count": 1},
        {"match": "limits", "what": "field_retyped", "count": 1},
        {"match": "limits", "what": "right_removed", "object": "Lead", "count": 1},
    )
    empty.ask("GET", "limits")
    assert "Handoff_A__c" not in empty.fields("Lead")
    empty.ask("GET", "limits")
    shown = {field["name"]: field["type"] for field in empty.ask("GET", "sobjects/Lead/describe")[1]["fields"]}
    assert shown["Handoff_B__c"] == "double"
    empty.ask("GET", "limits")
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[0] == 403


def test_spoiled_answers_spoil_one_row(empty):
    for name in "ABC":
        empty.lead(name, Description="fine")
    text = f"query?q={quote('SELECT Id, LastName, Description, SystemModstamp FROM Lead')}"
    for what in ("malformed_record", "huge_record", "bad_text"):
        empty.faults({"match": "/query", "what": what, "count": 1})
        rows = empty.ask("GET", text)[1]["records"]
        odd = [row for row in rows if row.get("Id") is None or row["Description"] != "fine"]
        assert len(odd) == 1, what
        assert [row["Description"] for row in empty.ask("GET", text)[1]["records"]] == ["fine"] * 3
