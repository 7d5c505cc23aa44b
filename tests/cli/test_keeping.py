"""Backup and restore beside others: on either database, and never under somebody who is at work."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from connector.pipeline.turn import LEASE
from state import open_store
from state.backup import kept_aside

LONG = timedelta(hours=1)


@pytest.fixture
def mine(handoff: Any, state_url: str) -> Any:
    """Commands in a project on either database, with a backup of it."""
    assert handoff("init", "project").code == 0
    door = type(handoff)(handoff.folder / "project", handoff.env)
    path = door.folder / "handoff.yaml"
    text = path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("state:"))
    path.write_text(text.replace(line, f"state: '{state_url}'"), encoding="utf-8")
    with closing(open_store(state_url)) as store:
        store.switches.put_setting("word", "before")
    made = door("backup", "../monday", "--json")
    assert made.code == 0, made
    assert (made.json["state"] is None) == state_url.startswith("postgresql")
    return door


def test_a_restore_is_refused_while_a_daemon_is_at_work_and_goes_when_it_is_gone(mine: Any, state_url: str) -> None:
    with closing(open_store(state_url)) as store:
        store.switches.put_setting("word", "after")
        assert store.switches.acquire(LEASE, "daemon", LONG)
    refused = mine("restore", "../monday", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (5, "engine.busy")
    assert mine("status", "--json").json["at_work"]
    assert "at work now: yes\n" in mine("status").out
    with closing(open_store(state_url)) as store:
        assert store.switches.setting("word") == "after", "nothing was touched"
        store.switches.release(LEASE, "daemon")
    assert not mine("status", "--json").json["at_work"], "a daemon that has died shows in no run of its own"
    assert "at work now: nobody" in mine("status").out
    done = mine("restore", "../monday", "--json")
    assert done.code == 0, done
    assert set(done.json["outbox"]) == {"looked_up", "taken_as_it_is", "decided_anew"}
    with closing(open_store(state_url)) as store:
        # PostgreSQL's own tools bring the database back; what the command does is make it safe to go on from
        assert store.switches.setting("word") == ("after" if store.shared else "before")
        assert [what for _, _, what, _ in store.switches.audited()][:2] == ["restore", "state put back"]


def test_a_backup_of_the_other_make_of_database_is_refused(mine: Any, sqlite_url: str, state_url: str) -> None:
    path = mine.folder / "handoff.yaml"
    other = (
        "sqlite:///var/other.db" if state_url.startswith("postgresql") else "postgresql+psycopg://nobody@127.0.0.1:1/x"
    )
    path.write_text(path.read_text(encoding="utf-8").replace(state_url, other), encoding="utf-8")
    refused = mine("restore", "../monday", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "backup.other_state")


def test_a_pause_says_who_and_when_and_is_noted_once(mine: Any, state_url: str) -> None:
    said = mine("pause", "--json").json
    told = mine("status", "--json").json["paused"]
    assert told["by"] == said["by"] != ""
    assert told["at"] == said["at"]
    mine("pause", "--json")
    assert mine("status", "--json").json["paused"]["at"] == said["at"], "who paused first stays on record"
    assert mine("resume", "--json").json["paused"] is False
    assert mine("status", "--json").json["paused"] is None
    with closing(open_store(state_url)) as store:
        assert [what for _, _, what, _ in store.switches.audited()][:3] == ["resume", "pause", "pause"]


def test_whoever_is_forgotten_leaves_the_former_states_that_restores_keep(mine: Any, state_url: str) -> None:
    assert mine("restore", "../monday", "--json").code == 0
    kept = kept_aside(state_url)
    assert len(kept) == state_url.startswith("sqlite")
    secrets = {"HUBSPOT_TOKEN": "one", "SALESFORCE_URL": "https://acme.my.salesforce.com", "SALESFORCE_TOKEN": "two"}
    mine = type(mine)(mine.folder, mine.env | secrets)
    told = mine("forget", "somebody@acme.example", "--json").json["kept_states"]
    assert told == {"files": len(kept), "persons": 0, "unreadable": []}
    for path in kept:
        with closing(open_store(f"sqlite:///{path}")) as former:
            assert former.knowledge.tombstones()
        path.write_bytes(b"no state")
        assert mine("forget", "somebody@acme.example", "--json").json["kept_states"]["unreadable"] == [str(path)]
