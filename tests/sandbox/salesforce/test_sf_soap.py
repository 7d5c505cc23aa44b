"""The SOAP door: signing in, converting, merging, undeleting, and metadata, as real clients ask for them."""

from __future__ import annotations

import base64
import io
import zipfile
from xml.sax.saxutils import escape

import pytest
from simple_salesforce.login import SalesforceLogin
from simple_salesforce.messages import CHECK_DEPLOY_STATUS_MSG, DEPLOY_MSG

from sandbox.core.http import Request
from sandbox.salesforce.soap.envelopes import METADATA, PARTNER, first, parse_xml, plain


def call(client, operation, body="", *, service="u", session=None, tail=""):
    """Send an operation and return the status and the content of the answer's body."""
    space = METADATA if service == "m" else PARTNER
    token = escape(client.token if session is None else session)
    text = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="{space}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<s:Header><n:SessionHeader><n:sessionId>{token}</n:sessionId></n:SessionHeader></s:Header>"
        f"<s:Body><n:{operation}>{body}</n:{operation}></s:Body></s:Envelope>"
    )
    return send(client, text, service=service, tail=tail)


def send(client, text, *, service="u", tail=""):
    headers = [("Content-Type", "text/xml"), ("Host", "127.0.0.1")]
    answer = client.door.handle(Request.make("POST", f"/services/Soap/{service}/62.0{tail}", headers, text))
    content = plain(parse_xml(answer.payload()))
    return answer.status, next(iter(first(content, "Body").values()))[0]


def results(client, operation, body, **more):
    status, content = call(client, operation, body, **more)
    assert status == 200, content
    return content["result"]


def value(found, name):
    return first(found, name)


class Wire:
    """A session of requests that leads to an org without sockets."""

    def __init__(self, client):
        self.client, self.verify = client, True

    def post(self, url, data=None, headers=None, proxies=None):
        path = "/" + url.split("/", 3)[3]
        answer = self.client.door.handle(Request.make("POST", path, [*headers.items(), ("Host", "127.0.0.1")], data))

        class Seen:
            status_code, content, text = answer.status, answer.payload(), answer.payload().decode()

        return Seen()


@pytest.mark.parametrize("token", ["", "own"])
def test_simple_salesforce_signs_in_by_password_and_security_token(empty, token):
    own = empty.org.credentials
    token = own.security_token if token else ""
    session, instance = SalesforceLogin(
        session=Wire(empty), username=own.username, password=own.password, security_token=token, sf_version="62.0"
    )
    assert instance == "127.0.0.1"
    empty.token = session
    assert empty.ask("GET", "limits")[0] == 200


def test_a_wrong_password_is_a_login_fault(empty):
    body = f"<n:username>{empty.org.credentials.username}</n:username><n:password>no</n:password>"
    status, content = call(empty, "login", body)
    assert status == 500
    assert value(content, "faultstring").startswith("INVALID_LOGIN: Invalid username")
    detail = value(value(content, "detail"), "LoginFault")
    assert value(detail, "exceptionCode") == "INVALID_LOGIN"


def test_a_session_ends_with_logout_and_a_bad_one_is_refused(empty):
    own = empty.org.credentials
    body = f"<n:username>{own.username}</n:username><n:password>{own.password}</n:password>"
    session = value(results(empty, "login", body)[0], "sessionId")
    assert value(results(empty, "getUserInfo", "", session=session)[0], "userName") == own.username
    assert call(empty, "logout", session=session)[0] == 200
    status, content = call(empty, "getServerTimestamp", session=session)
    assert (status, value(content, "faultcode")) == (500, "sf:INVALID_SESSION_ID")


