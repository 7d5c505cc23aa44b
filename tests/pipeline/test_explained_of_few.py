"""Who is explained by means of what the last cycle kept is told what a look at everybody tells, word for word."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House
from test_twins import Twins

from connector.errors import ConfigError
from connector.pipeline.explain import explaining
from connector.pipeline.explain.explaining import explain
from connector.pipeline.incremental.choosing import URGENT, Portion
from connector.pipeline.incremental.touched import Touched
from connector.pipeline.people.census import census_of

#: more and longer histories, in which everybody is asked about each time: HANDOFF_TWINS=10 tries so many seeds
LONG = int(os.environ.get("HANDOFF_TWINS", "0"))
SEEDS, ROUNDS, ASKED = range(max(LONG, 1)), 9 if LONG else 3, 15 if LONG else 3


class Counted:
    """Counts the answers that were made of few people."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of_few, self.all = 0, 0
        told = explaining._told

        def counted(ground: Any, who: str, touched: Touched | None, scratch: Any) -> dict[str, Any]:
            document = told(ground, who, touched, scratch)
            self.of_few += touched is not None
            self.all += 1
            return document

        monkeypatch.setattr(explaining, "_told", counted)


def _told(house: House, who: str, *, at: Any, of_few: bool) -> Any:
    root = house.engine.lake_root if of_few else None
    try:
        return explain(census_of(house.engine), who, as_of=at, last=at, lake_root=root).document
    except ConfigError as error:
        return error.code, str(error)


def _words(house: House) -> list[str]:
    """Name everybody and everything by which anybody may be asked about."""
    identities = house.store.knowledge.identities().to_pylist()
    refs = {f"{row['system']}:{row['object']}:{row['id']}" for row in identities}
    words = {row["person_id"] for row in identities} | refs | {row["id"] for row in identities}
    words |= {f"jo{number}@{firm}.example" for number in range(7) for firm in ("acme", "gmail")}
    return sorted(words | {"A0", "A3", "bolt", "crane.example", "crm:account:A1", "nobody", "none@nowhere.example"})


def _cycle(house: House, dice: random.Random) -> None:
    cycle = house.cycle()
    match dice.randrange(4):
        case 0:
            cycle.run("sources", goes_on=True, portion=lambda: URGENT)
        case 1:
            cycle.run("all", portion=lambda: Portion(most=2))
        case _:
            cycle.run()


def _history(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    twins = Twins(folder, dice)
    house, *others = twins.houses
    for other in others:
        other.close()
    twins.houses = [house]
    twins.begin()
    for _ in range(3):
        house.run()
    told: list[str] = []
    for _ in range(ROUNDS):
        told += [twins.happen() for _ in range(dice.randrange(1, 4))]
        at = house.now
        _cycle(house, dice)
        if not dice.randrange(3):
            # Something lands after the instant that is looked at, and nobody has decided about it.
            told += [twins.happen()]
            house.now += timedelta(minutes=5)
            house.cycle().plan()
            at = dice.choice((at, house.now))
        for who in dice.sample(words := _words(house), min(ASKED, len(words))):
            few, everybody = (_told(house, who, at=at, of_few=of_few) for of_few in (True, False))
            assert few == everybody, f"seed {seed}, {who}: {told}"
        house.now += timedelta(minutes=10)
    house.close()


@pytest.mark.timeout(1800)
def test_what_is_told_of_few_is_what_is_told_of_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    for seed in SEEDS:
        (tmp_path / str(seed)).mkdir()
        _history(tmp_path / str(seed), seed)
    assert counted.of_few * 4 > counted.all, "so seldom are few enough that nothing was compared"
