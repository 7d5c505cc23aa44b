"""Fixtures of places and commands, for every folder of tests that drives the whole product."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.survival.commands import Commands
from benchmarks.survival.place import Place, prepare


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """One process that has imported everything and forks for each command: seconds saved with every one of hundreds."""
    with Commands() as running:
        yield running


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Callable[[int], Path]:
    """Orgs of so many people and a project that is provisioned and ready to run, made once for each size."""
    made: dict[int, Path] = {}

    def give(people: int) -> Path:
        if people not in made:
            made[people] = tmp_path_factory.mktemp(f"prepared-{people}-")
            prepare(made[people], commands, people=people)
        return made[people]

    return give


@pytest.fixture(scope="session")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, commands: Commands, prepared: Callable[[int], Path]
) -> Callable[[int], Path]:
    """The same after the first load, made once for each size."""
    made: dict[int, Path] = {}

    def give(people: int) -> Path:
        if people not in made:
            folder = tmp_path_factory.mktemp(f"loaded-{people}-") / "place"
            shutil.copytree(prepared(people), folder)
            with Place(folder, commands) as place:
                place.cycle()
            made[people] = folder
        return made[people]

    return give


@pytest.fixture
def place_of(tmp_path: Path, commands: Commands) -> Iterator[Callable[[Path], Place]]:
    """Open copies of prepared folders; they close at the end."""
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
