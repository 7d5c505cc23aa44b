"""A state or a lake that cannot be used ends a command with 5, one document, and words that name the cure."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from state import open_store

T0 = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def mine(handoff: Any) -> Any:
    """Commands in a project whose state and lake have something in them."""
    assert handoff("init", "project").code == 0
    folder = handoff.folder / "project"
    door = type(handoff)(folder, handoff.env)
    store = open_store(f"sqlite:///{folder}/var/handoff.db")
    landing = Landing(folder / "var" / "lake", store.manifest)
    rows = [
        Activity(Ref("hubspot", "visit", f"{n}"), "page_view", Ref("hubspot", "contact", "1"), T0) for n in range(99)
    ]
    landing.land("hubspot", "visits", [Page([], rows, cursor="c", last=True)], shapes={}, landed_at=T0)
    store.close()
    return door


def _told(door: Any, code: str, *words: str) -> None:
    for command in (("status",), ("pause",), ("outbox", "list")):
        done = door(*command, "--json")
        error = done.json["error"]
        assert (done.code, error["code"]) == (5, code), (command, done)
        assert error["at"]
        for word in words:
            assert word in error["cure"], error
        said = door(*command)
        assert said.code == 5
        assert f"[{code}]\n  cure: " in said.err
        assert "Traceback" not in said.err


def test_a_state_that_another_program_keeps_locked(mine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(open_store.__kwdefaults__, "patience", timedelta(milliseconds=50))
    assert mine("status").code == 0
    other = sqlite3.connect(mine.folder / "var" / "handoff.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    done = mine("pause", "--json")
    assert (done.code, done.json["error"]["code"]) == (5, "state.locked")
    assert "stop the other program" in done.json["error"]["cure"]
    assert mine("status", "--json").json["paused"] is None, "who only reads need not wait"
    other.execute("ROLLBACK")
    other.close()
    assert mine("pause").code == 0
    assert mine("status", "--json").json["paused"]


def test_a_state_of_a_newer_program(mine: Any) -> None:
    state = sqlite3.connect(mine.folder / "var" / "handoff.db")
    state.execute("INSERT INTO state_version (number, name, at) VALUES (4711, 'later', 0)")
    state.commit()
    state.close()
    _told(mine, "state.newer", "newer program", "backup")


def test_a_state_with_spoilt_pages(mine: Any) -> None:
    path = mine.folder / "var" / "handoff.db"
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * (len(data) - 100))
    _told(mine, "state.corrupt", "backup", "run again")


def test_a_server_that_is_not_there(mine: Any, tmp_path: Path) -> None:
    config = mine.folder / "handoff.yaml"
    text = config.read_text(encoding="utf-8")
    url = f"postgresql+psycopg://ann@/db?host={tmp_path}/nowhere"
    config.write_text(re.sub(r"(?m)^state: .*$", f"state: '{url}'", text), encoding="utf-8")
    _told(mine, "state.unreachable", "start it", "`state:`")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [(Path.unlink, "missing", ()), (_cut, "short", ()), (_flip, "corrupt", ("--deep",))],
    ids=["missing", "short", "flipped"],
)
def test_status_names_harmed_files_of_the_lake(
    mine: Any, harm: Callable[[Path], None], kind: str, words: tuple[str, ...]
) -> None:
    whole = mine("status", "--json", *words)
    assert whole.code == 0
    assert whole.json["lake"] == {
        "files": 1,
        "rows": 99,
        "bytes": whole.json["lake"]["bytes"],
        "checked": "checksums" if words else "sizes and footers",
        "problems": [],
    }
    assert "lake: 99 rows in 1 files" in mine("status").out
    (path,) = (mine.folder / "var" / "lake").rglob("*.parquet")
    harm(path)
    if words:
        assert mine("status").code == 0, "only checksums see a bit that turned"
    done = mine("status", "--json", *words)
    assert done.code == 5
    (problem,) = done.json["lake"]["problems"]
    assert problem["file"] == path.relative_to(mine.folder / "var" / "lake").as_posix()
    assert (problem["what"], problem["stream"], problem["rows"]) == (kind, "activities/hubspot", 99)
    assert "backup" in problem["cure"]
    said = mine("status", *words)
    assert said.code == 5
    assert f"{path.name} is {kind} (99 rows of activities/hubspot)" in said.out
    assert "    cure: restore the file from a backup" in said.out
