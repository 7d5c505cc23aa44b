"""The sandbox over real sockets: an unchanged simple-salesforce over TLS, and the process as the command starts it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from sandbox.serve import BadStart, Sandbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("orgs"), people=60, at=AT, vendors=["salesforce"]) as running:
        yield running


class ToSandbox(HTTPAdapter):
    """Lead the vendor's login host to the sandbox, as a name server would."""

    def __init__(self, url):
        super().__init__()
        self._url = url

    def send(self, request, *args, **kwargs):
        request.url = self._url + request.url.split("salesforce.com", 1)[1]
        return super().send(request, *args, **kwargs)


@pytest.fixture
def session(sandbox):
    with requests.Session() as made:
        # Else a CA bundle named in the environment would win over this one.
        made.trust_env = False
        made.verify = str(sandbox.salesforce.ca_file)
        made.mount("https://corp.my.salesforce.com", ToSandbox(sandbox.salesforce.tls_url))
        made.mount("https://login.salesforce.com", ToSandbox(sandbox.salesforce.tls_url))
        yield made


def by_session(sandbox, session):
    own = sandbox.salesforce.org.credentials
    return Salesforce(
        instance_url=sandbox.salesforce.tls_url, session_id=own.access_token, session=session, version="62.0"
    )


def test_simple_salesforce_reads_and_writes_by_session_id(sandbox, session):
    client = by_session(sandbox, session)
    made = client.Lead.create({"LastName": "Ada", "Company": "Corp"}, headers={"Sforce-Auto-Assign": "FALSE"})
    assert client.Lead.get(made["id"])["Name"] == "Ada"
    assert client.Lead.update(made["id"], {"City": "Ulm"}) == 204
    assert client.query(f"SELECT City FROM Lead WHERE Id = '{made['id']}'")["records"][0]["City"] == "Ulm"
    assert client.Contact.upsert("External_Id__c/k1", {"LastName": "Ode"}) == 201
    assert client.Contact.upsert("External_Id__c/k1", {"LastName": "Ode"}) == 200
    assert (
        len(client.query_all("SELECT Id FROM Lead")["records"]) == client.query("SELECT count() FROM Lead")["totalSize"]
    )
    assert client.limits()["DailyApiRequests"]["Max"] == 15_000
    assert client.Lead.describe()["name"] == "Lead"
    assert client.api_usage["api-usage"].total == 15_000
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Lead.create({"City": "Ulm"})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert client.Lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get(made["id"])


def test_simple_salesforce_signs_in_by_each_flow(sandbox, session):
    own = sandbox.salesforce.org.credentials
    keys = {"consumer_key": own.client_id, "session": session, "version": "62.0"}
    flows = [
        {"consumer_secret": own.client_secret, "domain": "corp.my"},
        {"consumer_secret": own.client_secret, "username": own.username, "password": own.password},
        {"username": own.username, "privatekey_file": own.jwt_key_file},
    ]
    for flow in flows:
        client = Salesforce(**keys, **flow)
        assert client.sf_instance == sandbox.salesforce.tls_url.removeprefix("https://")
        assert client.query("SELECT Username FROM User WHERE IsActive = true")["totalSize"] >= 5


def test_simple_salesforce_signs_in_by_soap_and_works_on_metadata(sandbox, session):
    own = sandbox.salesforce.org.credentials
    who = {"username": own.username, "password": own.password, "security_token": own.security_token}
    client = Salesforce(**who, session=session, version="62.0")
    assert client.query("SELECT count() FROM Lead")["totalSize"] > 0
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(**{**who, "password": "no"}, session=session, version="62.0")
    assert refused.value.code == "INVALID_LOGIN"
    metadata = client.mdapi
    # Its SOAP library opens a session of its own.
    metadata._client.transport.session.trust_env = False
    metadata._client.transport.session.verify = str(sandbox.salesforce.ca_file)
    text = metadata._client.get_type("ns0:FieldType")("Text")
    field = metadata.CustomField(fullName="Lead.Wsdl__c", label="Wsdl", type=text, length=9, externalId=True)
    metadata.CustomField.create([field])
    assert (metadata.CustomField.read(["Lead.Wsdl__c"]).length, metadata.CustomField.read(["Lead.Wsdl__c"]).label) == (
        9,
        "Wsdl",
    )
    with pytest.raises(Exception, match="DUPLICATE_DEVELOPER_NAME"):
        metadata.CustomField.create([field])
    grant = [{"field": "Lead.Wsdl__c", "readable": True, "editable": True}]
    metadata.PermissionSet.upsert(
        [metadata.PermissionSet(fullName="Wsdl", label="Wsdl", hasActivationRequired=False, fieldPermissions=grant)]
    )
    assert metadata.PermissionSet.read(["Wsdl"]).fieldPermissions[0].editable is True
    assert {entry.xmlName for entry in metadata.describe_metadata().metadataObjects} == {"CustomField", "PermissionSet"}
    metadata.CustomField.delete(["Lead.Wsdl__c"])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        space = "http://soap.sforce.com/2006/04/metadata"
        inner = "<fields><fullName>Zip__c</fullName><label>Zip</label><length>9</length><type>Text</type></fields>"
        parts.writestr("package.xml", f'<Package xmlns="{space}"><version>62.0</version></Package>')
        parts.writestr("objects/Lead.object", f'<CustomObject xmlns="{space}">{inner}</CustomObject>')
    started = client.deploy(archive, sandbox=False)
    report = client.checkDeployStatus(started["asyncId"])
    assert (report["state"], report["deployment_detail"]["deployed_count"]) == ("Succeeded", "1")


