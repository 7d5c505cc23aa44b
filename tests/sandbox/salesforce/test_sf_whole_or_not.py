"""All or nothing, references between requests, upserts that may be repeated, for any bundle Hypothesis makes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
V = "/services/data/v62.0"
GOOD, BAD = {"LastName": "Ada", "Company": "Ode"}, {"LastName": "Ada"}
EMAIL_WRONG = {**GOOD, "Email": "no"}
ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"


def content(client):
    """Return everything of the org that a client could have changed."""
    return client.snapshot()


def typed(values, kind="Lead"):
    return {"attributes": {"type": kind}, **values}


@given(st.lists(st.sampled_from([GOOD, BAD, EMAIL_WRONG]), min_size=1, max_size=8))
@example([GOOD, GOOD, BAD])
@QUICK
def test_a_collection_that_fails_in_part_changes_nothing_at_all(empty, rows):
    before = content(empty)
    body = {"allOrNone": True, "records": [typed(row) for row in rows]}
    status, results = empty.ask("POST", "composite/sobjects", body)
    assert (status, len(results)) == (200, len(rows))
    if all(row is GOOD for row in rows):
        assert all(result["success"] for result in results)
        gone = ",".join(result["id"] for result in results)
        assert empty.ask("DELETE", f"composite/sobjects?ids={gone}&allOrNone=true")[0] == 200
        return
    assert content(empty) == before
    for row, result in zip(rows, results, strict=True):
        code = result["errors"][0]["statusCode"]
        assert result["success"] is False
        assert (code == ROLLED_BACK) == (row is GOOD)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["Ulm", "Bonn", None]), st.booleans()), min_size=1, max_size=6
    )
)
@QUICK
def test_updates_and_deletions_roll_back_to_the_byte(empty, steps):
    leads = [empty.lead(name) for name in "ABCD"]
    before = content(empty)
    update = [
        typed({"id": leads[n], "City": city, "Email": "no" if wrong else "a@b.example"}) for n, city, wrong in steps
    ]
    results = empty.ask("PATCH", "composite/sobjects", {"allOrNone": True, "records": update})[1]
    if any(wrong for _, _, wrong in steps):
        assert content(empty) == before
        assert not any(result["success"] for result in results)
    ids = ",".join([*leads, "00Q000000000001AAA"])
    results = empty.ask("DELETE", f"composite/sobjects?ids={ids}&allOrNone=true")[1]
    assert [result["success"] for result in results] == [False] * 5
    assert empty.query("SELECT count() FROM Lead WHERE LastName IN ('A', 'B', 'C', 'D')")["totalSize"] >= 4
    empty.ask("DELETE", f"composite/sobjects?ids={','.join(leads)}")


KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=4)
PEOPLE = st.dictionaries(KEYS.map(str.lower), st.sampled_from(["Ada", "Bo", "Cy"]), min_size=1, max_size=6)


@given(PEOPLE)
@QUICK
def test_an_upsert_twice_is_an_upsert_once(empty, people):
    records = [typed({"External_Id__c": key, "LastName": name}, "Contact") for key, name in people.items()]
    path = "composite/sobjects/Contact/External_Id__c"
    held = empty.query("SELECT count() FROM Contact")["totalSize"]
    first = empty.ask("PATCH", path, {"records": records})[1]
    after = content(empty)
    second = empty.ask("PATCH", path, {"records": records})[1]
    assert [result["id"] for result in first] == [result["id"] for result in second]
    assert not any(result["created"] for result in second)
    assert content(empty) == after
    made = sum(result["created"] for result in first)
    assert empty.query("SELECT count() FROM Contact")["totalSize"] == held + made
    for key, name in people.items():
        status, body = empty.ask("PATCH", f"sobjects/Contact/External_Id__c/{key}", {"LastName": name})
        assert (status, body["created"]) == (200, False)
    assert content(empty) == after


@st.composite
def chains(draw):
    """Requests of which each may refer to any before it: (referenceId, index of the one it needs, is it good)."""
    number = draw(st.integers(1, 8))
    return [
        (f"r{place}", draw(st.none() | st.integers(0, place - 1)) if place else None, draw(st.integers(0, 5)) > 0)
        for place in range(number)
    ]


def requests_of(chain):
    parts = []
    for name, needed, good in chain:
        body = {"Name": name} if good else {"Name": name, "Nonsense": 1}
        if needed is not None:
            body["ParentId"] = f"@{{r{needed}.id}}"
        parts.append({"method": "POST", "url": f"{V}/sobjects/Account", "referenceId": name, "body": body})
    return parts


@given(chains(), st.booleans())
@QUICK
def test_references_lead_to_what_was_made_or_halt_what_needs_it(empty, chain, together):
    before = content(empty)
    body = {"allOrNone": together, "compositeRequest": requests_of(chain)}
    status, answer = empty.ask("POST", "composite", body)
    parts = answer["compositeResponse"]
    assert (status, [part["referenceId"] for part in parts]) == (200, [name for name, _, _ in chain])
    alive: list[bool] = []
    for _, needed, good in chain:
        alive.append(good and (needed is None or alive[needed]))
    if together and not all(alive):
        assert content(empty) == before
        assert {part["httpStatusCode"] for part in parts} == {400}
        codes = [part["body"][0]["errorCode"] for part in parts]
        assert codes.count("PROCESSING_HALTED") >= len(chain) - 1
        return
    assert [part["httpStatusCode"] == 201 for part in parts] == alive
    for part, (_, needed, good), lives in zip(parts, chain, alive, strict=True):
        if lives and needed is not None:
            shown = empty.ask("GET", f"sobjects/Account/{part['body']['id']}?fields=ParentId")[1]
            assert shown["ParentId"] == parts[needed]["body"]["id"]
        if not lives:
            halted = part["body"][0]["errorCode"] == "PROCESSING_HALTED"
            assert halted == (needed is not None and not alive[needed]), good


@given(st.lists(chains(), min_size=1, max_size=4))
@QUICK
def test_each_graph_stands_or_falls_alone(empty, graphs):
    held = empty.query("SELECT count() FROM Account")["totalSize"]
    body = {"graphs": [{"graphId": f"g{n}", "compositeRequest": requests_of(chain)} for n, chain in enumerate(graphs)]}
    answer = empty.ask("POST", "composite/graph", body)[1]["graphs"]
    whole = [all(good for _, _, good in chain) for chain in graphs]
    assert [graph["isSuccessful"] for graph in answer] == whole
    made = sum(len(chain) for chain, good in zip(graphs, whole, strict=True) if good)
    assert empty.query("SELECT count() FROM Account")["totalSize"] == held + made


def test_a_graph_keeps_its_depth_and_too_many_failures_end_the_rest(empty):
    deep = [(f"r{n}", n - 1 if n else None, True) for n in range(16)]
    body = {"graphs": [{"graphId": "g", "compositeRequest": requests_of(deep)}]}
    assert empty.ask("POST", "composite/graph", body)[1][0]["errorCode"] == "LIMIT_EXCEEDED"
    bad = [("r0", None, False)]
    body = {"graphs": [{"graphId": f"g{n}", "compositeRequest": requests_of(bad)} for n in range(17)]}
    answer = empty.ask("POST", "composite/graph", body)[1]["graphs"]
    codes = [graph["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"] for graph in answer]
    assert codes == ["INVALID_FIELD"] * 15 + ["PROCESSING_HALTED"] * 2


@pytest.mark.parametrize("together", [True, False])
def test_history_and_rights_roll_back_with_the_rows(empty, together):
    row = empty.create("PermissionSet", Name="Some", Label="Some")
    empty.create("PermissionSetAssignment", PermissionSetId=row, AssigneeId=empty.org._state.me)
    empty.custom_field("Lead.Grade__c", grant=False)
    grant = {"ParentId": row, "SobjectType": "Lead", "Field": "Lead.Grade__c", "PermissionsRead": True}
    records = [typed(grant, "FieldPermissions"), typed(BAD)]
    empty.ask("POST", "composite/sobjects", {"allOrNone": together, "records": records})
    assert ("Grade__c" in empty.fields("Lead")) is not together


def test_a_parent_may_be_named_by_its_own_key(empty):
    chief = empty.create("Contact", LastName="Bo", External_Id__c="k1")
    contact = empty.create("Contact", LastName="Ada", ReportsTo={"External_Id__c": "K1"})
    assert empty.ask("GET", f"sobjects/Contact/{contact}/ReportsTo?fields=LastName")[1]["Id"] == chief
    refused = empty.ask("PATCH", f"sobjects/Contact/{contact}", {"ReportsTo": {"External_Id__c": "k9"}})[1][0]
    words = "Foreign key external ID: k9 not found for field External_Id__c in entity Contact"
    assert (refused["errorCode"], refused["message"]) == ("INVALID_FIELD", words)
    refused = empty.ask("PATCH", f"sobjects/Contact/{contact}", {"ReportsTo": {"Title": "x"}})[1][0]
    assert refused["errorCode"] == "INVALID_FIELD"
    assert empty.ask("GET", f"sobjects/Contact/{contact}/Account")[0] == 404
    assert empty.ask("GET", f"sobjects/Contact/{contact}/Tasks")[0] == 501
