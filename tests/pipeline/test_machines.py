"""Machines in cycles: found in every mode, by plans too, freed by late page views, told as a step of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from small_house import T0, House

from connector.domain.records import Activity
from connector.domain.refs import Ref
from connector.lake.reading import Lake
from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import Census

SECOND = timedelta(seconds=1)


def mail(id_: str, kind: str, after: timedelta, **words: Any) -> Activity:
    who = Ref("hubspot", "email", "jo1@acme.example")
    return Activity(
        Ref("hubspot", "email_event", id_), kind, who, T0 - timedelta(hours=2) + after, campaign="c", **words
    )


@pytest.fixture
def house(tmp_path, sqlite_url):
    made: list[House] = []
    told: list[Any] = []

    def make(**words: Any) -> House:
        one = House(tmp_path, sqlite_url, on_step=told.append, **words)
        one.account()
        one.contact("1", title="CEO", employees=500)
        one.contact("2")
        one.did("watched", "page_view", "2", at=T0 - timedelta(days=3), path="/")
        one.source.add(mail("d", "email_delivered", 0 * SECOND))
        one.source.add(mail("k", "email_click", 3 * SECOND, path="/pricing"))
        one.told = told
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def held(house: House) -> list[str]:
    return list(house.store.quarantine.held().column("id").to_pylist())


def clicks(house: House) -> list[float]:
    engine = house.engine
    census = Census(
        lake=Lake(engine.lake_root, house.store.manifest), store=house.store, mappings=engine.mappings,
        traits=engine.traits(), crm=engine.crm.traits(), install="main", time_zone="UTC", automation=(),
    )  # fmt: skip
    document = explain(census, "jo1@acme.example", as_of=house.now).document
    return [line["points"] for line in document["score"]["lines"] if line["rule"] == "email-click"]


@pytest.mark.parametrize("mode", ["live", "paused"])
def test_a_cycle_finds_machines_and_a_late_page_view_frees_them(house, mode):
    place = house(mode=mode)
    place.run()
    assert held(place) == ["k"]
    assert clicks(place) == []
    (step,) = [one for one in place.told if one.step == "quarantine"]
    assert step.counts["held"] == 1
    place.did("late", "page_view", "1", at=T0 - timedelta(hours=2) + 5 * SECOND, path="/pricing")
    place.run()
    assert held(place) == []
    assert clicks(place) == [4.0]


def test_a_plan_finds_them_too(house):
    place = house()
    place.plan()
    assert held(place) == ["k"]
    place.run()
    assert held(place) == ["k"]


def test_an_answer_reaches_whom_nothing_else_touches(house):
    place = house()
    place.run()
    place.store.quarantine.answer("release", "campaign", ["hubspot:c"], who="ops", at=place.now)
    place.run()
    assert held(place) == []
    assert clicks(place) == [4.0]
    place.store.quarantine.answer("restore", "event", ["hubspot:email_event:k"], who="ops", at=place.now)
    place.run()
    assert held(place) == ["k"]
    assert clicks(place) == []
