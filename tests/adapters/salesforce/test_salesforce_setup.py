from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
import responses
import trustme

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.options import read_options
from adapters.salesforce.provisioning import metadata
from connector.errors import AccessError, ConfigError
from connector.ports.crm import Crm, FieldSpec, Provisioner

KEY = FieldSpec("task", "Handoff_Key__c", "Handoff key", "text", 64, unique=True, external_id=True)
LEAD_KEY = FieldSpec("lead", "Handoff_Key__c", "Handoff key", "text", 64, unique=True, external_id=True)
SCORE = FieldSpec("lead", "Handoff_Score__c", "Score", "number")
HOST = "https://corp.my.salesforce.com"
ROOT = f"{HOST}/services/data/v60.0/"


def states(steps) -> dict[str, str]:
    return {step.what: step.state for step in steps}


def test_the_adapter_keeps_both_ports(org):
    crm = org.crm()
    assert isinstance(crm, Crm)
    assert isinstance(crm, Provisioner)


def test_a_dry_run_sends_no_write_and_a_second_run_finds_everything(org):
    crm = org.crm()
    before = org.inside.snapshot()
    planned = crm.provision([KEY, LEAD_KEY, SCORE], [("lead", "Email"), ("lead", "Industry")], dry_run=True)
    assert set(states(planned).values()) == {"would"}
    assert org.inside.snapshot() == before
    done = crm.provision([KEY, LEAD_KEY, SCORE], [], dry_run=False)
    assert set(states(done).values()) == {"done"}
    assert "field Activity.Handoff_Key__c" in states(done)
    assert "right to read and edit Task.Handoff_Key__c" in states(done)
    assert crm.fields("task")
    assert crm.traits().creation_key_unique["task"]
    again = org.crm().provision([KEY, LEAD_KEY, SCORE], [], dry_run=False)
    assert dict.fromkeys(states(done), "present") == states(again)


def test_an_org_that_refuses_unique_on_activities_gets_an_external_id(open_org):
    crm = open_org(unique_task_key=False).crm()
    steps = {step.what: step for step in crm.provision([KEY, LEAD_KEY], [], dry_run=False)}
    assert steps["field Activity.Handoff_Key__c"].state == "done"
    assert "external id only" in steps["field Activity.Handoff_Key__c"].message
    [field] = [field for field in crm.fields("task") if field.name == "Handoff_Key__c"]
    assert (field.external_id, field.unique) == (True, False)


def test_describe_speaks_our_words(org):
    crm = org.provisioned()
    fields = {field.name: field for field in crm.fields("lead")}
    assert fields["LastName"].required
    assert not fields["Title"].required
    assert fields["Title"].length == 128
    assert fields["Handoff_Score__c"].type == "number"
    assert fields["Handoff_Rejection__c"].values == ("no budget", "other")
    assert fields["Handoff_Key__c"].unique
    assert "Working - Contacted" in fields["Status"].values
    assert fields["OwnerId"].type == "reference"


def test_the_check_names_what_is_missing_and_who_cures_it(org):
    crm = org.crm()
    crm.want([("lead", "Handoff_Score__c"), ("nonsense", "X")])
    missing = {finding.subject: finding for finding in crm.check() if not finding.ok}
    assert set(missing) >= {"field lead.Handoff_Score__c", "field nonsense.X", "Handoff_Key__c on Lead"}
    assert all(finding.cure for finding in missing.values())
    ready = org.provisioned()
    assert [finding for finding in ready.check() if not finding.ok] == []
    org.act({"do": "remove_right", "object": "Lead", "right": "edit"})
    assert "write Lead" in {finding.subject for finding in ready.check() if not finding.ok}
    assert not any(info.updateable for info in ready.fields("lead")), "what died of it comes back when this changes"
    org.act({"do": "give_right", "object": "Lead", "right": "edit"})
    ready.doubt_fields()
    assert any(info.updateable for info in ready.fields("lead"))


