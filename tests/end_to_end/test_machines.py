"""A gateway clicks in somebody's name: it counts for nothing, is listed with evidence, released, and restored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from benchmarks.survival.place import Place, later

PEOPLE = 40
WHO = "gate.keeper@fortress.example"
#: at which the message came, and the cycle sees what became of it
MAILED = later(days=1)


def _explained(place: Place, *words: str) -> dict[str, Any]:
    return place.json("explain", WHO, *words)


def _clicks(document: dict[str, Any]) -> list[float]:
    return [line["points"] for line in document["score"]["lines"] if line["rule"] == "email-click"]


def _cycle(place: Place, at: datetime) -> None:
    place.clock(at)
    assert place.cycle(at)["verdict"] in {"green", "amber"}


def test_what_a_gateway_does_counts_only_while_somebody_says_so(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    place.clock(MAILED - timedelta(hours=1))
    place.act("hubspot", {"do": "submit_form", "form": "newsletter", "email": WHO})
    place.clock(MAILED)
    scan = {"do": "scan_email", "email": WHO, "links": ["/pricing", "/demo", "/blog/news"], "seconds": 3}
    campaign = str(place.act("hubspot", scan)[0]["campaign"])
    _cycle(place, MAILED + timedelta(minutes=5))

    listed = place.json("quarantine", "list", "--campaign", campaign)["events"]
    mine = [event for event in listed if event["person"] == f"hubspot:email:{WHO}"]
    assert sorted(event["type"] for event in mine) == ["email_click"] * 3 + ["email_open"]
    click = next(event for event in mine if event["type"] == "email_click")
    assert click["evidence"]["patterns"] == ["fast", "links", "no_visit"]
    assert (click["evidence"]["seconds"], click["evidence"]["after"], click["evidence"]["at_once"]) == (
        3,
        "delivery",
        3,
    )
    shares = place.json("quarantine", "list", "--by-campaign", "--campaign", campaign)["campaigns"]
    assert shares[0]["held"] >= 4
    assert 0 < shares[0]["share"] <= 1
    before = _explained(place)
    assert _clicks(before) == []
    assert len(before["quarantine"]) == 4
    assert [event["type"] for event in before["timeline"] if event.get("quarantined")].count("email_click") == 3
    assert place.json("status")["quarantine"]["held"] >= 4

    assert place.json("quarantine", "release", "--person", WHO)["events"] == 4
    assert _clicks(_explained(place)) == [], "the next cycle takes it up"
    released_at = MAILED + timedelta(minutes=10)
    _cycle(place, released_at)
    released = _explained(place)
    assert _clicks(released) == [4.0]
    assert released["score"]["total"] > before["score"]["total"]
    assert {event["state"] for event in released["quarantine"]} == {"released"}
    assert all(event["answer"]["spoke_of"] == "person" for event in released["quarantine"])

    assert place.json("quarantine", "restore", "--person", WHO)["events"] == 4
    _cycle(place, MAILED + timedelta(minutes=15))
    restored = _explained(place)
    assert _clicks(restored) == []
    assert restored["score"]["total"] == before["score"]["total"]
    assert {event["state"] for event in restored["quarantine"]} == {"held"}
    assert _clicks(_explained(place, "--as-of", released_at.isoformat())) == [4.0], "as it was known then"
    shown = place.json("quarantine", "show", click["event"])["events"]
    assert (shown[0]["state"], shown[0]["answer"]["answer"]) == ("held", "restored")


def test_words_that_name_nothing_are_refused(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    for words in (["release"], ["release", "nothing"], ["restore", "--campaign", "none"], ["show", "nobody"]):
        document = place.json("quarantine", *words, code=2)
        assert document["error"]["code"] in {"quarantine.which", "quarantine.unknown"}
