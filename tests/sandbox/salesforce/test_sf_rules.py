"""What admins and reps set up: duplicate rules, validation rules, history, rights, holidays, queues."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ADA = {"LastName": "Ada", "Company": "Ode", "Email": "Ada@Ode.example"}


def put(client, obj="Lead", values=ADA, **headers):
    return client.ask("POST", f"sobjects/{obj}", values, **headers)


def history(client, obj, link, row):
    found = client.rows(f"SELECT Field, DataType, OldValue, NewValue, CreatedById FROM {obj} WHERE {link} = '{row}'")
    return [(row["Field"], row["DataType"], row["OldValue"], row["NewValue"]) for row in found]


@pytest.mark.parametrize(
    ("action", "header", "status"), [("alert", True, 201), ("block", True, 400), ("alert", False, 400)]
)
def test_duplicate_rules_alert_or_block(empty, action, header, status):
    first = put(empty)[1]["id"]
    assert put(empty)[0] == 201
    empty.act({"do": "set_duplicate_rule", "object": "Lead", "values": {"action": action}})
    allow = {"Sforce_Duplicate_Rule_Header": "allowSave=true"} if header else {}
    before = empty.snapshot()
    got, body = put(empty, **allow)
    assert got == status
    if status == 400:
        assert (body[0]["errorCode"], body[0]["message"]) == ("DUPLICATES_DETECTED", "Use one of these records?")
        result = body[0]["duplicateResult"]
        assert result["allowSave"] is (action == "alert")
        assert first in {match["record"]["Id"] for match in result["matchResults"][0]["matchRecords"]}
        assert empty.snapshot() == before
        many = {
            "records": [
                {"attributes": {"type": "Lead"}, **ADA},
                {"attributes": {"type": "Lead"}, **ADA, "Email": "b@ode.example", "LastName": "B"},
            ]
        }
        results = empty.ask("POST", "composite/sobjects", many, **allow)[1]
        assert [entry["success"] for entry in results] == [False, True]
        assert results[0]["errors"][0] == {
            "statusCode": "DUPLICATES_DETECTED",
            "message": "Use one of these records?",
            "fields": [],
        }
    empty.act({"do": "set_duplicate_rule", "object": "Lead", "values": {"action": "off"}})
    assert put(empty)[0] == 201


def test_a_lead_is_compared_with_contacts_and_by_name_and_company(empty):
    empty.act({"do": "set_duplicate_rule", "object": "Lead", "values": {"action": "block"}})
    empty.create("Contact", LastName="Ada", Email="ada@ode.example")
    assert put(empty)[0] == 400
    assert put(empty, values={"LastName": "Bo", "Company": "Ode"})[0] == 201
    assert put(empty, values={"LastName": "bo", "Company": "ODE", "Email": "other@ode.example"})[0] == 400
    assert put(empty, values={"LastName": "Bo", "Company": "Elsewhere"})[0] == 201
    # An update that touches none of what is compared is not looked at.
    lead = put(empty, values={"LastName": "Cy", "Company": "Ode"})[1]["id"]
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[0] == 204


def test_an_admins_validation_rule_speaks_in_their_words(empty):
    rule = {"do": "set_validation_rule", "object": "Lead", "values": {"field": "Industry", "message": "Pick one!"}}
    empty.act(rule)
    expected = {"message": "Pick one!", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Industry"]}
    assert put(empty) == (400, [expected])
    assert put(empty, values={**ADA, "Industry": "Media"})[0] == 201
    empty.act({**rule, "values": {"field": "Industry"}})
    assert put(empty)[0] == 201


def test_tracked_fields_leave_a_history_and_others_none(empty):
    lead = empty.lead("Ada", OwnerId=empty.user("rep1"))
    empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Status": "Working - Contacted", "City": "Ulm"})
    empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Status": "Working - Contacted"})
    empty.ask("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": empty.user("rep2")}, Sforce_Auto_Assign="FALSE")
    assert history(empty, "LeadHistory", "LeadId", lead) == [
        ("Status", "DynamicEnum", "Open - Not Contacted", "Working - Contacted"),
        ("Owner", "Text", "Rosa Ito", "Ben Adeyemi"),
        ("Owner", "EntityId", empty.user("rep1"), empty.user("rep2")),
    ]
    shown = empty.rows(f"SELECT Id, (SELECT Field FROM Histories) FROM Lead WHERE Id = '{lead}'")[0]
    assert len(shown["Histories"]["records"]) == 3
    assert empty.ask("POST", "sobjects/LeadHistory", {"LeadId": lead})[0] == 400


def test_a_custom_field_is_tracked_when_its_definition_says_so(empty):
    empty.custom_field("Lead.Grade__c", trackHistory=True)
    empty.custom_field("Lead.Other__c")
    lead = empty.lead("Ada", Grade__c="A", Other__c="A")
    empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Grade__c": "B", "Other__c": "B"})
    assert history(empty, "LeadHistory", "LeadId", lead) == [("Grade__c", "Text", "A", "B")]


def test_an_opportunity_keeps_pictures_of_its_stages(empty):
    deal = empty.create("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-05-01", Amount=100)
    empty.ask("PATCH", f"sobjects/Opportunity/{deal}", {"StageName": "Closed Won"})
    empty.ask("PATCH", f"sobjects/Opportunity/{deal}", {"NextStep": "Party"})
    found = empty.rows("SELECT StageName, Amount, Probability, ForecastCategory FROM OpportunityHistory ORDER BY Id")
    assert [(row["StageName"], row["Probability"], row["ForecastCategory"]) for row in found] == [
        ("Prospecting", 10, "Pipeline"),
        ("Closed Won", 100, "Closed"),
    ]
    assert ("StageName", "DynamicEnum", "Prospecting", "Closed Won") in history(
        empty, "OpportunityFieldHistory", "OpportunityId", deal
    )


def test_a_refused_write_leaves_no_history(empty):
    lead = empty.lead("Ada")
    records = [
        {"attributes": {"type": "Lead"}, "id": lead, "Status": "Working - Contacted"},
        {"attributes": {"type": "Lead"}, "id": lead, "Email": "no"},
    ]
    empty.ask("PATCH", "composite/sobjects", {"allOrNone": True, "records": records})
    assert history(empty, "LeadHistory", "LeadId", lead) == []


def test_emails_are_kept_in_small_letters_and_found_in_any(empty):
    lead = put(empty)[1]["id"]
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1]["Email"] == "ada@ode.example"
    assert empty.query("SELECT count() FROM Lead WHERE Email = 'ADA@ode.example'")["totalSize"] == 1


def test_rights_to_objects_rest_on_each_other_and_stand_once(empty):
    row = empty.create("PermissionSet", Name="Some", Label="Some")
    base = {"ParentId": row, "SobjectType": "Lead"}
    status, body = empty.ask("POST", "sobjects/ObjectPermissions", {**base, "PermissionsEdit": True})
    assert (status, body[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    empty.create("ObjectPermissions", **base, PermissionsEdit=True, PermissionsRead=True)
    assert (
        empty.ask("POST", "sobjects/ObjectPermissions", {**base, "PermissionsRead": True})[1][0]["errorCode"]
        == "DUPLICATE_VALUE"
    )
    grant = {"ParentId": row, "SobjectType": "Lead", "PermissionsRead": True}
    assert empty.ask("POST", "sobjects/FieldPermissions", {**grant, "Field": "Lead.Industry"})[0] == 201
    refused = empty.ask("POST", "sobjects/FieldPermissions", {**grant, "Field": "Lead.LastName"})[1][0]
    assert refused["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_reference_to_what_one_may_not_read_is_refused(empty):
    account = empty.create("Account", Name="Ode")
    empty.act({"do": "remove_right", "object": "Account", "right": "read"})
    status, body = put(empty, "Contact", {"LastName": "Ada", "AccountId": account})
    assert (status, body[0]["errorCode"]) == (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")


def test_reps_go_on_holiday_hand_over_and_take_back(empty):
    done = empty.act({"do": "go_on_holiday", "user": "rep1", "values": {"days": 10}, "at": "2026-03-05T08:00:00Z"})[0]
    event = empty.ask("GET", f"sobjects/Event/{done['id']}")[1]
    assert (event["ShowAs"], event["IsAllDayEvent"], event["OwnerId"]) == ("OutOfOffice", True, empty.user("rep1"))
    assert (event["ActivityDate"], done["until"]) == ("2026-03-05", "2026-03-14")
    lead = empty.lead("Ada", Email="ada@ode.example", OwnerId=empty.user("rep1"))
    empty.act({"do": "assign", "email": "ada@ode.example", "values": {"owner": "Unassigned"}})
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1]["OwnerId"].startswith("00G")
    empty.act({"do": "assign", "id": lead, "values": {"owner": "rep2"}}, {"do": "delete", "id": lead})
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1][0]["errorCode"] == "ENTITY_IS_DELETED"
    empty.act({"do": "undelete", "id": lead})
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1]["OwnerId"] == empty.user("rep2")


@pytest.mark.parametrize(
    "act",
    [
        {"do": "go_on_holiday", "values": {"days": 0}},
        {"do": "set_duplicate_rule", "object": "Task", "values": {"action": "block"}},
        {"do": "set_duplicate_rule", "values": {"action": "maybe"}},
        {"do": "set_validation_rule", "values": {"field": "Nonsense"}},
        {"do": "undelete", "id": "00Q000000000001"},
        {"do": "assign", "id": "00Q000000000001", "values": {"owner": "nobody"}},
    ],
)
def test_impossible_set_up_is_refused_in_words(empty, act):
    status, body = empty.ask("POST", "/__sandbox__/act", [act])
    assert status == 400
    assert body["error"].startswith(act["do"]) or body["error"].startswith("no user")


def test_a_queue_is_made_filled_and_owns_leads(empty):
    queue = empty.create("Group", Name="Spare", DeveloperName="Spare", Type="Queue")
    refused = empty.ask("POST", "sobjects/Lead", {**ADA, "OwnerId": queue}, Sforce_Auto_Assign="FALSE")[1][0]
    assert refused["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"
    empty.create("QueueSobject", QueueId=queue, SobjectType="Lead")
    empty.create("GroupMember", GroupId=queue, UserOrGroupId=empty.user("rep1"))
    lead = empty.lead("Ada", OwnerId=queue)
    owner = empty.rows(f"SELECT Owner.Name, Owner.Type FROM Lead WHERE Id = '{lead}'")[0]["Owner"]
    assert (owner["Name"], owner["Type"]) == ("Spare", "Queue")


def test_accounts_have_tags_and_a_stale_one_does_not_write(empty):
    account = empty.create("Account", Name="Ode")
    empty.ask("GET", f"sobjects/Account/{account}")
    tag = empty.answer.headers["ETag"]
    assert empty.ask("GET", f"sobjects/Account/{account}", If_None_Match=tag) == (304, None)
    assert empty.ask("PATCH", f"sobjects/Account/{account}", {"Site": "a"}, If_Match=tag)[0] == 204
    assert empty.ask("PATCH", f"sobjects/Account/{account}", {"Site": "b"}, If_Match=tag)[0] == 412
    lead = empty.lead("Ada")
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"}, If_Match='"x"')[0] == 204


def test_the_method_may_stand_in_the_address(empty):
    lead = empty.lead("Ada")
    assert empty.ask("POST", f"sobjects/Lead/{lead}?_HttpMethod=PATCH", {"City": "Ulm"})[0] == 204
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1]["City"] == "Ulm"


def test_what_is_not_built_says_so_by_name(empty):
    lead = {"WhoId": empty.lead("Ada"), "Subject": "Call", "IsRecurrence": True}
    assert empty.ask("POST", "sobjects/Task", lead)[1][0]["errorCode"] == "SANDBOX_NOT_BUILT"
    about = {"FullName": "Lead.F__c", "Metadata": {"type": "Text", "label": "F", "formula": "1", "length": 9}}
    for path, body in (
        ("tooling/sobjects/CustomField", about),
        ("tooling/sobjects/ValidationRule", {}),
        ("sobjects/Case", {}),
    ):
        status, words = empty.ask("POST", path, body)
        assert (status, words[0]["errorCode"]) == (501, "SANDBOX_NOT_BUILT"), path


def test_a_lookup_field_leads_to_its_row(empty):
    empty.custom_field("Lead.Champion__c", type="Lookup", referenceTo="Contact", relationshipName="Leads")
    contact = empty.create("Contact", LastName="Bo")
    lead = empty.lead("Ada", Champion__c=contact)
    assert (
        empty.rows(f"SELECT Champion__r.LastName FROM Lead WHERE Id = '{lead}'")[0]["Champion__r"]["LastName"] == "Bo"
    )
    refused = empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Champion__c": lead})[1][0]
    assert refused["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_a_field_may_be_seen_and_not_be_written(empty):
    empty.act({"do": "remove_right", "object": "Lead", "right": "Title.edit"})
    lead = empty.lead("Ada")
    refused = empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Title": "Chief"})[1][0]
    assert (refused["errorCode"], refused["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Title"])
    described = empty.ask("GET", "sobjects/Lead/describe")[1]["fields"]
    assert [field["updateable"] for field in described if field["name"] == "Title"] == [False]
    empty.act({"do": "remove_right", "object": "Lead", "right": "Title"})
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Title": "Chief"})[1][0]["errorCode"] == "INVALID_FIELD"


def test_events_know_their_end_by_their_length_and_the_other_way_round(empty):
    start = {"Subject": "Demo", "StartDateTime": "2026-03-05T10:00:00Z"}
    long = empty.create("Event", **start, DurationInMinutes=90)
    shown = empty.ask("GET", f"sobjects/Event/{long}")[1]
    assert (shown["EndDateTime"], shown["EndDate"]) == ("2026-03-05T11:30:00.000+0000", "2026-03-05")
    short = empty.create("Event", **start, EndDateTime="2026-03-05T10:30:00Z")
    assert empty.ask("GET", f"sobjects/Event/{short}")[1]["DurationInMinutes"] == 30
    empty.ask("PATCH", f"sobjects/Event/{long}", {"ActivityDateTime": "2026-03-06T10:00:00Z"})
    assert empty.ask("GET", f"sobjects/Event/{long}")[1]["EndDateTime"] == "2026-03-06T11:30:00.000+0000"
    refused = empty.ask("POST", "sobjects/Event", {**start, "EndDateTime": "2026-03-05T09:00:00Z"})[1][0]
    assert refused["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    day = empty.create("Event", Subject="Off", IsAllDayEvent=True, ActivityDate="2026-03-07", DurationInMinutes=1440)
    assert empty.ask("GET", f"sobjects/Event/{day}")[1]["EndDate"] == "2026-03-07"


def test_a_campaign_comes_with_statuses_and_sums_up_its_members(empty):
    campaign = empty.create("Campaign", Name="Fair")
    found = empty.rows(
        f"SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus WHERE CampaignId = '{campaign}'"
    )
    assert {(row["Label"], row["IsDefault"], row["HasResponded"]) for row in found} == {
        ("Sent", True, False),
        ("Responded", False, True),
    }
    lead = empty.lead("Ada", Title="Chief", Email="a@ode.example")
    member = empty.create("CampaignMember", CampaignId=campaign, LeadId=lead, Status="Responded")
    empty.create("CampaignMember", CampaignId=campaign, ContactId=empty.create("Contact", LastName="Bo"))
    shown = empty.ask("GET", f"sobjects/Campaign/{campaign}")[1]
    assert [shown[f"NumberOf{name}"] for name in ("Leads", "Contacts", "Responses")] == [1, 1, 1]
    shown = empty.ask("GET", f"sobjects/CampaignMember/{member}")[1]
    assert (shown["HasResponded"], shown["Title"], shown["Type"]) == (True, "Chief", "Lead")
    again = empty.ask("POST", "sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})[1][0]
    assert again["errorCode"] == "DUPLICATE_VALUE"


def test_a_deal_has_one_primary_contact(empty):
    deal = empty.create("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-05-01")
    roles = [
        empty.create(
            "OpportunityContactRole",
            OpportunityId=deal,
            ContactId=empty.create("Contact", LastName=name),
            IsPrimary=True,
        )
        for name in "AB"
    ]
    shown = [empty.ask("GET", f"sobjects/OpportunityContactRole/{role}")[1]["IsPrimary"] for role in roles]
    assert shown == [False, True]


def test_the_page_about_the_sandbox_names_every_act(empty):
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()
    status, body = empty.ask("POST", "/__sandbox__/act", [{"do": "?"}])
    known = re.findall(r"'(\w+)'", body["error"].split("known are")[1])
    named = page.split("On Salesforce's:")[1].split(".")[0]
    assert status == 400
    assert sorted(known) == sorted(re.findall(r"`(\w+)`", named))
