"""Leases are seen by all at once and need not wait for SQLite's disk; what is committed after them does."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event

from state import open_store

_MINUTE = timedelta(minutes=1)


def test_a_lease_does_not_wait_for_the_disk_and_everything_else_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = open_store(url)
    levels: list[int] = []

    def look(connection: Any) -> None:
        with_cursor = connection.connection.cursor()
        levels.append(with_cursor.execute("PRAGMA synchronous").fetchone()[0])
        with_cursor.close()

    event.listen(store.database.engine, "commit", look)
    full, normal = 2, 1
    assert store.switches.acquire("cycle", "me", _MINUTE)
    store.switches.put_setting("word", "one")
    assert store.switches.renew("cycle", "me", _MINUTE)
    store.switches.put_setting("word", "two")
    store.switches.release("cycle", "me")
    store.switches.put_setting("word", "three")
    assert levels == [normal, full, normal, full, normal, full]
    event.remove(store.database.engine, "commit", look)
    store.close()


def test_another_process_sees_a_lease_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = open_store(url)
    assert store.switches.acquire("cycle", "me", _MINUTE)
    other = sqlite3.connect(tmp_path / "state.db")
    try:
        assert other.execute("SELECT owner FROM leases WHERE name = 'cycle'").fetchone() == ("me",)
    finally:
        other.close()
    store.close()
