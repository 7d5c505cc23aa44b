"""An older state against an org that has gone on: nothing is sent again, nothing is lost, whoever put it back."""

from __future__ import annotations

import shutil
from datetime import timedelta

from benchmarks.survival.buyers import a_day_of_buyers

PEOPLE = 200


def test_a_restored_state_creates_nothing_twice_and_finds_what_was_missing(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    made = place.json("backup", "../monday")
    assert made["lake"]["files"] > 0
    day = a_day_of_buyers(place)
    assert place.cycle(day.at)["created"] == {"task": 2, "lead": 1}
    place.cycle(day.at + timedelta(minutes=1))
    before = place.snapshots()["salesforce"]
    restored = place.json("restore", "../monday")
    assert (place.project / restored["kept"]).is_file()
    document = place.cycle(day.at + timedelta(minutes=2))
    assert document["created"] == {}
    assert document["verdict"] == "green"
    assert document["pulled"]["activities"] > 0, "what came since the backup is pulled again"
    assert place.snapshots()["salesforce"] == before
    quiet = place.cycle(day.at + timedelta(minutes=3))
    assert quiet["writes"]["planned"] == 0
    # who asks for sales after the restore is called, once
    place.clock(day.at + timedelta(minutes=4))
    place.act("hubspot", {"do": "submit_form", "email": "late@newcorp-gmbh.de", "form": "contact-us", "values": {}})
    assert place.cycle(day.at + timedelta(minutes=5))["created"] == {"lead": 1, "task": 1}


def test_a_state_copied_back_by_hand_is_noticed(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    place.cycle()
    copy = place.folder / "by-hand"
    shutil.copytree(place.project / "var", copy)
    day = a_day_of_buyers(place)
    assert place.cycle(day.at)["created"] == {"task": 2, "lead": 1}
    before = place.snapshots()["salesforce"]
    for file in (place.project / "var").glob("handoff.db*"):
        file.unlink()
    for file in copy.glob("handoff.db*"):
        shutil.copy(file, place.project / "var" / file.name)
    done = place.handoff("run", "--once", "--as-of", (day.at + timedelta(minutes=1)).isoformat(), "--json")
    assert done.code == 0, done
    assert "state.put_back" in done.err
    assert done.json["created"] == {}
    assert place.snapshots()["salesforce"] == before
    again = place.handoff("run", "--once", "--as-of", (day.at + timedelta(minutes=2)).isoformat(), "--json")
    assert "state.put_back" not in again.err
