from __future__ import annotations

import pytest

from connector.errors import ConfigError, LocalFault
from state import open_store
from state.backup import back_up


def test_copy_holds_what_was_committed_and_opens_as_a_state(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    store.knowledge.commit_decisions(words.decisions(words.update("1"), words.create("k")))
    copy = tmp_path / "copies" / "monday.db"
    copy.parent.mkdir()
    copy.write_text("an older copy")
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO settings (name, value) VALUES ('half', 'done')")
        assert back_up(sqlite_url, copy) == copy.stat().st_size
    store.knowledge.commit_decisions(words.decisions(words.update("2")))
    store.close()
    assert [path.name for path in copy.parent.iterdir()] == ["monday.db"]
    restored = open_store(f"sqlite:///{copy}")
    assert restored.outbox.counts() == {"todo": 2}
    assert restored.switches.setting("half") is None
    restored.close()


def test_nothing_to_copy_is_said(tmp_path):
    with pytest.raises(LocalFault, match="no state to copy"):
        back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_postgres_is_copied_by_its_own_tools(postgres_url, tmp_path):
    with pytest.raises(ConfigError, match="only a SQLite state") as raised:
        back_up(postgres_url, tmp_path / "copy.db")
    assert "pg_dump" in raised.value.cure