def test_unknown_and_unbuilt_operations_are_told_apart(empty):
    status, content = call(empty, "describeTabs")
    assert (status, "describeTabs" in value(content, "faultstring")) == (501, True)
    status, content = call(empty, "frobnicate")
    assert (status, value(content, "faultcode")) == (500, "soapenv:Client")
    assert send(empty, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")[0] == 500
    assert send(empty, "<a")[0] == 500
    assert call(empty, "login", service="T")[0] == 501


def convert(client, lead, more=""):
    status = "<n:convertedStatus>Closed - Converted</n:convertedStatus>"
    body = f"<n:leadConverts><n:leadId>{lead}</n:leadId>{status}{more}</n:leadConverts>"
    return results(client, "convertLead", body)[0]


def test_a_lead_becomes_contact_account_and_opportunity(empty):
    lead = empty.lead("Ada", Company="Ode", Email="a@ode.example", OwnerId=empty.user("rep1"))
    task = empty.create("Task", WhoId=lead, Subject="Call")
    campaign = empty.create("Campaign", Name="Fair")
    member = empty.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    done = convert(empty, lead)
    assert value(done, "success") == "true"
    contact, account, deal = (value(done, f"{name}Id") for name in ("contact", "account", "opportunity"))
    assert empty.ask("GET", f"sobjects/Contact/{contact}?fields=AccountId,Email")[1]["AccountId"] == account
    shown = empty.ask("GET", f"sobjects/Task/{task}")[1]
    assert (shown["WhoId"], shown["WhatId"]) == (contact, deal)
    shown = empty.ask("GET", f"sobjects/CampaignMember/{member}")[1]
    assert (shown["LeadId"], shown["ContactId"]) == (lead, contact)
    shown = empty.ask("GET", f"sobjects/Opportunity/{deal}")[1]
    assert (shown["CloseDate"], shown["CampaignId"], shown["HasOpenActivity"]) == ("2026-03-31", campaign, True)
    refused = empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[1][0]
    assert refused["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    again = convert(empty, lead)
    assert value(value(again, "errors"), "statusCode") == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert empty.rows(f"SELECT Field FROM LeadHistory WHERE LeadId = '{lead}' AND Field = 'leadConverted'")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("<n:convertedStatus>Open</n:convertedStatus>", "INVALID_STATUS"),
        ("<n:contactId>003000000000001</n:contactId>", "INVALID_CROSS_REFERENCE_KEY"),
        ("<n:leadId>nonsense</n:leadId>", "MALFORMED_ID"),
    ],
)
def test_a_conversion_that_cannot_be_changes_nothing(empty, more, code):
    lead, before = empty.lead("Ada", OwnerId=empty.user("rep1")), empty.snapshot()
    before = empty.snapshot()
    status = "" if "convertedStatus" in more else "<n:convertedStatus>Closed - Converted</n:convertedStatus>"
    who = "" if "leadId" in more else f"<n:leadId>{lead}</n:leadId>"
    done = results(empty, "convertLead", f"<n:leadConverts>{who}{status}{more}</n:leadConverts>")[0]
    assert value(value(done, "errors"), "statusCode") == code
    assert empty.snapshot() == before


def test_a_lead_of_a_queue_needs_an_owner(empty):
    queue = empty.rows("SELECT Id FROM Group WHERE Name = 'Unassigned'")[0]["Id"]
    lead = empty.lead("Ada", OwnerId=queue)
    assert "owned by users" in value(value(convert(empty, lead), "errors"), "message")
    assert value(convert(empty, lead, f"<n:ownerId>{empty.user('rep2')}</n:ownerId>"), "success") == "true"


def test_a_merge_keeps_the_master_and_moves_the_rest(empty):
    master, second, third = (empty.create("Contact", LastName=name) for name in "ABC")
    campaign = empty.create("Campaign", Name="Fair")
    for contact in (master, second, third):
        empty.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    task = empty.create("Task", WhoId=third, Subject="Call")
    body = (
        f"<n:request><n:masterRecord><n:type>Contact</n:type><n:Id>{master}</n:Id><n:Title>Chief</n:Title>"
        f"</n:masterRecord><n:recordToMergeIds>{second}</n:recordToMergeIds>"
        f"<n:recordToMergeIds>{third}</n:recordToMergeIds></n:request>"
    )
    done = results(empty, "merge", body)[0]
    assert (value(done, "success"), done["mergedRecordIds"]) == ("true", [second, third])
    assert empty.ask("GET", f"sobjects/Task/{task}")[1]["WhoId"] == master
    assert empty.query(f"SELECT count() FROM CampaignMember WHERE CampaignId = '{campaign}'")["totalSize"] == 1
    rows = empty.rows("SELECT Id, MasterRecordId, IsDeleted FROM Contact", "queryAll")
    assert {(row["MasterRecordId"], row["IsDeleted"]) for row in rows} == {(None, False), (master, True)}
    assert empty.ask("GET", f"sobjects/Contact/{master}")[1]["Title"] == "Chief"
    assert value(value(results(empty, "merge", body)[0], "errors"), "statusCode") == "ENTITY_IS_DELETED"
    undone = results(empty, "undelete", f"<n:ids>{second}</n:ids>")[0]
    assert value(value(undone, "errors"), "statusCode") == "UNDELETE_FAILED"


