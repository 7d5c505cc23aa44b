"""Bulk queries: states, tables, locators, what they do not take."""

from __future__ import annotations

import csv
import io
import json

import pytest

from sandbox.core.http import Request
from sandbox.core.org import OrgOptions

QUERY = "/services/data/v62.0/jobs/query"


def send(client, method, path, body=b"", kind="application/json"):
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": kind, "Accept": "text/csv"}
    answer = client.door.handle(Request.make(method, path, headers.items(), body))
    payload = answer.payload()
    return answer, json.loads(payload) if payload.startswith((b"{", b"[")) else payload.decode()


def create(client, text, operation="query", **about):
    answer, job = send(client, "POST", QUERY, json.dumps({"operation": operation, "query": text, **about}))
    assert answer.status == 200, job
    return job


def fetch(client, job_id, size=None):
    """Return all rows of the results, page by page."""
    rows, locator, sizes = [], None, []
    while locator != "null":
        args = [f"maxRecords={size}"] if size else []
        args += [f"locator={locator}"] if locator else []
        answer, text = send(client, "GET", f"{QUERY}/{job_id}/results?{'&'.join(args)}")
        assert answer.status == 200, text
        page = list(csv.DictReader(io.StringIO(text)))
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(page)
        rows += page
        sizes.append(len(page))
        locator = answer.headers["Sforce-Locator"]
    return rows, sizes


def test_a_query_goes_through_its_states_and_its_pages_are_the_org(make):
    client = make(people=300)
    job = create(client, "SELECT Id, Name, Owner.Username, IsConverted, Email FROM Lead")
    assert (job["state"], job["object"], job["operation"]) == ("UploadComplete", "Lead", "query")
    answer, body = send(client, "GET", f"{QUERY}/{job['id']}/results")
    assert (answer.status, body[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    client.advance("600ms")
    assert send(client, "GET", f"{QUERY}/{job['id']}")[1]["state"] == "InProgress"
    client.advance("1s")
    shown = send(client, "GET", f"{QUERY}/{job['id']}")[1]
    expected = client.rows("SELECT Id, Name, Owner.Username, IsConverted, Email FROM Lead ORDER BY Id")
    assert (shown["state"], shown["jobType"], shown["numberRecordsProcessed"]) == (
        "JobComplete",
        "V2Query",
        len(expected),
    )
    rows, sizes = fetch(client, job["id"], 50)
    assert sizes[:-1] == [50] * (len(sizes) - 1)
    assert [(row["Id"], row["Owner.Username"], row["IsConverted"], row["Email"]) for row in rows] == [
        (row["Id"], row["Owner"].get("Username") or "", str(row["IsConverted"]).lower(), row["Email"] or "")
        for row in expected
    ]


def test_results_survive_a_restart_and_end_with_the_job(make, tmp_path):
    client = make(people=60)
    job = create(client, "SELECT Id FROM Contact ORDER BY LastName DESC NULLS LAST", lineEnding="CRLF")
    client.advance("2s")
    before = fetch(client, job["id"])
    client.org.close()
    client.org.__init__(tmp_path / "org0", client.org.clock, options=OrgOptions())
    assert fetch(client, job["id"]) == before
    assert [entry["id"] for entry in send(client, "GET", QUERY)[1]["records"]] == [job["id"]]
    assert send(client, "DELETE", f"{QUERY}/{job['id']}")[0].status == 204
    assert send(client, "GET", f"{QUERY}/{job['id']}")[0].status == 404


def test_query_all_sees_deleted_rows(empty):
    lead = empty.lead("A")
    empty.ask("DELETE", f"sobjects/Lead/{lead}")
    found = {}
    for operation in ("query", "queryAll"):
        job = create(empty, "SELECT Id, IsDeleted FROM Lead", operation, columnDelimiter="PIPE")
        empty.advance("2s")
        found[operation] = send(empty, "GET", f"{QUERY}/{job['id']}/results")[1]
    assert found["query"] == '"Id"|"IsDeleted"\n'
    assert found["queryAll"] == f'"Id"|"IsDeleted"\n"{lead}"|"true"\n'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT count(Id) FROM Lead", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT Status FROM Lead GROUP BY Status", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT Id, (SELECT Id FROM Tasks) FROM Lead", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT Id FROM Lead LIMIT 5 OFFSET 2", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT Id, Address FROM Lead", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Lead", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT MasterLabel FROM TaskStatus", "INVALIDENTITY"),
        ("SELECT Id FROM Dog", "INVALID_TYPE"),
        ("SELECT Wrong FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Wrong = 1", "INVALID_FIELD"),
        ("SELECT Id FRM Lead", "MALFORMED_QUERY"),
    ],
)
def test_what_a_bulk_query_does_not_take_is_refused_at_once(empty, text, code):
    answer, body = send(empty, "POST", QUERY, json.dumps({"operation": "query", "query": text}))
    assert (answer.status, body[0]["errorCode"]) == (400, code)


