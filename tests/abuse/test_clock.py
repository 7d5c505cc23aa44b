"""Clocks that jump, the orgs' and ours: nothing is stamped backwards, nothing is lost, nothing is created twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from abuse_words import nothing_lost, silent, some, told

from benchmarks.survival.place import AT, Place


def _run(at: datetime) -> tuple[str, ...]:
    return ("run", "--once", "--as-of", at.isoformat(), "--json")


def _tasks(place: Place) -> list[str]:
    return sorted(
        str(row["Handoff_Key__c"]) for row in place.query("SELECT Handoff_Key__c FROM Task") if row["Handoff_Key__c"]
    )


def test_our_clock_set_back_is_refused_by_name_and_nothing_is_sent(buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    place.cycle(buyers.at)
    place.mark()
    error = told(place.handoff(*_run(buyers.at - timedelta(hours=1))), 2, "never goes back", "later time")
    assert error["code"] == "as_of.past"
    assert all(calls["used"] == 0 for calls in place.calls().values())
    assert place.snapshots() == buyers.undisturbed
    # The machine's own clock may be wrong too: without --as-of the last cycle's clock is the least.
    assert place.json("run", "--once")["as_of"] >= buyers.at.isoformat()[:19]
    nothing_lost(place, None)


@pytest.mark.parametrize("jump", some([timedelta(days=3), timedelta(days=400)], timedelta(days=400)), ids=str)
def test_our_clock_that_jumps_ahead_creates_nothing_twice(jump, buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    place.cycle(buyers.at)
    tasks = _tasks(place)
    assert tasks
    document = place.cycle(buyers.at + jump)
    assert document["created"].get("task", 0) == 0
    assert _tasks(place) == tasks
    nothing_lost(place, None)


@pytest.mark.parametrize("jump", some(["3d", "-2h", "-1d"], "3d", "-1d"))
def test_the_orgs_clocks_jump_between_cycles(jump, buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    place.cycle(buyers.at)
    tasks = _tasks(place)
    for vendor in ("hubspot", "salesforce"):
        place.ask(vendor, "clock", {"advance": jump})
    lead = place.query("SELECT Id FROM Lead WHERE IsConverted = false")[0]["Id"]
    place.act("salesforce", {"do": "edit", "object": "Lead", "id": lead, "values": {"City": "Ulm"}})
    document = place.cycle(buyers.at + timedelta(minutes=5))
    assert document["pulled"]["crm_records"] >= 1, "what changed under the moved clock is pulled"
    assert _tasks(place) == tasks
    again = place.cycle(buyers.at + timedelta(minutes=6))
    assert again["verdict"] == "green"
    nothing_lost(place, None)


def test_the_orgs_clocks_jump_in_mid_cycle(buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor, {"match": "", "what": "delay", "after": "0.3s"})
    started = place.start(*_run(buyers.at))
    jumps: list[Any] = []
    for jump in ("2d", "-1d"):
        while sum(calls["used"] for calls in place.calls().values()) < 4 * (len(jumps) + 1):
            pass
        jumps += [place.ask(vendor, "clock", {"advance": jump}) for vendor in ("hubspot", "salesforce")]
    done = started.wait()
    assert done.code in {0, 4}, done
    silent(place, [done.err])
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor)
    place.cycle(buyers.at)
    assert len(_tasks(place)) == len(set(_tasks(place)))
    expected = json.loads(buyers.undisturbed["salesforce"])
    assert len(place.snapshot("salesforce")["records"]) == len(expected["records"])
    nothing_lost(place, None)


_SPRING, _AUTUMN = datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("night", some([_SPRING, _AUTUMN], _AUTUMN))
def test_the_hour_that_is_missing_or_comes_twice_changes_nothing(night, buyers, place_of: Callable[[Path], Place]):
    """Berlin's clocks change at one o'clock UTC: cycles on either side, and in the hour that comes twice."""
    place = place_of(buyers.template)
    path = place.project / "handoff.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "time_zone: Europe/Berlin\n", encoding="utf-8")
    place.cycle(buyers.at)
    tasks = _tasks(place)
    place.clock(night)
    for minutes in (29, 31, 90):
        document = place.cycle(night + timedelta(minutes=minutes))
        assert document["verdict"] in {"green", "amber"}
        assert document["created"].get("task", 0) == 0
    assert place.cycle(night + timedelta(minutes=91))["writes"]["planned"] == 0
    assert _tasks(place) == tasks
    nothing_lost(place, None)


def test_a_time_that_is_none_is_told(buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    for text in ("yesterday", "2026-02-30", "99999-01-01T00:00:00Z", ""):
        told(place.handoff("run", "--once", "--as-of", text, "--json"), 2, "ISO 8601")
    assert buyers.at > AT
