"""Two of everything: one works, the other says so; people's commands work beside both."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from abuse_words import nothing_lost, silent, told

from benchmarks.survival.commands import Done, Started
from benchmarks.survival.place import Place

_PATIENCE_SECONDS = 120


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _stop(daemon: Started) -> Done:
    daemon.signal(signal.SIGTERM)
    return daemon.wait()


def _started(place: Place, *words: str) -> Started:
    daemon = place.start("run", *words)
    _until(lambda: daemon.err.exists() and "daemon.started" in daemon.errors(), "the daemon")
    return daemon


def test_of_two_runs_one_works_and_the_other_ends_with_5(first_load, place_of):
    place = place_of(first_load.template)
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor, {"match": "", "what": "delay", "after": "0.9s"})
    words = ("run", "--once", "--as-of", first_load.at.isoformat(), "--json")
    pair = [place.start(*words), place.start(*words)]
    ends = sorted((started.wait() for started in pair), key=lambda done: done.code)
    assert [done.code for done in ends] == [0, 5]
    error = told(ends[1], 5, "wait for it to end, or stop it")
    assert error["code"] == "engine.busy"
    assert ends[0].json["verdict"] == "green"
    silent(place, [done.err for done in ends])
    for vendor in ("hubspot", "salesforce"):
        place.faults(vendor)
    nothing_lost(place, first_load.undisturbed)


def test_of_two_daemons_one_works_and_the_other_ends_with_5(real_time):
    place = real_time
    first = _started(place)
    second = place.start("run", "--json")
    done = second.wait()
    assert told(done, 5, "stop it")["code"] == "engine.busy"
    _until(lambda: "job.done" in first.errors(), "a cycle of the first")
    assert _stop(first).code == 0
    third = _started(place)
    assert _stop(third).code == 0, "what the first held is free again"


def test_every_command_works_beside_the_daemon(real_time):
    place = real_time
    daemon = _started(place)
    _until(lambda: bool(place.query("SELECT Id FROM Lead WHERE Handoff_Score__c != null")), "the first scores")
    lead = place.query("SELECT Id, Email FROM Lead WHERE Handoff_Score__c != null")[0]
    assert place.json("status")["paused"] is None
    assert place.json("explain", lead["Id"])["score"]["lines"] is not None
    assert place.json("outbox", "list")["groups"] is not None
    questions = place.json("review", "list")
    assert questions["total"] >= len(questions["reviews"])
    assert told(place.handoff("review", "accept", "r0", "--json"), 2, "handoff review list")["code"] == "review.unknown"
    plan = place.json("plan")
    assert plan["plan_id"]
    assert place.json("check")["ok"]
    assert place.json("pause")["paused"] is True
    place.json("approve", plan["plan_id"], code=3)
    place.json("outbox", "retry", code=3)
    assert place.json("status")["paused"]["by"]
    assert place.json("resume")["paused"] is False
    assert place.json("approve", plan["plan_id"])["released"] >= 0
    assert place.json("outbox", "retry")["retried"] == 0
    told(place.handoff("run", "--once", "--json"), 5, "stop it")
    ended = _stop(daemon)
    assert ended.code == 0
    assert "job.crashed" not in ended.err
    assert "job.failed" not in ended.err
    silent(place, [ended.err])
    assert place.json("run", "--once")["verdict"] == "green"
    nothing_lost(place, None)
