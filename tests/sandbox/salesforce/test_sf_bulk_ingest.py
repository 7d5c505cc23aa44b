"""Bulk ingest: dialects, states, results, what a job refuses and what fails it."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.http import Request
from sandbox.core.org import OrgOptions
from sandbox.salesforce.bulk import ingest as ingest_room
from sandbox.salesforce.bulk import loading as loading_room
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS, BadTable, rows_of, table_of

INGEST = "/services/data/v62.0/jobs/ingest"


class Bulk:
    """A client of the ingest resources."""

    def __init__(self, client):
        self.client = client

    def send(self, method, path, body=b"", kind="text/csv; charset=UTF-8"):
        headers = {"Authorization": f"Bearer {self.client.token}", "Content-Type": kind, "Host": "127.0.0.1"}
        answer = self.client.door.handle(Request.make(method, path, headers.items(), body))
        payload = answer.payload()
        parsed = payload.startswith((b"{", b"["))
        return answer.status, json.loads(payload) if parsed else payload.decode()

    def create(self, obj="Lead", operation="insert", **about):
        body = {"object": obj, "operation": operation, **about}
        status, job = self.send("POST", INGEST, json.dumps(body), "application/json")
        assert status == 200, job
        return job["id"]

    def close(self, job, state="UploadComplete"):
        return self.send("PATCH", f"{INGEST}/{job}", json.dumps({"state": state}), "application/json")

    def look(self, job):
        return self.send("GET", f"{INGEST}/{job}")[1]

    def run(self, text, obj="Lead", operation="insert", **about):
        """Carry a whole job out; return it and its three tables."""
        job = self.create(obj, operation, **about)
        assert self.send("PUT", f"{INGEST}/{job}/batches", text.encode())[0] == 201
        assert self.close(job)[0] == 200
        self.client.advance("2s")
        return self.look(job), *(self.table(job, name) for name in RESULTS)

    def table(self, job, name):
        status, text = self.send("GET", f"{INGEST}/{job}/{name}")
        assert status == 200, text
        return list(csv.DictReader(io.StringIO(text)))


RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")


@pytest.fixture
def bulk(empty):
    return Bulk(empty)


CELLS = st.text("ab,;|^`\t\"'\n\r é", max_size=6)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5),
    st.sampled_from(sorted(DELIMITERS)),
    st.sampled_from(sorted(LINE_ENDS)),
)
def test_a_table_comes_out_as_it_went_in(rows, delimiter, line_end):
    text = table_of(rows, DELIMITERS[delimiter], LINE_ENDS[line_end])
    assert list(rows_of(text, DELIMITERS[delimiter], LINE_ENDS[line_end])) == rows


@pytest.mark.parametrize(
    ("text", "line_end", "words"),
    [
        ("A\r\nb\r\n", "\n", "Current LineEnding setting is LF"),
        ("A\nb\n", "\r\n", "Current LineEnding setting is CRLF"),
        ('A\n"b\n', "\n", "Failed to parse CSV"),
    ],
)
def test_a_table_of_another_form_is_refused(text, line_end, words):
    with pytest.raises(BadTable, match=words):
        list(rows_of(text, ",", line_end))


def test_an_insert_goes_through_its_states_and_ends_with_three_tables(bulk):
    job = bulk.create()
    shown = bulk.look(job)
    assert (shown["state"], shown["jobType"], shown["apiVersion"]) == ("Open", "V2Ingest", 62.0)
    assert shown["contentUrl"] == f"services/data/v62.0/jobs/ingest/{job}/batches"
    text = 'LastName,Company,City\nAda,"Corp, ""Inc""","Ulm\nDonau"\n,Nobody,\nBo,Corp,#N/A\n'
    assert bulk.send("PUT", f"{INGEST}/{job}/batches", text.encode()) == (201, "")
    assert bulk.close(job)[1]["state"] == "UploadComplete"
    assert bulk.client.query("SELECT count() FROM Lead")["totalSize"] == 0
    status, body = bulk.send("GET", f"{INGEST}/{job}/successfulResults")
    assert (status, body[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    bulk.client.advance("600ms")
    assert bulk.look(job)["state"] == "InProgress"
    bulk.client.advance("1s")
    shown = bulk.look(job)
    assert (shown["state"], shown["numberRecordsProcessed"], shown["numberRecordsFailed"]) == ("JobComplete", 3, 1)
    good, bad, left = (bulk.table(job, name) for name in RESULTS)
    assert [(row["sf__Created"], row["LastName"], row["City"]) for row in good] == [
        ("true", "Ada", "Ulm\nDonau"),
        ("true", "Bo", "#N/A"),
    ]
    assert [row["sf__Error"] for row in bad] == [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    ]
    assert left == []
    made = bulk.client.rows(f"SELECT Company, City FROM Lead WHERE Id = '{good[0]['sf__Id']}'")[0]
    assert (made["Company"], made["City"]) == ('Corp, "Inc"', "Ulm\nDonau")


@pytest.mark.parametrize("delimiter", sorted(DELIMITERS))
@pytest.mark.parametrize("line_end", sorted(LINE_ENDS))
def test_every_dialect_is_read_and_answered_in(bulk, delimiter, line_end):
    mark, end = DELIMITERS[delimiter], LINE_ENDS[line_end]
    job, *_ = bulk.run(f"LastName{mark}Company{end}Ada{mark}Corp{end}", columnDelimiter=delimiter, lineEnding=line_end)
    assert job["state"] == "JobComplete", job
    text = bulk.send("GET", f"{INGEST}/{job['id']}/successfulResults")[1]
    assert text.splitlines()[0] == mark.join(f'"{name}"' for name in ("sf__Id", "sf__Created", "LastName", "Company"))
    assert text.endswith(end)


def test_update_upsert_delete_and_hard_delete(bulk):
    client = bulk.client
    client.custom_field("Lead.Key__c", externalId=True, unique=True)
    _, good, bad, _ = bulk.run(
        "Key__c,LastName,Company,City\nk1,A,C,Ulm\nk2,B,C,Ulm\nk1,D,C,Ulm\n,E,C,Ulm\n",
        operation="upsert",
        externalIdFieldName="Key__c",
    )
    assert [row["Key__c"] for row in good] == ["k2"]
    assert [row["sf__Error"].split(":")[0] for row in bad] == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    _, good, _, _ = bulk.run("Key__c,City\nK2,Bonn\n", operation="upsert", externalIdFieldName="Key__c")
    assert good[0]["sf__Created"] == "false"
    lead = good[0]["sf__Id"]
    _, good, bad, _ = bulk.run(f"Id,City,Title\n{lead},#N/A,\nnonsense,Ulm,\n", operation="update")
    assert ([row["sf__Id"] for row in good], len(bad)) == ([lead], 1)
    row = client.rows(f"SELECT City, LastName FROM Lead WHERE Id = '{lead}'")[0]
    assert (row["City"], row["LastName"]) == (None, "B")
    bulk.run(f"Id\n{lead}\n", operation="delete")
    found = client.rows(f"SELECT IsDeleted FROM Lead WHERE Id = '{lead}'", "queryAll")
    assert [row["IsDeleted"] for row in found] == [True]
    other = client.lead("Z")
    bulk.run(f"Id\n{other}\n", operation="hardDelete")
    assert client.rows(f"SELECT Id FROM Lead WHERE Id = '{other}'", "queryAll") == []
    assert client.lead("After") not in (lead, other)


def test_parents_are_named_by_keys(bulk):
    client = bulk.client
    client.custom_field("Account.Key__c", externalId=True, unique=True)
    account = client.create("Account", Name="Corp", Key__c="a1")
    _, good, bad, _ = bulk.run(
        "LastName,Account.Key__c,Owner.Username\nA,a1,rep1@corp.example\nB,nobody,rep1@corp.example\nC,#N/A,\n",
        "Contact",
    )
    found = {row["LastName"]: row for row in client.rows("SELECT LastName, AccountId, Owner.Username FROM Contact")}
    assert found["A"]["AccountId"] == account
    assert found["A"]["Owner"]["Username"] == "rep1@corp.example"
    assert found["C"]["AccountId"] is None
    assert [(row["LastName"], row["sf__Error"].split(":")[0]) for row in bad] == [("B", "INVALID_FIELD")]
    lead = client.lead("L", Email="l@x.example")
    _, good, _, _ = bulk.run("Subject,Lead:Who.Email\nCall,l@x.example\n", "Task")
    assert client.rows(f"SELECT WhoId FROM Task WHERE Id = '{good[0]['sf__Id']}'")[0]["WhoId"] == lead


def label(bulk, name):
    fields = bulk.client.ask("GET", "sobjects/Lead/describe")[1]["fields"]
    return next(field["label"] for field in fields if field["name"] == name)


def test_cells_are_typed_by_their_fields(bulk):
    text = "LastName,Company,DoNotCall,NumberOfEmployees\nA,C,true,12\nB,C,1,x\nD,C,maybe,3\n"
    _, good, bad, _ = bulk.run(text)
    assert [row["LastName"] for row in good] == ["A"]
    assert [row["sf__Error"].split(":")[:3] for row in bad] == [
        ["INVALID_TYPE_ON_FIELD_IN_RECORD", mark, " value not of required type"]
        for mark in (label(bulk, "NumberOfEmployees"), label(bulk, "DoNotCall"))
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LastName,Company,Wrong__c\nA,B,C\n", "InvalidBatch : Field name not found : Wrong__c"),
        ("LastName;Company\nA;B\n", "InvalidBatch : Field name not found : LastName;Company"),
        ("\ufeffLastName,Company\nA,B\n", "InvalidBatch : Field name not found : \ufeffLastName"),
        ("LastName,Company\r\nA,B\r\n", "ClientInputError : LineEnding is invalid"),
        ("LastName,LastName,Company\nA,B,C\n", "duplicated"),
        ("", "no header"),
    ],
)
def test_a_wrong_header_fails_the_job_and_leaves_its_rows_unprocessed(bulk, text, words):
    job, good, bad, left = bulk.run(text)
    assert (job["state"], job["numberRecordsProcessed"]) == ("Failed", 0)
    assert words in job["errorMessage"]
    assert (good, bad) == ([], [])
    assert len(left) == (1 if text and "\r" not in text else 0)
    assert bulk.client.query("SELECT count() FROM Lead")["totalSize"] == 0


def test_a_broken_row_ends_the_job_where_it_stands(bulk):
    rows = [f"A{number},Corp" for number in range(450)]
    rows[420] = "broken"
    job, good, bad, left = bulk.run("LastName,Company\n" + "\n".join(rows) + "\n")
    assert job["state"] == "Failed"
    assert (len(good), len(bad), len(left)) == (400, 0, 50)
    assert bulk.client.query("SELECT count() FROM Lead")["totalSize"] == 400


def test_content_is_taken_once_and_only_while_open(bulk):
    job = bulk.create()
    for _ in range(2):
        assert bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\nA,B\n")[0] == 201
    status, body = bulk.close(job)
    assert (status, body[0]["errorCode"]) == (400, "INVALIDJOB")
    assert "Found multiple contents" in body[0]["message"]
    assert bulk.close(job, "Aborted")[1]["state"] == "Aborted"
    assert bulk.send("PUT", f"{INGEST}/{job}/batches", b"x")[1][0]["errorCode"] == "INVALIDJOBSTATE"
    assert bulk.close(job)[1][0]["errorCode"] == "INVALIDJOBSTATE"
    assert bulk.send("DELETE", f"{INGEST}/{job}")[0] == 204
    assert bulk.send("GET", f"{INGEST}/{job}")[0] == 404


def test_an_upload_beyond_the_limit_is_refused_and_counted(bulk, monkeypatch):
    monkeypatch.setattr(ingest_room, "LARGEST_UPLOAD", 10)
    job = bulk.create()
    assert bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\n")[0] == 413
    assert bulk.client.calls()["violations"] == 1


def test_jobs_that_cannot_be_are_refused_when_they_are_made(bulk):
    for about, code in (
        ({"object": "Lead", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert", "externalIdFieldName": "City"}, "INVALIDJOB"),
        ({"object": "Nothing", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "TaskStatus", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Lead", "operation": "guess"}, "JSON_PARSER_ERROR"),
        ({"object": "Lead", "operation": "insert", "columnDelimiter": "DOT"}, "INVALIDJOB"),
        ({}, "INVALIDJOB"),
    ):
        status, body = bulk.send("POST", INGEST, json.dumps(about), "application/json")
        assert (status, body[0]["errorCode"]) == (400, code), about


def test_one_request_can_hold_job_and_content(bulk):
    about = json.dumps({"object": "Lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"})
    body = (
        '--BOUNDARY\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name="job"\r\n\r\n'
        f"{about}\r\n--BOUNDARY\r\nContent-Type: text/csv\r\n"
        'Content-Disposition: form-data; name="content"; filename="content"\r\n\r\n'
        "LastName,Company\nAda,Corp\nBo,Corp\n\r\n--BOUNDARY--\r\n"
    )
    status, job = bulk.send("POST", INGEST, body.encode(), "multipart/form-data; boundary=BOUNDARY")
    assert (status, job["state"]) == (200, "UploadComplete")
    bulk.client.advance("2s")
    assert bulk.look(job["id"])["numberRecordsProcessed"] == 2


def test_a_locked_row_fails_alone(bulk):
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\nA,C\nB,C\nD,C\n")
    bulk.close(job)
    bulk.client.advance("2s")
    bulk.client.faults({"match": f"GET .*{job}$", "what": "lock_row", "seed": 3})
    bulk.look(job)
    bulk.client.faults()
    bad = bulk.table(job, "failedResults")
    assert bad
    assert all(row["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:") for row in bad)
    assert len(bad) + len(bulk.table(job, "successfulResults")) == 3


def test_jobs_are_listed_counted_and_found_again_after_a_restart(bulk, tmp_path):
    client = bulk.client
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\nA,C\n")
    bulk.close(job)
    listed = bulk.send("GET", INGEST)[1]
    assert (listed["done"], listed["nextRecordsUrl"], [entry["id"] for entry in listed["records"]]) == (
        True,
        None,
        [job],
    )
    client.org.close()
    client.org.__init__(tmp_path / "org", client.org.clock, options=OrgOptions())
    client.advance("2s")
    assert bulk.look(job)["state"] == "JobComplete"
    assert len(bulk.table(job, "successfulResults")) == 1
    limits = client.ask("GET", "limits")[1]
    assert limits["DailyBulkApiBatches"] == {"Max": 15000, "Remaining": 14999}
    client.advance("8d")
    bulk.create()
    assert bulk.send("GET", f"{INGEST}/{job}")[0] == 404


def test_a_long_job_is_done_in_steps_and_each_row_once(bulk, monkeypatch, tmp_path):
    monkeypatch.setattr(loading_room, "STEP_ROWS", 300)
    client = bulk.client
    rows = [f"A{number},{'Corp' if number % 50 else ''}" for number in range(1000)]
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", ("LastName,Company\n" + "\n".join(rows) + "\n").encode())
    bulk.close(job)
    client.advance("2s")
    shown = [bulk.look(job)]
    client.org.close()
    client.org.__init__(tmp_path / "org", client.org.clock, options=OrgOptions())
    shown += [bulk.look(job) for _ in range(3)]
    assert [(one["state"], one["numberRecordsProcessed"]) for one in shown] == [
        ("InProgress", 300),
        ("InProgress", 600),
        ("InProgress", 900),
        ("JobComplete", 1000),
    ]
    assert (shown[-1]["numberRecordsFailed"], len(bulk.table(job, "failedResults"))) == (20, 20)
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 980
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", ("LastName,Company\n" + "\n".join(rows) + "\n").encode())
    bulk.close(job)
    client.advance("2s")
    client.snapshot()
    assert bulk.look(job)["state"] == "JobComplete"


def test_the_ledger_sees_the_rows_and_sets_polls_apart(bulk):
    bulk.client.ask("POST", "/__sandbox__/calls/mark")
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\nA,C\nB,C\n")
    bulk.close(job)
    bulk.client.advance("2s")
    for _ in range(3):
        bulk.look(job)
    shown = bulk.client.calls()
    assert shown["apart"] == {"bulk_poll": 3}
    assert (shown["used"], shown["streams"]["create Lead"]["rows"]) == (3, 2)


def test_the_snapshot_sees_what_a_job_has_written(bulk):
    before = bulk.client.snapshot()
    job = bulk.create()
    bulk.send("PUT", f"{INGEST}/{job}/batches", b"LastName,Company\nA,C\n")
    bulk.close(job)
    assert bulk.client.snapshot() == before
    bulk.client.advance("2s")
    assert bulk.client.snapshot() != before
