"""The same job with its state on PostgreSQL leaves the same org, byte for byte, as with SQLite."""

from __future__ import annotations

import re
import shutil

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.place import Place

PEOPLE = 60


def _first_load_and_a_day(place: Place) -> dict[str, bytes]:
    first = place.cycle()
    assert first["verdict"] == "green"
    assert place.cycle()["writes"]["planned"] == 0
    day = a_day_of_buyers(place)
    document = place.cycle(day.at)
    assert document["created"] == {"task": 2, "lead": 1}
    assert place.cycle(day.at)["writes"]["planned"] == 0
    return place.snapshots()


def test_both_databases_lead_to_the_same_org(place_of, prepared, postgres_url, tmp_path):
    on_sqlite = _first_load_and_a_day(place_of(prepared(PEOPLE)))
    place = place_of(prepared(PEOPLE))
    shutil.rmtree(place.project / "var")
    config = place.project / "handoff.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?m)^state: .*$", f"state: '{postgres_url}'", text), encoding="utf-8")
    assert _first_load_and_a_day(place) == on_sqlite
    assert not list(place.project.glob("var/*.db")), "nothing was kept on SQLite beside it"
