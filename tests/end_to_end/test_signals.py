"""Stopping: a signal ends a cycle or the daemon within ten seconds, and what was begun is finished by the next."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from benchmarks.survival.buyers import a_day_of_buyers, open_lead, submit
from benchmarks.survival.commands import Started, on_this_machine
from benchmarks.survival.place import AT, Place

PEOPLE = 40
_STOP_SECONDS = 10
#: far longer than anything here takes; what is waited for comes or the test fails
_PATIENCE_SECONDS = 90


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _stopped(started: Started) -> tuple[int, float]:
    """Ask a process to stop; give its exit code and how long that took, in seconds."""
    asked = time.monotonic()
    started.signal(signal.SIGTERM)
    done = started.wait()
    return done.code, time.monotonic() - asked


def _requests(place: Place) -> int:
    return sum(call["count"] for calls in place.calls().values() for call in calls["calls"])


@pytest.mark.parametrize("requests", [4, 15, 24])
def test_a_cycle_that_is_asked_to_stop_leaves_the_rest_to_the_next(place_of, loaded, requests):
    undisturbed = place_of(loaded(PEOPLE))
    at = a_day_of_buyers(undisturbed).at
    undisturbed.cycle(at)

    place = place_of(loaded(PEOPLE))
    a_day_of_buyers(place)
    place.mark()
    # Slow answers give the signal a moment to come in.
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor, {"match": "", "what": "delay", "after": "0.2s"})
    started = place.start("run", "--once", "--as-of", at.isoformat(), "--json")
    _until(lambda: _requests(place) >= requests, f"{requests} requests")
    code, seconds = _stopped(started)
    assert seconds < on_this_machine(_STOP_SECONDS)
    assert code in {0, 4, 130}, "stopped or already done; never a crash"
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor)
    place.cycle(at)
    assert place.snapshots() == undisturbed.snapshots()


@pytest.fixture
def daemon_place(place_of, prepared) -> Place:
    place = place_of(prepared(PEOPLE))
    # The daemon lives in real time, and so do its orgs.
    place.clock(max(datetime.now(UTC), AT))
    place.configure(
        schedule="{source: 2s, crm: 2s, fast_lane: 1s, deliver: 1s, full_rescore: '02:00'}",
        limits="{api_calls_per_day: {salesforce: 100000}}",
    )
    return place


def _people_of(place: Place) -> set[str]:
    """Give what no log line may hold: addresses and whole names of the sample people, and both tokens."""
    rows = place.query("SELECT Name, Email FROM Lead") + place.query("SELECT Name, Email FROM Contact")
    secrets = {row["Email"] for row in rows if row["Email"]} | {
        row["Name"] for row in rows if " " in (row["Name"] or "")
    }
    contacts = [row["fields"] for row in place.snapshot("hubspot")["records"] if row["object"] == "contacts"]
    secrets |= {row["email"] for row in contacts if row.get("email")}
    ready = place.ready
    return secrets | {ready["hubspot"]["token"], ready["salesforce"]["access_token"]}


def test_the_daemon_calls_a_buyer_once_and_stops_when_asked(daemon_place):
    place = daemon_place
    lead = open_lead(place)
    started = place.start("run", "-v")
    _until(lambda: bool(place.query("SELECT Id FROM Lead WHERE Handoff_Score__c != null")), "the first scores")
    assert place.query("SELECT Id FROM Task WHERE Handoff_Key__c != null") == []
    place.act("hubspot", submit(lead["Email"]), submit("brand.new@neucorp-gmbh.de", lastname="New", firstname="Brand"))

    def tasks() -> list[dict[str, object]]:
        return place.query("SELECT Id, WhoId FROM Task WHERE Handoff_Key__c != null")

    _until(lambda: len(tasks()) == 2, "two tasks")
    code, seconds = _stopped_daemon = _stopped_reading(started, place)
    assert code == 0, _stopped_daemon
    assert seconds < on_this_machine(_STOP_SECONDS)
    assert len(tasks()) == 2
    assert lead["Id"] in {task["WhoId"] for task in tasks()}


def _stopped_reading(started: Started, place: Place) -> tuple[int, float]:
    """Stop a daemon and hold its log to the rules: every line is an event, none of them knows a person."""
    asked = time.monotonic()
    started.signal(signal.SIGTERM)
    done = started.wait()
    seconds = time.monotonic() - asked
    lines = done.err.splitlines()
    assert len(lines) > 3
    assert all(json.loads(line)["event"] for line in lines if line.startswith("{"))
    told = [secret for secret in _people_of(place) if secret.casefold() in done.err.casefold()]
    assert told == []
    assert re.search(r"[\w.+-]+@[\w-]+\.", done.err) is None
    assert done.out == ""
    return done.code, seconds


def test_a_second_run_beside_the_daemon_is_refused(daemon_place):
    place = daemon_place
    daemon = place.start("run")
    _until(lambda: daemon.err.exists() and "daemon.started" in daemon.errors(), "the daemon")
    done = place.handoff("run", "--once", "--json")
    assert done.code == 5
    assert done.json["error"]["code"] == "engine.busy"
    assert place.json("status")
    code, seconds = _stopped(daemon)
    assert code == 0
    assert seconds < on_this_machine(_STOP_SECONDS)
