"""When the connector must not write, it does not; when it is refused or not let in, it says so and how to go on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.place import AT, Place

PEOPLE = 40


@pytest.fixture
def fresh(place_of, prepared) -> Place:
    return place_of(prepared(PEOPLE))


@pytest.fixture
def place(place_of, loaded) -> Place:
    return place_of(loaded(PEOPLE))


def _sent(place: Place) -> int:
    """Count every request that reached an org, whatever it was for."""
    return sum(call["count"] for calls in place.calls().values() for call in calls["calls"])


def test_an_unsigned_definition_is_refused_before_anything_is_sent(fresh):
    lifecycle = fresh.project / "mappings" / "default" / "lifecycle.yaml"
    text = lifecycle.read_text(encoding="utf-8")
    lifecycle.write_text(text.replace("sales: S. Ales", "sales: null"), encoding="utf-8")
    fresh.mark()
    document = fresh.json("run", "--once", "--as-of", AT.isoformat(), code=3)
    assert document["error"]["code"] == "definition.unsigned"
    assert document["error"]["cure"]
    assert "sales" in document["error"]["message"]
    assert _sent(fresh) == 0


def test_an_overdue_definition_is_refused(fresh):
    lifecycle = fresh.project / "mappings" / "default" / "lifecycle.yaml"
    text = lifecycle.read_text(encoding="utf-8")
    lifecycle.write_text(text.replace("2099-11-01", "2026-11-16"), encoding="utf-8")
    fresh.mark()
    assert fresh.json("run", "--once", "--as-of", AT.isoformat(), code=3)["error"]["cure"]
    assert _sent(fresh) == 0


def test_live_without_comparison_or_waiver_is_refused(fresh):
    fresh.configure(cutover="{waived_by: null, reason: null, 'on': null}")
    fresh.mark()
    document = fresh.json("run", "--once", "--as-of", AT.isoformat(), code=3)
    assert document["error"]["code"] == "cutover.locked"
    assert _sent(fresh) == 0


@pytest.mark.parametrize("mode", ["paused", "shadow"])
def test_a_mode_that_does_not_write_holds_everything_and_keeps_nothing_for_later(fresh, mode):
    before = fresh.snapshots()
    fresh.configure(mode=mode)
    document = fresh.cycle()
    assert document["verdict"] == "amber"
    assert document["held_by"]["mode"] == document["writes"]["planned"] > 0
    assert fresh.snapshots() == before
    fresh.configure(mode="live")
    baseline = fresh.cycle()
    assert baseline["created"] == {}
    assert baseline["writes"]["written"] == baseline["writes"]["planned"] == document["writes"]["planned"]


def test_pause_stops_a_cycle_and_resume_lets_it_go_on(place):
    day = a_day_of_buyers(place)
    before = place.snapshots()
    assert place.json("pause")["paused"] is True
    document = place.cycle(day.at)
    assert document["verdict"] == "amber"
    assert document["writes"]["written"] == 0
    assert place.snapshots() == before
    assert place.json("resume")["paused"] is False


def test_a_plan_writes_nothing_and_is_run_exactly_once(place, place_of, loaded):
    day = a_day_of_buyers(place)
    before = place.snapshots()
    plan = place.json("plan", "--as-of", day.at.isoformat())
    assert place.snapshots() == before
    words = ("run", "--plan", plan["plan_id"], "--as-of", day.at.isoformat())
    done = place.json(*words)
    assert done["verdict"] == "green"
    assert done["writes"]["written"] == plan["plan"]["writes"] > 0
    assert done["created"] == {"task": 2, "lead": 1}
    other = place_of(loaded(PEOPLE))
    assert a_day_of_buyers(other) == day
    other.cycle(day.at)
    assert other.snapshots()["salesforce"] == place.snapshots()["salesforce"], "the plan did what the run would have"
    again = place.json(*words, code=3)
    assert again["error"]["code"] == "plan.superseded"
    assert "creation" in again["error"]["message"], "the rows are named"
    assert place.cycle(day.at)["writes"]["planned"] == 0


def test_a_plan_is_refused_while_paused(place):
    day = a_day_of_buyers(place)
    plan = place.json("plan", "--as-of", day.at.isoformat())
    place.json("pause")
    before = place.snapshots()
    document = place.json("run", "--plan", plan["plan_id"], "--as-of", day.at.isoformat(), code=3)
    assert document["error"]["code"] == "run.paused"
    assert document["error"]["cure"]
    assert place.snapshots() == before


def test_a_plan_that_a_later_cycle_overtook_is_refused_with_its_rows(place):
    day = a_day_of_buyers(place)
    plan = place.json("plan", "--as-of", day.at.isoformat())
    place.cycle(day.at + timedelta(minutes=1))
    before = place.snapshots()
    document = place.json(
        "run", "--plan", plan["plan_id"], "--as-of", (day.at + timedelta(minutes=2)).isoformat(), code=3
    )
    assert document["error"]["code"] in {"plan.superseded", "plan.rotation_moved"}
    assert place.snapshots() == before


def test_a_plan_made_under_other_mappings_is_refused(place):
    day = a_day_of_buyers(place)
    plan = place.json("plan", "--as-of", day.at.isoformat())
    scoring = place.project / "mappings" / "default" / "scoring.yaml"
    scoring.write_text(
        scoring.read_text(encoding="utf-8").replace("half_life: 30d", "half_life: 31d"), encoding="utf-8"
    )
    document = place.json("run", "--plan", plan["plan_id"], "--as-of", day.at.isoformat(), code=3)
    assert document["error"]["code"] == "plan.mappings_changed"


def test_two_runs_at_once_write_everything_once(place, place_of, loaded):
    day = a_day_of_buyers(place)
    words = ("run", "--once", "--as-of", day.at.isoformat(), "--json")
    started = [place.start(*words), place.start(*words)]
    done = [one.wait() for one in started]
    assert {one.code for one in done} <= {0, 5}
    worked = [one.json for one in done if one.code == 0]
    assert sum(document["created"].get("task", 0) for document in worked) == 2
    for one in done:
        if one.code == 5:
            assert one.json["error"]["code"] == "engine.busy"
    other = place_of(loaded(PEOPLE))
    a_day_of_buyers(other)
    other.cycle(day.at)
    assert other.snapshots() == place.snapshots()


def test_a_limit_holds_the_excess_until_somebody_approves(place):
    place.configure(limits="{fast_lane_tasks_per_day: 1}")
    day = a_day_of_buyers(place)
    document = place.cycle(day.at)
    assert document["verdict"] == "amber"
    assert document["held_by"]["limit"] == 1
    assert document["created"]["task"] == 1
    assert document["needs_person"] >= 1
    # The cycle's clock is not the real one: its day is counted all the same.
    used = place.json("status")["api_calls"]
    assert all(used[system]["used_24h"] >= calls["used"] > 0 for system, calls in document["api_calls"].items())
    quiet = place.cycle(day.at)
    assert quiet["created"] == {}
    approved = place.json("approve", document["plan_id"])
    assert approved["released"] >= 1
    after = place.cycle(day.at)
    assert after["created"]["task"] == 1
    assert after["verdict"] == "green"
    assert len(place.query("SELECT Id FROM Task WHERE Handoff_Key__c != null")) == 2


def test_an_unreachable_source_decides_nothing(place):
    day = a_day_of_buyers(place)
    text = (place.project / "handoff.yaml").read_text(encoding="utf-8")
    url = place.ready["hubspot"]["url"]
    (place.project / "handoff.yaml").write_text(text.replace(url, "http://127.0.0.1:9"), encoding="utf-8")
    before = place.snapshots()
    document = place.json("run", "--once", "--as-of", day.at.isoformat(), code=4)
    assert document["error"]["at"].startswith("hubspot")
    assert document["writes"]["planned"] == 0
    assert place.snapshots() == before
    place.configure()
    assert place.cycle(day.at)["created"] == {"task": 2, "lead": 1}


@pytest.mark.parametrize("token", ["HUBSPOT_TOKEN", "SF_TOKEN"])
def test_a_wrong_token_is_told_with_its_cure(place, token):
    wrong = "pat-eu1-not-the-right-one"
    place.env(**{token: wrong})
    done = place.handoff("run", "--once", "--as-of", AT.isoformat(), "--json")
    assert done.code == 4
    assert done.json["error"]["cure"]
    assert wrong not in done.out + done.err


def test_each_refusal_prints_one_document(fresh):
    fresh.configure(cutover="{waived_by: null, reason: null, 'on': null}")
    done = fresh.handoff("run", "--once", "--as-of", AT.isoformat(), "--json")
    document, end = json.JSONDecoder().raw_decode(done.out)
    assert done.out[end:].strip() == ""
    for key in ("run_id", "plan_id", "as_of", "verdict", "writes", "held_by", "api_calls", "error"):
        assert key in document
