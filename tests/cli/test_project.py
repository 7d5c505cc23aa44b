"""``init`` and ``check``: from an empty folder to a project whose every problem is named at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

_PLACE = re.compile(r"^[^:]+:\d+:\d+: \S+: .+$")
_ENV = {
    "HUBSPOT_TOKEN": "token-one",
    "SALESFORCE_URL": "https://corp.my.salesforce.com",
    "SALESFORCE_TOKEN": "token-two",
}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def mine(handoff: Any) -> Any:
    assert handoff("init", ".").code == 0
    handoff.env.update(_ENV)
    return handoff


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_init_leaves_the_definition_unsigned_and_the_mode_paused(mine: Any) -> None:
    lifecycle = (mine.folder / "mappings" / "default" / "lifecycle.yaml").read_text(encoding="utf-8")
    for key in ("marketing", "sales", "approved_on", "review_by"):
        assert f"{key}: null" in lifecycle
    assert "\nmode: paused\n" in (mine.folder / "handoff.yaml").read_text(encoding="utf-8")


def test_init_names_what_it_wrote(handoff: Any) -> None:
    written = handoff("init", "new", "--json").json["written"]
    assert written[0] == "new/handoff.yaml"
    assert {str(Path(path)) for path in written} == {f"new/{name}" for name in _files(handoff.folder / "new")}


@pytest.mark.parametrize("there", ["handoff.yaml", "mappings/default/scoring.yaml"])
def test_init_never_overwrites(handoff: Any, there: str) -> None:
    path = handoff.folder / "mine" / there
    path.parent.mkdir(parents=True)
    path.write_text("mine\n", encoding="utf-8")
    done = handoff("init", "mine", "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "init.exists"
    assert done.json["error"]["cure"]
    assert _files(handoff.folder / "mine") == {there: b"mine\n"}


def test_what_init_writes_has_no_problem_and_a_note(mine: Any) -> None:
    done = mine("check")
    assert done.code == 0
    assert "no problems" in done.out
    assert "note: the definition of a qualified lead is not signed by marketing and sales" in done.out
    document = mine("check", "--json").json
    assert document["ok"] is True
    assert document["problems"] == []
    assert len(document["notes"]) == 1


def test_every_missing_variable_is_named_with_its_place(handoff: Any) -> None:
    assert handoff("init", "mine").code == 0
    done = handoff("check", "-c", "mine/handoff.yaml")
    lines = done.err.splitlines()
    assert done.code == 2
    assert len(lines) == len(_ENV)
    for line, name in zip(lines, _ENV, strict=True):
        assert _PLACE.match(line)
        assert line.startswith("mine/handoff.yaml:")
        assert f"environment variable {name} is not set" in line


def test_all_problems_of_all_files_come_at_once_and_no_secret_with_them(mine: Any) -> None:
    default = mine.folder / "mappings" / "default"
    _replace(mine.folder / "handoff.yaml", "${HUBSPOT_TOKEN}", "pat-na1-open-sesame")
    _replace(mine.folder / "handoff.yaml", "https://api.hubapi.com", "http://10.0.0.7")
    _replace(mine.folder / "handoff.yaml", "mode: paused", "mode: turbo")
    for word in ("fields", "matching", "routing", "lifecycle"):
        with (default / f"{word}.yaml").open("a", encoding="utf-8") as file:
            file.write("nonsense_key: 1\n")
    with (default / "scoring.yaml").open("a", encoding="utf-8") as file:
        file.write("broken: [1, 2\n")
    done = mine("check", "--json")
    assert done.code == 2
    problems = done.json["error"]["problems"]
    assert all(problem["line"] >= 1 and problem["column"] >= 1 and problem["key"] for problem in problems)
    by_file = {Path(problem["file"]).name for problem in problems}
    assert by_file == {f"{word}.yaml" for word in ("handoff", "fields", "matching", "routing", "lifecycle", "scoring")}
    of_handoff = {problem["key"] for problem in problems if problem["file"] == "handoff.yaml"}
    assert {"sources.0.token", "sources.0.base_url", "mode"} <= of_handoff
    said = mine("check")
    assert said.code == 2
    assert said.out == ""
    assert [line for line in said.err.splitlines() if not _PLACE.match(line)] == []
    assert len(said.err.splitlines()) == len(problems)
    assert "open-sesame" not in said.err + done.out + done.err


def test_an_example_that_does_not_hold_is_a_problem(mine: Any) -> None:
    path = mine.folder / "mappings" / "default" / "scoring.yaml"
    _replace(path, "expect: {verdict: disqualified}", "expect: {verdict: nurture}")
    done = mine("check", "--json")
    assert done.code == 2
    (problem,) = done.json["error"]["problems"]
    lines = path.read_text(encoding="utf-8").splitlines()
    place = lines[problem["line"] - 1][problem["column"] - 1 :]
    assert (place, problem["key"]) == ("nurture}", "examples.6.expect.verdict")
    assert problem["message"] == "verdict is disqualified, expected nurture"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lake: var/lake", "lake: s3://bucket/lake", "keeps the lake in a folder"),
        ("engine: duckdb", "engine: {spark: 'sc://spark:15002'}", "Spark Connect"),
        ("time_zone: UTC", "time_zone: Mars/Olympus", "Mars/Olympus"),
        ("state: sqlite:///var/handoff.db", "state: mysql://x/y", "sqlite:///"),
        ("  tasks_per_day: 200", "  tasks_per_day: many", "tasks_per_day"),
        ("install: main", "installl: main", "installl"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_words(mine: Any, old: str, new: str, words: str) -> None:
    _replace(mine.folder / "handoff.yaml", old, new)
    done = mine("check")
    assert done.code == 2
    assert words in done.err


def test_a_project_is_found_from_anywhere(mine: Any, tmp_path: Path) -> None:
    absolute = str(mine.folder / "handoff.yaml")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mine.folder = elsewhere
    for config in (absolute, "../handoff.yaml"):
        assert mine("check", "--config", config).code == 0
        assert mine("status", "-c", config, "--json").json["mode"] == "paused"
    assert list(elsewhere.iterdir()) == [], "paths start at the folder of handoff.yaml, not at ours"
