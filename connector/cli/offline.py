"""What `check` finds without asking anybody: files, options of adapters, examples, and what the schedule would cost."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from connector.bootstrap import lake_folder, open_state, plain, read_settings, read_settings_of_state
from connector.errors import ConfigError, HandoffError, MappingError, Problem
from connector.mapping.bundle import Mappings
from connector.mapping.load import check_mappings, load_mappings
from connector.mapping.settings import Settings, System
from connector.mapping.settings_places import problem_in
from connector.pipeline.versions import news_of
from connector.ports.traits import AdapterTraits
from connector.registry import load_crm, load_source
from connector.scoring.examples import run_examples
from connector.trust.schedule import overspent


def check_offline(config: Path) -> tuple[Mappings, Path]:
    """Read everything that people wrote, and give the mappings with their folder.

    Raises:
        MappingError: with all problems of all files at once.
    """
    problems: list[Problem] = []
    settings = None
    try:
        settings = read_settings(config)
    except MappingError as error:
        problems += error.problems
    folder = settings.mappings if settings is not None else config.parent / "mappings" / "default"
    problems += check_mappings(folder) if folder.is_dir() or settings is not None else []
    if settings is not None:
        problems += _problems_of_systems(config, settings)
    if problems:
        raise MappingError(sorted(set(problems)))
    if settings is not None:
        lake_folder(settings.lake)
    mappings = load_mappings(folder)
    failures = []
    for model, word in ((mappings.scoring, "scoring"), *((one, f"scoring-{one.name}") for one in mappings.further)):
        file = Path(shown(folder / f"{word}.yaml"))
        further = mappings.further if model is mappings.scoring else ()
        found = run_examples(model, further=further, lines=mappings.fields.person)
        for failure in found:
            steps = ("did",) if failure.key == "did" else ("expect", failure.key)
            failures.append(problem_in(file, ("examples", failure.index, *steps), failure.message))
    if failures:
        raise MappingError(failures)
    return mappings, folder


def note_of_model(config: Path, now: datetime) -> str:
    """Say whether the models are others than the last cycle used and nobody says why; nothing where all is well.

    Nothing, too, where there is no state yet or it cannot be reached: `check` needs none.
    """
    if not config.is_file():
        return ""
    settings = read_settings_of_state(config)
    url = settings.state.get_secret_value()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        return ""
    try:
        with open_state(settings) as store:
            return str(news_of(store, load_mappings(settings.mappings), at=now)["note"])
    except HandoffError:
        return ""


def shown(path: Path) -> str:
    """Give a path as the reader would type it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _problems_of_systems(config: Path, settings: Settings) -> list[Problem]:
    """List what adapters refuse of their options, and a schedule that spends more calls than the ceiling."""
    found: list[Problem] = []
    sources: list[AdapterTraits] = []
    crm: list[AdapterTraits] = []
    for number, system in enumerate(settings.sources):
        _try(config, ("sources", number), system, sources, found, is_crm=False)
    _try(config, ("crm",), settings.crm, crm, found, is_crm=True)
    if not crm:
        return found
    schedule = settings.schedule
    spans = {"fast_lane": schedule.fast_lane, "source": schedule.source, "crm": schedule.crm}
    for over in overspent(spans, sources, crm[0], settings.limits.api_calls_per_day):
        message = (
            f"polling makes up to {over.calls:,} calls a day to {over.system}, more than limits.api_calls_per_day"
            f" allows ({over.ceiling:,}); look every {over.span.total_seconds():.0f}s or more rarely, or raise the"
            " ceiling"
        )
        found.append(problem_in(config, ("schedule", over.key), message))
    return found


def _try(
    config: Path,
    place: tuple[str | int, ...],
    system: System,
    traits: list[AdapterTraits],
    found: list[Problem],
    *,
    is_crm: bool,
) -> None:
    """Build an adapter, which sends nothing, and note what it refuses."""
    load = load_crm if is_crm else load_source
    try:
        adapter = load(system.adapter, plain(system.options), system=system.name)
    except ConfigError as error:
        cure = f"; {error.cure}" if error.cure != error.usual_cure else ""
        found.append(problem_in(config, place, f"{error.message}{cure}"))
        return
    traits.append(adapter.traits())
    adapter.close()
