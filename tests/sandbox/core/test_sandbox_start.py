"""How the command starts, and what it says when it cannot: words for people, an exit status for programs."""

from __future__ import annotations

import socket
import sqlite3

import pytest

from sandbox.core.record_file import RecordFile
from sandbox.serve import Occupied, Sandbox, main

PORTS = [
    word for vendor in ("salesforce", "hubspot", "marketo", "account-engagement", "mautic")
    for word in (f"--{vendor}-port", "0")
]  # fmt: skip


def refused(capsys, *options):
    """Give the exit status and what was said of it."""
    status = main([*PORTS, *map(str, options)])
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "Traceback" not in seen.err
    return status, seen.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--salesforce-port", "65536"), "65536 is no port"),
        (("--mautic-port", "-1"), "-1 is no port"),
        (("--hubspot-port", "many"), "many is no port"),
        (("--at", "yesterday"), "yesterday is no instant such as 2026-03-03T09:00:00Z"),
        (("--people", "-3"), "-3 people cannot be"),
        (("--people", "few"), "few"),
        (("--speed", "3"), "--speed"),
    ],
)
def test_what_cannot_be_asked_is_status_2(tmp_path, capsys, options, words):
    status, said = refused(capsys, "--dir", tmp_path / "orgs", *options)
    assert (status, words in said) == (2, True), said
    assert not (tmp_path / "orgs").exists()


def test_a_directory_is_needed(capsys):
    assert refused(capsys)[0] == 2


def test_a_port_that_is_taken_is_named(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, said = refused(capsys, "--dir", tmp_path, "--empty", "--hubspot-port", port)
    assert status == 2
    assert f"port {port} for hubspot" in said


@pytest.mark.parametrize("other", [("--people", "6"), ("--seed", "2"), ()])
def test_a_directory_with_other_orgs_names_what_differs(tmp_path, capsys, other):
    with Sandbox(tmp_path, people=5, seed=1, empty=True, vendors=["hubspot"]):
        pass
    (tmp_path / "sandbox.json").write_text((tmp_path / "sandbox.json").read_text().replace("true", "false"))
    status, said = refused(capsys, "--dir", tmp_path, *(other or ("--empty",)))
    assert status == 2
    assert (other or ("--empty",))[0].removeprefix("--") in said


def test_a_second_process_is_kept_out(tmp_path, capsys):
    with Sandbox(tmp_path, empty=True, vendors=["hubspot"]):
        status, said = refused(capsys, "--dir", tmp_path)
        assert (status, "another sandbox is at work" in said) == (5, True)
        with pytest.raises(Occupied), Sandbox(tmp_path, vendors=["hubspot"]):
            pass
    with Sandbox(tmp_path, vendors=["hubspot"]):
        pass


def test_a_place_that_is_no_folder_is_status_5(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        status, said = refused(capsys, "--dir", place, "--empty")
        assert status == 5
        assert str(tmp_path / "file") in said


def test_a_folder_that_takes_no_files_is_status_5(capsys):
    # of /proc not even root may make a folder
    assert refused(capsys, "--dir", "/proc/orgs", "--empty")[0] == 5


def test_a_disk_that_is_full_is_status_5(tmp_path, capsys, monkeypatch):
    def full(self):
        message = "database or disk is full"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(RecordFile, "seal", full)
    status, said = refused(capsys, "--dir", tmp_path, "--empty")
    assert (status, "disk is full" in said) == (5, True)
    monkeypatch.undo()
    # what was begun is no obstacle once there is room
    with Sandbox(tmp_path, vendors=["salesforce", "hubspot"]) as sandbox:
        assert set(sandbox.running) == {"salesforce", "hubspot"}
