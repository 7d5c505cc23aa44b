"""Describe, custom fields and who may see them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.salesforce.objects.schema import standard_objects


def recorded():
    shared = os.environ.get("HANDOFF_SHARED")
    if not shared:
        pytest.skip("HANDOFF_SHARED does not say where the recorded describes are")
    return Path(shared) / "specs" / "salesforce"


#: Fields of recorded describes that this org has not, with the reason.
NOT_HERE = {
    "RecordTypeId": "no record types here",
    "IsPartner": "partner portals are not built",
    "IsCustomerPortal": "customer portals are not built",
    "ChannelProgramName": "partner programmes are not built",
    "ChannelProgramLevelName": "partner programmes are not built",
    "DandbCompanyId": "no Data.com companies here",
    "OperatingHoursId": "no operating hours here",
    "IndividualId": "no privacy records here",
    "Pricebook2Id": "no products and price books here",
    "LastAmountChangedHistoryId": "no pointers into the stage history here",
    "LastCloseDateChangedHistoryId": "no pointers into the stage history here",
}
#: Fields that a recorded org hides from its user by field-level security, and any org has.
HIDDEN_THERE = {"HasOptedOutOfEmail", "DoNotCall"}
#: Attributes in which a field differs from the recorded one, with the reason.
OTHERWISE = {
    ("WhatId", "referenceTo"): "only objects of this org",
    ("OwnerId", "referenceTo"): "no shared calendars here",
    ("OwnerId", "namePointing"): "no shared calendars here",
    ("OwnerId", "polymorphicForeignKey"): "no shared calendars here",
    ("LeadSource", "picklistValues"): "the sample people also come from trade shows",
    ("CleanStatus", "picklistValues"): "the vendor shows friendlier labels",
    ("JigsawCompanyId", "relationshipName"): "no Data.com companies here",
    ("JigsawContactId", "relationshipName"): "no Data.com contacts here",
}


@pytest.mark.parametrize("obj", ["Account", "Lead", "Contact", "Opportunity", "OpportunityContactRole", "Event"])
def test_describe_agrees_with_recorded_describes_in_every_attribute(obj, empty):
    real = json.loads((recorded() / f"describe-{obj}.json").read_text())
    theirs = {field["name"]: field for field in real["fields"]}
    body = empty.ask("GET", f"sobjects/{obj}/describe")[1]
    ours = {field["name"]: field for field in body["fields"] if not field["custom"]}
    assert set(ours) - set(theirs) <= HIDDEN_THERE
    # Recurring events are not built, and custom fields of a recorded org are its own.
    absent = {name for name in set(theirs) - set(ours) if "Recurrence" not in name and not name.endswith("__c")}
    assert absent <= set(NOT_HERE)
    for name in set(ours) & set(theirs):
        for attribute, known in theirs[name].items():
            if (name, attribute) not in OTHERWISE:
                assert ours[name][attribute] == known, (name, attribute)


@pytest.mark.parametrize("obj", ["Account", "Lead", "Contact", "Opportunity", "OpportunityContactRole", "Event"])
def test_describe_says_of_objects_what_recorded_ones_say(obj, empty):
    real = json.loads((recorded() / f"describe-{obj}.json").read_text())
    body = empty.ask("GET", f"sobjects/{obj}/describe")[1]
    assert set(real) <= set(body)
    for name, known in real.items():
        if not isinstance(known, (list, dict)):
            assert body[name] == known, name
    theirs = {(c["childSObject"], c["field"]): c for c in real["childRelationships"]}
    for child in body["childRelationships"]:
        known = theirs.get((child["childSObject"], child["field"]))
        assert known is None or child == known
    assert set(body["urls"]) <= set(real["urls"])
    path = body["urls"].get("layouts", "x").replace("/services/data/v62.0/", "")
    status, words = empty.ask("GET", path)
    assert (status, words[0]["errorCode"]) == (501, "SANDBOX_NOT_BUILT")


def test_the_global_describe_says_what_a_recorded_one_says(empty):
    real = {entry["name"]: entry for entry in json.loads((recorded() / "describe-global.json").read_text())["sobjects"]}
    shown = empty.ask("GET", "sobjects")[1]
    assert (shown["encoding"], shown["maxBatchSize"]) == ("UTF-8", 200)
    for entry in shown["sobjects"]:
        known = real.get(entry["name"])
        if known is not None and known["keyPrefix"] is not None:
            for name in set(known) - {"urls"}:
                # What a licence lets a recorded user do with set-up objects is not what ours may.
                if name not in ("createable", "updateable", "deletable") or entry["name"] in ("Account", "Contact"):
                    assert entry[name] == known[name], (entry["name"], name)


def test_describe_answers_304_until_something_changes(empty):
    status, _ = empty.ask("GET", "sobjects/Lead/describe")
    stamp = empty.answer.headers["Last-Modified"]
    assert (status, empty.answer.headers["ETag"][0]) == (200, '"')
    for path in ("sobjects", "sobjects/Lead/describe"):
        assert empty.ask("GET", path, If_Modified_Since=stamp) == (304, None)
    empty.advance("1h")
    empty.custom_field("Lead.Grade__c")
    assert empty.ask("GET", "sobjects/Lead/describe", If_Modified_Since=stamp)[0] == 200
    assert empty.ask("GET", "sobjects", If_Modified_Since="yesterday")[0] == 400


def test_objects_without_a_recorded_describe_have_known_fields_only():
    known = json.loads((recorded() / "standard-object-fields.json").read_text())
    extra = {"CompletedDateTime"}
    for obj in standard_objects().values():
        if obj.name in known and not (recorded() / f"describe-{obj.name}.json").exists():
            assert {field.name for field in obj.fields.values()} - set(known[obj.name]) <= extra, obj.name


def test_describe_shows_what_clients_read(empty):
    body = empty.ask("GET", "sobjects/Task/describe")[1]
    fields = {field["name"]: field for field in body["fields"]}
    assert fields["Subject"]["type"] == "combobox"
    assert fields["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert fields["Status"]["picklistValues"][0]["value"] == "Not Started"
    assert body["keyPrefix"] == "00T"
    names = {entry["name"] for entry in empty.ask("GET", "sobjects")[1]["sobjects"]}
    assert {"Lead", "Task", "User", "QueueSobject", "FieldPermissions"} <= names
    assert "CustomField" not in names


def test_a_new_field_is_seen_by_nobody_until_it_is_granted(empty):
    made = empty.custom_field("Lead.Handoff_Score__c", grant=False, type="Number", precision=5, scale=1)
    assert "Handoff_Score__c" not in empty.fields("Lead")
    lead = empty.lead()
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Handoff_Score__c": 7})[1][0]["errorCode"] == "INVALID_FIELD"
    status, body = empty.ask("GET", f"query?q={quote('SELECT Handoff_Score__c FROM Lead')}")
    assert (status, body[0]["errorCode"]) == (400, "INVALID_FIELD")
    empty.grant("Lead.Handoff_Score__c")
    assert "Handoff_Score__c" in empty.fields("Lead")
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Handoff_Score__c": 71.26})[0] == 204
    assert empty.rows("SELECT Handoff_Score__c FROM Lead")[0]["Handoff_Score__c"] == 71.3
    text = "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Lead'"
    assert empty.rows(text, "tooling/query") == [
        {
            "attributes": {"type": "CustomField", "url": f"/services/data/v62.0/sobjects/CustomField/{made}"},
            "Id": made,
            "DeveloperName": "Handoff_Score",
        }
    ]
    assert empty.ask("GET", f"tooling/sobjects/CustomField/{made}")[1]["FullName"] == "Lead.Handoff_Score__c"
    assert empty.calls()["apart"]["provision"] >= 4


def test_a_right_to_read_alone_does_not_write(empty):
    empty.custom_field("Lead.Note__c", grant=False)
    name = empty.create("PermissionSet", Name="Readers", Label="Readers")
    empty.create("PermissionSetAssignment", PermissionSetId=name, AssigneeId=empty.org._state.me)
    row = {"ParentId": name, "SobjectType": "Lead", "Field": "Lead.Note__c", "PermissionsRead": True}
    made = empty.create("FieldPermissions", **row, PermissionsEdit=False)
    refused = empty.ask("POST", "sobjects/Lead", {"LastName": "A", "Company": "B", "Note__c": "x"})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert empty.ask("POST", "sobjects/FieldPermissions", row)[1][0]["errorCode"] == "DUPLICATE_VALUE"
    empty.ask("PATCH", f"sobjects/FieldPermissions/{made}", {"PermissionsEdit": True})
    assert empty.ask("POST", "sobjects/Lead", {"LastName": "A", "Company": "B", "Note__c": "x"})[0] == 201


def test_activity_fields_serve_tasks_and_events_and_may_be_unique(empty):
    empty.custom_field("Activity.Handoff_Key__c", externalId=True, unique=True)
    shown = {field["name"]: field for field in empty.ask("GET", "sobjects/Task/describe")[1]["fields"]}
    assert (shown["Handoff_Key__c"]["externalId"], shown["Handoff_Key__c"]["unique"]) == (True, True)
    assert "Handoff_Key__c" in empty.fields("Event")
    assert empty.ask("PATCH", "sobjects/Task/Handoff_Key__c/k", {"Subject": "Call"})[0] == 201
    assert empty.ask("PATCH", "sobjects/Task/Handoff_Key__c/K", {"Subject": "Call"})[0] == 200
    body = {"FullName": "Task.X__c", "Metadata": {"type": "Text", "label": "X", "length": 5}}
    refused = empty.ask("POST", "tooling/sobjects/CustomField", body)[1][0]
    assert refused["message"] == "Entity Enumeration Or ID: bad value for restricted picklist field: Task"


def test_an_org_may_refuse_unique_on_activities(make):
    client = make(unique_task_key=False)
    about = {"type": "Text", "label": "Key", "length": 64, "externalId": True}
    body = {"FullName": "Activity.Handoff_Key__c", "Metadata": {**about, "unique": True}}
    assert client.ask("POST", "tooling/sobjects/CustomField", body)[0] == 400
    body["Metadata"] = about
    assert client.ask("POST", "tooling/sobjects/CustomField", body)[0] == 201
    assert client.ask("POST", "tooling/sobjects/CustomField", body)[1][0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"


def test_a_restricted_picklist_of_ours_takes_its_values_only(empty):
    values = [{"fullName": name, "label": name, "default": False} for name in ("Yes", "No")]
    definition = {"restricted": True, "valueSetDefinition": {"value": values, "sorted": False}}
    empty.custom_field("Contact.Need__c", type="Picklist", valueSet=definition)
    refused = empty.ask("POST", "sobjects/Contact", {"LastName": "A", "Need__c": "Perhaps"})[1][0]
    assert refused["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert empty.create("Contact", LastName="A", Need__c="Yes")
