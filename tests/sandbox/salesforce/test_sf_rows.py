"""Single rows: statuses, validation in the vendor's words, ids, upsert, deletion, headers."""

from __future__ import annotations

import pytest

from sandbox.salesforce.ids import make_id


def error(client, method, path, body=None, **headers):
    status, shown = client.ask(method, path, body, **headers)
    return status, shown[0]["errorCode"], shown[0]["message"], shown[0].get("fields")


def test_a_row_is_created_read_changed_and_deleted(empty):
    status, made = empty.ask("POST", "sobjects/Lead/", {"LastName": "Ada", "Company": "Corp", "Email": "a@x.example"})
    assert (status, made["success"], made["errors"]) == (201, True, [])
    assert empty.answer.headers["Location"] == f"/services/data/v62.0/sobjects/Lead/{made['id']}"
    row = empty.ask("GET", f"sobjects/lead/{made['id'][:15]}")[1]
    assert (row["Name"], row["Status"], row["IsConverted"]) == ("Ada", "Open - Not Contacted", False)
    assert row["SystemModstamp"].endswith(".000+0000")
    assert empty.ask("PATCH", f"sobjects/Lead/{made['id']}", {"City": "Ulm", "Email": None}) == (204, None)
    again = empty.ask("GET", f"sobjects/Lead/{made['id']}?fields=City,Email,SystemModstamp")[1]
    assert (again["City"], again["Email"]) == ("Ulm", None)
    assert again["SystemModstamp"] > row["SystemModstamp"]
    assert empty.ask("DELETE", f"sobjects/Lead/{made['id']}") == (204, None)
    assert error(empty, "DELETE", f"sobjects/Lead/{made['id']}")[:2] == (404, "ENTITY_IS_DELETED")
    assert error(empty, "PATCH", f"sobjects/Lead/{made['id']}", {})[:2] == (404, "ENTITY_IS_DELETED")
    assert empty.rows("SELECT Id FROM Lead") == []
    assert empty.rows("SELECT Id, IsDeleted FROM Lead", "queryAll")[0]["IsDeleted"] is True


def test_half_a_surrogate_pair_is_kept_as_a_question_mark_and_a_whole_one_as_it_is(empty):
    lead = empty.create("Lead", LastName="Ada", Company="Corp \ud83c\udf89", Title="x\ud83dy \\ud83d")
    row = empty.ask("GET", f"sobjects/Lead/{lead}")[1]
    assert (row["Company"], row["Title"]) == ("Corp \U0001f389", "x?y \\ud83d")
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"Title": "CEO"}) == (204, None), "the org goes on"
    empty.act({"do": "edit", "object": "Lead", "id": lead, "values": {"Title": "\ud83dy"}})
    assert empty.ask("GET", f"sobjects/Lead/{lead}")[1]["Title"] == "?y"


LEAD = {"LastName": "Ada", "Company": "Corp"}


