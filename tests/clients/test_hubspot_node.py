"""HubSpot's own client for Node, unchanged."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def seen(orgs, node):
    document = node("hubspot.mjs", orgs["hubspot"])
    assert document["failed"] == {}
    return document


def test_it_signs_in_by_token_and_by_refresh(seen):
    assert seen["oauth"] == {"expires": 1800, "read": 1}
    assert (seen["stranger"]["status"], seen["stranger"]["category"]) == (401, "INVALID_AUTHENTICATION")


def test_it_reads_pages_searches_and_definitions(seen):
    assert seen["contacts"]["all"] == seen["contacts"]["distinct"] > 50
    assert seen["companies"] == {"rows": 5, "named": True}
    assert 10 == seen["search"]["rows"] <= seen["search"]["total"]
    assert seen["owners"] >= 5
    assert seen["pipelines"] >= 1
    assert seen["property"] == "enumeration"
    assert seen["missing"]["status"] == 404


def test_refusals_are_the_vendors(seen):
    assert (seen["again"]["status"], seen["again"]["category"]) == (409, "CONFLICT")
    assert "Existing ID: " in seen["again"]["text"]
    assert (seen["refused"]["status"], seen["refused"]["category"]) == (400, "VALIDATION_ERROR")
    assert seen["refused"]["correlated"] == "string"
    assert seen["gone"]["status"] == 404


def test_it_writes_links_and_merges(seen):
    assert seen["changed"] == "Judge"
    assert seen["upserted"] == {"status": "COMPLETE", "fresh": [False, True]}
    assert seen["linked"] == [True]
    assert seen["task"] == "Call"
    assert seen["merged"] is True


def test_it_builds_properties_and_lists(seen):
    assert seen["unique"] is True
    assert seen["members"] == [True]
    assert seen["forms"] >= 1
