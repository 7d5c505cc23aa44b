"""``handoff forget`` through the real command: a receipt, nobody found afterwards, and the orgs left as they are."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.survival.buyers import a_day_of_buyers

PEOPLE = 60


def test_a_buyer_is_forgotten_and_stays_so(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    day = a_day_of_buyers(place)
    assert place.cycle(day.at)["created"]["task"] == 2
    place.cycle(day.at + timedelta(minutes=1))
    explained = place.json("explain", day.stranger)
    assert explained["kind"] == "person"
    before = place.snapshots()
    unknown = place.handoff("forget", "00Q0000000000AA", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "forget.unknown")
    receipt = place.json("forget", day.stranger)
    assert receipt["persons"] == 1
    assert receipt["lake"]["rows"] > 0
    assert receipt["state"]["tombstones"] >= 3
    gone = place.handoff("explain", day.stranger, "--json")
    assert (gone.code, gone.json["error"]["code"]) == (2, "explain.unknown")
    after = place.cycle(day.at + timedelta(minutes=2))
    assert after["created"] == {}
    assert after["verdict"] == "green"
    place.act("hubspot", {"do": "submit_form", "email": day.stranger, "form": "contact-us", "values": {}})
    place.clock(day.at + timedelta(minutes=5))
    assert place.cycle(day.at + timedelta(minutes=6))["created"] == {}
    assert place.snapshots()["salesforce"] == before["salesforce"], "what the CRM holds is the CRM's"
    assert place.json("forget", day.stranger, "--lift")["lifted"] >= 3
    place.act("hubspot", {"do": "submit_form", "email": day.stranger, "form": "contact-us", "values": {}})
    place.clock(day.at + timedelta(minutes=9))
    assert place.cycle(day.at + timedelta(minutes=10))["verdict"] == "green"
