"""A cycle killed anywhere and run again leaves the same orgs, byte for byte, as one that was never disturbed.

Every state between two durable steps is visited: transactions of the state, files of the lake, requests that may write.
The day of buyers is killed at every boundary; the first load at every ``STRIDE``-th, shifted from run to run by
``HANDOFF_KILL_OFFSET``; ``HANDOFF_KILLS=all`` kills it everywhere too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from e2e_buyers import a_day_of_buyers
from e2e_commands import Commands
from e2e_place import AT, Place

PEOPLE = 40
STRIDE = 1 if os.environ.get("HANDOFF_KILLS") == "all" else 6
OFFSET = int(os.environ.get("HANDOFF_KILL_OFFSET", "0"))
#: cycles wait a second for HubSpot's search limit; somebody else can work meanwhile
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """A place to copy, the clock of the cycle that is to be killed, and what it leaves when it is not."""

    template: Path
    at: datetime
    boundaries: list[str]
    undisturbed: dict[str, bytes]


@pytest.fixture(scope="module")
def scene_of(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Callable[[Path, datetime], Scene]:
    def watch(template: Path, at: datetime) -> Scene:
        folder = tmp_path_factory.mktemp("watched")
        shutil.copytree(template, folder / "place")
        with Place(folder / "place", commands) as place:
            words = ("run", "--once", "--as-of", at.isoformat(), "--json")
            done = place.handoff(*words, boundaries=folder / "boundaries")
            assert done.code == 0, done
            assert done.json["verdict"] == "green"
            return Scene(template, at, (folder / "boundaries").read_text().split("\n")[:-1], place.snapshots())

    return watch


@pytest.fixture(scope="module")
def first_load(scene_of, prepared) -> Scene:
    return scene_of(prepared(PEOPLE), AT)


@pytest.fixture(scope="module")
def day(scene_of, loaded, tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Scene:
    folder = tmp_path_factory.mktemp("day") / "place"
    shutil.copytree(loaded(PEOPLE), folder)
    with Place(folder, commands) as place:
        at = a_day_of_buyers(place).at
    return scene_of(folder, at)


def _after_kill(scene: Scene, number: int, folder: Path, commands: Commands) -> tuple[int, dict[str, bytes]]:
    """Kill a copy's cycle at a boundary, run it again to its end at the same clock, and give what stands then."""
    shutil.copytree(scene.template, folder)
    try:
        with Place(folder, commands) as place:
            words = ("run", "--once", "--as-of", scene.at.isoformat(), "--json")
            killed = place.handoff(*words, kill_at=number)
            assert killed.code == -9, f"not killed at boundary {number}: {killed}"
            done = place.handoff(*words)
            assert done.code == 0, f"after a kill at boundary {number} ({scene.boundaries[number]}): {done}"
            return number, place.snapshots()
    finally:
        shutil.rmtree(folder)


def _differing(scene: Scene, numbers: list[int], tmp_path: Path, commands: Commands) -> list[str]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = pool.map(lambda n: _after_kill(scene, n, tmp_path / f"kill-{n}", commands), numbers)
        return [f"{n}: {scene.boundaries[n]}" for n, found in results if found != scene.undisturbed]


def test_the_first_load_killed_between_its_steps_ends_the_same(first_load, tmp_path, commands):
    assert first_load.boundaries.count("rename") > 15
    assert first_load.boundaries.count("commit") > 20
    numbers = list(range(OFFSET % STRIDE, len(first_load.boundaries), STRIDE))
    assert _differing(first_load, numbers, tmp_path, commands) == []


def test_a_day_of_buyers_killed_at_every_step_creates_everything_once(day, tmp_path, commands):
    assert sum(name.startswith("after POST") for name in day.boundaries) >= 3
    assert _differing(day, list(range(len(day.boundaries))), tmp_path, commands) == []
