"""Answers of single calls: forms of records, errors, both trees of paths."""

from __future__ import annotations

import pytest

TREES = [
    ("/crm/v3/objects", "/crm/v4/objects", "/crm/v3/properties", "/crm/v3/owners", "/account-info/v3/details"),
    *(
        (
            f"/crm/objects/{v}",
            f"/crm/objects/{v}",
            f"/crm/properties/{v}",
            f"/crm/owners/{v}",
            f"/account-info/{v}/details",
        )
        for v in ("2026-03", "2026-09")
    ),
]


@pytest.mark.parametrize("tree", TREES, ids=["v3", "2026-03", "2026-09"])
def test_every_tree_leads_to_the_same_rows(api, tree):
    objects, linked, properties, owners, account = tree
    contact = api.get(f"{objects}/contacts", limit=1, properties="email")["results"][0]
    assert api.get(f"{objects}/contacts/{contact['id']}")["id"] == contact["id"]
    api.get(f"{linked}/contacts/{contact['id']}/associations/companies")
    assert api.get(f"{properties}/contacts/email")["hasUniqueValue"]
    assert api.get(f"{owners}/")["results"]
    assert api.get(account)["portalId"] == 62515


def test_repeated_and_joined_lists_and_capital_booleans(api):
    base = api.url + "/crm/v3/objects/contacts?limit=1&archived=False"
    headers = {"Authorization": f"Bearer {api.org.credentials.token}"}
    joined = api.session.get(f"{base}&properties=email,city", headers=headers, timeout=5).json()
    repeated = api.session.get(f"{base}&properties=email&properties=city", headers=headers, timeout=5).json()
    assert joined["results"] == repeated["results"]
    assert {"email", "city"} < set(joined["results"][0]["properties"])


def test_properties_null_when_empty_and_absent_when_unknown(empty):
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"firstname": "Ana"}}, 201)
    found = empty.get(f"/crm/v3/objects/contacts/{made['id']}", properties="email,nope,hs_email_open")
    properties = found["properties"]
    assert properties["email"] is None
    assert properties["hs_email_open"] is None
    assert "nope" not in properties
    assert all(value is None or isinstance(value, str) for value in properties.values())
    defaults = empty.get(f"/crm/v3/objects/contacts/{made['id']}")["properties"]
    assert set(defaults) == {"email", "firstname", "lastname", "createdate", "lastmodifieddate", "hs_object_id"}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"email": "a@b.example", "nope": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"email": "a@b.example", "hs_email_open": "1"}, "READ_ONLY_VALUE"),
        ({"email": "a@b.example", "lifecyclestage": "wizard"}, "INVALID_OPTION"),
        ({"email": "a@b.example", "hubspot_owner_id": "17"}, "INVALID_OPTION"),
        ({"email": "not an address"}, "INVALID_EMAIL"),
        ({"city": "Rome"}, "REQUIRED_PROPERTY"),
    ],
)
def test_bad_values_are_a_400_that_names_them(empty, properties, code):
    answer = empty.call("POST", "/crm/v3/objects/contacts", {"properties": properties})
    body = answer.json()
    assert answer.status_code == 400
    assert body["category"] == "VALIDATION_ERROR"
    assert code in {error["code"] for error in body["errors"]}
    assert body["correlationId"]


def test_bad_number_and_date(empty):
    answer = empty.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "A", "numberofemployees": "many"}})
    assert answer.json()["errors"][0]["code"] == "INVALID_INTEGER"
    deal = {"dealname": "D", "dealstage": "closedwon", "closedate": "soon"}
    answer = empty.call("POST", "/crm/v3/objects/deals", {"properties": deal})
    assert answer.json()["errors"][0]["code"] == "INVALID_DATE"


def test_engagements_ignore_what_they_do_not_know(empty):
    task = {"hs_timestamp": "1795338000000", "hs_task_subject": "Call", "nope": "1", "hs_createdate": "1"}
    made = empty.post("/crm/v3/objects/tasks", {"properties": task}, 201)
    assert made["properties"]["hs_timestamp"] == "2026-11-22T09:00:00.000Z"
    answer = empty.call("POST", "/crm/v3/objects/tasks", {"properties": {"hs_task_subject": "no time"}})
    assert answer.status_code == 400


def test_an_email_belongs_to_one_contact(empty):
    first = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "one@x.example"}}, 201)
    answer = empty.call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "ONE@x.example"}})
    assert answer.status_code == 409
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {first['id']}"
    assert answer.json()["category"] == "CONFLICT"