def test_what_was_deleted_comes_back_with_what_hung_on_it(empty):
    lead = empty.lead("Ada")
    task = empty.create("Task", WhoId=lead, Subject="Call")
    assert empty.ask("DELETE", f"sobjects/Lead/{lead}")[0] == 204
    assert empty.ask("GET", f"sobjects/Task/{task}")[0] == 404
    assert value(results(empty, "undelete", f"<n:ids>{lead}</n:ids>")[0], "success") == "true"
    assert empty.ask("GET", f"sobjects/Task/{task}")[0] == 200


FIELD = (
    '<n:metadata xsi:type="n:CustomField"><n:fullName>Lead.Grade__c</n:fullName><n:label>{label}</n:label>'
    "<n:length>3</n:length><n:type>Text</n:type><n:externalId>true</n:externalId></n:metadata>"
)
RIGHTS = (
    '<n:metadata xsi:type="n:PermissionSet"><n:fullName>Graders</n:fullName><n:label>Graders</n:label>'
    "<n:fieldPermissions><n:editable>true</n:editable><n:field>Lead.Grade__c</n:field><n:readable>true</n:readable>"
    "</n:fieldPermissions></n:metadata>"
)


def test_metadata_makes_reads_changes_and_deletes(empty):
    def metadata(operation, body):
        return results(empty, operation, body, service="m")

    assert value(metadata("createMetadata", FIELD.format(label="Grade"))[0], "success") == "true"
    again = metadata("createMetadata", FIELD.format(label="Grade"))[0]
    assert value(value(again, "errors"), "statusCode") == "DUPLICATE_DEVELOPER_NAME"
    changed = metadata("upsertMetadata", FIELD.format(label="Mark") + RIGHTS)
    assert [value(entry, "created") for entry in changed] == ["false", "true"]
    names = "<n:type>CustomField</n:type><n:fullNames>Lead.Grade__c</n:fullNames><n:fullNames>Lead.No__c</n:fullNames>"
    shown = metadata("readMetadata", names)[0]["records"]
    assert (value(shown[0], "label"), value(shown[0], "length")) == ("Mark", "3")
    assert not shown[1]
    assert "Grade__c" not in empty.fields("Lead")
    row = empty.rows("SELECT Id FROM PermissionSet WHERE Name = 'Graders'")[0]["Id"]
    empty.create("PermissionSetAssignment", PermissionSetId=row, AssigneeId=empty.org._state.me)
    assert "Grade__c" in empty.fields("Lead")
    read = metadata("readMetadata", "<n:type>PermissionSet</n:type><n:fullNames>Graders</n:fullNames>")[0]
    assert value(value(value(read, "records"), "fieldPermissions"), "field") == "Lead.Grade__c"
    listed = metadata("listMetadata", "<n:queries><n:type>CustomField</n:type></n:queries>")
    assert {value(entry, "fullName") for entry in listed} == {"Contact.External_Id__c", "Lead.Grade__c"}
    gone = metadata("deleteMetadata", "<n:type>CustomField</n:type><n:fullNames>Lead.Grade__c</n:fullNames>")[0]
    assert value(gone, "success") == "true"
    assert "Grade__c" not in empty.fields("Lead")
    assert call(empty, "readMetadata", "<n:type>Flow</n:type><n:fullNames>x</n:fullNames>", service="m")[0] == 501


