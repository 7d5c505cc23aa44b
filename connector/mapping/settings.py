"""handoff.yaml: which systems, where the state and the lake are, what may happen, and how much of it in a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from connector.errors import MappingError
from connector.mapping.addresses import check_address
from connector.mapping.hours import zone_named
from connector.mapping.places import Found, Node, Place
from connector.mapping.secrets import resolve, shielded
from connector.mapping.shapes import shaped
from connector.mapping.values import Day, Exact, Name, Part, Span, Whole
from connector.mapping.yaml_reader import read_yaml

_TIME = re.compile(r"\d{2}:\d{2}", re.ASCII)
#: options of any adapter that name a file or folder, and those of the files adapter besides
_PATH_OPTION = re.compile(r"(?:^|_)(?:file|dir|path)$")
_FILES_OPTIONS = frozenset({"people", "activities", "accounts", "users", "opportunities", "tasks"})
_URL_OPTION = re.compile(r"(?:^|_)(?:url|uri|endpoint)$")


def _parse_time(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a time of day in quotes, for example '02:00'")


_MASTER = re.compile(r"local(\[([1-9][0-9]*|\*)\])?|spark://[A-Za-z0-9._-]+:[0-9]{1,5}(,[A-Za-z0-9._-]+:[0-9]{1,5})*")


def check_master(master: str) -> str:
    """Answer with a Spark master that scoring can run on.

    Raises:
        ValueError: it is none; the message says which are.
    """
    if master.startswith("sc://"):
        raise ValueError(
            "Spark Connect cannot be used yet; name the cluster's own master, for example spark://host:7077"
        )
    if not _MASTER.fullmatch(master):
        raise ValueError("a master is local[2] (this machine, two cores) or spark://host:7077 (a cluster)")
    return master


def _kind_of_engine(value: object) -> str:
    return "duckdb" if isinstance(value, str) else "spark"


#: a time of day, ``'02:00'``
Clock = Annotated[time, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "examples": ["02:00"]})]
#: a share of one, exactly as written
Portion = Annotated[Exact, Field(ge=0, le=1)]
SystemName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class System(Part):
    """A system to read from or write to: its name, its adapter, and what the adapter wants to know.

    Secrets are written as ``${NAME}`` or ``${file:/path}``; paths start at the folder of the file.
    """

    # keys that are not ours stand in options: secrets there are SecretStr, paths are absolute

    name: SystemName = Field(
        "", description="used in references, never change it; left out: the adapter's name", examples=["hubspot"]
    )
    adapter: Name = Field(description="hubspot, salesforce, files …", examples=["hubspot"])
    expires_on: Day | None = Field(
        None,
        description="the day on which its token, secret or certificate stops working, where you know it: `status` and"
        " `check --online` warn before",
        examples=["2027-01-31"],
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="keys of the adapter, written beside the others",
        examples=[{"base_url": "https://api.hubapi.com"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        if not isinstance(value, dict) or isinstance(value.get("options"), dict):
            return value
        own = {key: inner for key, inner in value.items() if key in ("name", "adapter", "expires_on")}
        if "name" not in own and isinstance(own.get("adapter"), str):
            own["name"] = own["adapter"]
        return own | {"options": {key: inner for key, inner in value.items() if key not in own}}


class Cutover(Part):
    """The named waiver of the comparison before going live; all three or none."""

    waived_by: Name | None = Field(None, description="who answers for going live without it", examples=["Ada"])
    reason: Name | None = Field(None, description="why", examples=["pilot with two reps"])
    on: Day | None = Field(None, description="when it was decided", examples=["2026-01-31"])

    @model_validator(mode="after")
    def _all_or_none(self) -> Cutover:
        given = [value is not None for value in (self.waived_by, self.reason, self.on)]
        if any(given) and not all(given):
            raise ValueError("a waiver names who (waived_by), why (reason) and when (on), all three")
        return self

    @property
    def waived(self) -> bool:
        """Say whether the comparison is waived."""
        return self.waived_by is not None


class Schedule(Part):
    """How often things happen; polling backs off when nothing changes."""

    source: Span = Field(timedelta(seconds=60), description="between pulls of a source", examples=["60s"])
    crm: Span = Field(timedelta(minutes=5), description="between pulls of the CRM", examples=["5m"])
    fast_lane: Span = Field(timedelta(seconds=15), description="between looks at forms and replies", examples=["15s"])
    deliver: Span = Field(timedelta(seconds=5), description="between deliveries", examples=["5s"])
    full_rescore: Clock = Field(
        time(2), description="local time of the nightly rescore of everybody", examples=["02:00"]
    )


class Limits(Part):
    """What may disturb people's work in 24 hours, over all runs; what exceeds it is held until approved."""

    tasks_per_day: Whole = Field(200, ge=0, description="tasks opened", examples=[200])
    owner_changes_per_day: Whole = Field(200, ge=0, description="records given to somebody else", examples=[200])
    stage_moves_per_day: Whole = Field(500, ge=0, description="stages changed in the CRM", examples=[500])
    creations_per_day: Whole = Field(200, ge=0, description="leads and contacts created", examples=[200])
    edits_per_day: Whole = Field(200, ge=0, description="edits of fields that people also write", examples=[200])
    fast_lane_tasks_per_day: Whole = Field(200, ge=0, description="tasks of the fast lane, apart", examples=[200])
    share_per_day: Portion = Field(
        Decimal("0.1"), description="share of all living persons that one cause may touch", examples=[0.1]
    )
    share_from: Whole = Field(500, ge=0, description="below so many persons the share is ignored", examples=[500])
    api_calls_per_day: dict[str, Annotated[Whole, Field(ge=0)]] = Field(
        default_factory=lambda: {"salesforce": 15000},
        description="system: most calls in 24 hours",
        examples=[{"salesforce": 15000}],
    )
    left_to_others: Portion = Field(
        Decimal("0.5"), description="share of the vendor's limit that we leave alone", examples=[0.5]
    )


