"""Whatever a client sends, the org answers in the vendor's manner and stays as it was when it refuses."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox.salesforce.ids import make_id

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from(
    re.findall(
        r"\w+",
        "LastName Company Email OwnerId Owner WhoId WhatId Status NumberOfEmployees IsConverted ActivityDate "
        "ReminderDateTime attributes Id id External_Id__c Address records x",
    )
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        ["2026-02-30", "2026-02-03T25:00:00Z", "2026-01-01T00:00:00+02:00", "Lead", "a@b.example", "1e999"]
    )
    | st.integers(1, 12).map(lambda number: make_id("005", number)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=5)
OBJECTS = st.sampled_from(
    ["Lead", "Contact", "Task", "Event", "Opportunity", "FieldPermissions", "CampaignMember", "User"]
)


def answered(client, method, path, body=None):
    status, shown = client.ask(method, path, body)
    # What is not built says so by name; anything else beyond 499 would be a crash.
    assert status < 500 or shown[0]["errorCode"] == "SANDBOX_NOT_BUILT", (method, path, body, shown)
    return status, shown


@given(OBJECTS, BODIES, st.booleans())
@QUICK
def test_any_row_is_stored_or_refused(empty, obj, body, by_key):
    before = empty.org.records.count(obj)
    path = f"sobjects/{obj}/External_Id__c/k" if by_key else f"sobjects/{obj}"
    status, shown = answered(empty, "PATCH" if by_key else "POST", path, body)
    if status >= 400:
        assert shown[0]["errorCode"]
        assert empty.org.records.count(obj) == before


@example(
    "composite", "POST", {"compositeRequest": [{"url": "x", "httpHeaders": 1, "method": "GET", "referenceId": "a"}]}
)
@example("composite/tree/Lead", "POST", {"records": [{"attributes": "x"}]})
@example(
    "tooling/sobjects/CustomField",
    "POST",
    {"FullName": "Lead.A__c", "Metadata": {"type": "Picklist", "label": "A", "valueSet": [1]}},
)
@given(
    st.sampled_from(
        re.findall(
            r"\S+",
            "composite/sobjects composite/sobjects/Lead composite/sobjects/Contact/External_Id__c composite "
            "composite/batch composite/graph composite/tree/Lead tooling/sobjects/CustomField",
        )
    ),
    st.sampled_from(["POST", "PATCH"]),
    st.fixed_dictionaries(
        {},
        optional={
            "records": st.lists(BODIES | VALUES, max_size=3) | VALUES,
            "ids": VALUES,
            "fields": VALUES,
            "allOrNone": VALUES,
            "compositeRequest": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "method": st.sampled_from(["GET", "POST", 5]),
                        "url": st.sampled_from(
                            ["/services/data/v62.0/sobjects/Lead", "x", "/services/data/v62.0/query?q=@{a.b}"]
                        ),
                        "referenceId": st.sampled_from(["a", "b", 7]),
                        "body": VALUES,
                        "httpHeaders": VALUES,
                    },
                ),
                max_size=3,
            ),
            "batchRequests": st.lists(BODIES, max_size=2),
            "graphs": st.lists(st.fixed_dictionaries({"graphId": VALUES, "compositeRequest": VALUES}), max_size=2),
            "FullName": st.sampled_from(["Lead.A__c", "Lead.", ".x", 5]),
            "Metadata": VALUES
            | st.fixed_dictionaries(
                {"type": st.sampled_from(["Text", "Picklist"]), "label": VALUES, "length": VALUES, "valueSet": VALUES}
            ),
        },
    ),
)
@QUICK
def test_any_bundle_is_answered(empty, path, method, body):
    answered(empty, method, path, body)


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "SELECT Id , Name Owner.Name count() COUNT(Id) ( ) FROM Lead WHERE Email = != < LIKE IN 'x' '%' 5 null "
        "true TODAY LAST_N_DAYS:3 2026-01-01T00:00:00Z 2026-13-45T00:00:00Z 2026-01-01 SystemModstamp AND OR NOT "
        "ORDER BY GROUP LIMIT OFFSET DESC NULLS LAST '001' Status Address IsConverted ConvertedDate",
    )
)


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=20))
@example("SELECT Id FROM Lead LIMIT 1.5")
@example("SELECT Id FROM Lead WHERE ConvertedDate > TODAY AND SystemModstamp < TODAY")
@example("SELECT Address FROM Lead WHERE Address = 'x' ORDER BY Address")
@example("SELECT Status, count(Id) FROM Lead GROUP BY Status ORDER BY count(Id)")
@example("SELECT Id FROM Lead WHERE Email < null")
@example("SELECT Id FROM Lead WHERE SystemModstamp IN (2026-01-01T00:00:00Z, 2026-13-45T00:00:00Z)")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered(filled, text):
    answered(filled, "GET", f"query?q={quote(text)}")
