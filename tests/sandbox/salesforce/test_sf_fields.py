"""Describe, custom fields and who may see them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.salesforce.schema import standard_objects


def recorded():
    shared = os.environ.get("HANDOFF_SHARED")
    if not shared:
        pytest.skip("HANDOFF_SHARED does not say where the recorded describes are")
    return Path(shared) / "specs" / "salesforce"


@pytest.mark.parametrize("obj", ["Account", "Lead", "Contact", "Opportunity", "OpportunityContactRole", "Event"])
def test_the_field_table_agrees_with_recorded_describes(obj):
    real = {field["name"]: field for field in json.loads((recorded() / f"describe-{obj}.json").read_text())["fields"]}
    ours = standard_objects()[obj.lower()]
    unknown = {field.name for field in ours.fields.values()} - set(real)
    assert unknown <= {"HasOptedOutOfEmail", "DoNotCall"}
    for field in ours.fields.values():
        if field.name not in real:
            continue
        known = real[field.name]
        shown = (field.type, field.createable, field.updateable, field.nillable, field.filterable, field.restricted)
        names = ("type", "createable", "updateable", "nillable", "filterable", "restrictedPicklist")
        assert shown == tuple(known[name] for name in names), field.name
        assert (field.length, field.scale) == (known["length"], known["scale"]), field.name
        assert set(field.refers_to) <= set(known["referenceTo"]), field.name
        assert {value["value"] for value in known["picklistValues"]} <= set(field.values), field.name


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
