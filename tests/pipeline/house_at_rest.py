"""A house in which people have come to rest, copied for each test, and what tests of portions and rounds do in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House
from test_incremental import Watched

from connector.pipeline.cycle import Cycle
from connector.pipeline.incremental.choosing import URGENT, Portion
from connector.pipeline.incremental.kept import FOLDER, Head


def brought_to_rest(folder: Path) -> Watched:
    """Give a house in which people have come to rest; nobody lives in it, all copy it."""
    made = Watched(folder)
    made.account()
    for number in range(9):
        firm = "Acme" if number > 6 else f"Firm {number}"
        made.contact(
            str(number), title="CEO" if number % 2 else None, email=f"jo{number}@firm{number}.example", company=firm
        )
    made.lead("L1", "1")
    made.did("first", "page_view", "8", path="/")
    for _ in range(3):
        made.run()
    made.close()
    return made


def copy_of(at_rest: Watched, folder: Path) -> Watched:
    """Give a copy of that house."""
    shutil.copytree(at_rest.engine.lake_root.parent, folder, dirs_exist_ok=True)
    made = Watched(folder, crm=deepcopy(at_rest.crm))
    made.source, made.now = deepcopy(at_rest.source), at_rest.now
    made.engine.sources = [made.source]
    return made


def on(house: House) -> None:
    house.now += timedelta(minutes=10)


def narrow(house: House) -> Cycle:
    """Look at forms while more has landed."""
    cycle = house.cycle()
    cycle.run("sources", goes_on=True, portion=lambda: URGENT)
    return cycle


def some(house: House, most: int) -> Cycle:
    cycle = house.cycle()
    cycle.run("all", portion=lambda: Portion(most=most))
    return cycle


def head_of(house: Watched) -> Head:
    return Head.load((house.engine.lake_root / FOLDER / house.decided / "head.json").read_text("utf-8"))


@contextmanager
def killed(house: House, when: str) -> Iterator[None]:
    """End a cycle where it says of itself that it has come so far."""

    def killed(_step: str, doing: str, _rows: int) -> None:
        if doing == when:
            raise KeyboardInterrupt

    before, house.engine.progress = house.engine.progress, killed
    with pytest.raises(KeyboardInterrupt):
        yield
    house.engine.progress = before


def assure_rest(house: House) -> None:
    """Hold that working everybody finds nothing that was missed."""
    for _ in range(6):
        report = house.cycle().run()
        on(house)
        if not report.writes["planned"]:
            break
    cycle = house.cycle()
    again = cycle.run(full=True)
    on(house)
    assert again.writes["planned"] == 0, again.document()
    assert not cycle.moves
    mine, theirs = (_counts(one) for one in (report, again))
    assert mine == theirs


def _counts(report: Any) -> dict[str, Any]:
    document = report.document()
    return {name: document[name] for name in ("identity", "matched", "scored", "dispositions", "stages")}
