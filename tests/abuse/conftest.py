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

from places import made_once

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import AT, VENDORS, Place

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

    def make(folder: Path) -> None:
        shutil.copytree(prepared(PEOPLE), folder / "place")
        _disturb_nothing(folder, AT, commands)

    return _ground(made_once(tmp_path_factory, "first-load", make))


@pytest.fixture(scope="session")
def buyers(tmp_path_factory: pytest.TempPathFactory, commands: Commands, loaded: Callable[[int], Path]) -> Ground:
    """The day after the first load: two people ask for sales."""

    def make(folder: Path) -> None:
        shutil.copytree(loaded(PEOPLE), folder / "place")
        with Place(folder / "place", commands) as place:
            at = a_day_of_buyers(place).at
        _disturb_nothing(folder, at, commands)

    return _ground(made_once(tmp_path_factory, "buyers", make))


def _disturb_nothing(folder: Path, at: datetime, commands: Commands) -> None:
    """Note beside a place what its orgs hold after an undisturbed cycle; the place itself stays as it was."""
    shutil.copytree(folder / "place", folder / "undisturbed")
    with Place(folder / "undisturbed", commands) as place:
        place.cycle(at)
        for vendor, content in place.snapshots().items():
            (folder / vendor).write_bytes(content)
    (folder / "at").write_text(at.isoformat(), encoding="utf-8")


def _ground(folder: Path) -> Ground:
    at = datetime.fromisoformat((folder / "at").read_text("utf-8"))
    return Ground(folder / "place", at, {vendor: (folder / vendor).read_bytes() for vendor in VENDORS})


_FAST = "{source: 2s, crm: 3s, fast_lane: 1s, deliver: 1s, full_rescore: '02:00'}"


@pytest.fixture
def real_time(place_of: Callable[[Path], Place], first_load: Ground) -> Place:
    """A place whose orgs live in the daemon's time."""
    place = place_of(first_load.template)
    place.clock(max(datetime.now(UTC), AT))
    place.configure(schedule=_FAST, limits="{api_calls_per_day: {salesforce: 1000000}}")
    return place
