"""Processes that are really killed, and readers that really run beside a writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.lake import landing as landing_module
from connector.lake.checking import check_segments
from connector.lake.compaction import FAN

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FAR = datetime.max.replace(tzinfo=UTC)
sys.path.insert(0, str(HERE))

import lake_killed  # noqa: E402 - tests are no package: found beside this file


def _python(*words: str | Path, **more: Any) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *map(str, words)], env=env, text=True, stdout=subprocess.PIPE, **more)


def _ids(place: Any, system: str) -> list[int]:
    return sorted(int(row["id"]) for row in place.lake.activities([system], as_of=FAR).to_pylist())


def _rows(place: Any, system: str) -> int:
    return sum(segment.rows for segment in place.manifest.segments(f"activities/{system}"))


def _land_again(place: Any, system: str) -> None:
    assert place.manifest.cursor(system, "s") in {"before", "after"}
    assert _ids(place, system) == list(range(5 if place.manifest.cursor(system, "s") == "before" else 10))
    pages, words = lake_killed.page(system, 2, 10, "after")
    place.landing.land(system, "s", pages, **words)
    assert place.manifest.cursor(system, "s") == "after"
    assert _ids(place, system) == list(range(10))
    assert _rows(place, system) == 10


def _merge_again(place: Any, system: str) -> None:
    assert _ids(place, system) == list(range(FAN + 1))
    assert _rows(place, system) == FAN + 1
    place.landing._grown.add(f"activities/{system}")
    place.landing.compact()
    assert _ids(place, system) == list(range(FAN + 1))
    assert len(place.manifest.segments(f"activities/{system}")) == 1


def test_a_process_killed_at_any_point_of_the_protocol_loses_nothing_and_repeats_nothing(
    tmp_path: Path, store: Any, state_url: str, say: Any
) -> None:
    place = say.Place(tmp_path / "lake", store)
    child = _python(HERE / "lake_killed.py", state_url, place.root)
    out, _ = child.communicate(timeout=200)
    assert child.returncode == 0
    ends = [line.split("\t") for line in out.splitlines()]
    assert len(ends) == 2 * len(lake_killed.POINTS + lake_killed.STATEMENTS)
    for system, point, code in ends:
        # a commit has some statements on one database and some more on the other
        assert int(code) == -signal.SIGKILL or point in lake_killed.STATEMENTS[3:], (system, point, code)
        (_land_again if system.startswith("land") else _merge_again)(place, system)
    left = {path.relative_to(place.root).as_posix() for path in place.files()}
    listed = {segment.path for segment in place.manifest.segments()}
    assert listed < left, "the killed ones left nothing behind?"
    for name in left:
        os.utime(place.root / name, (0, 0))
    long_after = datetime.now(UTC) + timedelta(days=2)
    place.restart(clock=lambda: long_after)
    place.landing.sweep(now=long_after)
    assert {path.relative_to(place.root).as_posix() for path in place.files()} == listed
    assert check_segments(place.root, place.manifest) == []


READER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from connector.lake.reading import Lake
from state import open_store

url, root, stop = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
store = open_store(url)
lake, most, reads = Lake(root, store.manifest), 0, 0
while True:
    last = stop.exists()
    floor = int(store.manifest.cursor("crm", "stream") or 0)
    ids = sorted(lake.activities(["crm"], as_of=datetime.max.replace(tzinfo=UTC)).column("id").to_pylist(), key=int)
    assert ids == [str(n) for n in range(len(ids))], "something is missing, or there twice"
    assert len(ids) >= max(most, floor), "what was there is gone"
    if reads == 0:
        print("reading", flush=True)
    most, reads = len(ids), reads + 1
    if last:
        break
print(most, reads, flush=True)
"""


def test_a_reader_in_another_process_sees_a_whole_set_while_files_are_merged_and_swept(
    tmp_path: Path, store: Any, state_url: str, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an hour in production; a reader that is later than this asks for the newer set
    monkeypatch.setattr(landing_module, "_RETIRED_AFTER", timedelta(seconds=0.5))
    place = say.Place(tmp_path / "lake", store)
    place.land(say.activity("0"), cursor="1")
    stop = tmp_path / "stop"
    child = _python("-c", READER, state_url, place.root, stop)
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    merged = swept = number = 0
    deadline = datetime.now(UTC) + timedelta(seconds=2)
    # until something was swept at least twice, however slow the machine
    while datetime.now(UTC) < deadline or (swept < 2 * FAN and number < 3000):
        number += 1
        place.land(say.activity(str(number)), cursor=str(number + 1))
        merged += place.landing.compact()
        swept += place.landing.sweep(now=datetime.now(UTC))
    stop.touch()
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    most, reads = map(int, out.split())
    assert most == number + 1
    assert reads > 1
    assert merged > FAN
    assert swept >= 2 * FAN


FULL = """
import resource, signal, sys
from pathlib import Path
import lake_killed
from connector.errors import LocalFault
from connector.lake.landing import Landing
from state import open_store

store = open_store(sys.argv[1])
landing = Landing(Path(sys.argv[2]), store.manifest)
pages, words = lake_killed.page("crm", 0, 5, "before")
landing.land("crm", "s", pages, **words)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
pages, words = lake_killed.page("crm", 2, 3000, "after")
try:
    landing.land("crm", "s", pages, **words)
except LocalFault as error:
    print(error.exit_code, error.code, error.cure, flush=True)
"""


def test_a_disk_that_takes_a_part_of_a_file_and_no_more_leaves_what_was(
    tmp_path: Path, store: Any, state_url: str, say: Any
) -> None:
    """The kernel itself refuses here: a limit on the size of files, which ends a write in its middle."""
    place = say.Place(tmp_path / "lake", store)
    child = subprocess.run(
        [sys.executable, "-c", FULL, state_url, str(place.root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert child.stdout.startswith("5 lake.write_failed free space"), child.stderr
    assert place.manifest.cursor("crm", "s") == "before"
    assert _ids(place, "crm") == list(range(5))
    assert not list((place.root / "staging").iterdir())
    pages, words = lake_killed.page("crm", 2, 3000, "after")
    assert place.landing.land("crm", "s", pages, **words).repeated == 3
    assert _ids(place, "crm") == list(range(3000))
