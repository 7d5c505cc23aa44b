"""A database that is cut off, too slow, not ours to write or too new: exit 5, a cure, and nothing half done."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from connector.errors import LocalFault
from state import open_store

_NOBODY = 65534


class Wire:
    """Carries a connection to the server, until it is cut."""

    def __init__(self, server: Path, folder: Path) -> None:
        self._server = server
        self._ends: list[socket.socket] = []
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        threading.Thread(target=self._let_in, daemon=True).start()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                self._ends += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)

    def cut(self) -> None:
        """Break what stands; new connections are made as before."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()


@pytest.fixture
def wired(postgres_url: str) -> Iterator[tuple[str, Wire]]:
    """A PostgreSQL whose every connection can be cut."""
    host = str(make_url(postgres_url).query["host"])
    with tempfile.TemporaryDirectory() as folder:  # a socket's path may not be as long as pytest's folders are
        wire = Wire(Path(host) / ".s.PGSQL.5432", Path(folder))
        yield re.sub(r"host=[^&]*", f"host={folder}", postgres_url), wire
        wire.close()


@contextlib.contextmanager
def as_nobody() -> Iterator[Path]:
    """Be a user to whom rights apply; give a folder that he may read and not write."""
    folder = Path(tempfile.mkdtemp(prefix="handoff-state-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Take the superuser's rights away for a block: to him nothing is forbidden."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.mark.parametrize("point", ["first", "last", "commit"])
def test_a_connection_that_breaks_inside_a_commit_leaves_all_of_it_or_nothing(
    wired: Any, words: Any, point: str
) -> None:
    url, wire = wired
    store = open_store(url)
    seen = []

    def count(*_args: object, **_words: object) -> None:
        seen.append(1)
        if point == "first" and len(seen) == 1:
            wire.cut()

    def end(*_args: object, **_words: object) -> None:
        if point == "commit":
            wire.cut()

    rows = [words.update(str(n)) for n in range(40)]
    event.listen(store.database.engine, "before_cursor_execute", count)
    event.listen(store.database.engine, "commit", end)
    if point == "last":
        # inside the bulk load, below SQLAlchemy
        rows.append(words.update("last", decided_at=_Cut(wire, words.NOW)))
    with pytest.raises(LocalFault) as raised:
        store.knowledge.commit_decisions(words.decisions(*rows))
    assert raised.value.code == "state.unreachable"
    assert raised.value.exit_code == 5
    assert "run again" in raised.value.cure
    store.close()
    store = open_store(url)
    assert store.outbox.counts() == {}
    store.knowledge.commit_decisions(words.decisions(*rows[:40]))
    store.knowledge.commit_decisions(words.decisions(*rows[:40]))
    assert store.outbox.counts() == {"todo": 40}
    store.close()


class _Cut:
    """An instant that cuts the wire when it is counted from 1970."""

    tzinfo = object()

    def __init__(self, wire: Wire, instant: Any) -> None:
        self._wire, self._instant = wire, instant

    def __sub__(self, other: Any) -> Any:
        self._wire.cut()
        return self._instant - other


def test_a_server_that_goes_is_named_and_the_next_program_works(wired: Any, words: Any) -> None:
    url, wire = wired
    store = open_store(url)
    wire.close()
    for ask in (store.outbox.counts, lambda: store.switches.pause("ann", words.NOW), lambda: open_store(url)):
        with pytest.raises(LocalFault) as raised:
            ask()
        assert raised.value.code == "state.unreachable"
        assert "start it" in raised.value.cure
    store.close()


@pytest.mark.parametrize(
    ("option", "statement"),
    [("statement_timeout", "SELECT pg_sleep(9)"), ("idle_in_transaction_session_timeout", "SELECT 1")],
)
def test_a_server_without_patience_is_named_with_its_setting(
    postgres_url: str, words: Any, option: str, statement: str
) -> None:
    open_store(postgres_url).close()
    store = open_store(f"{postgres_url}%20-c{option}%3D100")

    def too_long() -> None:
        with store.database.write() as connection:
            connection.exec_driver_sql("INSERT INTO settings (name, value) VALUES ('half', 'done')")
            if option.startswith("idle"):
                threading.Event().wait(0.5)
            connection.exec_driver_sql(statement)

    with pytest.raises(LocalFault) as raised:
        too_long()
    assert raised.value.code == "state.slow"
    assert "statement_timeout" in raised.value.cure
    store.switches.pause("ann", words.NOW)
    assert store.switches.setting("half") is None
    store.close()


def _pause(url: str, now: Any) -> None:
    store = open_store(url)
    try:
        store.switches.pause("ann", now)
    finally:
        store.close()


def test_a_file_or_folder_that_may_not_be_written(words: Any) -> None:
    with as_nobody() as folder:
        url = f"sqlite:///{folder}/state.db"
        store = open_store(url)
        store.switches.put_setting("install", "main")
        store.close()
        for mode, code in ((0o644, {"state.read_only", "state.cannot_open"}), (0o000, {"state.cannot_open"})):
            (folder / "state.db").chmod(mode)
            with without_rights(), pytest.raises(LocalFault) as raised:
                _pause(url, words.NOW)
            assert raised.value.code in code
            assert raised.value.cure
            assert str(folder) in str(raised.value)
        (folder / "state.db").chmod(0o644)
        store = open_store(url)
        assert store.switches.setting("install") == "main"
        assert store.switches.paused() is None
        store.close()


def test_a_newer_state_is_left_as_it_is(state_url: str) -> None:
    store = open_store(state_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO state_version (number, name, at) VALUES (4711, 'later', 0)")
    store.close()
    with pytest.raises(LocalFault, match="has version 4711") as raised:
        open_store(state_url)
    assert raised.value.code == "state.newer"
    assert "newer program" in raised.value.cure


def test_a_file_that_was_cut_short(tmp_path: Path, words: Any) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = open_store(url)
    store.knowledge.commit_decisions(words.decisions(*(words.update(str(n)) for n in range(500))))
    store.close()
    path = tmp_path / "state.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])

    def use() -> None:
        store = open_store(url)
        try:
            store.outbox.unsettled()
        finally:
            store.close()

    with pytest.raises(LocalFault) as raised:
        use()
    assert raised.value.code == "state.corrupt"
    assert "backup" in raised.value.cure


def test_a_full_disk_undoes_the_whole_commit(sqlite_url: str, words: Any) -> None:
    """SQLite's own limit of pages stands in for the disk: the error is the one it gives when there is no room."""
    store = open_store(sqlite_url)
    with store.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        # of this connection; the pool hands it out again
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(LocalFault) as raised:
        store.knowledge.commit_decisions(words.decisions(*(words.update(str(n)) for n in range(2000))))
    assert raised.value.code == "state.full"
    assert "room" in raised.value.cure
    assert store.outbox.counts() == {}
    with store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    store.knowledge.commit_decisions(words.decisions(*(words.update(str(n)) for n in range(2000))))
    assert store.outbox.counts() == {"todo": 2000}
    store.close()


def test_a_writer_that_does_not_end_is_waited_for_and_named(state_url: str, words: Any) -> None:
    store, other = open_store(state_url, patience=timedelta(milliseconds=50)), open_store(state_url)
    store.switches.put_setting("install", "main")
    with other.database.write() as connection:
        connection.exec_driver_sql("UPDATE settings SET value = 'theirs'")
        with pytest.raises(LocalFault) as raised:
            store.switches.put_setting("install", "mine")
    assert raised.value.code == "state.locked"
    assert "other program" in raised.value.cure
    assert store.switches.setting("install") == "theirs"
    store.close()
    other.close()
