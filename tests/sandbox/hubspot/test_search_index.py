"""Searches and listings by index find what looking at every record would find, whatever was done before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.clock import OrgClock
from sandbox.core.http import Request
from sandbox.hubspot.access.gate import Limits
from sandbox.hubspot.org import HubSpotOrg
from sandbox.people.build import build_world

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
MANY = Limits(burst=10**9, search=10**9, associations=10**9, daily=10**9)
NAMES = ("lastmodifieddate", "createdate", "hs_object_id", "city", "email", "firstname")


class Frozen(OrgClock):
    """A clock that stands until it is moved, so that many records share a moment."""

    def _read(self):
        return self._zero


@pytest.fixture(scope="module")
def org(tmp_path_factory):
    made = HubSpotOrg(tmp_path_factory.mktemp("search"), Frozen(AT), world=build_world(1, AT, 0), limits=MANY)
    yield made
    made.close()


def call(org, method, path, body=None):
    headers = [("Authorization", f"Bearer {org.credentials.token}"), ("Content-Type", "application/json")]
    return org.handle(Request.make(method, path, headers, body if body is not None else b""))


def millis(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def seen(row, name):
    """Return a property as searches compare it."""
    value = row["properties"].get(name)
    if value is None:
        return None
    if name.endswith("date"):
        return millis(value)
    return int(value) if name == "hs_object_id" else value.casefold()


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "change", "archive", "merge", "wait", "fail"]),
        st.integers(0, 30),
        st.sampled_from(["Ulm", "Bonn", "Kiel", ""]),
    ),
    max_size=12,
)
FILTER = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["EQ", "NEQ", "GT", "GTE", "LT", "LTE", "BETWEEN", "IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"]),
    st.integers(0, 40),
    st.integers(0, 40),
)
QUERIES = st.tuples(
    st.lists(st.lists(FILTER, min_size=1, max_size=3), max_size=3), st.sampled_from(NAMES), st.booleans()
)


def do(org, number, change):
    what, place, city = change
    base = "/crm/v3/objects/contacts"
    ids = [row["id"] for row in call(org, "GET", f"{base}?limit=100").body["results"]]
    if what == "wait":
        org.clock.advance(timedelta(seconds=1 + place))
    elif what == "fail":
        inputs = [{"properties": {"city": city, "firstname": "x"}}, {"properties": {"email": "none"}}]
        assert call(org, "POST", f"{base}/batch/create", {"inputs": inputs}).status == 400
    elif what == "create" or len(ids) < 2:
        call(org, "POST", base, {"properties": {"email": f"s{number}@index.example", "city": city, "firstname": "Ana"}})
    elif what == "change":
        call(org, "PATCH", f"{base}/{ids[place % len(ids)]}", {"properties": {"city": city}})
    elif what == "archive":
        call(org, "DELETE", f"{base}/{ids[place % len(ids)]}")
    else:
        pair = {"primaryObjectId": ids[place % len(ids)], "objectIdToMerge": ids[(place + 1) % len(ids)]}
        call(org, "POST", f"{base}/merge", pair)


def value_of(name, number, rows):
    """Return a value to look for: one that some record has, where there is one."""
    known = [row["properties"].get(name) for row in rows if row["properties"].get(name)]
    if known:
        text = known[number % len(known)]
        return str(millis(text)) if name.endswith("date") else text
    return str(number)


def passes(row, entry):
    name, operator = entry["propertyName"], entry["operator"]
    value = seen(row, name)
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return (value is not None) is (operator == "HAS_PROPERTY")
    if value is None:
        return False
    read = int if name.endswith("date") or name == "hs_object_id" else str.casefold
    if operator == "IN":
        return value in {read(text) for text in entry["values"]}
    low = read(entry["value"])
    tests = {
        "EQ": value == low, "NEQ": value != low, "GT": value > low, "GTE": value >= low, "LT": value < low,
        "LTE": value <= low,
    }  # fmt: skip
    return low <= value <= read(entry["highValue"]) if operator == "BETWEEN" else tests[operator]


COUNT = iter(range(10**9))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, queries=st.lists(QUERIES, min_size=1, max_size=4))
def test_an_index_finds_what_everybody_s_record_shows(org, changes, queries):
    for change in changes:
        do(org, next(COUNT), change)
    listed = call(org, "GET", f"/crm/v3/objects/contacts?limit=100&properties={','.join(NAMES)}").body
    rows = listed["results"]
    assert [int(row["id"]) for row in rows] == sorted(int(row["id"]) for row in rows)
    gone = call(org, "GET", "/crm/v3/objects/contacts?limit=100&archived=true").body["results"]
    assert not {row["id"] for row in rows} & {row["id"] for row in gone}
    if "paging" in listed:
        return
    for groups, sort, descending in queries:
        filters = [[_filter(entry, rows) for entry in group] for group in groups]
        wish = {
            "filterGroups": [{"filters": group} for group in filters],
            "sorts": [{"propertyName": sort, "direction": "DESCENDING" if descending else "ASCENDING"}],
            "limit": 200,
            "properties": list(NAMES),
        }
        found = call(org, "POST", "/crm/v3/objects/contacts/search", wish)
        assert found.status == 200, found.body
        right = [row for row in rows if not filters or any(all(passes(row, e) for e in group) for group in filters)]
        have = sorted(
            (row for row in right if seen(row, sort) is not None), key=lambda r: (seen(r, sort), int(r["id"]))
        )
        lack = [row for row in right if seen(row, sort) is None]
        expected = [row["id"] for row in (have[::-1] if descending else have)] + [row["id"] for row in lack]
        assert [row["id"] for row in found.body["results"]] == expected
        assert found.body["total"] == len(expected)


def _filter(entry, rows):
    name, operator, first, second = entry
    low, high = value_of(name, first, rows), value_of(name, second, rows)
    shown = {"propertyName": name, "operator": operator, "value": low}
    if operator == "BETWEEN":
        shown["highValue"] = high
    if operator == "IN":
        shown["values"] = [low.lower(), high.lower()]
    return shown
