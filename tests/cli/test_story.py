"""A project from its first day, in this order: refused, provisioned, loaded, asked, limited, approved, paused."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.cli import running

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
DAY = AT + timedelta(days=1, minutes=2)

#: every key of the document of ``run --once --json``; a set stands for keys that are all there, None for any value
SHAPE: dict[str, Any] = {
    "run_id": None,
    "plan_id": None,
    "as_of": None,
    "mode": None,
    "verdict": None,
    "pulled": {"people", "activities", "crm_records", "repeated", "refused"},
    "streams": None,
    "missing": None,
    "identity": {"persons", "merged", "review"},
    "matched": {"link", "domain", "name", "review", "none"},
    "scored": {"persons", "accounts"},
    "dispositions": {"fast_lane", "sales", "review", "nurture", "disqualified"},
    "stages": None,
    "moves": None,
    "writes": {"planned", "written", "unchanged", "superseded", "held", "dead"},
    "held_by": {"budget", "limit", "retry", "unknown", "dependency", "mode", "undone", "drift"},
    "settled": None,
    "needs_person": None,
    "created": None,
    "updated": None,
    "opted_out": None,
    "late_touches": None,
    "event_to_task": None,
    "silent": None,
    "drift": None,
    "deleted": None,
    "api_calls": {"hubspot", "salesforce"},
    "seconds": {"pull", "score", "write", "total"},
}


def _hold_shape(document: dict[str, Any], *, error: bool = False, called: bool = True) -> None:
    assert list(document) == [*SHAPE, *(["error"] if error else [])]
    for key, keys in SHAPE.items():
        if keys is not None and (called or key != "api_calls"):
            assert set(document[key]) == keys, key
    for calls in document["api_calls"].values():
        assert set(calls) == {"used", "forecast"}
    writes = document["writes"]
    assert writes["planned"] == sum(writes[key] for key in ("written", "unchanged", "superseded", "held", "dead"))
    assert sum(document["held_by"].values()) == writes["held"]
    assert document["verdict"] in {"green", "amber", "red"}
    assert datetime.fromisoformat(document["as_of"]).tzinfo is not None
    if error:
        assert list(document["error"]) == ["code", "message", "cure", "at"]


@pytest.fixture(scope="module")
def place(make_place: Callable[[], Any]) -> Any:
    return make_place()


@pytest.fixture(scope="module")
def leads(place: Any) -> list[dict[str, Any]]:
    """Open leads whom only one record means."""
    rows = place.query("SELECT Id, Email, OwnerId FROM Lead WHERE Email != null AND Status = 'Open - Not Contacted'")
    emails = [row["Email"] for row in rows]
    contacts = {row["Email"] for row in place.query("SELECT Email FROM Contact WHERE Email != null")}
    return [row for row in rows if emails.count(row["Email"]) == 1 and row["Email"] not in contacts]


def test_live_without_signatures_is_refused_and_sends_nothing(place: Any) -> None:
    before = place.ask("salesforce", "snapshot")
    document = place.cycle(AT, code=3)
    _hold_shape(document, error=True, called=False)
    assert document["error"]["code"] == "definition.unsigned"
    assert document["error"]["at"] == "lifecycle.yaml"
    assert place.handoff("run").code == 3, "the daemon too"
    assert place.ask("salesforce", "snapshot") == before
    place.sign()


def test_live_without_the_key_fields_is_refused_and_sends_nothing(place: Any) -> None:
    before = place.ask("salesforce", "snapshot")
    document = place.cycle(AT, code=3)
    assert document["error"]["code"] == "provision.missing"
    assert "handoff provision" in document["error"]["cure"]
    assert document["writes"]["planned"] == 0
    assert place.ask("salesforce", "snapshot") == before


def test_provision_says_first_and_does_then_and_rests(place: Any) -> None:
    before = place.ask("salesforce", "snapshot")
    steps = place.handoff("provision", "--dry-run", "--json").json["steps"]
    assert {step["state"] for step in steps} <= {"would", "present"}
    whats = " ".join(step["what"] for step in steps if step["state"] == "would")
    for field in (
        "Lead.Handoff_Key__c",
        "Contact.Handoff_Key__c",
        "Activity.Handoff_Key__c",
        "Activity.Handoff_Due__c",
    ):
        assert field in whats
    assert place.ask("salesforce", "snapshot") == before
    online = place.handoff("check", "--online")
    assert online.code == 3, "the fields are missing"
    assert "run `handoff provision`" in online.out
    done = place.handoff("provision", "--json").json["steps"]
    assert {step["state"] for step in done} <= {"done", "present"}
    again = place.handoff("provision", "--json").json["steps"]
    assert {step["state"] for step in again} == {"present"}
    document = place.handoff("check", "--online", "--json").json
    assert document["ok"] is True
    assert all(finding["ok"] for finding in document["findings"])


def test_the_first_cycle_is_a_baseline_and_the_second_plans_nothing(place: Any) -> None:
    first = place.cycle(AT)
    _hold_shape(first)
    assert first["verdict"] == "green"
    assert first["pulled"]["people"] > 0
    assert first["writes"]["written"] > 0
    assert not first["created"], "scores and stages, no tasks"
    assert place.query("SELECT Id FROM Task WHERE Handoff_Key__c != null") == []
    before = place.ask("salesforce", "snapshot")
    second = place.cycle(AT)
    _hold_shape(second)
    assert (second["writes"]["planned"], second["writes"]["written"]) == (0, 0)
    assert place.ask("salesforce", "snapshot") == before


def test_a_clock_that_cannot_be_is_refused(place: Any) -> None:
    for words, code in (
        (("run", "--once", "--as-of", "2020-01-01"), "as_of.past"),
        (("run", "--once", "--as-of", "yesterday"), "as_of.invalid"),
        (("run", "--as-of", AT.isoformat()), "as_of.daemon"),
    ):
        done = place.handoff(*words, "--json")
        assert done.code == 2
        assert done.json["error"]["code"] == code
        assert done.json["error"]["cure"]


def test_whom_to_work_is_said_of_one_cycle_alone(place: Any) -> None:
    for words in (("run", "--full"), ("run", "--full", "--plan", "plan-1")):
        done = place.handoff(*words, "--json")
        assert (done.code, done.json["error"]["code"]) == (2, "run.full")
        assert done.json["error"]["cure"]


def test_a_refused_plan_does_not_move_the_clock(place: Any) -> None:
    done = place.handoff("run", "--plan", "no-such-plan", "--json")
    assert done.code == 3
    _hold_shape(done.json, error=True, called=False)
    assert done.json["error"]["code"] == "plan.unknown"
    assert place.handoff("approve", "no-such-plan").code == 3
    assert place.cycle(AT)["writes"]["planned"] == 0, "the clock still stands where the last cycle left it"


def test_a_wrong_token_is_access_denied_in_the_shape_of_a_cycle(place: Any) -> None:
    for name, system in (("HUBSPOT_TOKEN", "hubspot"), ("SF_TOKEN", "salesforce")):
        good, place.handoff.env[name] = place.handoff.env[name], "wrong-token"
        try:
            document = place.cycle(AT, code=4)
            said = place.handoff("check", "--online")
        finally:
            place.handoff.env[name] = good
        _hold_shape(document, error=True, called=False)
        assert document["error"]["at"] == system
        assert document["error"]["cure"]
        assert said.code == 4
        assert said.err.startswith(f"{system}: ")
        status = place.handoff("status")
        why = f"{document['error']['message']} [{document['error']['code']}]"
        assert f"    {system}: {why}\n    cure: " in status.out
        last = place.handoff("status", "--json").json["last_runs"][0]
        assert (last["run_id"], last["verdict"], last["error"]) == (document["run_id"], "red", document["error"])
        assert "wrong-token" not in said.err + json.dumps(document)


def test_status_says_how_it_stands(place: Any) -> None:
    document = place.handoff("status", "--json").json
    assert {
        "mode",
        "paused",
        "definition",
        "outbox",
        "waiting",
        "reviews",
        "baseline",
        "api_calls",
        "last_runs",
    } <= set(document)
    assert document["definition"] == "signed"
    assert document["paused"] is None
    assert document["baseline"]
    assert document["last_runs"][0]["as_of"].startswith("2026-11-")
    said = place.handoff("status")
    assert said.out.startswith("mode: live\ndefinition: signed\nbaseline: ")
    assert "API calls to salesforce in 24 hours" in said.out
    assert place.handoff("outbox", "list").out == "nothing waits for a person\n"
    assert place.handoff("outbox", "list", "--json").json == {"groups": []}


def test_explain_finds_one_person_by_every_name(place: Any, leads: list[dict[str, Any]]) -> None:
    lead = leads[0]
    by_email = place.handoff("explain", lead["Email"], "--json").json
    sources = [record["record"].split(":", 2)[2] for record in by_email["identity"]["records"]]
    names = {lead["Id"], f" {lead['Email'].upper()} ", sources[0]}
    for name in names:
        assert place.handoff("explain", name, "--json").json == by_email, name
    score = by_email["score"]
    for dimension in ("fit", "interest", "qualification"):
        lines = sum(line["points"] for line in score["lines"] if line["dimension"] == dimension)
        assert lines == pytest.approx(score[dimension], abs=0.05), "the lines add up"
    assert sum(score["parts"].values()) == pytest.approx(score["total"], abs=0.11)
    said = place.handoff("explain", lead["Email"]).out
    assert f"CRM record lead:{lead['Id']}" in said
    for dimension in ("fit", "interest", "qualification"):
        assert f"for {dimension} {score[dimension]:.1f}" in said


@pytest.mark.parametrize("who", ["", "[bold]", "芳@例え.example"])
def test_explain_says_when_it_knows_nobody(place: Any, who: str) -> None:
    done = place.handoff("explain", who, "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "explain.unknown"
    assert done.json["error"]["cure"]


def test_a_limit_holds_and_approve_releases_and_each_gets_one_task(place: Any, leads: list[dict[str, Any]]) -> None:
    place.configure(limits="{fast_lane_tasks_per_day: 1}")
    place.clock(AT + timedelta(days=1))
    place.submit(leads[0]["Email"], leads[0]["Email"], leads[1]["Email"])
    place.clock(DAY)
    before = place.ask("salesforce", "snapshot")
    plan = place.handoff("plan", "--as-of", DAY.isoformat(), "--json").json
    assert plan["plan"]["held"], "two would be called, one may"
    assert place.ask("salesforce", "snapshot") == before, "a plan writes nothing"
    document = place.handoff("run", "--plan", plan["plan_id"], "--as-of", DAY.isoformat(), "--json")
    assert document.code == 0, "held rows are amber, not red"
    _hold_shape(document.json, called=False)
    assert document.json["verdict"] == "amber"
    assert document.json["held_by"]["limit"] == 1
    groups = place.handoff("outbox", "list", "--json").json["groups"]
    held = next(group for group in groups if group["why"] == "limit")
    said = place.handoff("outbox", "list").out
    assert f"handoff approve {held['plan']}" in said, "the plan's id comes through a pipe whole"
    shown = place.handoff("approve", held["plan"], "--dry-run", "--json").json
    assert (shown["released"], shown["left"]) == (0, 1)
    [row] = shown["rows"]
    assert (row["cause"], row["rule"]) == ("fast_lane_task", "contact-us")
    other = place.handoff("approve", held["plan"], "--cause", "task", "--first", "5", "--json")
    assert (other.code, other.json) == (0, {"plan_id": held["plan"], "released": 0})
    assert f"1 fast_lane_task {row['record']}" in place.handoff("approve", held["plan"], "--dry-run").out
    approved = place.handoff("approve", held["plan"], "--json")
    assert (approved.code, approved.json) == (0, {"plan_id": held["plan"], "released": 1})
    assert place.cycle(DAY)["verdict"] == "green"
    tasks = place.query("SELECT WhoId, OwnerId FROM Task WHERE Handoff_Key__c != null")
    assert sorted(task["WhoId"] for task in tasks) == sorted(lead["Id"] for lead in leads[:2])
    owners = {row["Id"]: row["OwnerId"] for row in place.query("SELECT Id, OwnerId FROM Lead")}
    active = {row["Id"] for row in place.query("SELECT Id FROM User WHERE IsActive = true")}
    had = {lead["Id"]: lead["OwnerId"] for lead in leads}
    for task in tasks:  # whoever works there keeps a lead; one that nobody owned goes to whom the task went to
        whose = had[task["WhoId"]] if had[task["WhoId"]] in active else task["OwnerId"]
        assert owners[task["WhoId"]] == whose
    assert place.cycle(DAY)["writes"]["planned"] == 0


def test_pause_holds_everything_and_resume_goes_on(place: Any, leads: list[dict[str, Any]]) -> None:
    later = DAY + timedelta(hours=25)
    assert place.handoff("pause", "--json").json["paused"] is True
    assert ", paused by " in place.handoff("status").out
    place.clock(later - timedelta(minutes=2))
    place.submit(leads[2]["Email"])
    place.clock(later)
    before = place.ask("salesforce", "snapshot")
    paused = place.cycle(later)
    assert paused["writes"]["written"] == 0
    for words in (("approve", paused["plan_id"]), ("run", "--plan", paused["plan_id"]), ("outbox", "retry")):
        refused = place.handoff(*words, "--json")
        assert refused.code == 3
        assert "resume" in refused.json["error"]["cure"]
    assert place.ask("salesforce", "snapshot") == before
    assert place.handoff("resume", "--json").json["paused"] is False
    assert place.cycle(later)["verdict"] == "green"
    tasks = place.query("SELECT WhoId FROM Task WHERE Handoff_Key__c != null")
    assert [task["WhoId"] for task in tasks].count(leads[2]["Id"]) == 1


def test_rows_that_are_not_dead_are_neither_retried_nor_dismissed(place: Any) -> None:
    for word in ("retry", "dismiss"):
        done = place.handoff("outbox", word, "99999", "--json")
        assert done.code == 2
        assert done.json["error"]["code"] == "outbox.not_dead"


def _nobody_at_home(_number: int, _frame: object) -> None:
    """Take a signal that came before the command listened, or after."""


def _stop_once_it_listens() -> None:
    """Send SIGTERM to this process a second after the command has begun to listen to it."""
    deadline = time.monotonic() + 60
    while signal.getsignal(signal.SIGTERM) is _nobody_at_home and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_ends_a_run_though_the_vendor_does_not_answer(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.2)
    fault = {"match": "^(GET|POST) /", "what": "delay", "rate": 1, "after": "30s", "count": 1}
    place.ask("hubspot", "faults", [fault])
    # should the signal find nobody at home, it must not end the process that tests
    before = signal.signal(signal.SIGTERM, _nobody_at_home)
    sender = threading.Thread(target=_stop_once_it_listens)
    sender.start()
    try:
        done = place.handoff("run", "--once", "--json")
    finally:
        sender.join()
        signal.signal(signal.SIGTERM, before)
        place.ask("hubspot", "faults", [])
    assert done.code == 0
    _hold_shape(done.json, error=True, called=False)
    assert done.json["error"]["code"] == "run.stopped"
    assert done.json["verdict"] == "amber"
    assert done.json["seconds"]["total"] < 30, "it did not wait for the answer"


def test_no_log_line_names_anybody(place: Any) -> None:
    assert place.handoff("run", "--once", "-v", "--json").code == 0
    logged = "\n".join(place.handoff.said)
    assert '"event"' in logged
    people = place.query("SELECT FirstName, LastName, Email FROM Lead") + place.query(
        "SELECT FirstName, LastName, Email FROM Contact"
    )
    emails = set(re.findall(r"[\w.+-]+@[\w.-]+", json.dumps(place.ask("hubspot", "snapshot"))))
    emails |= {row["Email"] for row in people if row["Email"]}
    assert emails
    assert [email for email in emails if email in logged] == []
    names = {f"{row['FirstName']} {row['LastName']}" for row in people if row["FirstName"] and row["LastName"]}
    assert [name for name in names if name in logged] == []
    assert [token for token in place.handoff.env.values() if token in logged] == []
    assert re.search(r"https?://\S+\?", logged) is None


def test_a_state_that_is_no_state_is_a_local_fault(place: Any) -> None:
    for old in (place.folder / "var").glob("handoff.db*"):
        old.unlink()
    (place.folder / "var" / "handoff.db").write_bytes(b"no database at all" * 400)
    for words in (("status",), ("pause",), ("run", "--once"), ("explain", "x"), ("outbox", "list")):
        done = place.handoff(*words, "--json")
        assert done.code == 5, words
        assert done.json["error"]["code"] == "state.corrupt"
        assert done.json["error"]["cure"]
