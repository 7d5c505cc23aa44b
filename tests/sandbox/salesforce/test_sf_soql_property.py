"""Random well-formed queries against a slow evaluator of a few obvious lines."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cmp_to_key
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")
TODAY = AT.astimezone(ZONE).date()
NAMES = ["Ada", "ada", "Bo", "B_o", "C%", "O'Neil", "Zoë"]
TITLES = [None, "Head", "head of", "CTO", "x\\y"]
SOURCES = [None, "Web", "Other", "Partner Referral", "Made up"]
LISTED = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Tradeshow", "Other"]
TAGS = [None, "a", "a;b", "b;c", "a;b;c"]
SCORES = [None, -2.5, 0, 1, 10.25]
DAYS = [None, *(TODAY + timedelta(days=n) for n in (-400, -35, -8, -7, -1, 0, 1, 6, 31))]
ACCOUNTS = ["North", "south", "East"]


def stamps():
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=ZONE)
    hours = (-24 * 40, -24 * 8, -25, -1, 0, 1, 23, 24, 30)
    return [None, *((midnight + timedelta(hours=n)).astimezone(UTC) for n in hours)]


SEEN = stamps()


@pytest.fixture(scope="module")
def table(tmp_path_factory, client_of):
    """An org with forty contacts, and the same contacts as plain dictionaries."""
    client = client_of(tmp_path_factory.mktemp("soql"))
    client.custom_field("Contact.Score__c", type="Number", precision=18, scale=2, length=None)
    client.custom_field("Contact.Seen__c", type="DateTime", length=None)
    values = {"valueSetDefinition": {"value": [{"fullName": tag, "label": tag} for tag in "abc"]}}
    client.custom_field("Contact.Tags__c", type="MultiselectPicklist", length=None, valueSet=values, visibleLines=4)
    me = client.org._state.me
    client.org.records.update("User", me, {"TimeZoneSidKey": str(ZONE)}, at=AT, by=me)
    owners = [client.user("rep1"), me]
    accounts = [client.create("Account", Name=name) for name in ACCOUNTS]
    rows = []
    for number in range(40):
        row = {
            "LastName": NAMES[number % 7],
            "Title": TITLES[number % 5],
            "LeadSource": SOURCES[(number * 3) % 5],
            "Tags__c": TAGS[(number // 2) % 5],
            "Score__c": SCORES[(number * 7) % 5],
            "DoNotCall": number % 3 == 0,
            "Birthdate": DAYS[number % 10],
            "Seen__c": SEEN[(number * 3) % 10],
            "Account.Name": None if number % 4 == 3 else ACCOUNTS[number % 4],
            "Owner.Username": "rep1@corp.example" if number % 2 else "handoff@corp.example",
            "called": number % 6 == 0,
        }
        body = {name: value for name, value in row.items() if "." not in name and name != "called"}
        body |= {name: str(body[name]) for name in ("Birthdate",) if body[name] is not None}
        body |= {"Seen__c": body["Seen__c"].isoformat() if body["Seen__c"] else None}
        body |= {"AccountId": None if number % 4 == 3 else accounts[number % 4], "OwnerId": owners[(number + 1) % 2]}
        row["Id"] = client.create("Contact", **body)
        if row["called"]:
            client.create("Task", WhoId=row["Id"], Subject="Call")
        rows.append(row)
    yield client, rows
    client.door.close()


# -- conditions: a text, and what it means ---------------------------------------------------------


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def folded(value):
    return value.casefold() if isinstance(value, str) else value


def texts(name, values):
    known = [value for value in values if value is not None]
    one = st.sampled_from(known)
    many = st.lists(one, min_size=1, max_size=3)
    return st.one_of(
        one.map(lambda v: (f"{name} = {quoted(v)}", lambda r: folded(r[name]) == folded(v))),
        one.map(lambda v: (f"{name} != {quoted(v)}", lambda r: folded(r[name]) != folded(v))),
        many.map(
            lambda vs: (
                f"{name} IN ({','.join(map(quoted, vs))})",
                lambda r: folded(r[name]) in [folded(v) for v in vs],
            )
        ),
        many.map(
            lambda vs: (
                f"{name} NOT IN ({','.join(map(quoted, vs))})",
                lambda r: folded(r[name]) not in [folded(v) for v in vs],
            )
        ),
        st.just((f"{name} = null", lambda r: r[name] is None)),
        st.just((f"{name} <> NULL", lambda r: r[name] is not None)),
    )


PATTERNS = [
    ("a%", r"a.*"),
    ("%O", r".*o"),
    ("_o", r".o"),
    ("B\\_o", r"b_o"),
    ("C\\%", r"c%"),
    ("%\\'%", r".*'.*"),
    ("%\\\\%", r".*\\.*"),
    ("%", r".*"),
]


def likes(name):
    return st.sampled_from(PATTERNS).map(
        lambda p: (
            f"{name} LIKE '{p[0]}'",
            lambda r: r[name] is not None and re.fullmatch(p[1], r[name], re.IGNORECASE) is not None,
        )
    )


COMPARE = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
}
OPS = st.sampled_from(sorted(COMPARE))


def numbers():
    return st.tuples(OPS, st.sampled_from([-2.5, 0, 1, 2, 10.25])).map(
        lambda p: (f"Score__c {p[0]} {p[1]}", lambda r: COMPARE[p[0]](r["Score__c"], p[1]))
    )


def days():
    return st.tuples(OPS, st.sampled_from([day for day in DAYS if day])).map(
        lambda p: (f"Birthdate {p[0]} {p[1]}", lambda r: COMPARE[p[0]](r["Birthdate"], p[1]))
    )


def moments():
    zones = st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"), ZONE])
    return st.tuples(OPS, st.sampled_from([moment for moment in SEEN if moment]), zones).map(
        lambda p: (
            f"Seen__c {p[0]} {p[1].astimezone(p[2]).isoformat()}",
            lambda r: COMPARE[p[0]](r["Seen__c"], p[1]),
        )
    )


def months_on(day, months):
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


SUNDAY = TODAY - timedelta(days=(TODAY.weekday() + 1) % 7)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
FIRST = TODAY.replace(day=1)
QUARTER = months_on(FIRST, -((TODAY.month - 1) % 3))
YEAR = TODAY.replace(month=1, day=1)
SPANS = {
    "TODAY": (TODAY, TODAY + DAY),
    "YESTERDAY": (TODAY - DAY, TODAY),
    "tomorrow": (TODAY + DAY, TODAY + 2 * DAY),
    "LAST_N_DAYS:8": (TODAY - 8 * DAY, TODAY + DAY),
    "NEXT_N_DAYS:6": (TODAY + DAY, TODAY + 7 * DAY),
    "N_DAYS_AGO:7": (TODAY - 7 * DAY, TODAY - 6 * DAY),
    "LAST_90_DAYS": (TODAY - 90 * DAY, TODAY + DAY),
    "THIS_WEEK": (SUNDAY, SUNDAY + WEEK),
    "LAST_WEEK": (SUNDAY - WEEK, SUNDAY),
    "NEXT_N_WEEKS:2": (SUNDAY + WEEK, SUNDAY + 3 * WEEK),
    "THIS_MONTH": (FIRST, months_on(FIRST, 1)),
    "LAST_N_MONTHS:2": (months_on(FIRST, -2), FIRST),
    "N_MONTHS_AGO:1": (months_on(FIRST, -1), FIRST),
    "THIS_QUARTER": (QUARTER, months_on(QUARTER, 3)),
    "LAST_YEAR": (months_on(YEAR, -12), YEAR),
    "THIS_FISCAL_YEAR": (YEAR, months_on(YEAR, 12)),
}


def within(op, value, low, high, word):
    if value is None:
        return op == "!="
    inside = low <= value < high
    if op in ("=", "!="):
        return inside is (op == "=")
    open_ended = word.startswith(("LAST_N_DAYS", "LAST_90"))
    return {
        "<": value < low,
        "<=": value < high,
        ">=": value >= low,
        ">": value > low if open_ended else value >= high,
    }[op]


def spans(name):
    def build(pair):
        op, word = pair
        low, high = SPANS[word]
        if name == "Seen__c":
            low, high = (datetime(d.year, d.month, d.day, tzinfo=ZONE).astimezone(UTC) for d in (low, high))
        return f"{name} {op} {word}", lambda r: within(op, r[name], low, high, word)

    return st.tuples(OPS, st.sampled_from(sorted(SPANS))).map(build)


def tagged():
    def build(pair):
        word, groups = pair
        text = f"Tags__c {word} ({','.join(quoted(group) for group in groups)})"

        def holds(row):
            held = set((row["Tags__c"] or "").split(";"))
            return any(set(group.split(";")) <= held for group in groups) is (word == "INCLUDES")

        return text, holds

    groups = st.lists(st.sampled_from(["a", "b", "c", "a;b", "b;c"]), min_size=1, max_size=2)
    return st.tuples(st.sampled_from(["INCLUDES", "EXCLUDES"]), groups).map(build)


LEAVES = st.one_of(
    texts("LastName", NAMES),
    texts("Title", TITLES),
    texts("LeadSource", SOURCES),
    texts("Account.Name", [None, *ACCOUNTS]),
    texts("Owner.Username", ["rep1@corp.example", "nobody"]),
    likes("LastName"),
    likes("Account.Name"),
    numbers(),
    days(),
    moments(),
    spans("Birthdate"),
    spans("Seen__c"),
    tagged(),
    st.sampled_from([True, False]).map(lambda v: (f"DoNotCall = {v}", lambda r: r["DoNotCall"] is v)),
)


def joined(pair):
    word, parts = pair
    together = all if word == " AND " else any
    return word.join(f"({text})" for text, _ in parts), lambda r: together(test(r) for _, test in parts)


CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([" AND ", " OR "]), st.lists(inner, min_size=2, max_size=3)).map(joined),
        inner.map(lambda part: (f"NOT ({part[0]})", lambda r: not part[1](r))),
    ),
    max_leaves=6,
)
JOINS = st.sampled_from(
    [
        ("Id IN (SELECT WhoId FROM Task WHERE Subject = 'call')", lambda r: r["called"]),
        ("Id NOT IN (SELECT WhoId FROM Task)", lambda r: not r["called"]),
        ("AccountId IN (SELECT Id FROM Account WHERE Name LIKE '%t%')", lambda r: r["Account.Name"] in ACCOUNTS),
        ("AccountId IN (SELECT Id FROM Account WHERE Name = 'East')", lambda r: r["Account.Name"] == "East"),
    ]
)
WHERE = st.one_of(
    st.just(("", lambda _: True)),
    CONDITIONS.map(lambda part: (f" WHERE {part[0]}", part[1])),
    st.tuples(JOINS, CONDITIONS).map(
        lambda pair: (f" WHERE {pair[0][0]} AND ({pair[1][0]})", lambda r: pair[0][1](r) and pair[1][1](r))
    ),
)
SORTED = ("LastName", "Title", "LeadSource", "Score__c", "Birthdate", "Seen__c", "Account.Name", "DoNotCall")
ORDERS = st.lists(
    st.tuples(st.sampled_from(SORTED), st.booleans(), st.sampled_from(["", " NULLS FIRST", " NULLS LAST"])), max_size=3
)
LIMITS = st.tuples(st.none() | st.integers(0, 50), st.none() | st.integers(0, 30))
settled = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ranked(name, value):
    if name == "LeadSource":
        return (LISTED.index(value) if value in LISTED else len(LISTED), value.casefold())
    return folded(value)


def in_order(orders):
    def compare(one, other):
        for name, descending, nulls in orders:
            a, b = one[name], other[name]
            if (a is None) != (b is None):
                return (1 if a is None else -1) * (1 if nulls == " NULLS LAST" else -1)
            if a is not None and ranked(name, a) != ranked(name, b):
                return (1 if ranked(name, a) > ranked(name, b) else -1) * (-1 if descending else 1)
        return (one["Id"] > other["Id"]) - (one["Id"] < other["Id"])

    return cmp_to_key(compare)


@settled
@given(WHERE, ORDERS, LIMITS)
def test_a_query_answers_what_a_slow_evaluator_answers(table, where, orders, limits):
    client, rows = table
    keys = [f"{name}{' DESC' if descending else ''}{nulls}" for name, descending, nulls in orders]
    text = f"SELECT Id, LastName, Account.Name FROM Contact{where[0]} ORDER BY {', '.join([*keys, 'Id'])}"
    text += f" LIMIT {limits[0]}" if limits[0] is not None else ""
    text += f" OFFSET {limits[1]}" if limits[1] is not None else ""
    expected = sorted((row for row in rows if where[1](row)), key=in_order(orders))
    first = limits[1] or 0
    expected = expected[first : None if limits[0] is None else first + limits[0]]
    body = client.query(text)
    assert [row["Id"] for row in body["records"]] == [row["Id"] for row in expected], text
    assert body["totalSize"] == len(expected)
    assert [(row["LastName"], (row["Account"] or {}).get("Name")) for row in body["records"]] == [
        (row["LastName"], row["Account.Name"]) for row in expected
    ]


@settled
@given(WHERE, st.sampled_from(["LeadSource", "DoNotCall", "Account.Name"]), st.integers(0, 6))
def test_groups_are_what_a_slow_evaluator_groups(table, where, name, least):
    client, rows = table
    text = (
        f"SELECT {name} k, COUNT(Id), COUNT(Score__c) s, MIN(Score__c) low, SUM(Score__c) sum, COUNT_DISTINCT(Title) t"
    )
    text += f" FROM Contact{where[0]} GROUP BY {name} HAVING COUNT(Id) > {least}"
    groups = {}
    for row in rows:
        if where[1](row):
            groups.setdefault(row[name], []).append(row)
    expected = {}
    for key, members in groups.items():
        scores = [row["Score__c"] for row in members if row["Score__c"] is not None]
        titles = {row["Title"] for row in members} - {None}
        if len(members) > least:
            expected[key] = (len(members), len(scores), min(scores, default=None), sum(scores) if scores else None)
            expected[key] += (len(titles),)
    found = client.query(text)["records"]
    assert {row["k"]: (row["expr0"], row["s"], row["low"], row["sum"], row["t"]) for row in found} == expected, text


@settled
@given(WHERE)
def test_counts_agree_with_rows(table, where):
    client, rows = table
    expected = sum(1 for row in rows if where[1](row))
    assert client.query(f"SELECT COUNT() FROM Contact{where[0]}")["totalSize"] == expected
    assert client.query(f"SELECT COUNT(Id) n FROM Contact{where[0]}")["records"][0]["n"] == expected


WORDS = """SELECT Id Name FROM Contact WHERE AND OR NOT ( ) , = != LIKE IN 'x' 1 null TODAY ORDER BY LIMIT OFFSET GROUP
HAVING COUNT(Id) TYPEOF Owner WHEN User THEN END . FIELDS(ALL) DESC NULLS FIRST"""
SHREDS = st.lists(st.sampled_from(WORDS.split()), max_size=14)


@settled
@given(SHREDS)
def test_any_shreds_of_a_query_get_an_answer_or_an_error_of_the_vendors(table, words):
    client, _ = table
    status, body = client.ask("GET", f"query?q={quote(' '.join(words) or ' ')}")
    assert status == 200 or (status == 400 and body[0]["errorCode"].isupper()), body
