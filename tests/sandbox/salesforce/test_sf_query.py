"""Queries: the language, pages, relationships, counts and errors."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.ids import full_id, make_id, to18
from sandbox.salesforce.soql.conditions import like
from sandbox.salesforce.soql.parser import Parser
from sandbox.salesforce.soql.tree import Compare, Logic, Query
from sandbox.salesforce.soql.words import unescape


@given(st.integers(0, 62**8))
def test_ids_have_a_checksum_and_two_lengths(number):
    made = make_id("00Q", number)
    assert len(made) == 18
    assert full_id(made[:15]) == full_id(made) == made
    assert full_id(made[:15] + made[15:].lower()) == made


def test_the_checksum_is_the_vendors():
    assert to18("001Da00000xnAk6") == "001Da00000xnAk6IAE"
    assert [full_id(text) for text in ("001Da00000xnAk6IAA", "short", None, "001Da00000xnAk!")] == [None] * 4


TEXT = st.text(string.ascii_letters + "'\\\"\n\t %_é", max_size=12)


def escaped(text: str) -> str:
    table = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return "".join(table.get(char, char) for char in text)


@given(TEXT)
def test_an_escaped_string_comes_out_as_it_went_in(text):
    assert unescape(escaped(text)) == text
    query = Parser(f"SELECT Id FROM Lead WHERE Name = '{escaped(text)}'").parse()
    assert isinstance(query.where, Compare)
    assert query.where.value.value == text


@given(TEXT, TEXT)
def test_like_takes_escaped_wildcards_literally(text, other):
    raw = escaped(text).replace("%", "\\%").replace("_", "\\_")
    assert like(raw).fullmatch(text)
    assert like(f"%{raw}%").fullmatch(other + text + other)


NAMES = st.sampled_from(["Email", "Status", "Owner.Name", "Account.Owner.Name"])
CONDITIONS = st.recursive(
    st.tuples(NAMES, st.sampled_from(["=", "!=", "LIKE", "IN"])).map(
        lambda pair: f"{pair[0]} {pair[1]} ('a','b')" if pair[1] == "IN" else f"{pair[0]} {pair[1]} 'x'"
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([" AND ", " OR "]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda pair: pair[0].join(f"({part})" for part in pair[1])
        ),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=8,
)


def shape(node):
    if isinstance(node, Compare):
        return 1
    return sum(shape(part) for part in node.parts)


@given(CONDITIONS, st.sampled_from(["", " ORDER BY Email DESC NULLS LAST, Id", " LIMIT 5 OFFSET 2"]))
def test_conditions_nest_as_they_are_written(condition, tail):
    query = Parser(f"select Id, (select Id from Tasks) from Lead where {condition}{tail}").parse()
    assert isinstance(query.where, Compare | Logic)
    assert shape(query.where) == sum(condition.count(f"{op} ") for op in (" =", " !=", " LIKE", " IN"))
    assert isinstance(query.select[1], Query)
    assert (query.limit, query.offset) == ((5, 2) if "LIMIT" in tail else (None, 0))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("select count() from XYZZY", "INVALID_TYPE", "Row:1:Column:21\nsObject type 'XYZZY' is not supported."),
        ("SELECT Foo FROM Lead", "INVALID_FIELD", "Row:1:Column:8\nNo such column 'Foo' on entity 'Lead'."),
        (
            "SELECT Id FROM Lead WHERE Bar = 1",
            "INVALID_FIELD",
            "Row:1:Column:27\nNo such column 'Bar' on entity 'Lead'",
        ),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FRM Lead", "MALFORMED_QUERY", "unexpected token: 'FRM'"),
        (
            "SELECT Id FROM Lead WHERE Email = 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "should not be enclosed",
        ),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Lead WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: nonsense"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'true'", "INVALID_FIELD", "boolean"),
        ("SELECT Id FROM Lead WHERE A = 1 AND B = 2 OR C = 3", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Boss.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Boss'"),
        ("SELECT Id, (SELECT Id FROM Dogs) FROM Lead", "INVALID_TYPE", "relationship 'Dogs'"),
        ("SELECT Status, count(Id) FROM Lead", "MALFORMED_QUERY", "Field must be grouped or aggregated: Status"),
        ("SELECT Id FROM Lead LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT Id FROM Lead WHERE Email = 'open", "MALFORMED_QUERY", "Column:35"),
        ("SELECT Id FROM CustomField", "INVALID_TYPE", "CustomField"),
    ],
)
def test_bad_queries_fail_in_the_vendors_words(filled, text, code, words):
    status, body = filled.ask("GET", f"query?q={quote(text)}")
    assert status == 400
    assert body[0]["errorCode"] == code
    assert words in body[0]["message"]


def test_the_caret_points_at_the_place(filled):
    message = filled.ask("GET", f"query?q={quote('select count() from XYZZY')}")[1][0]["message"]
    assert message.startswith("\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n")


def test_pages_together_are_the_org_and_no_page_is_longer_than_asked(filled):
    stored = {row.id for row in filled.org.records.rows("Lead") if not row.deleted}
    body = filled.query("SELECT Id FROM Lead ORDER BY SystemModstamp, Id", Sforce_Query_Options="batchSize=200")
    assert (len(body["records"]), body["totalSize"], body["done"]) == (min(200, len(stored)), len(stored), False)
    assert body["nextRecordsUrl"].startswith("/services/data/v62.0/query/01g")
    assert body["nextRecordsUrl"].endswith("-200")
    found = [row["Id"] for row in filled.rows("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")]
    assert sorted(found) == sorted(stored)
    total = [row["Id"] for row in filled.rows("SELECT Id FROM Lead", "queryAll", Sforce_Query_Options="batchSize=200")]
    assert sorted(total) == sorted(row.id for row in filled.org.records.rows("Lead"))


def test_windows_by_stamp_are_whole_and_in_order(filled):
    rows = filled.rows("SELECT Id, SystemModstamp FROM Task ORDER BY SystemModstamp ASC, Id ASC")
    stamps = [(row["SystemModstamp"], row["Id"]) for row in rows]
    assert stamps == sorted(stamps)
    middle = stamps[len(stamps) // 2][0]
    window = f"{middle[:19]}Z"
    late = filled.rows(f"SELECT Id FROM Task WHERE SystemModstamp >= {window}")
    early = filled.rows(f"SELECT Id FROM Task WHERE SystemModstamp < {window}")
    assert len(late) + len(early) == len(stamps)
    assert len(late) == sum(1 for stamp, _ in stamps if stamp >= middle)


def test_a_dead_locator_is_refused_after_two_days(make):
    client = make(people=900)
    body = client.query("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")
    client.advance("49h")
    status, error = client.ask("GET", body["nextRecordsUrl"])
    assert (status, error[0]["errorCode"]) == (404, "INVALID_QUERY_LOCATOR")


def test_parents_nest_polymorphic_ones_are_names_and_unset_ones_null(empty):
    account = empty.create("Account", Name="Corp")
    contact = empty.create("Contact", LastName="Ode", AccountId=account)
    alone = empty.create("Contact", LastName="Solo")
    row = empty.rows(f"SELECT Account.Name, Account.Owner.Name, Owner.Username FROM Contact WHERE Id = '{contact}'")[0]
    assert row["Account"]["Name"] == "Corp"
    assert row["Account"]["attributes"]["type"] == "Account"
    assert row["Account"]["Owner"]["Name"] == "Handoff Integration"
    assert row["Owner"]["Username"] == "handoff@corp.example"
    assert empty.rows(f"SELECT Account.Name FROM Contact WHERE Id = '{alone}'")[0]["Account"] is None
    lead = empty.lead()
    shown = empty.rows(f"SELECT Owner.Name, Owner.Type FROM Lead WHERE Id = '{lead}'")[0]["Owner"]
    assert (shown["attributes"]["type"], shown["Name"], shown["Type"]) == ("Name", "Handoff Integration", "User")


def test_children_come_as_a_block_or_null(empty):
    lead, alone = empty.lead("One"), empty.lead("Two")
    for subject in ("B", "A", "C"):
        empty.create("Task", WhoId=lead, Subject=subject)
    text = "SELECT Id, (SELECT Subject FROM Tasks WHERE Subject != 'C' ORDER BY Subject) FROM Lead"
    found = {row["Id"]: row["Tasks"] for row in empty.rows(text)}
    assert [task["Subject"] for task in found[lead]["records"]] == ["A", "B"]
    assert found[lead]["totalSize"] == 2
    assert found[alone] is None


def test_child_rows_count_towards_the_page(empty):
    for number in range(4):
        lead = empty.lead(f"L{number}")
        for start in range(0, 99, 33):
            tasks = [{"attributes": {"type": "Task"}, "WhoId": lead, "Subject": str(start + n)} for n in range(33)]
            assert empty.ask("POST", "composite/sobjects", {"records": tasks})[0] == 200
    text = "SELECT Name, (SELECT Id FROM Tasks) FROM Lead ORDER BY Name"
    body = empty.query(text, Sforce_Query_Options="batchSize=200")
    assert ([row["Name"] for row in body["records"]], body["done"]) == (["L0", "L1"], False)
    rows = empty.rows(text, Sforce_Query_Options="batchSize=200")
    assert [(row["Name"], row["Tasks"]["totalSize"]) for row in rows] == [(f"L{n}", 99) for n in range(4)]


def test_counts_and_groups(empty):
    for name, status in (("A", "Working - Contacted"), ("B", "Working - Contacted"), ("C", None)):
        empty.lead(name, **({"Status": status} if status else {}))
    assert empty.query("SELECT count() FROM Lead") == {"totalSize": 3, "done": True, "records": []}
    assert empty.rows("SELECT count(Id) FROM Lead")[0] == {"attributes": {"type": "AggregateResult"}, "expr0": 3}
    groups = empty.rows("SELECT Status, COUNT(Id) n FROM Lead GROUP BY Status ORDER BY Status")
    assert [(row["Status"], row["n"]) for row in groups] == [("Open - Not Contacted", 1), ("Working - Contacted", 2)]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("City = 'ulm'", ["A"]),
        ("City != 'Ulm'", ["B", "C"]),
        ("City = null", ["C"]),
        ("City NOT IN ('Ulm','Bonn')", ["C"]),
        ("City LIKE 'b%'", ["B"]),
        ("NumberOfEmployees > 10", ["B"]),
        ("NumberOfEmployees >= 10 AND NOT (City = 'Bonn')", ["A"]),
        ("(City = 'Ulm' OR City = 'Bonn') AND NumberOfEmployees < 100", ["A"]),
        ("Name = 'C'", ["C"]),
        ("IsConverted = false AND CreatedDate = TODAY", ["A", "B", "C"]),
        ("CreatedDate >= TODAY AND CreatedDate < TOMORROW", ["A", "B", "C"]),
        ("CreatedDate > LAST_N_DAYS:3", ["A", "B", "C"]),
        ("Owner.Name = 'Handoff Integration' AND Company = 'CORP'", ["A", "B", "C"]),
        ("Id IN (SELECT WhoId FROM Task WHERE Subject = 'Call')", ["B"]),
    ],
)
def test_conditions_choose_what_they_say(empty, where, names):
    empty.lead("A", City="Ulm", NumberOfEmployees=10)
    second = empty.lead("B", City="Bonn", NumberOfEmployees=100)
    empty.lead("C")
    empty.create("Task", WhoId=second, Subject="Call")
    assert [row["Name"] for row in empty.rows(f"SELECT Name FROM Lead WHERE {where} ORDER BY Name")] == names


def test_order_takes_several_keys_and_puts_nulls_where_told(empty):
    for name, city in (("A", "Ulm"), ("B", None), ("C", "Bonn"), ("D", "ulm")):
        empty.lead(name, City=city)

    def names(order):
        return "".join(row["Name"] for row in empty.rows(f"SELECT Name FROM Lead ORDER BY {order}"))

    assert names("City, Name DESC") == "BCDA"
    assert names("City NULLS LAST, Name") == "CADB"
    assert names("City DESC NULLS LAST, Name") == "ADCB"
    assert names("Name LIMIT 2 OFFSET 1") == "BC"


def test_an_address_longer_than_the_limit_is_a_414(empty):
    ids = ",".join(f"'{make_id('00Q', n)}'" for n in range(900))
    status, body = empty.ask("GET", f"query?q={quote(f'SELECT Id FROM Lead WHERE Id IN ({ids})')}")
    assert (status, body[0]["errorCode"]) == (414, "URI_TOO_LONG")
    part = {"method": "GET", "url": "/services/data/v62.0/query?q=" + quote(f"SELECT Id FROM Lead WHERE Id IN ({ids})")}
    status, body = empty.ask("POST", "composite", {"compositeRequest": [{**part, "referenceId": "q"}]})
    assert (status, body["compositeResponse"][0]["httpStatusCode"]) == (200, 200)
    assert empty.calls()["violations"] == 1
