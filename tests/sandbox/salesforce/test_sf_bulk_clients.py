"""Bulk jobs over real sockets by an unchanged simple-salesforce, and answers that are packed on the way."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

from sandbox.serve import Sandbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
WAIT = 0.3


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("bulk"), people=40, at=AT, vendors=["salesforce"]) as sandbox:
        yield sandbox.salesforce


@pytest.fixture
def client(running):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        token = running.org.credentials.access_token
        yield Salesforce(instance_url=running.tls_url, session_id=token, session=session, version="62.0")


def test_rows_are_loaded_and_told_apart(client):
    rows = [{"LastName": f"Line\n{n}", "Company": 'C "q", x' if n else ""} for n in range(300)]
    (done,) = client.bulk2.Lead.insert(records=rows, wait=WAIT)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (300, 1)
    failed = list(csv.DictReader(io.StringIO(client.bulk2.Lead.get_failed_records(done["job_id"]))))
    assert [row["sf__Error"].split(":")[0] for row in failed] == ["REQUIRED_FIELD_MISSING"]
    good = list(csv.DictReader(io.StringIO(client.bulk2.Lead.get_successful_records(done["job_id"]))))
    assert len({row["sf__Id"] for row in good}) == 299
    # the client takes its columns from a set, so their order is not ours to know
    (header,) = csv.reader(io.StringIO(client.bulk2.Lead.get_unprocessed_records(done["job_id"])))
    assert set(header) == {"LastName", "Company"}
    (gone,) = client.bulk2.Lead.delete(records=[{"Id": row["sf__Id"]} for row in good], wait=WAIT)
    assert gone["numberRecordsFailed"] == 0


def test_keys_are_upserted_and_rows_updated(client):
    rows = [{"External_Id__c": f"b{n}", "LastName": "Bulk"} for n in range(5)]
    for created in ("true", "false"):
        (done,) = client.bulk2.Contact.upsert(records=rows, external_id_field="External_Id__c", wait=WAIT)
        good = csv.DictReader(io.StringIO(client.bulk2.Contact.get_successful_records(done["job_id"])))
        assert {row["sf__Created"] for row in good} == {created}


def test_a_query_comes_in_pages(client):
    expected = client.query_all("SELECT Id, Name FROM Account ORDER BY Id")["records"]
    pages = list(client.bulk2.Account.query("SELECT Id, Name FROM Account", max_records=7, wait=WAIT))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert [(row["Id"], row["Name"]) for row in rows] == [(row["Id"], row["Name"]) for row in expected]
    assert len(pages) == -(-len(expected) // 7)


def test_a_failed_job_says_why(client):
    with pytest.raises(SalesforceOperationError, match="Field name not found : Wrong__c"):
        client.bulk2.Lead.insert(records=[{"LastName": "A", "Company": "C", "Wrong__c": "x"}], wait=WAIT)


def test_long_answers_are_packed_for_those_who_take_that(running):
    headers = {"Authorization": f"Bearer {running.org.credentials.access_token}"}
    address = f"{running.url}/services/data/v62.0/sobjects/Lead/describe"
    with requests.Session() as session:
        session.trust_env = False
        packed = session.get(address, headers={**headers, "Accept-Encoding": "gzip"}, stream=True, timeout=10)
        assert packed.headers["Content-Encoding"] == "gzip"
        raw = packed.raw.read(decode_content=False)
        assert len(raw) == int(packed.headers["Content-Length"])
        plain = session.get(address, headers={**headers, "Accept-Encoding": "identity"}, timeout=10)
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(raw) == plain.content
        body = gzip.compress(b'{"LastName": "Packed", "Company": "Corp"}')
        sent = {**headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}
        made = session.post(f"{running.url}/services/data/v62.0/sobjects/Lead", data=body, headers=sent, timeout=10)
        assert made.status_code == 201