def test_a_right_to_read_that_is_taken_away_stops_the_pull(org):
    crm = org.crm()
    org.act({"do": "remove_right", "object": "Opportunity", "right": "read"})
    assert "read Opportunity" in {finding.subject for finding in crm.check() if not finding.ok}
    with pytest.raises(AccessError):
        list(crm.pull("opportunities", None, now=org.clock.now()))


def test_https_with_an_authority_of_its_own(open_org, tmp_path, monkeypatch):
    authority = trustme.CA()
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    org = open_org(tls=context)
    assert org.url.startswith("https://")
    assert org.crm(ca_file=str(ca_file)).check()[0].ok
    [finding] = org.crm().check()
    assert not finding.ok
    assert "certificate" in finding.message


@responses.activate
def test_a_user_who_may_not_make_fields_is_told_which_right_is_missing():
    described = {"name": "Lead", "fields": [{"name": "Id", "type": "id"}]}
    part = {"referenceId": "r0", "httpStatusCode": 200, "httpHeaders": {}, "body": described}
    responses.post(ROOT + "composite", json={"compositeResponse": [part]})
    refused = [{"errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "insufficient access rights"}]
    responses.post(ROOT + "tooling/sobjects/CustomField", status=403, json=refused)
    crm = SalesforceCrm({"instance_url": HOST, "auth": {"flow": "token", "access_token": "t"}})
    with pytest.raises(AccessError, match="Customize Application"):
        crm.provision([SCORE], [], dry_run=False)
    body = json.loads(responses.calls[-1].request.body or "")
    assert body["FullName"] == "Lead.Handoff_Score__c"


def test_fields_in_the_words_of_the_tooling_api():
    assert metadata(KEY) == {
        "label": "Handoff key",
        "required": False,
        "type": "Text",
        "length": 64,
        "externalId": True,
        "unique": True,
        "caseSensitive": False,
    }
    assert metadata(KEY, unique=False)["unique"] is False
    assert metadata(FieldSpec("lead", "A__c", "A", "long_text", 4000))["type"] == "LongTextArea"
    assert metadata(FieldSpec("lead", "A__c", "A", "datetime"))["type"] == "DateTime"
    picklist = metadata(FieldSpec("lead", "A__c", "A", "picklist", values=("Yes", "No")))
    values = picklist["valueSet"]["valueSetDefinition"]["value"]
    assert [value["fullName"] for value in values] == ["Yes", "No"]


GOOD: dict[str, Any] = {"instance_url": HOST, "auth": {"flow": "token", "access_token": "t"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance_url": "http://corp.my.salesforce.com"},
        {"instance_url": None},
        {"api_version": "latest"},
        {"ca_file": "/nowhere/ca.pem"},
        {"auth": None},
        {"auth": {"flow": "magic"}},
        {"auth": {"flow": "token"}},
        {"auth": {"flow": "token", "access_token": "secret-token", "acces_token": "typo"}},
        {"auth": {"flow": "jwt", "client_id": "i", "username": "u", "key_file": "/nowhere/key"}},
        {"auth": {"flow": "password", "client_id": "i", "client_secret": "s", "username": "u"}},
        {"overlap_minutes": -1},
        {"overlap_minutes": True},
        {"colour": "blue"},
    ],
)
def test_options_that_are_refused(wrong):
    with pytest.raises(ConfigError) as caught:
        SalesforceCrm({**GOOD, **wrong})
    assert "secret-token" not in str(caught.value)


def test_options_that_are_taken():
    options = read_options({**GOOD, "api_version": "v61.0", "adapter": "salesforce"}, at="crm")
    assert options.api_version == "61.0"
    assert options.auth.login_url == HOST
    assert options.auth.audience == "https://login.salesforce.com"
    assert "secret" not in repr(read_options({**GOOD, "auth": {"access_token": "secret"}}, at="crm"))
