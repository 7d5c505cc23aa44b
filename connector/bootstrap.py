"""Put the house together: settings, mappings, adapters and state become one engine."""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.delivery.budget import accounted
from connector.delivery.limits import Limits
from connector.domain.writes import Cause
from connector.errors import ConfigError, LocalFault
from connector.logs import log_step
from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings
from connector.mapping.settings import Settings, System, load_settings
from connector.pipeline.engine import Engine
from connector.pipeline.steps import StepDone
from connector.ports.crm import Crm
from connector.ports.source import Source
from connector.ports.store import Store
from connector.registry import load_crm, load_source
from connector.scoring.engines.choosing import engine_of
from connector.trust.fields import missing_keys
from connector.trust.golive import refuse_unless_provisioned, refuse_unless_ready
from state import open_store

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_INSTALL = "install"


@dataclass(frozen=True, slots=True)
class House:
    """Everything a command may need, open until its ``with`` block ends."""

    settings: Settings
    mappings: Mappings
    store: Store
    engine: Engine


def read_settings(config: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read handoff.yaml.

    Raises:
        MappingError: with every problem and its place.
    """
    return load_settings(config, os.environ if environ is None else environ)


def read_settings_of_state(config: Path) -> Settings:
    """Read handoff.yaml for a command that asks no system: the vendors' secrets may be missing.

    In an emergency `pause` must work from any shell. A password that the state's own address names is needed all the
    same: without it the state refuses us.

    Raises:
        MappingError: with every problem and its place.
    """
    return read_settings(config, _Placeholders(os.environ))


class _Placeholders(UserDict[str, str]):
    """An environment in which every variable is set, the missing ones to a host that cannot exist (RFC 6761)."""

    def __missing__(self, _name: str) -> str:
        return "https://not-set.invalid"

    def get(self, name: str, default: str | None = None) -> str:  # type: ignore[override]  # noqa: ARG002
        """Give the variable, or the placeholder: the default of a missing one is no use here."""
        return self[name] or self.__missing__(name)


def check_ready(house: House, *, today: date) -> None:
    """Refuse to write before everything is agreed and in place.

    Raises:
        Refused: unsigned definition, neither comparison nor waiver, or missing key fields; only in live mode.
    """
    mode, cutover, crm = house.settings.mode, house.settings.cutover, house.engine.crm
    refuse_unless_ready(
        mode=mode,
        definition=house.mappings.lifecycle.definition,
        waived_by=cutover.waived_by,
        waiver_reason=cutover.reason,
        compared=house.store.switches.setting("comparison_passed") == "yes",
        today=today,
    )
    if mode == "live":
        with accounted([crm], house.store.ledger, cause="check", now=utc_now()):
            described = {
                object_: [info.name for info in crm.fields(object_)] for object_ in ("lead", "contact", "task")
            }
        refuse_unless_provisioned(mode=mode, missing=missing_keys(crm.traits(), described))


@contextmanager
def open_state(settings: Settings) -> Iterator[Store]:
    """Open the state database, and close it at the end.

    Raises:
        LocalFault: it cannot be opened, is newer than this program, or belongs to another install.
    """
    url = settings.state.get_secret_value()
    if url.startswith("sqlite:///"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalFault(
                "state.folder",
                f"the state's folder cannot be made: {error.strerror}",
                cure="give rights or another place",
                at=str(folder),
            ) from error
    store = open_store(url)
    try:
        _check_install(store, settings.install)
        yield store
    finally:
        store.close()


def _check_install(store: Store, install: str) -> None:
    """Refuse another install's state: ``install`` is part of every key, and must never change."""
    known = store.switches.setting(_INSTALL)
    if known is None:
        store.switches.put_setting(_INSTALL, install)
    elif known != install:
        raise ConfigError(
            "install.changed",
            f"this state belongs to install {known!r}, handoff.yaml says {install!r}",
            cure=f"write install: {known}; keys of everything created are built from it",
            at="handoff.yaml",
        )


@contextmanager
def open_house(
    config: Path,
    *,
    environ: Mapping[str, str] | None = None,
    progress: Callable[[str, str, int], None] = lambda _step, _detail, _rows: None,
    stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[StepDone], None] = log_step,
) -> Iterator[House]:
    """Open everything: settings, mappings, state, adapters. Sends nothing yet.

    ``progress``, ``stop`` and ``on_step`` are the engine's; without ``on_step`` each step is a line of the log.

    Raises:
        MappingError, ConfigError: what people wrote is wrong.
        LocalFault: the state cannot be opened.
    """
    settings = read_settings(config, environ)
    mappings = load_mappings(settings.mappings)
    with ExitStack() as stack:
        sources = [_source(stack, system) for system in settings.sources]
        crm: Crm = load_crm(settings.crm.adapter, plain(settings.crm.options), system=settings.crm.name)
        stack.callback(crm.close)
        store = stack.enter_context(open_state(settings))
        engine = Engine(
            install=settings.install,
            time_zone=settings.time_zone,
            mode=settings.mode,
            mappings=mappings,
            sources=sources,
            crm=crm,
            store=store,
            lake_root=lake_folder(settings.lake),
            limits=limits_of(settings),
            calls_per_day=settings.limits.api_calls_per_day,
            left_to_others=float(settings.limits.left_to_others),
            dead_share=float(settings.alarms.dead_share),
            silence=settings.alarms.silence,
            deleted_share=float(settings.alarms.deleted_share),
            event_to_task=settings.alarms.event_to_task,
            progress=progress,
            stop=stop,
            on_step=on_step,
            scoring=engine_of(settings.engine),
        )
        yield House(settings, mappings, store, engine)


def _source(stack: ExitStack, system: System) -> Source:
    source = load_source(system.adapter, plain(system.options), system=system.name)
    stack.callback(source.close)
    return source


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Hand an adapter its options with the secrets opened; they go no further."""
    return {key: _opened(value) for key, value in options.items()}


def _opened(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return plain(value)
    return value


def limits_of(settings: Settings) -> Limits:
    """Give the disturbance limits by cause; our own score fields have none."""
    given = settings.limits
    return Limits(
        per_day={
            Cause.TASK: given.tasks_per_day,
            Cause.FAST_LANE_TASK: given.fast_lane_tasks_per_day,
            Cause.OWNER_CHANGE: given.owner_changes_per_day,
            Cause.STAGE_MOVE: given.stage_moves_per_day,
            Cause.CREATION: given.creations_per_day,
            Cause.EDIT: given.edits_per_day,
        },
        share=float(given.share_per_day),
        share_from=given.share_from,
    )


def lake_folder(lake: str) -> Path:
    """Give the folder of the lake.

    Raises:
        ConfigError: it is the address of an object store.
    """
    if "://" in lake:
        raise ConfigError(
            "lake.object_store",
            "this version keeps the lake in a folder",
            cure="write a folder, for example lake: var/lake",
            at="handoff.yaml: lake",
        )
    return Path(lake)


def on_this_machine(settings: Settings) -> bool:
    """Say whether every system is a file or on loopback, so that a clock of one's own harms nobody."""
    for system in (*settings.sources, settings.crm):
        for key, value in system.options.items():
            if key.endswith("url") and isinstance(value, str) and (urlsplit(value).hostname or "") not in _LOOPBACK:
                return False
    return True


def utc_now() -> datetime:
    """Read the clock of this machine, aware, in UTC."""
    return datetime.now(UTC)