def test_lifecycle_moves_forward_only(empty):
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "l@x.example"}}, 201)
    path = f"/crm/v3/objects/contacts/{made['id']}"

    def move(stage: str) -> str | None:
        answer = empty.call("PATCH", path, {"properties": {"lifecyclestage": stage}})
        assert answer.status_code == 200
        return empty.get(path, properties="lifecyclestage")["properties"]["lifecyclestage"]

    assert move("customer") == "customer"
    assert move("lead") == "customer"
    assert move("") is None
    assert move("lead") == "lead"


def test_an_update_without_change_leaves_the_stamp(empty):
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "s@x.example", "city": "Ulm"}}, 201)
    empty.advance("1m")
    same = empty.call("PATCH", f"/crm/v3/objects/contacts/{made['id']}", {"properties": {"city": "Ulm"}}).json()
    assert same["updatedAt"] == made["updatedAt"]
    other = empty.call("PATCH", f"/crm/v3/objects/contacts/{made['id']}", {"properties": {"city": "Bonn"}}).json()
    assert other["updatedAt"] > made["updatedAt"]
    history = empty.get(f"/crm/v3/objects/contacts/{made['id']}", propertiesWithHistory="city")
    assert [step["value"] for step in history["propertiesWithHistory"]["city"]] == ["Bonn", "Ulm"]


def test_batch_limits_and_partial_answers(empty):
    too_many = [{"properties": {"email": f"t{n}@x.example"}} for n in range(101)]
    assert empty.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": too_many}).status_code == 400
    bad = [{"properties": {"email": "ok@x.example"}}, {"properties": {"email": "nonsense"}}]
    assert empty.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": bad}).status_code == 400
    assert empty.search("contacts")["total"] == 0, "without trace ids one bad input refuses all"
    traced = [{**entry, "objectWriteTraceId": f"t{n}"} for n, entry in enumerate(bad)]
    answer = empty.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": traced})
    body = answer.json()
    assert answer.status_code == 207
    assert [row["objectWriteTraceId"] for row in body["results"]] == ["t0"]
    assert body["numErrors"] == 1
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["t1"]
    missing = {"inputs": [{"id": body["results"][0]["id"]}, {"id": "1"}, {"id": "2"}]}
    read = empty.call("POST", "/crm/v3/objects/contacts/batch/read", missing)
    assert read.status_code == 207
    assert read.json()["errors"][0]["context"]["ids"] == ["1", "2"]


def test_batch_update_does_not_follow_merged_ids(empty):
    ids = [
        empty.post("/crm/v3/objects/contacts", {"properties": {"email": f"m{n}@x.example"}}, 201)["id"] for n in (1, 2)
    ]
    empty.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    patch = empty.call("PATCH", f"/crm/v3/objects/contacts/{ids[1]}", {"properties": {"city": "Ulm"}})
    assert patch.status_code == 200
    assert patch.json()["id"] not in ids
    batch = {"inputs": [{"id": ids[1], "properties": {"city": "Bonn"}, "objectWriteTraceId": "a"}]}
    assert empty.call("POST", "/crm/v3/objects/contacts/batch/update", batch).json()["numErrors"] == 1


def test_archive_answers_alike_for_unknown_ids(empty):
    assert empty.call("DELETE", "/crm/v3/objects/contacts/4711").status_code == 204
    assert empty.call("GET", "/crm/v3/objects/contacts/4711").json()["category"] == "OBJECT_NOT_FOUND"
    assert empty.call("GET", "/crm/v3/objects/unicorns").status_code == 400
    assert empty.call("GET", "/crm/v3/nothing").status_code == 404
    assert empty.call("PUT", "/crm/v3/objects/contacts").status_code == 405


def test_gdpr_delete_leaves_nothing(empty):
    empty.act({"do": "submit_form", "email": "g@x.example", "form": "contact-us"})
    empty.act({"do": "submit_form", "email": "other.g@x.example", "form": "contact-us"})
    empty.act({"do": "merge", "email": "other.g@x.example", "into": "g@x.example"})
    empty.post("/crm/v3/objects/contacts/gdpr-delete", {"objectId": "g@x.example", "idProperty": "email"}, 204)
    assert b"g@x.example" not in empty.control("snapshot")
    assert empty.get("/crm/v3/objects/contacts", archived="true")["results"] == []