@pytest.mark.parametrize(
    ("obj", "values", "code", "words", "fields"),
    [
        ("Lead", {"LastName": "X"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]", ["Company"]),
        (
            "Lead",
            {**LEAD, "LastName": "  "},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
            ["LastName"],
        ),
        ("Lead", {**LEAD, "City": "x" * 41}, "STRING_TOO_LONG", "(max length=40)", ["City"]),
        ("Lead", {**LEAD, "Email": "123"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: 123", ["Email"]),
        ("Lead", {**LEAD, "foo": 1}, "INVALID_FIELD", "No such column 'foo' on sobject of type Lead", None),
        (
            "Lead",
            {**LEAD, "Name": "x"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: Name.",
            ["Name"],
        ),
        ("Lead", {**LEAD, "OwnerId": "005"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: 005", ["OwnerId"]),
        (
            "Lead",
            {**LEAD, "OwnerId": make_id("001", 1)},
            "FIELD_INTEGRITY_EXCEPTION",
            "id value of incorrect type",
            ["OwnerId"],
        ),
        ("Lead", {**LEAD, "OwnerId": make_id("005", 99)}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross", ["OwnerId"]),
        ("Lead", {**LEAD, "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", "many", None),
        (
            "Lead",
            {**LEAD, "NumberOfEmployees": 10**9},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "1000000000",
            ["NumberOfEmployees"],
        ),
        ("Lead", {**LEAD, "LastName": 5}, "JSON_PARSER_ERROR", "instance of string", None),
        ("Lead", {**LEAD, "Id": make_id("00Q", 1)}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Id", ["Id"]),
        (
            "Task",
            {"TaskSubtype": "Dance"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "restricted picklist field: Dance",
            ["TaskSubtype"],
        ),
        ("Task", {"ActivityDate": "tomorrow"}, "JSON_PARSER_ERROR", "instance of date", None),
        ("Opportunity", {"Name": "x"}, "REQUIRED_FIELD_MISSING", "[StageName, CloseDate]", ["StageName", "CloseDate"]),
    ],
)
def test_bad_values_are_refused_in_the_vendors_words(empty, obj, values, code, words, fields):
    status, got, message, named = error(empty, "POST", f"sobjects/{obj}", values)
    assert (status, got, named) == (400, code, fields)
    assert words in message
    assert empty.org.records.count(obj) == 0


def test_absent_and_malformed_ids_are_404(empty):
    assert error(empty, "GET", f"sobjects/Lead/{make_id('00Q', 7)}")[:2] == (404, "NOT_FOUND")
    assert error(empty, "PATCH", f"sobjects/Lead/{make_id('00Q', 7)}", {})[:2] == (404, "INVALID_CROSS_REFERENCE_KEY")
    shown = error(empty, "PATCH", "sobjects/Lead/7", {})
    assert shown[:3] == (404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: 7")
    assert error(empty, "GET", "sobjects/Whizbang")[:2] == (404, "NOT_FOUND")
    assert error(empty, "GET", "nowhere")[:2] == (404, "NOT_FOUND")


def test_a_task_knows_whom_it_may_be_about(empty):
    lead, account = empty.lead(), empty.create("Account", Name="Corp")
    contact = empty.create("Contact", LastName="Ode", AccountId=account)
    refused = error(empty, "POST", "sobjects/Task", {"WhoId": lead, "WhatId": account})
    assert (refused[0], refused[1], refused[3]) == (400, "FIELD_INTEGRITY_EXCEPTION", ["WhatId"])
    task = empty.create("Task", WhoId=contact, WhatId=account, Subject="Call")
    row = empty.ask("GET", f"sobjects/Task/{task}")[1]
    assert (row["AccountId"], row["IsClosed"], row["Priority"], row["TaskSubtype"]) == (
        account,
        False,
        "Normal",
        "Task",
    )
    wrong = error(empty, "POST", "sobjects/Task", {"WhatId": lead})
    assert (wrong[1], wrong[3]) == ("FIELD_INTEGRITY_EXCEPTION", ["WhatId"])
    empty.ask("PATCH", f"sobjects/Task/{task}", {"Status": "Completed"})
    assert empty.ask("GET", f"sobjects/Task/{task}")[1]["IsClosed"] is True


def test_nothing_is_written_to_a_converted_lead_or_points_at_one(empty):
    lead = empty.lead(Email="a@x.example")
    task = empty.create("Task", WhoId=lead, Subject="Call")
    done = empty.act({"do": "convert", "email": "a@x.example", "user": "rep1"})[0]
    assert error(empty, "PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[1] == "CANNOT_UPDATE_CONVERTED_LEAD"
    refused = error(empty, "POST", "sobjects/Task", {"WhoId": lead})
    assert refused[1:3] == ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    row = empty.ask("GET", f"sobjects/Lead/{lead}")[1]
    assert (row["IsConverted"], row["ConvertedContactId"], row["Status"]) == (
        True,
        done["contact"],
        "Closed - Converted",
    )
    assert empty.ask("GET", f"sobjects/Task/{task}")[1]["WhoId"] == done["contact"]


def test_inactive_owners_are_refused(empty):
    rep = empty.user("rep1")
    lead = empty.lead(OwnerId=rep)
    empty.act({"do": "deactivate_user", "user": "rep1"})
    refused = error(empty, "POST", "sobjects/Task", {"OwnerId": rep})
    words = f"operation performed with inactive user [{rep}] as owner of task"
    assert refused[1:3] == ("INACTIVE_OWNER_OR_USER", words)
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"})[0] == 204


def test_the_assignment_rule_overrides_the_owner_unless_told_not_to(empty):
    rep = empty.user("rep2")
    queue = empty.rows("SELECT Id FROM Group WHERE Name = 'Web Leads' AND Type = 'Queue'")[0]["Id"]
    for header, owner in (({}, queue), ({"Sforce_Auto_Assign": "TRUE"}, queue), ({"Sforce_Auto_Assign": "false"}, rep)):
        made = empty.ask("POST", "sobjects/Lead", {**LEAD, "OwnerId": rep}, **header)[1]["id"]
        assert empty.ask("GET", f"sobjects/Lead/{made}?fields=OwnerId")[1]["OwnerId"] == owner
    empty.ask("PATCH", f"sobjects/Lead/{made}", {"City": "Ulm"})
    assert empty.ask("GET", f"sobjects/Lead/{made}?fields=OwnerId")[1]["OwnerId"] == rep
    empty.ask("PATCH", f"sobjects/Lead/{made}", {"OwnerId": rep})
    assert empty.ask("GET", f"sobjects/Lead/{made}?fields=OwnerId")[1]["OwnerId"] == queue


def test_leads_and_tasks_may_belong_to_the_queue_contacts_not(empty):
    queue = empty.rows("SELECT Id FROM Group WHERE DeveloperName = 'Unassigned'")[0]["Id"]
    assert empty.lead(OwnerId=queue)
    assert empty.create("Task", OwnerId=queue)
    assert (
        error(empty, "POST", "sobjects/Contact", {"LastName": "X", "OwnerId": queue})[1] == "FIELD_INTEGRITY_EXCEPTION"
    )


def test_upsert_creates_updates_and_says_which(empty):
    path = "sobjects/Contact/External_Id__c/a%2Fb%20c"
    status, made = empty.ask("PATCH", path, {"LastName": "Ode"})
    assert (status, made["created"]) == (201, True)
    status, again = empty.ask("PATCH", path, {"LastName": "Ode", "Title": "VP"})
    assert (status, again) == (200, {"id": made["id"], "success": True, "errors": [], "created": False})
    assert empty.ask("GET", path)[1]["Title"] == "VP"
    assert empty.ask("PATCH", f"/services/data/v45.0/{path}", {"Title": "CEO"}) == (204, None)
    assert empty.ask("PATCH", "sobjects/Contact/External_Id__c/new?updateOnly=true", {"LastName": "X"})[0] == 404
    assert error(empty, "PATCH", path, {"External_Id__c": "a/b c"})[:2] == (400, "INVALID_FIELD")
    assert error(empty, "PATCH", "sobjects/Contact/Title/x", {})[1] == "NOT_FOUND"
    assert empty.ask("DELETE", path) == (204, None)


def test_several_matches_are_a_300_and_write_nothing(empty):
    ids = [empty.create("Contact", LastName=name, Email="same@x.example") for name in "AB"]
    status, urls = empty.ask("PATCH", "sobjects/Contact/Email/same@x.example", {"Title": "VP"})
    assert status == 300
    assert sorted(urls) == sorted(f"/services/data/v62.0/sobjects/Contact/{row_id}" for row_id in ids)
    assert {row["Title"] for row in empty.rows("SELECT Title FROM Contact")} == {None}


def test_a_unique_field_refuses_the_second_row_and_names_the_first(empty):
    first = empty.create("Contact", LastName="A", External_Id__c="Key")
    refused = error(empty, "POST", "sobjects/Contact", {"LastName": "B", "External_Id__c": "kEY"})
    assert refused[1] == "DUPLICATE_VALUE"
    assert refused[2] == f"duplicate value found: External_Id__c duplicates value on record with id: {first}"


def test_conditional_headers_work_on_rows(empty):
    lead = empty.lead()
    empty.ask("GET", f"sobjects/Lead/{lead}")
    stamp = empty.answer.headers["Last-Modified"]
    assert empty.ask("GET", f"sobjects/Lead/{lead}", If_Modified_Since=stamp) == (304, None)
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Ulm"}, If_Unmodified_Since=stamp)[0] == 204
    assert empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": "Bonn"}, If_Unmodified_Since=stamp)[0] == 412


def test_updated_and_deleted_ids_of_a_window(empty):
    lead, gone = empty.lead("A"), empty.lead("B")
    empty.ask("DELETE", f"sobjects/Lead/{gone}")
    span = "start=2026-03-01T00:00:00%2B00:00&end=2026-03-02T00:00:00%2B00:00"
    status, body = empty.ask("GET", f"sobjects/Lead/updated/?{span}")
    assert (status, body["ids"]) == (200, [lead])
    assert body["latestDateCovered"] == "2026-03-01T09:00:00.000+0000"
    shown = empty.ask("GET", f"sobjects/Lead/deleted/?{span}")[1]
    assert [row["id"] for row in shown["deletedRecords"]] == [gone]
    assert error(empty, "GET", "sobjects/Lead/updated/?start=x&end=y")[1] == "INVALID_REPLICATION_DATE"


def test_wrong_methods_bodies_and_versions_are_refused(empty):
    lead = empty.lead()
    assert error(empty, "PUT", f"sobjects/Lead/{lead}", {})[:3] == (
        405,
        "METHOD_NOT_ALLOWED",
        "HTTP Method 'PUT' not allowed. Allowed are HEAD,DELETE,GET,PATCH",
    )
    assert error(empty, "POST", "sobjects/Lead", "{")[1] == "JSON_PARSER_ERROR"
    assert error(empty, "POST", "sobjects/Lead", "a=b", Content_Type="text/plain")[:2] == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    assert empty.ask("GET", "/services/data/v12.0/sobjects")[0] == 410
    assert empty.ask("GET", "/services/data/v99.0/sobjects")[0] == 404
    for version in ("v20.0", "v58.0", "v66.0"):
        assert empty.ask("GET", f"/services/data/{version}/limits/")[0] == 200


def test_a_row_written_twice_in_a_second_gets_a_later_stamp_each_time(empty):
    lead = empty.lead()
    stamps = []
    for city in ("Ulm", "Bonn", "Ulm"):
        empty.ask("PATCH", f"sobjects/Lead/{lead}", {"City": city})
        stamps.append(empty.ask("GET", f"sobjects/Lead/{lead}?fields=SystemModstamp")[1]["SystemModstamp"])
    assert stamps == sorted(set(stamps))
    assert empty.org.clock.now().strftime("%Y-%m-%dT%H:%M:%S") >= stamps[-1][:19]


def test_deleting_a_person_takes_their_tasks_along(empty):
    lead = empty.lead()
    task = empty.create("Task", WhoId=lead)
    empty.ask("DELETE", f"sobjects/Lead/{lead}")
    assert error(empty, "GET", f"sobjects/Task/{task}")[1] == "ENTITY_IS_DELETED"


def test_users_cannot_be_deleted_and_members_join_once(empty):
    assert empty.ask("DELETE", f"sobjects/User/{empty.user('rep1')}")[0] == 405
    campaign, lead = empty.create("Campaign", Name="Fair"), empty.lead()
    empty.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    refused = error(empty, "POST", "sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    assert refused[1] == "DUPLICATE_VALUE"
