"""jsforce, the client most Node programs speak to Salesforce with, unchanged."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def seen(orgs, node):
    document = node("jsforce.mjs", orgs["salesforce"])
    assert document["failed"] == {}
    return document


def test_it_signs_in_by_soap_password_refresh_and_client_credentials(seen, orgs):
    assert seen["soap"]["same"] is True
    assert seen["soap"]["user"].startswith("005")
    assert seen["soap"]["organization"].startswith("00D")
    assert seen["soapRefused"]["code"] == "INVALID_LOGIN"
    assert seen["identity"] == orgs["salesforce"]["username"]
    assert seen["refreshed"] == {"times": 1, "leads": seen["leads"]["total"]}
    assert seen["clientCredentials"] == "string"


def test_it_reads_describes_and_counts(seen):
    assert seen["leads"]["total"] == seen["leads"]["fetched"] == seen["counted"] == seen["groups"]
    assert seen["leads"]["owner"] == "string"
    assert seen["contacts"] == ["Contact"] * 3
    assert all(1 <= count <= 2 for count in seen["nested"])
    assert seen["retrieved"] is seen["describe"] is seen["global"] is True
    assert seen["usage"]["limit"] == seen["limits"]


def test_refusals_carry_the_vendors_codes(seen):
    assert seen["badField"]["code"] == "INVALID_FIELD"
    assert "No such column 'Nonsense' on entity 'Lead'" in seen["badField"]["message"]
    assert seen["badQuery"]["code"] == "MALFORMED_QUERY"
    assert seen["badObject"]["code"] == "NOT_FOUND"
    assert seen["required"]["code"] == "REQUIRED_FIELD_MISSING"


def test_it_writes_one_and_many(seen):
    assert seen["created"]["success"] is seen["updated"] is True
    assert seen["city"] == "Ulm"
    assert seen["many"] == [True, False, True]
    assert seen["manyError"] == "REQUIRED_FIELD_MISSING"
    assert seen["rolledBack"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert [result["created"] for result in seen["upserts"]] == [True, False]
    assert seen["upsertMany"] == [True, True]
    assert seen["deleted"] == [True, True]
    assert seen["composite"] == [201, 201]


def test_bulk_api_2_loads_and_queries(seen):
    assert seen["bulk"] == {"good": 249, "bad": 1, "unprocessed": 0, "error": "REQUIRED_FIELD_MISSING"}
    assert seen["bulkQuery"]["rows"] == 249


def test_it_makes_a_custom_field_and_gives_the_right_to_see_it(seen):
    assert seen["metadata"] is True
    assert (seen["before"], seen["after"]) == (False, True)
    assert seen["tooling"] == ["Judged"]


def test_leads_are_converted_and_accounts_merged_as_people_do_it(seen):
    assert seen["convertRefused"] == "INVALID_CROSS_REFERENCE_KEY"
    assert seen["converted"] == {
        "success": True,
        "account": True,
        "contact": True,
        "deal": True,
        "status": "Closed - Converted",
        "named": "First order",
    }
    assert seen["convertedEdit"]["code"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert seen["merged"] == {"success": True, "ids": True, "child": True}
    assert seen["master"] is seen["undeleted"] is seen["updated"] is seen["trash"] is True


def test_what_the_org_has_not_is_refused_by_name(seen):
    assert seen["absent"] == [True] * 8
