"""What the rooms around the records do beyond what descriptions say: lists, pipelines, forms, consent, limits."""

from __future__ import annotations

import pytest

LISTS, FORMS = "/crm/v3/lists", "/marketing/v3/forms"


def contact(api, name, **more):
    properties = {"email": f"{name}@room.example", **more}
    return api.post("/crm/v3/objects/contacts", {"properties": properties}, 201)["id"]


def branch(*filters):
    return {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": list(filters)}


def of(name, kind, operator, **more):
    operation = {"operationType": kind, "operator": operator, "includeObjectsWithNoValueSet": False, **more}
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def members(api, number):
    return [row["recordId"] for row in api.get(f"{LISTS}/{number}/memberships")["results"]]


def make_list(api, kind, filters=None):
    wish = {"name": f"{kind} list", "objectTypeId": "0-1", "processingType": kind}
    return api.post(LISTS, wish | ({"filterBranch": filters} if filters else {}))["list"]["listId"]


def test_a_dynamic_list_follows_and_a_snapshot_stays(empty):
    ulm, bonn = contact(empty, "a", city="Ulm"), contact(empty, "b", city="Bonn")
    filters = branch(of("city", "STRING", "IS_EQUAL_TO", value="ulm"))
    dynamic, snapshot = make_list(empty, "DYNAMIC", filters), make_list(empty, "SNAPSHOT", filters)
    assert members(empty, dynamic) == members(empty, snapshot) == [ulm]
    empty.call("PATCH", f"/crm/v3/objects/contacts/{bonn}", {"properties": {"city": "Ulm"}})
    empty.call("PATCH", f"/crm/v3/objects/contacts/{ulm}", {"properties": {"city": "Kiel"}})
    assert members(empty, dynamic) == [bonn]
    assert members(empty, snapshot) == [ulm]
    assert empty.call("PUT", f"{LISTS}/{dynamic}/memberships/add", [ulm]).status_code == 400
    assert empty.call("PUT", f"{LISTS}/{snapshot}/memberships/add", [bonn]).status_code == 200


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (of("city", "MULTISTRING", "CONTAINS", values=["l"]), "a"),
        (of("city", "STRING", "DOES_NOT_CONTAIN", value="l"), "b"),
        (of("lifecyclestage", "ENUMERATION", "IS_ANY_OF", values=["customer"]), "b"),
        (of("lifecyclestage", "ENUMERATION", "IS_NONE_OF", values=["customer"]), "a"),
        (of("num_conversion_events", "NUMBER", "IS_GREATER_THAN", value=0), "b"),
        (of("jobtitle", "ALL_PROPERTY", "IS_KNOWN"), "a"),
        (of("hs_email_optout", "BOOL", "IS_EQUAL_TO", value=True), "b"),
    ],
)
def test_filters_of_lists(empty, entry, found):
    ids = {"a": contact(empty, "a", city="Ulm", jobtitle="CTO"), "b": contact(empty, "b", city="Bonn")}
    empty.call("PATCH", f"/crm/v3/objects/contacts/{ids['b']}", {"properties": {"lifecyclestage": "customer"}})
    empty.act(
        {"do": "submit_form", "email": "b@room.example", "form": "contact-us"},
        {"do": "opt_out", "email": "b@room.example"},
    )
    assert members(empty, make_list(empty, "DYNAMIC", branch(entry))) == [ids[found]]


def test_filters_that_are_not_played_are_named(empty):
    wish = {"name": "x", "objectTypeId": "0-1", "processingType": "DYNAMIC"}
    for filters, name in (
        (branch({"filterType": "PAGE_VIEW"}), "list filters of type PAGE_VIEW"),
        ({"filterBranchType": "UNIFIED_EVENTS"}, "list filter branches of type UNIFIED_EVENTS"),
        (
            branch(of("city", "STRING", "HAS_EVER_BEEN_EQUAL_TO")),
            "list filter operations STRING HAS_EVER_BEEN_EQUAL_TO",
        ),
    ):
        answer = empty.call("POST", LISTS, {**wish, "filterBranch": filters})
        assert (answer.status_code, answer.json()["context"]["operation"]) == (501, [name])
    assert empty.call("POST", LISTS, wish).status_code == 400
    make_list(empty, "MANUAL")
    twice = empty.call("POST", LISTS, {**wish, "name": "manual LIST", "processingType": "MANUAL"})
    assert twice.json()["subCategory"] == "ILS.DUPLICATE_LIST_NAMES"