def test_merged_contacts_of_the_world_resolve(api):
    loser = next(c for c in api.world.contacts if c.merged_into and c.email)
    wanted = "email,hs_additional_emails,hs_merged_object_ids"
    found = api.get(f"/crm/v3/objects/contacts/{loser.email}", idProperty="email", properties=wanted)
    assert loser.email in found["properties"]["hs_additional_emails"].split(";")
    for old in found["properties"]["hs_merged_object_ids"].split(";"):
        assert api.get(f"/crm/v3/objects/contacts/{old}")["id"] == found["id"]


@pytest.mark.parametrize(
    ("operator", "extra", "hits"),
    [
        ("EQ", {"value": "ULM"}, {"a"}),
        ("NEQ", {"value": "ulm"}, {"b"}),
        ("IN", {"values": ["ulm", "rome"]}, {"a"}),
        ("NOT_IN", {"values": ["ulm"]}, {"b"}),
        ("HAS_PROPERTY", {}, {"a", "b"}),
        ("NOT_HAS_PROPERTY", {}, {"c"}),
        ("CONTAINS_TOKEN", {"value": "new*"}, {"b"}),
        ("NOT_CONTAINS_TOKEN", {"value": "york"}, {"a", "c"}),
        ("GT", {"value": "o"}, {"a"}),
        ("BETWEEN", {"value": "m", "highValue": "o"}, {"b"}),
    ],
)
def test_search_operators(empty, operator, extra, hits):
    for name, city in (("a", "Ulm"), ("b", "New York"), ("c", None)):
        empty.post("/crm/v3/objects/contacts", {"properties": {"firstname": name, "city": city}}, 201)
    body = {"filterGroups": [{"filters": [{"propertyName": "city", "operator": operator, **extra}]}]}
    found = empty.search("contacts", **body)
    assert {row["properties"]["firstname"] for row in found["results"]} == hits


def test_search_by_association_and_text(api):
    contact = api.get("/crm/v3/objects/contacts", limit=100, properties="associatedcompanyid,email")["results"]
    linked = next(row for row in contact if row["properties"]["associatedcompanyid"])
    company = linked["properties"]["associatedcompanyid"]
    by_link = [{"propertyName": "associations.company", "operator": "EQ", "value": company}]
    found = api.search("contacts", filterGroups=[{"filters": by_link}], limit=200)
    assert linked["id"] in {row["id"] for row in found["results"]}
    found = api.search("contacts", query=linked["properties"]["email"])
    assert [row["id"] for row in found["results"]] == [linked["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "x"}]}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "x"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "LIKE", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "x"}]}]},
        {"sorts": [{"propertyName": "city"}, {"propertyName": "email"}]},
        {"limit": 201},
        {"query": "x" * 3001},
    ],
)
def test_search_refuses_what_hubspot_refuses(empty, body):
    answer = empty.call("POST", "/crm/v3/objects/contacts/search", body)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def test_events_need_a_type_or_an_object(api):
    assert api.call("GET", "/events/v3/events").status_code == 400
    email = next(row.email for row in api.world.contacts if row.living and row.email)
    one = api.get("/events/v3/events", objectType="contact", **{"objectProperty.email": email})
    assert {row["objectType"] for row in one["results"]} <= {"CONTACT"}
    assert api.get("/events/v3/events/event-types")["eventTypes"][0] == "e_visited_page"


def test_lists(api):
    found = api.get("/crm/v3/lists/object-type-id/0-1/name/tradeshow-follow-up")["list"]
    ids = [row["id"] for row in api.get("/crm/v3/objects/contacts", limit=3)["results"]]
    path = f"/crm/v3/lists/{found['listId']}/memberships"
    done = api.call("PUT", f"{path}/add", [*ids, "1"]).json()
    assert done == {"recordsIdsAdded": ids, "recordIdsRemoved": [], "recordIdsMissing": ["1"]}
    assert api.call("PUT", f"{path}/add", ids).json()["recordsIdsAdded"] == []
    assert [row["recordId"] for row in api.get(path)["results"]] == ids
    api.call("PUT", f"{path}/remove", ids[:1])
    assert api.get(path)["total"] == 2


def test_consent(api):
    out = next(row for row in api.world.contacts if row.living and row.opted_out_at and row.email)
    found = api.get(f"/communication-preferences/v4/statuses/{out.email}", channel="EMAIL")
    assert found["results"][0]["status"] == "UNSUBSCRIBED"
    found = api.get(f"/crm/v3/objects/contacts/{out.email}", idProperty="email", properties="hs_email_optout")
    assert found["properties"]["hs_email_optout"] == "true"
