"""Queries beyond the plain ones: kinds of parents, children in pages, totals, locators, plans by index, errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.http import Request
from sandbox.core.org import OrgOptions
from sandbox.salesforce.objects.schema import CHILD_NAMES
from sandbox.salesforce.soql import groups as group_room
from sandbox.salesforce.soql import locators as locator_room

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def refusal(client, text, resource="query"):
    status, body = client.ask("GET", f"{resource}?q={quote(text)}")
    assert status == 400, body
    return body[0]["errorCode"], body[0]["message"]


# -- parents ---------------------------------------------------------------------------------------


def test_a_polymorphic_parent_shows_the_fields_of_its_kind(empty):
    account = empty.create("Account", Name="Corp", Phone="1")
    lead, contact = (
        empty.lead("Lovelace"),
        empty.create("Contact", LastName="Ode", AccountId=account, Email="o@x.example"),
    )
    for values in ({"WhoId": lead}, {"WhoId": contact, "WhatId": account}, {}):
        empty.create("Task", Subject="Call", **values)
    text = (
        "SELECT Subject, TYPEOF Who WHEN Contact THEN LastName, Email, Account.Name WHEN Lead THEN LastName, Company "
        "END, TYPEOF What WHEN Opportunity THEN StageName ELSE Id, Name END FROM Task ORDER BY Id"
    )
    rows = empty.rows(text)
    whos = [row["Who"] for row in rows]
    assert (whos[0]["attributes"]["type"], whos[0]["LastName"], whos[0]["Company"]) == ("Lead", "Lovelace", "Corp")
    assert (whos[1]["Email"], whos[1]["Account"]["Name"], whos[2]) == ("o@x.example", "Corp", None)
    assert [row["What"] and (row["What"]["Id"], row["What"]["Name"]) for row in rows] == [None, (account, "Corp"), None]
    assert list(rows[0]) == ["attributes", "Subject", "Who", "What"]


def test_parents_nest_in_the_order_asked_for_and_derived_ones_are_followed(empty):
    account = empty.create("Account", Name="Corp", OwnerId=empty.user("rep1"))
    contact = empty.create("Contact", LastName="Ode", AccountId=account)
    empty.create("Task", Subject="Call", WhoId=contact)
    row = empty.rows("SELECT t.Account.Owner.Username, CreatedBy.Name, Who.Type, Subject, Account.Name FROM Task t")[0]
    assert list(row) == ["attributes", "Account", "CreatedBy", "Who", "Subject"]
    assert row["Account"]["Owner"]["Username"] == "rep1@corp.example"
    assert (row["Account"]["Name"], row["CreatedBy"]["Name"]) == ("Corp", "Handoff Integration")
    assert row["Who"]["Type"] == "Contact"
    assert empty.rows("SELECT Id FROM Task WHERE Account.Owner.Username = 'REP1@corp.example' AND Who.Type = 'Contact'")


# -- children --------------------------------------------------------------------------------------


def test_children_beyond_a_page_have_a_locator_of_their_own(empty):
    lead = empty.lead("Busy")
    for start in range(0, 450, 150):
        tasks = [{"attributes": {"type": "Task"}, "WhoId": lead, "Subject": f"{start + n:03d}"} for n in range(150)]
        assert empty.ask("POST", "composite/sobjects", {"records": tasks})[0] == 200
    text = "SELECT Id, (SELECT Subject, Who.Name FROM Tasks ORDER BY Subject DESC) FROM Lead"
    block = empty.query(text, Sforce_Query_Options="batchSize=200")["records"][0]["Tasks"]
    assert (block["totalSize"], block["done"], len(block["records"])) == (450, False, 200)
    subjects = [row["Subject"] for row in block["records"]]
    while not block["done"]:
        status, block = empty.ask("GET", block["nextRecordsUrl"])
        assert status == 200
        subjects += [row["Subject"] for row in block["records"]]
        assert block["records"][0]["attributes"]["type"] == "Task"
        assert block["records"][0]["Who"]["Name"] == "Busy"
    assert subjects == [f"{number:03d}" for number in range(449, -1, -1)]


def test_opportunities_are_children_of_contacts(empty):
    contact = empty.create("Contact", LastName="Ode")
    values = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-04-01", "ContactId": contact}
    empty.create("Opportunity", **values)
    assert CHILD_NAMES["Opportunity", "ContactId"] == "Opportunities"
    row = empty.rows("select LastName,(select Name from Opportunities) from Contact")[0]
    assert [child["Name"] for child in row["Opportunities"]["records"]] == ["Deal"]


# -- fields and functions --------------------------------------------------------------------------


def test_field_sets_need_a_limit_unless_they_are_bounded(empty):
    empty.custom_field("Lead.Mark__c")
    lead = empty.lead("A", Mark__c="x")
    row = empty.rows("SELECT FIELDS(ALL) FROM Lead LIMIT 200")[0]
    assert set(row) - {"attributes"} == empty.fields("Lead")
    assert set(empty.rows("SELECT FIELDS(CUSTOM), Id FROM Lead LIMIT 1")[0]) >= {"Mark__c", "Id"}
    assert "Mark__c" not in empty.rows(f"SELECT FIELDS(STANDARD) FROM Lead WHERE Id = '{lead}'")[0]
    for text in ("SELECT FIELDS(ALL) FROM Lead", "SELECT FIELDS(CUSTOM) FROM Lead LIMIT 201"):
        code, words = refusal(empty, text)
        assert code == "MALFORMED_QUERY"
        assert "must have a LIMIT of at most 200" in words


def test_labels_and_dates_in_the_users_zone(empty):
    lead = empty.lead("A")
    me = empty.org._state.me
    empty.org.records.update("User", me, {"TimeZoneSidKey": "Asia/Tokyo"}, at=AT, by=me)
    row = empty.rows("SELECT toLabel(Status), toLabel(LeadSource) s FROM Lead")[0]
    assert (row["Status"], row["s"]) == ("Open - Not Contacted", None)
    groups = empty.rows(
        "SELECT HOUR_IN_DAY(CreatedDate) utc, HOUR_IN_DAY(convertTimezone(CreatedDate)) here, "
        "CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Lead GROUP BY HOUR_IN_DAY(CreatedDate), "
        "HOUR_IN_DAY(convertTimezone(CreatedDate)), CALENDAR_YEAR(CreatedDate)"
    )
    assert groups == [{"attributes": {"type": "AggregateResult"}, "utc": 9, "here": 18, "expr0": 2026, "expr1": 1}]
    assert empty.rows("SELECT Id FROM Lead WHERE DAY_ONLY(convertTimezone(CreatedDate)) = 2026-03-01")[0]["Id"] == lead
    assert empty.rows("SELECT Id FROM Lead WHERE CALENDAR_MONTH(CreatedDate) IN (1, 2)") == []


# -- totals ----------------------------------------------------------------------------------------


@pytest.fixture
def sold(empty):
    for name, stage, amount in (
        ("A", "Prospecting", 10),
        ("B", "Prospecting", 5),
        ("C", "Closed Won", 7),
        ("D", "Closed Won", None),
    ):
        owner = empty.user("rep1") if name in "AC" else empty.user("rep2")
        values = {"Name": name, "StageName": stage, "CloseDate": "2026-04-01", "Amount": amount, "OwnerId": owner}
        empty.create("Opportunity", **values)
    return empty


def test_rollup_and_cube_add_totals(sold):
    text = (
        "SELECT StageName, Owner.Username o, SUM(Amount) n, GROUPING(StageName) a, GROUPING(Owner.Username) b "
        "FROM Opportunity GROUP BY {}(StageName, Owner.Username) "
        "ORDER BY GROUPING(StageName), StageName, COUNT(Id) DESC"
    )
    found = sold.rows(text.format("ROLLUP"))
    assert [(row["StageName"], row["n"]) for row in found if row["b"]] == [
        ("Prospecting", 15),
        ("Closed Won", 7),
        (None, 22),
    ]
    assert len(found) == 7
    cubed = sold.rows(text.format("CUBE"))
    assert {(row["o"], row["n"]) for row in cubed if row["a"] and not row["b"]} == {
        ("rep1@corp.example", 17),
        ("rep2@corp.example", 5),
    }


def test_having_orders_limits_and_names(sold):
    found = sold.rows(
        "SELECT StageName s, COUNT(Id), AVG(Amount) mean FROM Opportunity WHERE Amount != null GROUP BY StageName "
        "HAVING SUM(Amount) > 6 AND StageName LIKE '%o%' ORDER BY SUM(Amount) DESC LIMIT 1"
    )
    assert found == [{"attributes": {"type": "AggregateResult"}, "s": "Prospecting", "expr0": 2, "mean": 7.5}]
    assert sold.query("SELECT COUNT() FROM Opportunity LIMIT 3")["totalSize"] == 3
    assert sold.rows("SELECT COUNT(Amount) a, COUNT(Id) b, MAX(CreatedDate) c FROM Opportunity")[0]["a"] == 3


def test_more_groups_than_a_page_are_refused(sold, monkeypatch):
    monkeypatch.setattr(group_room, "MOST_GROUPS", 3)
    assert refusal(sold, "SELECT Name FROM Opportunity GROUP BY Name")[0] == "EXCEEDED_ID_LIMIT"
    assert len(sold.rows("SELECT Name FROM Opportunity GROUP BY Name LIMIT 3")) == 3


# -- locators --------------------------------------------------------------------------------------


def test_a_locator_survives_a_restart_and_lives_two_days(make, tmp_path):
    client = make(people=600)
    first = client.query("SELECT Id, Owner.Name FROM Lead ORDER BY Id", Sforce_Query_Options="batchSize=200")
    whole = [row["Id"] for row in client.rows("SELECT Id FROM Lead ORDER BY Id")]
    client.org.close()
    client.org.__init__(tmp_path / "org0", client.org.clock, options=OrgOptions())
    status, second = client.ask("GET", first["nextRecordsUrl"])
    assert status == 200
    assert [row["Id"] for row in first["records"] + second["records"]] == whole[:400]
    assert second["records"][0]["Owner"]["attributes"]["type"] == "Name"
    assert (
        client.query("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")["nextRecordsUrl"]
        != first["nextRecordsUrl"]
    )
    client.advance("49h")
    status, body = client.ask("GET", first["nextRecordsUrl"])
    assert body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    client.query("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")
    assert client.org.records.kept("locator:1") is None


@pytest.mark.parametrize("locator", ["x", "01gHf0000000001AAA", "01g000000000001AAA-200", "01gHf0000000009AAE-x", "-"])
def test_a_locator_nobody_gave_out_is_dead(empty, locator):
    status, body = empty.ask("GET", f"query/{locator}")
    assert (status, body[0]["errorCode"]) == (404, "INVALID_QUERY_LOCATOR")


def test_the_oldest_of_too_many_locators_is_forgotten(make, monkeypatch):
    monkeypatch.setattr(locator_room, "MOST_OPEN", 3)
    client = make(people=600)
    urls = [
        client.query("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")["nextRecordsUrl"] for _ in range(5)
    ]
    assert [client.ask("GET", url)[0] for url in urls] == [404, 404, 200, 200, 200]


# -- plans -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aged(tmp_path_factory, client_of):
    """Sixty leads changed at many times, some of them deleted, several under one stamp."""
    client = client_of(tmp_path_factory.mktemp("aged"))
    records, me, rows = client.org.records, client.org._state.me, []
    for number in range(60):
        lead = client.lead(f"L{number}", Email=f"p{number % 20}@x.example")
        rows.append(lead)
    for number, lead in enumerate(rows):
        moment = AT + timedelta(seconds=(number * 7) % 20)
        records.update("Lead", lead, {"City": "Ulm"}, at=moment, by=me)
        if number % 9 == 0:
            records.remove("Lead", lead, at=moment, by=me)
    yield client
    client.door.close()


SECONDS = st.integers(-2, 22)


def literal(second, millis=0):
    return (AT + timedelta(seconds=second, milliseconds=millis)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"


OPS = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__", "=": "__eq__"}
BOUNDS = st.tuples(st.sampled_from(sorted(OPS)), SECONDS, st.sampled_from([0, 500])).map(
    lambda part: (
        f"SystemModstamp {part[0]} {literal(part[1], part[2])}",
        lambda row: getattr(row.modified_at, OPS[part[0]])(AT + timedelta(seconds=part[1], milliseconds=part[2])),
    )
)
KEYS = st.integers(0, 70).map(
    lambda number: (f"Id > '{ID.format(number)}'", lambda row: row.id[:15] > ID.format(number))
)
ID = "00QHf00000000{:02d}"
EMAILS = st.lists(st.integers(0, 25), min_size=1, max_size=3).map(
    lambda numbers: (
        f"Email IN ({','.join(repr(f'P{number}@x.example') for number in numbers)})",
        lambda row: row.get("Email") in [f"p{number}@x.example" for number in numbers],
    )
)
CITY = st.sampled_from([("City = 'ulm'", lambda _: True), ("City = 'Bonn'", lambda _: False)])


def both(parts, word):
    together = all if word == "AND" else any
    return f"({f' {word} '.join(text for text, _ in parts)})", lambda row: together(test(row) for _, test in parts)


PLANNED = st.recursive(
    st.one_of(BOUNDS, KEYS, EMAILS, CITY),
    lambda inner: st.one_of(
        st.tuples(st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])).map(
            lambda pair: both(*pair)
        ),
        inner.map(lambda part: (f"(NOT {part[0]})", lambda row: not part[1](row))),
    ),
    max_leaves=5,
)
ORDERS = st.sampled_from(
    ["", "Id", "SystemModstamp", "SystemModstamp, Id", "SystemModstamp DESC, Id DESC", "LastModifiedDate DESC, Id DESC"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLANNED, ORDERS, st.none() | st.integers(0, 30), st.booleans())
def test_whatever_way_a_plan_takes_the_rows_are_the_same(aged, where, order, limit, deleted):
    text = f"SELECT Id FROM Lead WHERE {where[0]}"
    text += f" ORDER BY {order}" if order else ""
    text += f" LIMIT {limit}" if limit is not None else ""
    rows = [row for row in aged.org.records.rows("Lead") if (deleted or not row.deleted) and where[1](row)]
    rows.sort(key=lambda row: row.id if order in ("", "Id") else (row.modified_at, row.id), reverse="DESC" in order)
    expected = [row.id for row in rows][:limit]
    body = aged.query(text, "queryAll" if deleted else "query")
    assert [row["Id"] for row in body["records"]] == expected, text
    assert body["totalSize"] == len(expected)


def test_indexed_questions_do_not_look_at_every_row(aged, monkeypatch):
    records, looked = aged.org.records, []
    real = type(records).from_id
    monkeypatch.setattr(type(records), "from_id", lambda self, *args: looked.append(args) or real(self, *args))
    for where in (
        "Email = 'p3@x.example'",
        "Email IN ('p3@x.example', 'p4@x.example') AND City = 'Ulm'",
        "Email = 'p3@x.example' OR Id = '00QHf0000000001'",
        f"SystemModstamp > {literal(18)}",
        f"SystemModstamp > {literal(15)} OR (SystemModstamp = {literal(15)} AND Id > '00QHf0000000001')",
    ):
        assert aged.rows(f"SELECT Id FROM Lead WHERE {where}"), where
    assert looked == []


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "Row:1:Column:12\nduplicate field selected: Id"),
        ("SELECT Id x FROM Lead", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT Id FROM Lead ALL ROWS", "MALFORMED_QUERY", "ALL ROWS not allowed in this context"),
        ("SELECT Id,\nFoo\nFROM Lead", "INVALID_FIELD", "\nFoo\nFROM Lead\n^\nERROR at Row:2:Column:1\nNo such column"),
        ("SELECT Id FROM Lead WHERE DoNotCall > false", "INVALID_FIELD", "invalid operator on boolean field"),
        ("SELECT Id FROM Lead WHERE NumberOfEmployees LIKE '1'", "INVALID_FIELD", "invalid operator on int field"),
        ("SELECT Id FROM Lead WHERE Status INCLUDES ('a')", "INVALID_FIELD", "invalid operator on picklist field"),
        ("SELECT Id FROM Lead WHERE CreatedDate = SOMEDAY", "MALFORMED_QUERY", "unexpected token: 'SOMEDAY'"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Lead WHERE CreatedDate = 2026-13-01T00:00:00Z", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Lead WHERE CreatedDate = 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        (
            "SELECT Id FROM Lead WHERE City = 'x' OR Id IN (SELECT WhoId FROM Task)",
            "MALFORMED_QUERY",
            "Semi join sub-selects are only allowed",
        ),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT Id, WhoId FROM Task)", "MALFORMED_QUERY", "exactly one field"),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT Subject FROM Task)", "INVALID_FIELD", "it is no id"),
        ("SELECT Id, (SELECT Id, (SELECT Id FROM Tasks) FROM Contacts) FROM Account", "MALFORMED_QUERY", "sub-selects"),
        ("SELECT COUNT(), Id FROM Lead", "MALFORMED_QUERY", "COUNT() must be the only element"),
        ("SELECT SUM(Name) FROM Lead", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("SELECT Status FROM Lead GROUP BY Status HAVING City = 'x'", "MALFORMED_QUERY", "must be grouped"),
        ("SELECT Id FROM Lead WHERE COUNT(Id) > 1", "MALFORMED_QUERY", "only allowed with GROUP BY"),
        ("SELECT CALENDAR_YEAR(City) FROM Lead GROUP BY CALENDAR_YEAR(City)", "INVALID_FIELD", "CALENDAR_YEAR"),
        ("SELECT CreatedDate FROM Lead GROUP BY CreatedDate", "MALFORMED_QUERY", "can not be grouped"),
        ("SELECT TYPEOF Owner WHEN Account THEN Name END FROM Lead", "INVALID_TYPE", "Account"),
        ("SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact", "MALFORMED_QUERY", "polymorphic"),
        ("SELECT Id FROM Lead ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT Id FROM Lead FOR EVER", "MALFORMED_QUERY", "unexpected token: 'EVER'"),
        ("SELECT Owner.Wrong FROM Lead", "INVALID_FIELD", "No such column 'Wrong' on entity 'Name'"),
        (
            "SELECT ReportsTo.ReportsTo.ReportsTo.ReportsTo.ReportsTo.ReportsTo.Name FROM Contact",
            "INVALID_FIELD",
            "longer than 5 levels",
        ),
        ("SELECT Id FROM Lead WHERE City = 'a' 'b'", "MALFORMED_QUERY", "unexpected token: ''b''"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(empty, text, code, words):
    found, message = refusal(empty, text)
    assert found == code, message
    assert words in message


def test_a_statement_has_a_longest_length(empty):
    long = "SELECT Id FROM Lead WHERE City = '" + "x" * 100_000 + "'"
    part = {"method": "GET", "url": "/services/data/v62.0/query?q=" + quote(long), "referenceId": "q"}
    body = empty.ask("POST", "composite", {"compositeRequest": [part]})[1]["compositeResponse"][0]
    assert (body["httpStatusCode"], body["body"][0]["errorCode"]) == (400, "MALFORMED_QUERY")


@pytest.mark.parametrize(
    "tail", ["WITH SECURITY_ENFORCED", "WITH USER_MODE", "FOR VIEW", "FOR REFERENCE", "FOR UPDATE"]
)
def test_clauses_that_change_nothing_here_are_taken(empty, tail):
    empty.lead("A")
    assert empty.query(f"SELECT Id FROM Lead {tail}")["totalSize"] == 1


def test_one_can_ask_for_ones_own(empty):
    empty.lead("A")
    empty.lead("B", OwnerId=empty.user("rep1"))
    assert [row["Name"] for row in empty.rows("SELECT Name FROM Lead USING SCOPE mine")] == ["A"]
    assert empty.query("SELECT Name FROM Lead USING SCOPE everything")["totalSize"] == 2


def test_an_address_and_its_headers_have_a_limit(empty):
    empty.lead("A")
    headers = {"Authorization": f"Bearer {empty.token}", "X-Long": "x" * 16_384}
    answer = empty.door.handle(Request.make("GET", "/services/data/v62.0/limits", headers.items()))
    assert (answer.status, json.loads(answer.payload())[0]["errorCode"]) == (431, "HEADERS_TOO_LONG")
