"""A disk that is full, folders that take nothing, files that are damaged or gone, a state from the future."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from abuse_words import nothing_lost, silent, some, told

from benchmarks.survival.place import Place

#: the connector with files that cannot grow beyond a size: what a full disk says, from the operating system itself
_SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from connector.cli import main
main(sys.argv[2:])
"""
#: the connector as somebody who is not root, to whom rights mean something
_NOBODY = """
import os, sys
import adapters.files, adapters.hubspot, adapters.salesforce
from connector.cli import main
# what is imported late lies where only root may look: everything is used once before the right to it goes
try:
    main(["status", "--json"])
except SystemExit:
    sys.stdout.flush()
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
main(sys.argv[2:])
"""


def _run(place: Place, at: object) -> tuple[str, ...]:
    return ("run", "--once", "--as-of", at.isoformat(), "--json")  # type: ignore[attr-defined]


def _as(script: str, place: Place, limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)} | place.environment()
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.run(
            [sys.executable, "-c", script, str(limit), *words],
            cwd=place.project,
            env=environ,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        out.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), done.stderr)


class _Done:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> object:
        return json.loads(self.out)


@pytest.mark.parametrize("limit", some([2_000, 30_000, 200_000], 30_000))
def test_a_full_disk_ends_with_5_and_once_there_is_room_nothing_is_missing(limit, first_load, place_of):
    place = place_of(first_load.template)
    done = _Done(_as(_SMALL_DISK, place, limit, *_run(place, first_load.at)))
    error = told(done, 5, "disk")  # type: ignore[arg-type]
    assert "room" in error["cure"] or "disk" in error["cure"]
    silent(place, [done.out, done.err])
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Take the right to write from a folder and all below it, and give it back at the end."""
    taken: list[tuple[Path, int]] = []

    def take(folder: Path) -> None:
        for path in [folder, *folder.rglob("*")]:
            taken.append((path, path.stat().st_mode))
            path.chmod(0o555 if path.is_dir() else 0o444)

    yield take
    for path, mode in taken:
        path.chmod(mode)


@pytest.mark.parametrize("folder", ["var", "var/lake"])
def test_a_read_only_folder_ends_with_5_and_names_it(folder, buyers, place_of, read_only):
    place = place_of(buyers.template)
    _let_everybody_in(place)
    read_only(place.project / folder)
    done = _Done(_as(_NOBODY, place, 0, *_run(place, buyers.at)))
    told(done, 5, "writ")  # type: ignore[arg-type]
    silent(place, [done.out, done.err])


def _let_everybody_in(place: Place) -> None:
    """Open the way to the place for users other than the one who runs the tests."""
    for path in [place.project, *place.project.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    for parent in place.project.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)


def _segments(place: Place) -> list[Path]:
    return sorted((place.project / "var" / "lake" / "records" / "salesforce" / "lead").rglob("*.parquet"))


@pytest.mark.parametrize("harm", some(["gone", "cut", "turned"], "cut"))
def test_a_segment_that_is_gone_or_damaged_is_named_and_put_back_it_goes_on(harm, buyers, place_of):
    place = place_of(buyers.template)
    segment = _segments(place)[0]
    good = segment.read_bytes()
    if harm == "gone":
        segment.unlink()
    elif harm == "cut":
        segment.write_bytes(good[: len(good) // 2])
    else:
        half = len(good) // 2
        segment.write_bytes(good[:half] + bytes([good[half] ^ 1]) + good[half + 1 :])
    done = place.handoff(*_run(place, buyers.at))
    error = told(done, 5, "backup")
    assert segment.name in error["message"] + error["at"]
    silent(place, [done.out, done.err])
    segment.write_bytes(good)
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)


def test_a_corrupt_state_is_named_by_every_command_and_a_backup_goes_on(buyers, place_of):
    place = place_of(buyers.template)
    state = place.project / "var" / "handoff.db"
    for suffix in ("-wal", "-shm"):
        Path(f"{state}{suffix}").unlink(missing_ok=True)
    good = state.read_bytes()
    for bad in (b"this is no database" * 100, good[:100] + b"\xff" * (len(good) - 100)):
        state.write_bytes(bad)
        for words in (_run(place, buyers.at), ("status", "--json"), ("outbox", "list", "--json"), ("pause", "--json")):
            error = told(place.handoff(*words), 5, "backup")
            assert error["code"] == "state.corrupt"
            assert "handoff.db" in error["at"]
        Path(f"{state}-wal").unlink(missing_ok=True)
        Path(f"{state}-shm").unlink(missing_ok=True)
    state.write_bytes(good)
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)


def test_a_locked_state_is_waited_for_then_named(buyers, place_of):
    place = place_of(buyers.template)
    other = sqlite3.connect(place.project / "var" / "handoff.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        error = told(place.handoff("pause", "--json"), 5, "stop the other program")
        assert error["code"] == "state.locked"
    finally:
        other.close()
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)


def test_an_older_program_leaves_a_newer_state_alone(buyers, place_of):
    place = place_of(buyers.template)
    with sqlite3.connect(place.project / "var" / "handoff.db") as other:
        other.execute("INSERT INTO state_version (number, name, at) VALUES (9999, 'of the future', 0)")
    other.close()
    before = (place.project / "var" / "handoff.db").read_bytes()
    for words in (_run(place, buyers.at), ("status", "--json"), ("resume", "--json")):
        told(place.handoff(*words), 5, "newer")
    assert len(before) == len((place.project / "var" / "handoff.db").read_bytes())
    with sqlite3.connect(place.project / "var" / "handoff.db") as other:
        other.execute("DELETE FROM state_version WHERE number = 9999")
    other.close()
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)
