"""One account behind every path tree, with what differs between them; and what is absent, by its name."""

from __future__ import annotations

import pytest

EDITIONS = ("2026-03", "2026-09")


def code_of(answer):
    return answer.status_code, [error["code"] for error in answer.json().get("errors", [])]


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_one_tree_writes_the_others_show(empty, edition):
    one = empty.post(f"/crm/objects/{edition}/contacts", {"properties": {"email": "a@tree.example"}}, 201)["id"]
    assert empty.get(f"/crm/v3/objects/contacts/{one}") == empty.get(f"/crm/objects/{edition}/0-1/{one}")
    company = empty.post("/crm/v3/objects/companies", {"properties": {"name": "T"}}, 201)["id"]
    empty.call("PUT", f"/crm/objects/{edition}/contacts/{one}/associations/default/companies/{company}")
    dated = empty.get(f"/crm/objects/{edition}/contacts/{one}/associations/companies")
    assert dated == empty.get(f"/crm/v4/objects/contacts/{one}/associations/companies")
    assert dated["results"][0]["toObjectId"] == int(company)


@pytest.mark.parametrize(
    "path",
    [
        "/crm/objects/2027-03/contacts",
        "/crm/v5/objects/contacts",
        "/webhooks/2026-09/1/settings",
        "/app-webhooks/2026-03/1/settings",
        "/marketing/forms/2026-03",
        "/nonsense",
    ],
)
def test_paths_that_are_not_hubspot_s(empty, path):
    assert empty.call("GET", path).status_code == 404


def test_records_are_also_listed_where_tap_hubspot_looks_for_tickets(empty):
    for kind in ("tickets", "contacts"):
        older, newer = (empty.get(f"/crm/v{number}/objects/{kind}?limit=5") for number in (3, 4))
        assert older == newer


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/crm/v3/objects/leads", "records of type leads"),
        ("POST", "/crm/objects/2026-03/products/search", "records of type products"),
        ("GET", "/crm/v3/objects/2-12345", "records of type 2-12345"),
        ("GET", "/crm-object-schemas/v3/schemas", "custom object schemas"),
        ("POST", "/crm/imports/2026-09", "CRM imports"),
        ("GET", "/marketing/v3/marketing-events/", "marketing events"),
        ("POST", "/marketing/emails/2026-03/1/publish", "sending marketing e-mail"),
        ("GET", "/webhooks-journal/journal/2026-03/earliest", "webhooks journal"),
        ("GET", "/settings/v3/users", "account settings: users, teams, currencies"),
        ("GET", "/crm/v3/properties/line_item", "records of type line_item"),
        ("GET", "/crm/v3/limits/records", "limits tracking"),
        ("GET", "/forms/v2/forms", "forms v2"),
        ("GET", "/email/public/v1/subscriptions", "e-mail subscriptions v1"),
        ("GET", "/integrations/v1/limit/daily", "account and usage v1"),
        ("GET", "/analytics/v2/reports/sessions/total", "analytics reports and events v2"),
        ("GET", "/crm/objects/2025-09/contacts", "path trees other than 2026-03 and 2026-09"),
    ],
)
def test_what_is_absent_says_so(empty, method, path, name):
    answer = empty.call(method, path, {} if method == "POST" else None)
    assert answer.status_code == 501
    assert answer.json()["category"] == "NOT_EMULATED"
    assert answer.json()["context"]["operation"] == [name]


def test_the_newest_tree_obeys_the_administrator(empty):
    empty.act(
        {"do": "require_property", "object": "contact", "property": "jobtitle"},
        {"do": "require_property", "object": "contact", "property": "city", "when": {"lifecyclestage": ["customer"]}},
    )
    first, rest = {"email": "a@rule.example"}, {"email": "b@rule.example", "jobtitle": "CTO"}
    new, old = "/crm/objects/2026-09/contacts", "/crm/v3/objects/contacts"
    assert code_of(empty.call("POST", new, {"properties": first})) == (400, ["MISSING_REQUIRED_PROPERTY"])
    customer = {**rest, "lifecyclestage": "customer"}
    conditional = (400, ["MISSING_CONDITIONAL_REQUIRED_PROPERTY"])
    assert code_of(empty.call("POST", new, {"properties": customer})) == conditional
    assert empty.call("POST", old, {"properties": first}).status_code == 201
    assert empty.call("POST", "/crm/objects/2026-03/contacts", {"properties": customer}).status_code == 201
    one = f"{new}/b@rule.example?idProperty=email"
    assert empty.call("PATCH", one, {"properties": {"firstname": "B"}}).status_code == 200
    assert code_of(empty.call("PATCH", one, {"properties": {"lifecyclestage": "evangelist"}}))[0] == 200
    other = f"{new}/a@rule.example?idProperty=email"
    assert code_of(empty.call("PATCH", other, {"properties": {"lifecyclestage": "customer"}})) == conditional
    moved = {"lifecyclestage": "customer", "city": "Ulm"}
    assert empty.call("PATCH", other, {"properties": moved}).status_code == 200


def test_malformed_bodies_name_the_place(empty):
    headers = {"Authorization": f"Bearer {empty.org.credentials.token}", "Content-Type": "application/json"}
    url = f"{empty.url}/crm/v3/objects/contacts"
    broken = empty.session.post(url, data='{"properties": {\n "a": }}', headers=headers, timeout=20)
    assert (broken.status_code, broken.json()["category"]) == (400, "VALIDATION_ERROR")
    assert broken.json()["message"].startswith("Invalid input JSON on line 2, column 7")
    headers["Content-Type"] = "text/plain"
    for path in ("", "/search", "/batch/read"):
        assert empty.session.post(url + path, data="{}", headers=headers, timeout=20).status_code == 415