def test_a_job_can_be_aborted_while_it_waits(empty):
    job = create(empty, "SELECT Id FROM Lead")
    assert send(empty, "PATCH", f"{QUERY}/{job['id']}", json.dumps({"state": "Aborted"}))[1]["state"] == "Aborted"
    empty.advance("2s")
    assert send(empty, "GET", f"{QUERY}/{job['id']}")[1]["state"] == "Aborted"
    answer, body = send(empty, "PATCH", f"{QUERY}/{job['id']}", json.dumps({"state": "Aborted"}))
    assert (answer.status, body[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_bad_locators_and_sizes_are_refused(empty):
    job = create(empty, "SELECT Id FROM Lead")
    empty.advance("2s")
    for args in ("locator=%21%21", "maxRecords=0", "maxRecords=many"):
        assert send(empty, "GET", f"{QUERY}/{job['id']}/results?{args}")[0].status == 400
    assert empty.ask("GET", "limits")[1]["DailyBulkV2QueryJobs"] == {"Max": 10000, "Remaining": 9999}


def test_the_daily_limits_of_jobs_refuse_and_pass(empty):
    empty.act({"do": "set_limit", "values": {"DailyBulkV2QueryJobs": 1, "DailyBulkApiBatches": 0}})
    create(empty, "SELECT Id FROM Lead")
    answer, body = send(empty, "POST", QUERY, json.dumps({"operation": "query", "query": "SELECT Id FROM Lead"}))
    assert (answer.status, body[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    about = json.dumps({"object": "Lead", "operation": "insert"})
    answer, body = send(empty, "POST", "/services/data/v62.0/jobs/ingest", about)
    assert (answer.status, body[0]["message"]) == (400, "DailyBulkApiBatches Limit exceeded.")
    assert empty.ask("GET", "limits")[1]["DailyBulkV2QueryJobs"] == {"Max": 1, "Remaining": 0}
    assert empty.calls()["violations"] == 2
    empty.advance("25h")
    create(empty, "SELECT Id FROM Lead")


def test_the_limit_on_requests_at_the_same_time_can_be_ordered(empty):
    empty.faults({"match": "limits", "what": "429", "limit": "concurrent"})
    status, body = empty.ask("GET", "limits")
    assert (status, body[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert body[0]["message"] == "ConcurrentRequests (Concurrent API Requests) Limit exceeded."


def test_the_ledger_sees_pages_of_results_and_sets_polls_and_look_ups_apart(make):
    client = make(people=60)
    client.ask("POST", "/__sandbox__/calls/mark")
    for text in ("SELECT Id FROM Contact", "SELECT Id FROM Contact WHERE Email = 'nobody@x.example'"):
        job = create(client, text)
        client.advance("2s")
        send(client, "GET", f"{QUERY}/{job['id']}")
        fetch(client, job["id"])
    shown = client.calls()
    assert shown["apart"] == {"bulk_poll": 2, "look_up": 1}
    assert shown["used"] == 3
    assert shown["streams"]["Contact"] == {"used": 1, "floor": 1}
