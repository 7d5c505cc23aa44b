from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connector.errors import ConfigError, HandoffError, LocalFault
from connector.ports.store import Segment
from state import open_store
from state.backup import back_up, put_back


def test_copy_holds_what_was_committed_and_opens_as_a_state(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    store.knowledge.commit_decisions(words.decisions(words.update("1"), words.create("k")))
    copy = tmp_path / "copies" / "monday.db"
    copy.parent.mkdir()
    copy.write_text("an older copy")
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO settings (name, value) VALUES ('half', 'done')")
        made = back_up(sqlite_url, copy)
    assert made.size_bytes == copy.stat().st_size
    assert made.segments == []
    store.knowledge.commit_decisions(words.decisions(words.update("2")))
    store.close()
    assert [path.name for path in copy.parent.iterdir()] == ["monday.db"]
    restored = open_store(f"sqlite:///{copy}")
    assert restored.outbox.counts() == {"todo": 2}
    assert restored.switches.setting("half") is None
    restored.close()


def test_a_copy_lists_the_files_it_needs_and_goes_back_whole(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    segment = Segment("records/crm/lead/1.parquet", "records/crm/lead", 3, words.NOW, words.NOW, words.NOW, "ab", 9)
    store.manifest.commit_segments([segment], [], {})
    store.knowledge.commit_decisions(words.decisions(words.update("1")))
    copy, aside = tmp_path / "copy.db", tmp_path / "aside.db"
    assert back_up(sqlite_url, copy).segments == [segment]
    store.knowledge.commit_decisions(words.decisions(words.update("2")))
    store.close()
    put_back(sqlite_url, copy, aside=aside)
    for url, rows in ((sqlite_url, 1), (f"sqlite:///{aside}", 2)):
        store = open_store(url)
        assert store.outbox.counts() == {"todo": rows}
        store.close()


def test_who_was_erased_since_stays_erased(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    copy = tmp_path / "copy.db"
    back_up(sqlite_url, copy)
    store.knowledge.erase([], hashes=["h1", "h2"], who="ann", at=words.NOW)
    store.close()
    put_back(sqlite_url, copy, aside=tmp_path / "aside.db")
    store = open_store(sqlite_url)
    assert store.knowledge.tombstones() == {"h1", "h2"}
    assert store.knowledge.lift_tombstones(["h1"], who="ann", at=words.NOW) == 2
    store.close()


@contextmanager
def _files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Let this process make no file larger than that, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_with_no_room_for_the_copy_leaves_the_old_state_and_nothing_beside_it(sqlite_url, tmp_path, words):
    copy, aside = tmp_path / "copies" / "copy.db", tmp_path / "aside.db"
    copy.parent.mkdir()
    store = open_store(sqlite_url)
    store.switches.put_setting("large", "x" * 500_000)
    back_up(sqlite_url, copy)
    store.close()
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(place)) as state:
        state.execute("DELETE FROM settings WHERE name = 'large'")
        state.commit()
        state.execute("VACUUM")
    store = open_store(sqlite_url)
    store.knowledge.commit_decisions(words.decisions(words.update("1")))
    store.close()
    before = {path.name for path in tmp_path.iterdir()}
    with _files_of_at_most(copy.stat().st_size - 4096), pytest.raises(LocalFault) as caught:
        put_back(sqlite_url, copy, aside=aside)
    assert (caught.value.code, caught.value.at) == ("state.full", str(place))
    assert {path.name for path in tmp_path.iterdir()} == before
    store = open_store(sqlite_url)
    assert store.outbox.counts() == {"todo": 1}
    store.close()
    put_back(sqlite_url, copy, aside=aside)
    store = open_store(sqlite_url)
    assert store.outbox.counts() == {}
    store.close()


def test_a_copy_that_cannot_be_told_who_was_erased_is_not_put_back(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    copy = tmp_path / "copy.db"
    back_up(sqlite_url, copy)
    with closing(sqlite3.connect(copy)) as full:
        full.execute("CREATE TRIGGER full BEFORE INSERT ON tombstones BEGIN SELECT RAISE(ABORT, 'no room'); END")
        full.commit()
    store.knowledge.erase([], hashes=["h1"], who="ann", at=words.NOW)
    store.close()
    with pytest.raises(HandoffError):
        put_back(sqlite_url, copy, aside=tmp_path / "aside.db")
    store = open_store(sqlite_url)
    assert store.knowledge.tombstones() == {"h1"}
    store.close()


def test_a_damaged_copy_is_refused_and_a_damaged_state_is_replaced(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    store.knowledge.commit_decisions(words.decisions(words.update("1")))
    copy, bad, aside = tmp_path / "copy.db", tmp_path / "bad.db", tmp_path / "aside.db"
    back_up(sqlite_url, copy)
    store.close()
    bad.write_bytes(b"no database" * 1000)
    with pytest.raises(LocalFault):
        put_back(sqlite_url, bad, aside=aside)
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    place.write_bytes(bad.read_bytes())
    put_back(sqlite_url, copy, aside=aside)
    assert aside.read_bytes() == bad.read_bytes()
    store = open_store(sqlite_url)
    assert store.outbox.counts() == {"todo": 1}
    store.close()


def _moved(place: Path, account: str | None) -> None:
    """Let a person change account in the state; None is what SQLite itself never lets in."""
    loose, strict = "from_account TEXT,", "from_account TEXT NOT NULL,"
    move = "INSERT INTO account_moves VALUES ('p1', 1, ?, '001A', 'none', 'run-1')"
    _declare(place, strict, loose)
    with closing(sqlite3.connect(place)) as state, state:
        state.execute(move, (account,))
    _declare(place, loose, strict)


def _declare(place: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(place)) as state, state:
        state.execute("PRAGMA writable_schema = ON")
        state.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'account_moves'", (old, new))


def test_a_copy_that_tells_of_people_who_changed_account_goes_back(sqlite_url, tmp_path):
    """SQLite 3.40 calls a table damaged whose key ends with a column behind others."""
    open_store(sqlite_url).close()
    place, copy = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "copy.db"
    _moved(place, "001B")
    back_up(sqlite_url, copy)
    put_back(sqlite_url, copy, aside=tmp_path / "aside.db")
    with closing(sqlite3.connect(place)) as state:
        assert state.execute("SELECT person_id, from_account FROM account_moves").fetchall() == [("p1", "001B")]


def test_a_copy_in_which_a_value_is_missing_is_refused(sqlite_url, tmp_path):
    open_store(sqlite_url).close()
    copy = tmp_path / "copy.db"
    back_up(sqlite_url, copy)
    _moved(copy, None)
    with pytest.raises(LocalFault) as refused:
        put_back(sqlite_url, copy, aside=tmp_path / "aside.db")
    assert refused.value.code == "state.corrupt"


def test_nothing_to_copy_is_said(tmp_path):
    with pytest.raises(LocalFault, match="no state to copy"):
        back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_postgres_is_copied_by_its_own_tools(postgres_url, tmp_path):
    with pytest.raises(ConfigError, match="only a SQLite state") as raised:
        back_up(postgres_url, tmp_path / "copy.db")
    assert "pg_dump" in raised.value.cure


def test_a_copy_of_a_newer_program_is_refused_before_anything_is_replaced(sqlite_url, tmp_path, words):
    store = open_store(sqlite_url)
    copy, aside = tmp_path / "copy.db", tmp_path / "aside.db"
    back_up(sqlite_url, copy)
    store.knowledge.commit_decisions(words.decisions(words.update("1")))
    store.close()
    with closing(sqlite3.connect(copy)) as newer:
        newer.execute("INSERT INTO state_version (number, name, at) VALUES (4711, 'later', 0)")
        newer.commit()
    with pytest.raises(LocalFault) as refused:
        put_back(sqlite_url, copy, aside=aside)
    assert refused.value.code == "state.newer"
    assert "newer" in (refused.value.cure or "")
    store = open_store(sqlite_url)
    assert store.outbox.counts() == {"todo": 1}, "what stood there still stands"
    store.close()