def package(**files):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("package.xml", f'<Package xmlns="{METADATA}"><version>62.0</version></Package>')
        for name, text in files.items():
            archive.writestr(name.replace("__", "/", 1).replace("_dot_", "."), text)
    return base64.b64encode(raw.getvalue()).decode()


def deploy(client, archive, *, check="false"):
    about = dict.fromkeys(("allowMissingFiles", "autoUpdatePackage", "ignoreWarnings", "performRetrieve"), "false")
    about |= {"purgeOnDelete": "false", "rollbackOnError": "true", "singlePackage": "true", "checkOnly": check}
    own = {"client": "x", "sessionId": client.token, "ZipFile": archive, "testLevel": "", "tests": ""}
    status, content = send(client, DEPLOY_MSG.format(**about, **own), service="m", tail="/deployRequest")
    assert status == 200, content
    row_id = value(value(content, "result"), "id")
    asked = CHECK_DEPLOY_STATUS_MSG.format(
        client="x", sessionId=client.token, asyncProcessId=row_id, includeDetails="true"
    )
    return value(send(client, asked, service="m", tail=f"/deployRequest/{row_id}")[1], "result")


def test_a_package_is_deployed_whole_or_not_at_all(empty):
    field = "<fields><fullName>{}</fullName><label>x</label><length>{}</length><type>Text</type></fields>"
    good, bad = field.format("Good__c", 10), field.format("Bad__c", 999)
    wrapped = f'<CustomObject xmlns="{METADATA}">{{}}</CustomObject>'
    report = deploy(empty, package(objects__Lead_dot_object=wrapped.format(good + bad)))
    assert (value(report, "status"), value(report, "numberComponentErrors")) == ("Failed", "1")
    failure = value(value(report, "details"), "componentFailures")
    assert "Invalid length" in value(failure, "problem")
    names = "<n:type>CustomField</n:type><n:fullNames>Lead.Good__c</n:fullNames>"

    def there():
        return bool(value(results(empty, "readMetadata", names, service="m")[0], "records"))

    assert not there()
    archive = package(objects__Lead_dot_object=wrapped.format(good))
    assert value(deploy(empty, archive, check="true"), "status") == "Succeeded"
    assert not there()
    assert value(deploy(empty, archive), "success") == "true"
    assert there()


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("429", 500, "sf:REQUEST_LIMIT_EXCEEDED"),
        ("503", 503, "sf:SERVER_UNAVAILABLE"),
        ("expire_token", 500, "sf:INVALID_SESSION_ID"),
    ],
)
def test_faults_speak_soap_at_this_door(empty, what, status, code):
    own = empty.org.credentials
    body = f"<n:username>{own.username}</n:username><n:password>{own.password}</n:password>"
    session = value(results(empty, "login", body)[0], "sessionId")
    empty.faults({"match": "Soap", "what": what, "count": 1})
    got, content = call(empty, "getUserInfo", session=session)
    assert (got, value(content, "faultcode")) == (status, code)
    assert (call(empty, "getUserInfo", session=session)[0] == 200) is (what != "expire_token")


def test_a_bundle_that_made_a_field_and_failed_leaves_no_field(empty):
    base = "/services/data/v62.0"
    about = {"FullName": "Lead.Gone__c", "Metadata": {"type": "Text", "label": "Gone", "length": 9, "unique": True}}
    parts = [
        {"method": "POST", "url": f"{base}/tooling/sobjects/CustomField", "referenceId": "a", "body": about},
        {"method": "POST", "url": f"{base}/sobjects/Lead", "referenceId": "b", "body": {}},
    ]
    before = empty.snapshot()
    empty.ask("POST", "composite", {"allOrNone": True, "compositeRequest": parts})
    assert empty.snapshot() == before
    names = "<n:type>CustomField</n:type><n:fullNames>Lead.Gone__c</n:fullNames>"
    assert not value(results(empty, "readMetadata", names, service="m")[0], "records")
    empty.custom_field("Lead.Gone__c")
    assert empty.lead("A", Gone__c="x") != empty.lead("B", Gone__c="x")
