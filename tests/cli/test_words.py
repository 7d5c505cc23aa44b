"""Command lines, right and wrong: what is printed where, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from connector.cli import running, status

COMMANDS = [
    ["init"],
    ["check"],
    ["provision"],
    ["plan"],
    ["run"],
    ["approve"],
    ["pause"],
    ["resume"],
    ["status"],
    ["explain"],
    ["outbox"],
    ["outbox", "list"],
    ["outbox", "retry"],
    ["outbox", "dismiss"],
    ["models"],
    ["models", "list"],
    ["models", "show"],
    ["models", "diff"],
    ["models", "export"],
    ["forget"],
    ["undo"],
    ["score"],
    ["match"],
    ["sandbox"],
    ["demo"],
]


def test_help_lists_what_there_is(handoff: Any) -> None:
    done = handoff("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert command[0] in done.out
    for missing in ("assess", "calibrate", "backtest", "learn", "predict", "console"):
        assert f" {missing} " not in done.out, "--help lists only what works"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(handoff: Any, command: list[str]) -> None:
    done = handoff(*command, "--help")
    assert done.code == 0
    assert "--help" in done.out
    assert done.err == ""


WRONG = [
    ["nonsense"],
    ["run", "--nonsense"],
    ["run", "--once", "extra"],
    ["approve"],
    ["explain"],
    ["score"],
    ["match", "--people"],
    ["outbox", "nonsense"],
    ["outbox", "retry", "seven"],
    ["demo", "--people", "5"],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_command_line_ends_with_2_and_words(handoff: Any, words: list[str]) -> None:
    done = handoff(*words)
    assert done.code == 2
    assert done.out == ""
    assert "Error: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_command_line_is_one_document_with_json(handoff: Any, words: list[str]) -> None:
    done = handoff(*words, "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "usage"
    assert done.json["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["provision", "--dry-run"],
        ["plan"],
        ["run", "--once"],
        ["run"],
        ["run", "--plan", "x"],
        ["approve", "x"],
        ["pause"],
        ["resume"],
        ["status"],
        ["explain", "x"],
        ["outbox", "list"],
        ["outbox", "retry"],
        ["outbox", "dismiss"],
        ["models", "list"],
        ["models", "show", "1"],
        ["models", "export", "1", "x"],
    ],
    ids=" ".join,
)
def test_without_a_project_every_command_says_where_it_looked_and_how_to_get_one(
    handoff: Any, words: list[str]
) -> None:
    said = handoff(*words)
    told = handoff(*words, "--json")
    assert (said.code, told.code) == (2, 2)
    assert said.err.startswith("handoff.yaml:1:1: file: cannot be read")
    assert "handoff init DIR" in said.err
    assert told.json["error"]["problems"][0]["file"] == "handoff.yaml"


def test_a_bug_of_ours_ends_with_70_and_names_nobody(handoff: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_config: object) -> None:
        raise ZeroDivisionError("jane.doe@acme.example at https://acme.example/x?token=sesame")

    monkeypatch.setattr(status, "read_settings_of_state", broken)
    done = handoff("status", "--json")
    assert done.code == 70
    assert done.json["error"]["code"] == "program.bug"
    assert "report" in done.json["error"]["cure"]
    assert "ZeroDivisionError" in done.err
    assert "jane.doe" not in done.out + done.err
    assert "sesame" not in done.out + done.err


def test_whoever_has_no_name_is_still_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(running.getpass, "getuser", nameless)
    assert running.who() == "unknown user"


def test_python_m_connector_is_the_same_and_its_reader_may_leave() -> None:
    """Whoever pipes into ``head`` gets no complaint and no exit code of a red run."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "NO_COLOR": "1"}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "connector", "--help"], stdout=write, stderr=subprocess.PIPE, env=environ, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_score_and_match_say_what_is_wrong_with_their_files(handoff: Any) -> None:
    assert handoff("init", "mine").code == 0
    (handoff.folder / "empty.csv").write_text("", encoding="utf-8")
    (handoff.folder / "people.csv").write_text("person_id,company\n1,Acme\n", encoding="utf-8")
    (handoff.folder / "nonsense.csv").write_bytes(b"\x00\xff\xfe\x00PAR1")
    common = ["--mappings", "mine/mappings/default", "--out", "out"]
    for people in ("missing.csv", "empty.csv", "nonsense.csv", "mine"):
        done = handoff("score", "--people", people, "--activities", "people.csv", *common, "--json")
        assert done.code == 2, (people, done)
        assert done.json["error"]["message"]
        done = handoff("match", "--people", people, "--accounts", "people.csv", "--out", "out.csv", "--json")
        assert done.code == 2, (people, done)
        assert done.json["error"]["message"]
    assert json.dumps(handoff("score", "--people", "people.csv", "--activities", "no.csv", *common, "--json").json)


def test_the_demo_leaves_a_folder_in_use_alone(handoff: Any) -> None:
    (handoff.folder / "mine.txt").write_text("mine", encoding="utf-8")
    for place in (".", "mine.txt"):
        done = handoff("demo", "--dir", place)
        assert done.code == 2
        assert "empty folder" in done.err


@pytest.mark.parametrize("words", [[], ["--dir", "orgs", "--people", "-5"], ["--dir", "orgs", "--people", "x"]])
def test_a_sandbox_that_cannot_start_says_why(handoff: Any, words: list[str]) -> None:
    done = handoff("sandbox", *words)
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err
