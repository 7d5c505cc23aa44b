"""Collections, composite, batch, graph and tree: positions, transactions, references, limits."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.salesforce.ids import make_id


def lead(name="Ada", **values):
    return {"attributes": {"type": "Lead"}, "LastName": name, "Company": "Corp", **values}


def codes(results):
    return [None if row["success"] else row["errors"][0]["statusCode"] for row in results]


@given(st.lists(st.sampled_from(["good", "nameless", "bad mail"]), min_size=1, max_size=20), st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_results_are_positional_and_all_or_none_means_it(empty, kinds, together):
    before = empty.org.records.count("Lead")
    made = {"good": lead(), "nameless": lead(LastName=None), "bad mail": lead(Email="x")}
    status, body = empty.ask("POST", "composite/sobjects", {"allOrNone": together, "records": [made[k] for k in kinds]})
    assert status == 200
    own = {"good": None, "nameless": "REQUIRED_FIELD_MISSING", "bad mail": "INVALID_EMAIL_ADDRESS"}
    rolled_back = together and set(kinds) != {"good"}
    expected = ["ALL_OR_NONE_OPERATION_ROLLED_BACK" if rolled_back and k == "good" else own[k] for k in kinds]
    assert codes(body) == expected
    stored = 0 if rolled_back else kinds.count("good")
    assert empty.org.records.count("Lead") - before == stored


def test_update_by_id_delete_and_retrieve_in_many(empty):
    ids = [empty.lead(name) for name in "AB"]
    records = [{"attributes": {"type": "Lead"}, "id": ids[0], "City": "Ulm"}, lead(id=make_id("00Q", 99))]
    records += [lead(), {"attributes": {"type": "Lead"}, "id": "x", "City": "Ulm"}]
    body = empty.ask("PATCH", "composite/sobjects", {"records": records})[1]
    assert codes(body) == [None, "INVALID_CROSS_REFERENCE_KEY", "MISSING_ARGUMENT", "MALFORMED_ID"]
    wanted = {"ids": [ids[1], make_id("00Q", 99), ids[0]], "fields": ["Name", "City"]}
    found = empty.ask("POST", "composite/sobjects/Lead", wanted)[1]
    assert [row and (row["Name"], row["City"]) for row in found] == [("B", None), None, ("A", "Ulm")]
    found = empty.ask("GET", f"composite/sobjects/Lead?ids={','.join(ids)}&fields=Id,Name")[1]
    assert [row["Name"] for row in found] == ["A", "B"]
    body = empty.ask("DELETE", f"composite/sobjects?ids={ids[0]},{ids[0]}")[1]
    assert codes(body) == [None, "ENTITY_IS_DELETED"]


def test_upsert_by_key_tells_created_from_updated_and_refuses_a_key_twice(empty):
    def put(*records, together=False):
        body = {"allOrNone": together, "records": list(records)}
        return empty.ask("PATCH", "composite/sobjects/Contact/External_Id__c", body)[1]

    def contact(key, **values):
        return {"attributes": {"type": "Contact"}, "External_Id__c": key, "LastName": "Ode", **values}

    assert [row["created"] for row in put(contact("a"), contact("b"))] == [True, True]
    assert [row["created"] for row in put(contact("A", Title="VP"), contact("c"))] == [False, True]
    assert codes(put(contact("d"), contact("D"), contact(None), contact("e"))) == [
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
        "MISSING_ARGUMENT",
        None,
    ]
    body = put(contact("f"), contact("g", LastName=None), together=True)
    assert codes(body) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert [row["created"] for row in body] == [True, True]
    assert len(empty.rows("SELECT Id FROM Contact")) == 4
    made = empty.ask("PATCH", "composite/sobjects/Contact/Id", {"records": [contact("h", Id=None)]})[1]
    assert made[0]["created"] is True


def test_limits_of_collections_are_kept_and_counted_as_violations(empty):
    status, body = empty.ask("POST", "composite/sobjects", {"records": [lead()] * 201})
    assert (status, body[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [lead(), {"attributes": {"type": "Account"}, "Name": "Corp"}] * 5
    assert codes(empty.ask("POST", "composite/sobjects", {"records": mixed})[1]) == [None] * 10
    assert empty.ask("POST", "composite/sobjects", {"records": [*mixed, lead()]})[0] == 400
    assert empty.calls()["violations"] == 2
    unknown = [{"attributes": {"type": "Dog"}, "Name": "x"}, {"Name": "y"}]
    assert codes(empty.ask("POST", "composite/sobjects", {"records": unknown})[1]) == ["INVALID_TYPE"] * 2


def part(name, method, path, body=None, **more):
    url = path if path.startswith("/") else f"/services/data/v62.0/{path}"
    return {"method": method, "url": url, "referenceId": name, **({} if body is None else {"body": body}), **more}


def compose(client, *parts, together=True):
    status, body = client.ask("POST", "composite", {"allOrNone": together, "compositeRequest": list(parts)})
    assert status == 200, body
    return body["compositeResponse"]


NO_RULE = {"httpHeaders": {"Sforce-Auto-Assign": "FALSE"}}


def test_composite_parts_may_refer_to_each_other(empty):
    answers = compose(
        empty,
        part("l1", "POST", "sobjects/Lead", {"LastName": "Ada", "Company": "Corp"}, **NO_RULE),
        part("t1", "POST", "sobjects/Task", {"WhoId": "@{l1.id}", "Subject": "Call"}),
        part("q", "GET", "query?q=SELECT+Id,Who.Name+FROM+Task+WHERE+WhoId='@{l1.id}'"),
        part("r", "GET", "sobjects/Lead/@{q.records[0].Id}"),
        together=False,
    )
    assert [answer["httpStatusCode"] for answer in answers] == [201, 201, 200, 404]
    assert answers[0]["httpHeaders"]["Location"].endswith(answers[0]["body"]["id"])
    assert answers[2]["body"]["records"][0]["Who"]["Name"] == "Ada"
    assert [answer["referenceId"] for answer in answers] == ["l1", "t1", "q", "r"]


def test_the_assignment_header_counts_per_part(empty):
    rep = empty.user("rep1")
    body = {"LastName": "Ada", "Company": "Corp", "OwnerId": rep}
    answers = compose(
        empty, part("a", "POST", "sobjects/Lead", body, **NO_RULE), part("b", "POST", "sobjects/Lead", body)
    )
    owners = [empty.ask("GET", f"sobjects/Lead/{a['body']['id']}?fields=OwnerId")[1]["OwnerId"] for a in answers]
    assert (owners[0] == rep, owners[1] == rep) == (True, False)


def test_a_failure_halts_the_whole_or_only_what_needs_it(empty):
    parts = (
        part("ok", "POST", "sobjects/Account", {"Name": "Corp"}),
        part("bad", "POST", "sobjects/Lead", {"LastName": "Ada"}),
        part("child", "POST", "sobjects/Task", {"WhoId": "@{bad.id}"}),
    )
    answers = compose(empty, *parts)
    assert [answer["body"][0]["errorCode"] for answer in answers] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert empty.org.records.count("Account") == 0
    answers = compose(empty, *parts, together=False)
    assert [answer["httpStatusCode"] for answer in answers] == [201, 400, 400]
    assert "No value for bad.id found in bad" in answers[2]["body"][0]["message"]
    assert empty.org.records.count("Account") == 1


def test_an_inner_collection_that_failed_in_part_takes_all_back_and_still_says_success(empty):
    many = {"allOrNone": False, "records": [lead(), lead(LastName=None)]}
    answers = compose(
        empty, part("many", "POST", "composite/sobjects", many), part("one", "POST", "sobjects/Account", {"Name": "x"})
    )
    assert [row["success"] for row in answers[0]["body"]] == [True, False]
    assert answers[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert empty.org.records.count("Lead") == 0


@pytest.mark.parametrize(
    "parts",
    [
        [part(f"p{n}", "GET", "limits") for n in range(26)],
        [part(f"p{n}", "GET", "query?q=SELECT+Id+FROM+Lead") for n in range(6)],
        [part("same", "GET", "limits"), part("same", "GET", "limits")],
        [part("bad name", "GET", "limits")],
    ],
)
def test_composite_limits_and_names(empty, parts):
    status, body = empty.ask("POST", "composite", {"compositeRequest": parts})
    assert status == 400
    assert body[0]["errorCode"] in ("LIMIT_EXCEEDED", "INVALID_INPUT")


def test_composite_upsert_of_lead_and_task_is_one_repeatable_transaction(empty):
    for obj in ("Lead", "Activity"):
        empty.custom_field(f"{obj}.Handoff_Key__c", externalId=True, unique=True)
    parts = (
        part("l", "PATCH", "sobjects/Lead/Handoff_Key__c/k1", {"LastName": "Ada", "Company": "Corp"}, **NO_RULE),
        part("t", "PATCH", "sobjects/Task/Handoff_Key__c/k2", {"WhoId": "@{l.id}", "Subject": "Call"}),
    )
    assert [answer["httpStatusCode"] for answer in compose(empty, *parts)] == [201, 201]
    before = empty.snapshot()
    assert [answer["httpStatusCode"] for answer in compose(empty, *parts)] == [200, 200]
    assert empty.snapshot() == before


def test_batch_counts_each_part_and_may_halt(empty):
    parts = [{"method": "GET", "url": "v62.0/limits"}, {"method": "GET", "url": "v62.0/sobjects/Dog"}]
    parts += [{"method": "POST", "url": "v62.0/sobjects/Lead", "richInput": {"LastName": "A", "Company": "B"}}]
    used = empty.org._api.usage()[0]
    status, body = empty.ask("POST", "composite/batch", {"batchRequests": parts})
    assert (status, body["hasErrors"]) == (200, True)
    assert [row["statusCode"] for row in body["results"]] == [200, 404, 201]
    assert empty.org._api.usage()[0] - used == 3
    body = empty.ask("POST", "composite/batch", {"batchRequests": parts, "haltOnError": True})[1]
    assert body["results"][2]["statusCode"] == 412
    assert body["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_graphs_stand_and_fall_each_for_itself(empty):
    good = [
        part("a", "POST", "sobjects/Account", {"Name": "Good"}),
        part("c", "POST", "sobjects/Contact", {"LastName": "X", "AccountId": "@{a.id}"}),
    ]
    bad = [
        part("a", "POST", "sobjects/Account", {"Name": "Bad"}),
        part("l", "POST", "sobjects/Lead", {"LastName": "X"}),
    ]
    graphs = [{"graphId": name, "compositeRequest": parts} for name, parts in (("g1", good), ("g2", bad))]
    body = empty.ask("POST", "composite/graph", {"graphs": graphs})[1]
    assert [(graph["graphId"], graph["isSuccessful"]) for graph in body["graphs"]] == [("g1", True), ("g2", False)]
    assert [row["Name"] for row in empty.rows("SELECT Name FROM Account")] == ["Good"]
    query = [{"graphId": "g", "compositeRequest": [part("q", "GET", "query?q=x")]}]
    assert empty.ask("POST", "composite/graph", {"graphs": query})[0] == 400


def test_a_tree_is_planted_whole_or_not_at_all(empty):
    def named(kind, name, **values):
        return {"attributes": {"type": kind, "referenceId": name}, **values}

    tree = {
        "records": [named("Account", "a", Name="Corp", Contacts={"records": [named("Contact", "c", LastName="Ode")]})]
    }
    status, body = empty.ask("POST", "composite/tree/Account", tree)
    assert (status, body["hasErrors"], [row["referenceId"] for row in body["results"]]) == (201, False, ["a", "c"])
    assert empty.rows("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Corp"
    tree["records"].append(named("Account", "b"))
    status, body = empty.ask("POST", "composite/tree/Account", tree)
    assert (status, body["results"][0]["referenceId"]) == (400, "b")
    assert empty.org.records.count("Account") == 1