def test_a_stage_in_use_stays_and_a_new_one_can_be_taken(empty):
    deal = {"dealname": "D", "dealstage": "contractsent"}
    one = empty.post("/crm/v3/objects/deals", {"properties": deal}, 201)
    stage = "/crm/v3/pipelines/deals/default/stages"
    refused = empty.call("DELETE", f"{stage}/contractsent")
    assert (refused.status_code, refused.json()["subCategory"]) == (400, "PipelineError.STAGE_ID_IN_USE")
    assert empty.call("POST", stage, {"label": "X", "displayOrder": 9}).status_code == 400
    wish = {"label": "X", "displayOrder": 9, "metadata": {"probability": "1.0"}}
    new = empty.post(stage, wish, 201)["id"]
    changed = empty.call("PATCH", f"/crm/v3/objects/deals/{one['id']}", {"properties": {"dealstage": new}})
    assert changed.status_code == 200
    names = "hs_is_closed,hs_is_closed_won,hs_deal_stage_probability"
    shown = empty.get(f"/crm/v3/objects/deals/{one['id']}", properties=names)["properties"]
    assert [shown[name] for name in names.split(",")] == ["true", "true", "1.0"]
    assert empty.call("DELETE", f"{stage}/contractsent").status_code == 204
    gone = empty.call("PATCH", f"/crm/v3/objects/deals/{one['id']}", {"properties": {"dealstage": "contractsent"}})
    assert gone.json()["errors"][0]["code"] == "INVALID_OPTION"


def test_a_form_takes_its_own_fields_only(empty):
    form = next(row for row in empty.get(FORMS, limit=100)["results"] if row["name"] == "contact-us")
    path = f"/submissions/v3/integration/submit/62515/{form['id']}"
    wrong = {"fields": [{"name": "nonsense", "value": "1"}]}
    answer = empty.session.post(empty.url + path, json=wrong, timeout=20)
    kinds = {error["errorType"] for error in answer.json()["errors"]}
    assert (answer.status_code, kinds) == (400, {"FIELD_NOT_IN_FORM_DEFINITION", "REQUIRED_FIELD"})
    right = {
        "fields": [{"name": "email", "value": "New@Room.Example"}, {"name": "firstname", "value": "Nia"}],
        "context": {"pageUri": "https://www.corp.example/contact?x=1"},
        "submittedAt": "1763800000000",
    }
    assert empty.session.post(empty.url + path, json=right, timeout=20).status_code == 200
    one = empty.get("/crm/v3/objects/contacts/new@room.example", idProperty="email")
    assert one["properties"]["firstname"] == "Nia"
    (sent,) = empty.get(f"/form-integrations/v1/submissions/forms/{form['id']}")["results"]
    assert (sent["pageUrl"], sent["submittedAt"]) == (right["context"]["pageUri"], 1763800000000)
    secure = path.replace("/submit/", "/secure/submit/")
    assert empty.session.post(empty.url + secure, json=right, timeout=20).status_code == 401
    assert empty.call("DELETE", f"{FORMS}/{form['id']}").status_code == 204
    assert empty.session.post(empty.url + path, json=right, timeout=20).status_code == 404


def test_a_person_opts_out_of_one_mailing_or_of_all(empty):
    one = contact(empty, "c")
    names = "hs_email_optout,hs_email_optout_1001,hs_email_optout_1002"
    path = f"/crm/v3/objects/contacts/{one}"
    wish = {"emailAddress": "c@room.example", "subscriptionId": "1001"}
    empty.post("/communication-preferences/v3/unsubscribe", wish)
    shown = empty.get(path, properties=names)["properties"]
    assert [shown[name] for name in names.split(",")] == [None, "true", None]
    empty.post("/communication-preferences/v4/statuses/c@room.example/unsubscribe-all?channel=EMAIL", {})
    assert empty.get(path, properties=names)["properties"]["hs_email_optout"] == "true"
    states = empty.get("/communication-preferences/v4/statuses/c@room.example", channel="EMAIL")["results"]
    assert {state["status"] for state in states} == {"UNSUBSCRIBED"}


def test_an_association_limit_is_kept(empty):
    pair = "/crm/v4/associations/contacts/companies"
    limit = {"category": "HUBSPOT_DEFINED", "typeId": 279, "maxToObjectIds": 1}
    empty.post(pair.replace("associations/", "associations/definitions/configurations/") + "/batch/create",
               {"inputs": [limit]}, 201)  # fmt: skip
    one = contact(empty, "d")
    ids = [empty.post("/crm/v3/objects/companies", {"properties": {"name": n}}, 201)["id"] for n in "xy"]
    links = [f"/crm/v4/objects/contacts/{one}/associations/default/companies/{number}" for number in ids]
    assert [empty.call("PUT", link).status_code for link in links] == [200, 400]


def test_limits_can_be_set_for_a_test(empty):
    empty.act({"do": "set_limit", "limit": "burst", "value": 1}, {"do": "set_limit", "limit": "search", "value": 100})
    answers = [empty.call("GET", "/crm/v3/objects/contacts") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "1"
    searches = [empty.call("POST", "/crm/v3/objects/contacts/search", {}) for _ in range(20)]
    assert {answer.status_code for answer in searches} == {200}
    empty.control("reset", {})
    assert [empty.call("GET", "/crm/v3/objects/contacts").status_code for _ in range(2)] == [200, 200]
