"""Trouble with the database is a sentence with the file and the cure, never a traceback or anybody's data."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import timedelta

import pytest

from connector.errors import ConfigError, HandoffError, LocalFault
from state import open_store
from state.faults import fault, faults_named


def _fault(url, **words):
    with pytest.raises(LocalFault) as raised:
        open_store(url, **words)
    assert raised.value.cure
    assert raised.value.exit_code == 5
    return raised.value


def test_locked_database_is_waited_for_then_named(sqlite_url, words):
    store = open_store(sqlite_url, patience=timedelta(milliseconds=20))
    other = open_store(sqlite_url)
    with other.database.write(), pytest.raises(LocalFault, match=r"state\.db: another program .* locked") as raised:
        store.switches.pause("ann", words.NOW)
    assert raised.value.code == "state.locked"
    assert store.switches.paused() is None
    store.close()
    other.close()


def test_writer_waits_for_a_writer(store, state_url, words):
    holder = """
import sys, time
from state import open_store
store = open_store(sys.argv[1])
with store.database.write() as connection:
    connection.exec_driver_sql("INSERT INTO settings (name, value) VALUES ('install', 'first')")
    print("holding", flush=True)
    sys.stdin.readline()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", holder, state_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "holding\n"
    assert store.switches.setting("install") is None
    child.stdin.write("go\n")
    child.stdin.flush()
    store.switches.put_setting("install", "second")
    assert store.switches.setting("install") == "second"
    child.communicate(timeout=30)


def test_file_that_is_no_database(tmp_path):
    (tmp_path / "state.db").write_text("not a database at all, but a text of some length\n" * 100)
    raised = _fault(f"sqlite:///{tmp_path}/state.db")
    assert raised.code == "state.corrupt"
    assert str(tmp_path / "state.db") in str(raised)


def test_damaged_pages(tmp_path, words):
    url = f"sqlite:///{tmp_path}/state.db"
    store = open_store(url)
    store.knowledge.commit_decisions(words.decisions(*(words.update(str(n)) for n in range(2000))))
    store.close()
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    assert _fault(url).code == "state.corrupt"


def test_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "state.db").mkdir()
    assert _fault(f"sqlite:///{tmp_path}/state.db").code == "state.cannot_open"


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert _fault(f"sqlite:///{tmp_path}/file/state.db").code == "state.cannot_open"


def test_read_only_file(sqlite_url, tmp_path):
    open_store(sqlite_url).close()
    connection = sqlite3.connect(f"file:{tmp_path}/state.db?mode=ro", uri=True)
    with pytest.raises(LocalFault) as raised, faults_named("state.db"):
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")
    connection.close()
    assert raised.value.code == "state.read_only"


def test_read_only_server(postgres_url, words):
    store = open_store(f"{postgres_url}%20-cdefault_transaction_read_only%3Doff")
    store.close()
    store = open_store(f"{postgres_url}%20-cdefault_transaction_read_only%3Don")
    with pytest.raises(LocalFault) as raised:
        store.switches.pause("ann", words.NOW)
    assert raised.value.code == "state.read_only"
    store.close()


def test_server_that_is_not_there(tmp_path):
    raised = _fault(f"postgresql+psycopg://ann:secret@/db?host={tmp_path}")
    assert raised.code == "state.unreachable"
    assert "secret" not in str(raised)


def test_connection_cut_under_us_is_named_and_the_next_call_works(postgres_url, words):
    store = open_store(postgres_url)

    def write_after_a_cut() -> None:
        with store.database.write() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with store.database.write() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(LocalFault) as raised:
        write_after_a_cut()
    assert raised.value.code == "state.unreachable"
    store.switches.pause("ann", words.NOW)
    assert store.switches.paused()
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://a@b/c",
        "postgresql://a:secret@b/c",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a?b=c",
    ],
)
def test_url_that_names_neither(url):
    with pytest.raises(ConfigError) as raised:
        open_store(url)
    assert raised.value.code == "state.url"
    assert "secret" not in str(raised.value)
    assert "sqlite:///path" in raised.value.cure


def test_relative_path_is_taken_as_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///var/deep/handoff.db").close()
    assert (tmp_path / "var/deep/handoff.db").is_file()


def test_our_own_mistakes_show_no_values(store):
    with pytest.raises(HandoffError) as raised, store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO settings VALUES ('ada@example.com', 'b'), ('ada@example.com', 'c')")
    assert "ada" not in str(raised.value)
    assert raised.value.__suppress_context__
    with pytest.raises(HandoffError) as raised, store.database.write() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert raised.value.code == "state.fault"


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [("08006", "state.unreachable"), ("28P01", "state.refused"), ("53100", "state.full"), ("53300", "state.busy"),
     ("42501", "state.refused"), ("3D000", "state.missing"), ("XX001", "state.corrupt"), ("40P01", "state.collision"),
     ("55P03", "state.locked"), ("57P01", "state.unreachable"), ("25006", "state.read_only"), ("42601", "state.fault")],
)  # fmt: skip
def test_sqlstates_have_their_words(sqlstate, code):
    error = type("Odd", (Exception,), {"sqlstate": sqlstate})("Key (email)=(ada@example.com)")
    assert fault(error, "db").code == code
    assert "ada" not in str(fault(error, "db"))
