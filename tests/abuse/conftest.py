"""Everything that can be handed to the product wrong, each through the real command against the local orgs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

# what the files here share lies beside them
sys.path.insert(0, str(Path(__file__).parent))

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import AT, Place

PEOPLE = 40


@dataclass(frozen=True, slots=True)
class Ground:
    """A place before a cycle, the clock of that cycle, and what the orgs hold when nothing disturbs it."""

    template: Path
    at: datetime
    undisturbed: dict[str, bytes]


@pytest.fixture(scope="session")
def first_load(tmp_path_factory: pytest.TempPathFactory, commands: Commands, prepared: Callable[[int], Path]) -> Ground:
    """A provisioned project that has never run."""
    return _ground(prepared(PEOPLE), AT, tmp_path_factory, commands)


@pytest.fixture(scope="session")
def buyers(tmp_path_factory: pytest.TempPathFactory, commands: Commands, loaded: Callable[[int], Path]) -> Ground:
    """The day after the first load: two people ask for sales."""
    folder = tmp_path_factory.mktemp("buyers") / "place"
    shutil.copytree(loaded(PEOPLE), folder)
    with Place(folder, commands) as place:
        at = a_day_of_buyers(place).at
    return _ground(folder, at, tmp_path_factory, commands)


def _ground(template: Path, at: datetime, tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Ground:
    folder = tmp_path_factory.mktemp("undisturbed") / "place"
    shutil.copytree(template, folder)
    with Place(folder, commands) as place:
        place.cycle(at)
        return Ground(template, at, place.snapshots())


_FAST = "{source: 2s, crm: 3s, fast_lane: 1s, deliver: 1s, full_rescore: '02:00'}"


@pytest.fixture
def real_time(place_of: Callable[[Path], Place], first_load: Ground) -> Place:
    """A place whose orgs live in the daemon's time."""
    place = place_of(first_load.template)
    place.clock(max(datetime.now(UTC), AT))
    place.configure(schedule=_FAST, limits="{api_calls_per_day: {salesforce: 1000000}}")
    return place
