"""Fixtures of places and commands, for every folder of tests that drives the whole product."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.survival.commands import Commands
    from benchmarks.survival.place import Place


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """One process that has imported everything and forks for each command: seconds saved with every one of hundreds."""
    from benchmarks.survival.commands import Commands

    with Commands() as running:
        yield running


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Callable[[int], Path]:
    """Orgs of so many people and a project that is provisioned and ready to run: to be copied, never used itself."""
    from benchmarks.survival.place import prepare

    def give(people: int) -> Path:
        return made_once(
            tmp_path_factory, f"prepared-{people}", lambda folder: prepare(folder, commands, people=people)
        )

    return give


@pytest.fixture(scope="session")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, commands: Commands, prepared: Callable[[int], Path]
) -> Callable[[int], Path]:
    """The same after the first load."""
    from benchmarks.survival.place import Place

    def give(people: int) -> Path:
        def load(folder: Path) -> None:
            shutil.copytree(prepared(people), folder, dirs_exist_ok=True)
            with Place(folder, commands) as place:
                place.cycle()

        return made_once(tmp_path_factory, f"loaded-{people}", load)

    return give


@pytest.fixture
def place_of(tmp_path: Path, commands: Commands) -> Iterator[Callable[[Path], Place]]:
    """Open copies of prepared folders; they close at the end."""
    from benchmarks.survival.place import Place

    opened: list[Place] = []

    def give(template: Path) -> Place:
        folder = tmp_path / f"place-{len(opened)}"
        shutil.copytree(template, folder)
        place = Place(folder, commands)
        opened.append(place)
        return place.__enter__()

    yield give
    for place in reversed(opened):
        place.__exit__()


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Give a folder that the first test process to ask for it has filled; the others wait for it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = shared / f"{name}.{os.getpid()}"
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder
