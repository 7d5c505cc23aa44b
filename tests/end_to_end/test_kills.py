"""A cycle killed anywhere and run again leaves the same orgs, byte for byte, as one that was never disturbed.

Every state between two durable steps is a place to die: transactions of the state, files of the lake, requests that may
write. One cycle is watched and the disk copied at each of them, which is what a kill there leaves; then every copy is
run to its end. That a kill leaves just that is shown by real ones at some of them.

The suite visits each boundary from the commit of the decisions on, and a share of those before, shifted by
``HANDOFF_KILL_OFFSET``; ``HANDOFF_KILLS=all`` visits all of them, each by a copy and by a kill.
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

from benchmarks.survival.boundaries import Watch
from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import AT, Place

PEOPLE = 40
ALL = os.environ.get("HANDOFF_KILLS") == "all"
OFFSET = int(os.environ.get("HANDOFF_KILL_OFFSET", "0"))
#: cycles wait a second for HubSpot's search limit; others can work meanwhile
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """A place whose next cycle is to be killed, what lay on the disk at each boundary, and the undisturbed end."""

    template: Path
    at: datetime
    images: list[Path]
    boundaries: list[str]
    undisturbed: dict[str, bytes]

    @property
    def words(self) -> tuple[str, ...]:
        return ("run", "--once", "--as-of", self.at.isoformat(), "--json")

    def sampled(self, stride: int) -> list[int]:
        """Give every ``stride``-th boundary, and each around the writes: all since the last file of the lake."""
        numbers = range(len(self.boundaries))
        if ALL:
            return list(numbers)
        # The last file of the lake is landed before anything is decided.
        decided = len(self.boundaries) - self.boundaries[::-1].index("fsync")
        return [n for n in numbers if n >= decided or n % stride == OFFSET % stride]


@pytest.fixture(scope="module")
def scene_of(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Callable[[Path, datetime], Scene]:
    def watch(template: Path, at: datetime) -> Scene:
        folder = tmp_path_factory.mktemp("watched")
        shutil.copytree(template, folder / "place")
        with Place(folder / "place", commands) as place:
            watch = Watch(images=(str(place.folder), str(folder / "images")))
            done = place.handoff("run", "--once", "--as-of", at.isoformat(), "--json", watch=watch)
            assert done.code == 0, done
            assert done.json["verdict"] == "green"
            images = sorted((folder / "images").iterdir())
            names = [(image / "boundary").read_text() for image in images]
            return Scene(template, at, images, names, place.snapshots())

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


def _finish(scene: Scene, number: int, place: Place) -> dict[str, bytes]:
    done = place.handoff(*scene.words)
    assert done.code == 0, f"after an end at boundary {number} ({scene.boundaries[number]}): {done}"
    assert done.json["settled"]
    return place.snapshots()


def _from_image(scene: Scene, number: int, folder: Path, commands: Commands) -> dict[str, bytes]:
    shutil.copytree(scene.images[number], folder)
    with Place(folder, commands) as place:
        return _finish(scene, number, place)


def _from_kill(scene: Scene, number: int, folder: Path, commands: Commands) -> dict[str, bytes]:
    shutil.copytree(scene.template, folder)
    with Place(folder, commands) as place:
        killed = place.handoff(*scene.words, watch=Watch(end_at=number))
        assert killed.code == -9, f"not killed at boundary {number}: {killed}"
        return _finish(scene, number, place)


_Ending = Callable[[Scene, int, Path, Commands], dict[str, bytes]]


def _differing(scene: Scene, numbers: list[int], end: _Ending, tmp_path: Path, commands: Commands) -> list[str]:
    """Name the boundaries after whose ending something else stands in an org than in the undisturbed one."""

    def ends(number: int) -> bool:
        folder = tmp_path / f"{end.__name__}-{number}"
        try:
            return end(scene, number, folder, commands) != scene.undisturbed
        finally:
            shutil.rmtree(folder)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(ends, numbers)
        return [f"{n}: {scene.boundaries[n]}" for n, differs in zip(numbers, found, strict=True) if differs]


def test_the_first_load_ended_between_its_steps_ends_the_same(first_load, tmp_path, commands):
    assert first_load.boundaries.count("rename") > 15
    assert first_load.boundaries.count("commit") > 20
    assert _differing(first_load, first_load.sampled(15), _from_image, tmp_path, commands) == []


def test_a_day_of_buyers_ended_between_its_steps_creates_everything_once(day, tmp_path, commands):
    assert sum(name.startswith("after POST") for name in day.boundaries) >= 3
    assert _differing(day, day.sampled(12), _from_image, tmp_path, commands) == []


def test_real_kills_end_the_same(day, tmp_path, commands):
    after_answers = [n for n, name in enumerate(day.boundaries) if name.startswith("after POST")]
    numbers = list(range(len(day.boundaries))) if ALL else after_answers[-3:]
    assert _differing(day, numbers, _from_kill, tmp_path, commands) == []


def test_a_planted_duplicate_is_seen_by_the_comparison(day, tmp_path, commands):
    shutil.copytree(day.images[-1], tmp_path / "place")
    with Place(tmp_path / "place", commands) as place:
        assert _finish(day, len(day.images) - 1, place) == day.undisturbed
        task = place.query("SELECT Subject, WhoId, OwnerId FROM Task WHERE Handoff_Key__c != null")[0]
        values = {name: task[name] for name in ("Subject", "WhoId", "OwnerId")}
        place.act("salesforce", {"do": "create", "object": "Task", "values": values})
        assert place.snapshots() != day.undisturbed
