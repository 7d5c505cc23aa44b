"""As of a past cycle everybody has the numbers of that cycle, whatever has happened since; hindsight knows better."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.mapping.load import load_mappings
from connector.pipeline.explain.explaining import explain
from connector.pipeline.explain.looking_back import stand_at
from connector.pipeline.people.census import census_of
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.population import take_census
from connector.pipeline.scratch import open_scratch

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_NUMBERS = ("total", "fit", "interest", "qualification", "grade", "verdict")

Numbers = dict[str, dict[str, Any]]


def then(house: House, at: datetime, *, hindsight: bool = False) -> Numbers:
    """Score everybody as of an instant: person → numbers and lines."""
    census = stand_at(census_of(house.engine), at, last=house.now, hindsight=hindsight).census
    holdings = hold(census.lake, census.traits, as_of=at, asked=census.asked())
    told: Numbers = {}
    with TemporaryDirectory() as folder, open_scratch(Path(folder)) as scratch:
        for part in take_census(census, holdings, scratch, now=at, explained=True).each():
            for row in part.scores.to_pylist():
                told[row["person_id"]] = {name: row[name] for name in _NUMBERS} | {"lines": []}
            for line in part.lines.to_pylist():
                said = [line["dimension"], line["rule"], line["points"], line["count"], str(line["last_on"])]
                told[line["person_id"]]["lines"].append(said)
    return told


def stored(house: House, at: datetime) -> Numbers:
    """Give what the cycle of an instant kept of those whose numbers it changed."""
    told: Numbers = {}
    with house.store.database.read() as connection:  # type: ignore[attr-defined]
        ids = [row[0] for row in connection.exec_driver_sql("SELECT DISTINCT person_id FROM score_history")]
    for person_id in ids:
        for row in house.store.knowledge.score_history(person_id).to_pylist():
            if row["at"] == at:
                lines = [
                    [x["dimension"], x["rule"], x["points"], x["count"], str(x["last_on"])]
                    for x in json.loads(row["lines"])
                ]
                told[person_id] = {name: row[name] for name in _NUMBERS} | {"lines": lines}
    return told


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {**one, "lines": sorted(one["lines"])} == {**other, "lines": sorted(other["lines"])}


def _arrive(house: House, dice: random.Random) -> None:
    for number in range(6):
        title = dice.choice(("CEO", "VP Sales", "Marketing Manager", "Student"))
        house.contact(str(number), title=title, employees=dice.choice((500, 20)))
        house.lead(f"L{number}", str(number))
        house.did(f"d{number}", dice.choice(("email_reply", "chat")), str(number))


def _mapped(house: House, folder: Path) -> Callable[[str, str], None]:
    """Give the house mappings of its own, and a hand that changes them."""
    copy = folder / "mappings"
    shutil.copytree(str(files("mappings") / "default"), copy)
    house.engine.mappings = load_mappings(copy)

    def change(old: str, new: str) -> None:
        path = copy / "scoring.yaml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        house.engine.mappings = load_mappings(copy)

    return change


def _do(house: House, dice: random.Random, step: int, change: Callable[[str, str], None]) -> None:
    """Let a day bring what makes the past hard to see."""
    who = [str(number) for number in range(6)]
    now = house.now
    for person in dice.sample(who, 3):
        house.did(f"s{step}-{person}", dice.choice(("email_reply", "chat", "event_attended")), person)
    late = dice.choice(who)
    house.did(f"late{step}", "email_reply", late, at=now - timedelta(days=dice.randrange(1, 20)))
    if step == 1:
        one, other = Ref("hubspot", "contact", "0"), Ref("hubspot", "contact", "1")
        house.source.add(RecordVersion(one, now, now, {}, {}, merged_into=other))
        house.contact("2", email="else@bolt.example", title="Student")
    if step == 2:
        change("points: 25, at_most: {count: 1, per: 7d}", "points: 45, at_most: {count: 1, per: 7d}")
        house.source.add(RecordVersion(Ref("hubspot", "contact", "3"), now, now, {}, {}, deleted=True))
        house.crm.add(RecordVersion(Ref("crm", "lead", "L3"), now, now, {}, {}, deleted=True))
    if step == 3:
        house.contact("4", title="CEO", employees=5000)
        house.lead("L0", "1")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1])
def test_a_past_cycle_is_seen_as_it_was(tmp_path: Path, seed: int) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    dice, change = random.Random(seed), _mapped(house, tmp_path)
    house.account()
    _arrive(house, dice)
    kept: dict[datetime, Numbers] = {}
    for step in range(4):
        at = house.now
        house.run()
        kept[at] = stored(house, at)
        house.now = at + DAY
        _do(house, dice, step, change)
    assert sum(map(len, kept.values())) > 10
    for at, numbers in kept.items():
        seen = then(house, at)
        for person_id, said in numbers.items():
            assert same(seen[person_id], said), (at, person_id)
    assert len(then(house, min(kept))) == 6, "who was merged or deleted since was there"
    house.close()


def test_an_explanation_names_model_and_knowledge(tmp_path: Path) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    change = _mapped(house, tmp_path)
    house.account()
    house.contact("1", title="VP Sales", employees=500)
    house.lead("L1", "1")
    house.did("d1", "email_reply", "1")
    first = house.now
    house.run()
    change("points: 25, at_most: {count: 1, per: 7d}", "points: 45, at_most: {count: 1, per: 7d}")
    house.did("late", "chat", "1", at=first - DAY)
    house.contact("1", title="VP Sales", employees=20)
    second = house.now
    house.run()

    def told(at: datetime, **words: Any) -> dict[str, Any]:
        return explain(census_of(house.engine), "crm:lead:L1", as_of=at, last=second, **words).document

    before, now, better = told(first), told(second), told(first, hindsight=True)
    assert (before["known"], before["model"]["number"]) == ("then", 1)
    assert (now["known"], now["model"]["number"]) == ("today", 2)
    assert (better["known"], better["model"]["number"]) == ("now", 2)

    def points(document: dict[str, Any]) -> dict[str, float]:
        return {line["rule"]: line["points"] for line in document["score"]["lines"]}

    assert points(before)["email-reply"] == 25
    assert "chat" not in points(before)
    assert points(now)["email-reply"] == 45
    # in hindsight the chat had happened, by today's model; the company had still 500 people
    assert points(better)["email-reply"] == 45
    assert "chat" in points(better)
    assert "size-large" in points(better)
    assert "size-large" in points(before)
    assert before["score"]["shown"]["total"] == before["score"]["total"]
    assert before["stage"]["moves"] == [move for move in now["stage"]["moves"] if move["at"] <= first.isoformat()]
    house.close()


def test_answers_given_later_were_not_known(tmp_path: Path) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    house.contact("1", title="VP Sales")
    house.lead("L1", "1")
    house.lead("L2", "1")
    first = house.now
    house.run()
    (review,) = house.store.knowledge.reviews("open")
    answer = {"answer": json.dumps({"ref": "crm:lead:L2"}), "who": "ops", "at": house.now}
    house.store.knowledge.answer_review(review.id, state="accepted", **answer)  # type: ignore[arg-type]
    house.now += HOUR
    house.run()
    document = explain(census_of(house.engine), "hubspot:contact:1", as_of=first, last=house.now).document
    assert document["identity"]["in_review"]
    house.close()


def _lived(folder: Path, *, told: str) -> House:
    """Three days of the same people; told day by day, or all at the end."""
    folder.mkdir()
    house = House(folder, f"sqlite:///{folder}/state.db")
    house.account()
    for day in range(3):
        for number in range(3):
            title = ("VP Sales", "CEO", "Student")[(day + number) % 3]
            house.contact(str(number), title=title, employees=500)
            house.did(f"d{day}-{number}", ("chat", "email_reply", "event_attended")[(day * number) % 3], str(number))
        if day == 1:
            house.lead("L1", "1")
        if told == "daily":
            house.run()
            house.now -= HOUR
        house.now += DAY
    house.run()
    return house


@pytest.mark.timeout(600)
def test_in_hindsight_the_order_of_arrival_makes_no_difference(tmp_path: Path) -> None:
    houses = [_lived(tmp_path / told, told=told) for told in ("daily", "at the end")]
    daily, late = houses
    instants = [daily.now - HOUR - days * DAY for days in (3, 2, 1)]
    for at in instants:
        seen = [then(house, at, hindsight=True) for house in houses]
        assert seen[0] == seen[1]
    assert then(late, instants[0]) == {}, "nothing had landed"
    assert then(daily, instants[0]) != {}
    for house in houses:
        house.close()