def test_one_org_stands_behind_both_ports(sandbox, session):
    plain, secure = sandbox.salesforce.url, sandbox.salesforce.tls_url
    first = session.get(f"{plain}/__sandbox__/snapshot").content
    assert session.get(f"{secure}/__sandbox__/snapshot").content == first
    assert session.get(f"{secure}/services/data/").json()[-1] == {
        "label": "Spring '26",
        "url": "/services/data/v66.0",
        "version": "66.0",
    }


def start(directory, *options):
    command = [sys.executable, "-m", "sandbox", "--dir", str(directory), "--at", "2026-03-01T09:00:00Z", *options]
    for vendor in ("salesforce", "hubspot", "marketo", "account-engagement", "mautic"):
        command += [f"--{vendor}-port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def stop(process, number):
    process.send_signal(number)
    status = process.wait(10)
    process.stdout.close()
    return status


def test_the_command_says_when_it_is_ready_stops_cleanly_and_finds_its_org_again_after_a_kill(tmp_path):
    process, ready = start(tmp_path, "--people", "30")
    entry = ready["salesforce"]
    assert ready["ready"] is True
    assert set(entry) == {
        *("url", "tls_url", "ca_file", "access_token", "client_id", "client_secret", "username", "password"),
        *("refresh_token", "jwt_key_file", "security_token"),
    }
    assert not {"marketo", "account_engagement", "mautic"} & set(ready)
    headers = {"Authorization": f"Bearer {entry['access_token']}"}
    path = "/services/data/v62.0/sobjects/Account"
    made = requests.post(entry["url"] + path, json={"Name": "Kept"}, headers=headers, timeout=5).json()
    assert stop(process, signal.SIGKILL) == -signal.SIGKILL
    process, again = start(tmp_path)
    assert again["salesforce"]["access_token"] == entry["access_token"]
    row = requests.get(f"{again['salesforce']['url']}{path}/{made['id']}", headers=headers, timeout=5).json()
    assert row["Name"] == "Kept"
    assert stop(process, signal.SIGTERM) == 0


def test_a_directory_with_other_orgs_is_refused(tmp_path):
    with Sandbox(tmp_path, people=5, seed=2, at=AT, vendors=["salesforce"]) as first:
        assert first.ready()["ready"] is True
    with pytest.raises(BadStart, match="seed 2"), Sandbox(tmp_path, seed=3, vendors=["salesforce"]):
        pass
    with Sandbox(tmp_path, vendors=["salesforce"]) as again:
        assert again.salesforce.org.records.count("Lead") == first.salesforce.org.records.count("Lead")


def test_an_empty_org_has_users_and_one_external_id_and_no_people(tmp_path):
    with Sandbox(tmp_path, empty=True, at=AT, vendors=["salesforce"]) as empty:
        records = empty.salesforce.org.records
        assert [records.count(obj) for obj in ("Lead", "Contact", "Account", "Task")] == [0, 0, 0, 0]
        names = {row.get("Username") for row in records.rows("User")}
        assert {f"{name}@corp.example" for name in ("handoff", "rep1", "rep2", "rep3", "ops")} <= names
        assert empty.salesforce.org._state.schema.object("Contact").field_of("External_Id__c").external_id