class Alarms(Part):
    """When a run turns red."""

    dead_share: Portion = Field(
        Decimal("0.01"), description="share of dead writes beyond which a run is red", examples=[0.01]
    )
    deleted_share: Portion = Field(
        Decimal("0.05"),
        description="share of the records of one kind, and at least 20, from which their deletion within a day is told"
        " and makes a run amber, once; it stops nothing",
        examples=[0.05],
    )
    expiry: Span = Field(
        timedelta(days=30), description="how long before a credential expires it is told", examples=["30d"]
    )
    silence: Span = Field(timedelta(days=3), description="how long a stream may bring nothing", examples=["3d"])
    event_to_task: Span | None = Field(
        None,
        description="how soon after a buyer's event its fast-lane task should be in the CRM; a cycle that was slower is"
        " amber; left out: measured, and no alarm",
        examples=["2m"],
    )


class Console(Part):
    """Where the operations console listens."""

    host: Name = Field("127.0.0.1", description="address to listen on", examples=["127.0.0.1"])
    port: Whole = Field(8880, ge=0, le=65535, description="port to listen on; 0 picks a free one", examples=[8880])


class SparkEngine(Part):
    """Apache Spark instead of the embedded engine: the same scores, on one machine's cores or a cluster's."""

    spark: Annotated[str, AfterValidator(check_master)] = Field(
        description="the master: local[2] for this machine, spark://host:7077 for a cluster", examples=["local[2]"]
    )
    scratch: Path | None = Field(
        None,
        description="a folder that this machine and all workers see under one name; left out: the temporary folder",
        examples=["/mnt/shared/handoff"],
    )
    settings: dict[str, str] = Field(
        default_factory=dict,
        description="settings of Spark itself",
        examples=[{"spark.executor.memory": "4g"}],
    )


