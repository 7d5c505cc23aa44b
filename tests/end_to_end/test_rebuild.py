"""An empty state against a filled org creates nothing: what was created carries its key in the org itself."""

from __future__ import annotations

import shutil
from datetime import timedelta

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.place import Place

PEOPLE = 200
_SCORES = {"Handoff_Score__c", "Handoff_Grade__c", "Handoff_Reasons__c", "Handoff_Account_Score__c"}


def _stripped(place: Place) -> list[object]:
    """Give the org's records without our score fields."""
    return [
        (row["object"], row["key"], row["deleted"], {n: v for n, v in row["fields"].items() if n not in _SCORES})
        for row in place.snapshot()["records"]
    ]


def test_an_empty_state_creates_nothing(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    day = a_day_of_buyers(place)
    assert place.cycle(day.at)["created"] == {"task": 2, "lead": 1}
    before = _stripped(place)
    shutil.rmtree(place.project / "var")
    for minutes in (1, 2, 60):
        document = place.cycle(day.at + timedelta(minutes=minutes))
        assert document["created"] == {}
        assert document["verdict"] == "green"
        assert _stripped(place) == before


def test_a_lake_without_its_state_is_only_read_again(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    before = place.snapshot()
    (place.project / "var" / "handoff.db").unlink()
    for rest in (place.project / "var").glob("handoff.db-*"):
        rest.unlink()
    document = place.cycle()
    assert document["created"] == {}
    assert place.snapshot() == before
