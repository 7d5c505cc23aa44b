"""An account explained: its lines add up, subsidiaries included; who came, who left, whose interest moved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.mapping.load import load_mappings
from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import census_of

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A parent and its subsidiary; two cycles, between which somebody came, somebody left and somebody acted."""
    folder: Path = tmp_path_factory.mktemp("house")
    shutil.copytree(str(files("mappings") / "default"), folder / "mappings")
    path = folder / "mappings" / "scoring.yaml"
    text = path.read_text("utf-8")
    assert text.count("  hierarchy: none ") == 1
    path.write_text(text.replace("  hierarchy: none ", "  hierarchy: {factor: 0.5} "), "utf-8")
    made = House(folder, f"sqlite:///{folder}/state.db")
    made.engine.mappings = load_mappings(folder / "mappings")
    made.account("A1", name="Acme", website="acme.example")
    _subsidiary(made)
    for number, (host, title) in enumerate(
        (("acme", "CEO"), ("acme", "Marketing Manager"), ("bolt", "VP Sales"), ("bolt", "Clerk"), ("acme", "Clerk"))
    ):
        made.contact(str(number), email=f"p{number}@{host}.example", company=host.title(), title=title)
        made.did(f"r{number}", "email_reply", str(number), at=made.now - number * DAY)
    for number in range(5):
        made.lead(f"L{number}", str(number), email=f"p{number}@{'bolt' if number in {2, 3} else 'acme'}.example")
    made.run()
    made.now += 3 * DAY
    made.contact("4", email="p4@bolt.example", company="Bolt", title="Clerk")
    made.lead("L4", "4", email="p4@bolt.example")
    made.did("again", "event_attended", "1")
    made.run()
    yield made
    made.close()


def _subsidiary(house: House) -> None:
    values = {"name": "Bolt", "website": "bolt.example", "employees": 50, "owner_id": "005rep1", "parent_id": "A1"}
    links = {"owner": "005rep1", "parent": "A1"}
    house.crm.add(RecordVersion(Ref("crm", "account", "A2"), house.now, house.now, values, links))


def told(house: House, account: str) -> dict[str, Any]:
    at = house.now - timedelta(hours=1)
    return explain(census_of(house.engine), account, as_of=at, last=at).document


def test_lines_add_up_with_the_people_of_subsidiaries(house: House) -> None:
    for account, subsidiaries in (("A1", ["A2"]), ("A2", [])):
        document = told(house, account)
        assert document["subsidiaries"] == subsidiaries
        assert round(sum(line["points"] for line in document["lines"]), 1) == document["score"] > 0
        people = [line for line in document["lines"] if line["kind"] == "person"]
        assert [line["place"] for line in people] == list(range(1, len(people) + 1))
        assert len(people) == len(document["people"]) == (5 if subsidiaries else 3)
        assert sum(line["engaged"] for line in people) == document["engaged_people"]
        assert set(document["roles"]) == {"decider", "influencer"}
    by_id = {line["person_id"]: line for line in told(house, "A2")["lines"] if line["kind"] == "person"}
    for line in told(house, "A1")["lines"]:
        if line.get("person_id") in by_id:
            assert line["given"] == round(by_id[line["person_id"]]["given"] / 2, 3)


def test_who_came_who_left_and_whose_interest_moved(house: House) -> None:
    changes = {account: told(house, account)["changes"] for account in ("A1", "A2")}
    ((left,), (came,)) = (
        [move for move in changes[account]["moves"] if move["way"] == way]
        for account, way in (("A1", "left"), ("A2", "came"))
    )
    assert left["person_id"] == came["person_id"]
    assert "domain" in came["cause"]
    moved = {one["person_id"]: one for one in changes["A1"]["people"]}
    assert any(one["now"] > one["then"] for one in moved.values())
