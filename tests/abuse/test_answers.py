"""Answers that are not what was promised: whatever comes, it is landed, refused and counted, or asked for again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from abuse_words import ids_in_lake, ids_of_org, nothing_lost, silent, some, told

from benchmarks.survival.place import Place

_HS, _SF = "hubspot", "salesforce"
_CONTACTS = "POST /crm/v3/objects/contacts/search"
_READS = "composite$"


def _run(place: Place, at: Any) -> Any:
    return place.handoff("run", "--once", "--as-of", at.isoformat(), "--json")


def _after_the_cause(place: Place, vendor: str, ground: Any) -> None:
    assert all(place.struck(vendor)), "a fault that never struck proves nothing"
    place.faults(vendor)
    document = place.cycle(ground.at)
    assert document["pulled"]["refused"] == 0
    nothing_lost(place, ground.undisturbed)


#: what comes instead, for as long as the cause lasts → vendor, fault, code, words of the cure
LASTING: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "HTML from HubSpot's edge": (_HS, {"match": "/events", "what": "html_502"}, "hubspot.http_502", "status page"),
    "HTML from Salesforce's edge": (_SF, {"match": "", "what": "html_502"}, "salesforce.http_502", "status page"),
    "truncated bodies from HubSpot": (_HS, {"match": "/events", "what": "truncate"}, "hubspot.cut", "network"),
    "truncated bodies from Salesforce": (_SF, {"match": "", "what": "truncate"}, "salesforce.cut", "network"),
    "connections reset by HubSpot": (_HS, {"match": "/search", "what": "reset"}, "hubspot.cut", "network"),
    "HubSpot out of service": (_HS, {"match": "", "what": "503"}, "hubspot.http_503", "status page"),
    "Salesforce out of service": (_SF, {"match": "", "what": "503"}, "salesforce.http_503", "status page"),
}


@pytest.mark.parametrize(
    "name",
    some(
        list(LASTING),
        "HTML from HubSpot's edge",
        "truncated bodies from Salesforce",
        "connections reset by HubSpot",
        "Salesforce out of service",
    ),
)
def test_what_lasts_ends_with_4_and_is_made_up_for(name, first_load, place_of: Callable[[Path], Place]):
    vendor, fault, code, cure = LASTING[name]
    place = place_of(first_load.template)
    place.faults(vendor, fault)
    done = _run(place, first_load.at)
    error = told(done, 4, cure)
    assert (error["code"], error["at"]) == (code, vendor)
    assert done.json["writes"]["planned"] == 0
    assert place.struck(vendor)[0] <= 20, "the patience of one read is spent once, not once per stream"
    silent(place, [done.out, done.err])
    _after_the_cause(place, vendor, first_load)


@pytest.mark.parametrize("vendor", [_HS, _SF])
def test_slow_bodies_are_waited_for(vendor, buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    place.faults(vendor, {"match": "^POST", "what": "slow_body", "after": "1s", "count": 3})
    document = place.cycle(buyers.at)
    assert document["verdict"] == "green"
    _after_the_cause(place, vendor, buyers)


#: one row of each page spoilt → vendor, fault, code of the refusal (None: taken, with what no store takes replaced)
SPOILT: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "a malformed record of HubSpot": (_HS, {"match": _CONTACTS, "what": "malformed_record"}, "malformed"),
    "a malformed event of HubSpot": (_HS, {"match": "GET /events", "what": "malformed_record"}, "malformed"),
    "a malformed mail of HubSpot": (_HS, {"match": "/email/public", "what": "malformed_record"}, "malformed"),
    "a malformed record of Salesforce": (_SF, {"match": _READS, "what": "malformed_record"}, "malformed"),
    "a huge record of HubSpot": (_HS, {"match": _CONTACTS, "what": "huge_record"}, "too_large"),
    "a huge record of Salesforce": (_SF, {"match": _READS, "what": "huge_record"}, "too_large"),
    "control characters and half pairs from HubSpot": (_HS, {"match": _CONTACTS, "what": "bad_text"}, None),
    "control characters and half pairs from Salesforce": (_SF, {"match": _READS, "what": "bad_text"}, None),
}


@pytest.mark.parametrize("name", SPOILT)
def test_one_spoilt_record_is_counted_and_comes_with_the_next_run(name, first_load, place_of: Callable[[Path], Place]):
    vendor, fault, code = SPOILT[name]
    place = place_of(first_load.template)
    place.faults(vendor, fault)
    done = _run(place, first_load.at)
    assert done.code == 0, done
    pulled = done.json["pulled"]
    silent(place, [done.out, done.err])
    if code is None:
        assert pulled["refused"] == 0
        assert ids_in_lake(place) == ids_of_org(place)
        return
    assert pulled["refused"] >= 1, "what cannot be read is counted"
    rest = pulled["people"] + pulled["activities"] + pulled["crm_records"]
    assert rest > pulled["refused"], "and takes nobody with it"
    assert all(place.struck(vendor)), "a fault that never struck proves nothing"
    place.faults(vendor)
    document = place.cycle(first_load.at)
    assert document["pulled"]["refused"] == 0
    assert document["pulled"]["people"] + document["pulled"]["activities"] + document["pulled"]["crm_records"] > 0
    nothing_lost(place, None)
