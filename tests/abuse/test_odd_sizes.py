"""Thousands of records on one instant, late ones, and ones out of order: what the lake holds is what the orgs hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from abuse_words import ids_in_lake, ids_of_org, nothing_lost, told

from benchmarks.survival.place import AT, Place

#: an import of this many contacts stands on one instant; HubSpot's search shows the first 10,000 of an answer
IMPORT = 25_000
#: an update of this many leads in Salesforce, whose pages hold 2,000
MASS_UPDATE = 4_500


def _unpaced(place: Place) -> None:
    """Lift the vendor's limits per second, and our own pace with them: waiting proves nothing."""
    for name in ("burst", "search"):
        place.act("hubspot", {"do": "set_limit", "limit": name, "value": 1_000_000})
    path = place.project / "handoff.yaml"
    text = path.read_text(encoding="utf-8")
    paced = "token: '${HUBSPOT_TOKEN}'"
    assert paced in text
    path.write_text(text.replace(paced, f"{paced}, searches_per_second: 0, calls_per_10s: 0"), encoding="utf-8")


def _import(place: Place, count: int, at: datetime, **more: Any) -> None:
    place.act("hubspot", {"do": "create_contacts", "count": count, "at": at.isoformat(), **more})


def _leads(place: Place, count: int, at: datetime, prefix: str) -> None:
    values = [
        {"LastName": f"No {n}", "Company": f"{prefix} {n}", "Email": f"{prefix}{n}@update.example"}
        for n in range(count)
    ]
    create = {"do": "create", "object": "Lead", "at": at.isoformat()}
    place.act("salesforce", *({**create, "values": one} for one in values))


def _all_there(place: Place) -> None:
    org, lake = ids_of_org(place), ids_in_lake(place)
    assert {word: (len(org[word] - lake[word]), len(lake[word] - org[word])) for word in org} == dict.fromkeys(
        org, (0, 0)
    )


@pytest.fixture
def place(first_load: Any, place_of: Callable[[Any], Place]) -> Place:
    found = place_of(first_load.template)
    _unpaced(found)
    return found


def test_an_import_of_25000_contacts_on_one_instant_lands_whole(place):
    moment = AT - timedelta(minutes=1)
    _import(place, IMPORT, moment)
    # the same instant again, met only when the walk is long behind it
    words = ("run", "--once", "--as-of", AT.isoformat(), "--json")
    pair = [place.start(*words), place.start(*words)]
    ends = sorted((started.wait() for started in pair), key=lambda done: done.code)
    assert ends[0].code == 0, ends[0]
    assert max((done.json for done in ends), key=lambda report: report["identity"]["persons"])["verdict"] == "green"
    if ends[1].code:
        assert told(ends[1], 5, "stop it")["code"] == "engine.busy"
    _all_there(place)
    assert place.calls()["hubspot"]["violations"] == 0
    _import(place, 300, moment, prefix="late")
    later = place.cycle(AT)
    assert later["verdict"] == "green"
    assert later["identity"]["persons"] >= IMPORT + 300
    _all_there(place)


def test_leads_updated_at_one_instant_land_whole_though_a_page_between_them_is_lost(place):
    _leads(place, MASS_UPDATE, AT - timedelta(minutes=2), "first")
    place.faults("salesforce", {"match": "^GET .*/query(All)?/01g", "what": "503", "count": 40})
    told(place.handoff("run", "--once", "--as-of", AT.isoformat(), "--json"), 4, "503", "run again")
    assert place.struck("salesforce")[0] > 1, "no page behind a locator was asked for"
    place.faults("salesforce")
    assert place.cycle(AT)["verdict"] == "green"
    _all_there(place)
    # behind everything read, on the very instant of those read last, and before it
    _leads(place, 50, AT - timedelta(minutes=2), "again")
    _leads(place, 50, AT - timedelta(minutes=4), "before")
    place.cycle(AT)
    _all_there(place)


def test_records_that_show_late_and_out_of_order_land_all_the_same(place):
    place.cycle(AT)
    now = AT
    for step, what in enumerate(("search_lag", "late_record", "search_lag")):
        now += timedelta(minutes=20)
        place.clock(now)
        for back in (40, 5, 90):
            stamp = now - timedelta(seconds=back)
            _import(place, 7, stamp, prefix=f"s{step}b{back}")
            _leads(place, 7, stamp, f"s{step}b{back}x")
            place.act("hubspot", {"do": "visits", "count": 9, "path": "/pricing", "at": stamp.isoformat()})
        place.faults("hubspot", {"match": "", "what": what, "after": "60s"})
        place.faults("salesforce", {"match": "/query|/composite", "what": what, "after": "60s"})
        place.cycle(now)
        assert place.struck("hubspot")[0], "a fault that never struck proves nothing"
        assert place.struck("salesforce")[0], "a fault that never struck proves nothing"
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor)
    now += timedelta(minutes=2)
    place.clock(now)
    place.cycle(now)
    place.cycle(now)
    nothing_lost(place, None)
