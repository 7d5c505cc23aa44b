"""Models are numbered when a cycle meets them, found again for any date, and bring their numbers back with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from small_house import T0, House

from connector.errors import ConfigError
from connector.mapping.load import load_mappings
from connector.pipeline.versions import (
    before_and_after,
    changes_of,
    mappings_at,
    model_at,
    news_of,
    predecessor,
    unexplained,
    version_of,
    write_files,
)
from connector.ports.versions import Version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "mappings"
    shutil.copytree(str(files("mappings") / "default"), copy)
    return copy


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    made = House(tmp_path, sqlite_url)
    made.account()
    made.contact("1", title="VP Sales", employees=500)
    made.lead("L1", "1")
    made.did("d1", "email_reply", "1")
    yield made
    made.close()


def write(folder: Path, old: str, new: str, *, because: str | None = None) -> None:
    """Change the model, and say why or not."""
    path = folder / "scoring.yaml"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    lines = [line for line in text.replace(old, new).splitlines() if because is None or not line.startswith("version:")]
    if because is not None:
        lines.insert(
            next(n for n, line in enumerate(lines) if line.startswith("name:")),
            f"version: {{by: Ada, because: {because}}}",
        )
    path.write_text("\n".join(lines) + "\n", "utf-8")


def cycle(house: House, folder: Path) -> dict[str, float]:
    """Run a cycle by the files as they are; give the totals it stored with everybody's record."""
    house.engine.mappings = load_mappings(folder)
    house.run()
    (person,) = house.store.knowledge.persons().to_pylist()
    history = house.store.knowledge.score_history(person["person_id"]).to_pylist()
    return {row["run_id"]: row["total"] for row in history}


def test_versions_come_go_and_come_back_with_their_numbers(house: House, folder: Path) -> None:
    at = [house.now]
    first = next(iter(cycle(house, folder).values()))
    write(
        folder,
        "points: 25, at_most: {count: 1, per: 7d}",
        "points: 55, at_most: {count: 1, per: 7d}",
        because="replies close",
    )
    at.append(house.now)
    second = [*cycle(house, folder).values()][-1]
    assert second > first
    versions, uses = house.store.versions.versions("scoring"), house.store.versions.uses("scoring")
    assert [(one.number, one.because) for one in versions] == [(1, versions[0].because), (2, "replies close")]
    told = [str(one) for one in changes_of(versions[1], predecessor(versions, uses, 2))]
    assert told == ["scoring.yaml: dimensions.interest.rules.email-reply.points 25 → 55"]
    then, now = before_and_after(uses, 2)
    assert then["persons"] == now["persons"] == 1
    assert then["dispositions"] != now["dispositions"] or first == second

    # back to the first: its files, its number, its scores
    write_files(versions[0].files, folder)
    at.append(house.now)
    assert [*cycle(house, folder).values()][-1] == first
    assert [use.number for use in house.store.versions.uses("scoring")] == [1, 2, 1]
    assert [use.number for use in house.store.versions.uses("mappings")] == [1, 2, 1]
    for moment, number in zip(at, (1, 2, 1), strict=True):
        version = model_at(house.store, moment)
        assert version is not None
        assert version.number == number
        mappings, whole = mappings_at(house.store, moment) or pytest.fail("kept")
        assert whole.digest == mappings.digest
        replies = next(rule for rule in mappings.scoring.dimensions.interest.rules if rule.id == "email-reply")
        assert replies.points == ((55,) if number == 2 else (25,))
    assert mappings_at(house.store, T0.replace(year=2020)) is None


def test_whoever_changes_a_model_is_asked_why(house: House, folder: Path) -> None:
    cycle(house, folder)

    def note() -> str:
        return str(news_of(house.store, load_mappings(folder), at=house.now)["note"])

    assert note() == ""
    write(folder, "points: 25, at_most: {count: 1, per: 7d}", "points: 30, at_most: {count: 1, per: 7d}")
    assert note().startswith("scoring.yaml changed since version 1")
    assert "say why" in note()
    write(folder, "points: 30, at_most", "points: 31, at_most", because="replies close deals")
    assert "say why" not in note()
    cycle(house, folder)
    assert note() == ""
    write(folder, "points: 31, at_most", "points: 32, at_most")
    cycle(house, folder)
    assert "gives no reason" in note()


def test_words_alone_need_no_reason() -> None:
    one = Version("scoring", 1, "a", {"scoring.yaml": "name: m\n"}, "", "", T0)
    other = Version("scoring", 2, "b", {"scoring.yaml": "# a word\nname: m\n"}, "", "", T0)
    assert not unexplained(other, one)
    assert not unexplained(one, None)


def test_a_plan_uses_no_model(house: House, folder: Path) -> None:
    house.engine.mappings = load_mappings(folder)
    house.plan()
    assert house.store.versions.versions("scoring") == []


def test_files_that_this_program_does_not_read_are_named(house: House) -> None:
    old = Version("mappings", 0, "x", {"scoring.yaml": "nome: m\n"}, "", "", T0)
    house.store.versions.meet(old, run_id="r", at=T0)
    with pytest.raises(ConfigError, match="version 1"):
        mappings_at(house.store, T0)


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    write_files({"../out.csv": "x", "a.csv": "y"}, inside)
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["a.csv"]


_EAST = """\
name: east
version: {by: Ben, because: the east buys otherwise}
win: opportunity_won
dimensions: {fit: {rules: [{id: ceo, when: {title: CEO}, points: 50}]}}
grades: {fit: {A: 75, B: 50, C: 25, D: 0}, interest: {1: 75, 2: 50, 3: 25, 4: 0}}
matrix:
  A: [sales, sales, review, nurture]
  B: [sales, review, review, nurture]
  C: [review, nurture, nurture, nurture]
  D: [nurture, nurture, nurture, nurture]
"""


def test_further_models_have_words_of_their_own(folder: Path) -> None:
    before = version_of(load_mappings(folder), "scoring", at=T0)
    (folder / "scoring-east.yaml").write_text(_EAST, "utf-8")
    mappings = load_mappings(folder)
    after = version_of(mappings, "scoring", at=T0)
    assert sorted(after.files) == ["scoring-east.yaml", "scoring.yaml"]
    assert after.digest != before.digest
    assert (after.by, after.because) == ("Ben", f"{before.because}; east: the east buys otherwise")
    assert not unexplained(after, before)
    assert [str(one) for one in changes_of(after, before)] == ["scoring-east.yaml: + a new file"]