class Settings(Part):
    """handoff.yaml."""

    install: Name = Field("main", description="part of every key; never change it", examples=["main"])
    sources: tuple[System, ...] = Field(
        min_length=1,
        description="where people and what they did come from",
        examples=[[{"name": "hubspot", "adapter": "hubspot", "token": "${HUBSPOT_TOKEN}"}]],
    )
    crm: System = Field(description="where sales lives", examples=[{"adapter": "files", "dir": "crm"}])
    state: SecretStr = Field(
        SecretStr("sqlite:///var/handoff.db"),
        description="the state database: sqlite:///… or postgresql+psycopg://…",
        examples=["sqlite:///var/handoff.db"],
    )
    lake: str = Field(
        "var/lake", min_length=1, description="a folder, or the URL of an object store", examples=["var/lake"]
    )
    engine: Annotated[
        Annotated[Literal["duckdb"], Tag("duckdb")] | Annotated[SparkEngine, Tag("spark")],
        Discriminator(_kind_of_engine),
    ] = Field("duckdb", description="what computes scores: duckdb, or a Spark master", examples=["duckdb"])
    mappings: Path = Field(
        Path("mappings/default"), description="the folder of the mapping files", examples=["mappings/default"]
    )
    mode: Literal["paused", "shadow", "live"] = Field(
        "paused", description="paused and shadow write nothing", examples=["shadow"]
    )
    cutover: Cutover = Field(
        default_factory=Cutover,
        description="a waiver of the comparison before going live",
        examples=[{"waived_by": "Ada", "reason": "pilot", "on": "2026-01-31"}],
    )
    time_zone: Name = Field("UTC", description="days begin and points age at midnight here", examples=["Europe/Berlin"])
    schedule: Schedule = Field(default_factory=Schedule, description="how often", examples=[{"source": "60s"}])
    limits: Limits = Field(
        default_factory=Limits, description="what may disturb people in 24 hours", examples=[{"tasks_per_day": 200}]
    )
    alarms: Alarms = Field(default_factory=Alarms, description="when a run turns red", examples=[{"silence": "3d"}])
    console: Console = Field(default_factory=Console, description="the operations console", examples=[{"port": 8880}])

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        zone_named(name)
        return name

    @field_validator("state", mode="before")
    @classmethod
    def _state_scheme(cls, value: object) -> object:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and re.match(r"sqlite:///.|postgresql(\+psycopg)?://.", text):
            return value
        raise ValueError("must be sqlite:///path or postgresql+psycopg://user:${PASSWORD}@host/database")


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read handoff.yaml; paths in it start at its folder, secrets come from ``environ`` or files.

    Raises:
        MappingError: with every problem and its place; no problem shows a secret.
    """
    found = Found(str(path))
    settings = _read(path, environ, found)
    if found.problems or settings is None:
        raise MappingError(sorted(set(found.problems)))
    return settings


def _read(path: Path, environ: Mapping[str, str], found: Found) -> Settings | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        found.add(
            Place(1, 1), (), f"cannot be read: {error.strerror}; handoff init DIR writes one, -c FILE names another"
        )
        return None
    root = read_yaml(shielded(data), found)
    if root is None:
        return None
    folder = path.parent.absolute()
    resolve(root, environ, folder, found)
    settings, parts = shaped(Settings, root, found)
    if settings is None:
        return None
    _check_systems(settings, parts, found)
    return _anchored(settings, folder)


def _check_systems(settings: Settings, parts: Node, found: Found) -> None:
    systems: list[tuple[tuple[str | int, ...], System]] = [
        *((("sources", index), system) for index, system in enumerate(settings.sources)),
        (("crm",), settings.crm),
    ]
    taken: dict[str, System] = {}
    for path, system in systems:
        other = taken.setdefault(system.name, system)
        same_place = path == ("crm",) and other.adapter == system.adapter
        if other is not system and not same_place:
            node = parts.deepest((*path, "name"))[0][-1]
            found.add(node.at, node.path, f"two systems are called {system.name}; give each a name of its own")
        _check_addresses(parts.deepest(path)[0][-1], found)


def _check_addresses(system: Node, found: Found) -> None:
    for node in system.walk():
        key = node.path[-1] if node.path else ""
        if isinstance(key, str) and _URL_OPTION.search(key) and isinstance(node.value, str):
            try:
                check_address(node.value)
            except ValueError as error:
                if any((problem.line, problem.column) == (node.at.line, node.at.column) for problem in found.problems):
                    continue  # one reason per address is enough
                found.add(node.at, node.path, str(error))


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Let every path start at the folder of the file."""
    state = settings.state.get_secret_value()
    if state.startswith("sqlite:///"):
        state = f"sqlite:///{folder / state.removeprefix('sqlite:///')}"
    return settings.model_copy(
        update={
            "state": SecretStr(state),
            "engine": _anchored_engine(settings.engine, folder),
            "lake": settings.lake if "://" in settings.lake else str(folder / settings.lake),
            "mappings": folder / settings.mappings,
            "sources": tuple(_anchored_system(source, folder) for source in settings.sources),
            "crm": _anchored_system(settings.crm, folder),
        }
    )


def _anchored_engine(engine: str | SparkEngine, folder: Path) -> str | SparkEngine:
    if isinstance(engine, SparkEngine) and engine.scratch is not None:
        return engine.model_copy(update={"scratch": folder / engine.scratch})
    return engine


def _anchored_system(system: System, folder: Path) -> System:
    def anchored(options: dict[str, Any]) -> dict[str, Any]:
        return {key: anchored_value(key, value) for key, value in options.items()}

    def anchored_value(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return anchored(value)
        is_path = _PATH_OPTION.search(key) or (system.adapter == "files" and key in _FILES_OPTIONS)
        return str(folder / value) if is_path and isinstance(value, str) else value

    return system.model_copy(update={"options": anchored(system.options)})
