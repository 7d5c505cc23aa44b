"""handoff.yaml: which systems, where the state and the lake are, what may happen, and how much of it in a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, field_validator, model_validator

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


def _only_duckdb(value: object) -> object:
    if value == "duckdb":
        return value
    raise ValueError("this version computes on DuckDB only; write engine: duckdb")


#: a time of day, ``'02:00'``
Clock = Annotated[time, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "examples": ["02:00"]})]
#: a share of one, exactly as written
Portion = Annotated[Exact, Field(ge=0, le=1)]
SystemName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class System(Part):
    """A system to read from or write to: its name, its adapter, and what the adapter wants to know.

    Keys beside ``name`` and ``adapter`` are the adapter's own and stand in ``options``; secrets are ``SecretStr``,
    paths are absolute.
    """

    name: SystemName = Field(description="used in references; never change it")
    adapter: Name = Field(description="hubspot, salesforce, files …", examples=["hubspot"])
    options: dict[str, Any] = Field(default_factory=dict, description="keys of the adapter, written beside the others")

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        if not isinstance(value, dict) or isinstance(value.get("options"), dict):
            return value
        own = {key: inner for key, inner in value.items() if key in ("name", "adapter")}
        if "name" not in own:  # an adapter that is no text is refused in its own place
            own["name"] = own["adapter"] if isinstance(own.get("adapter"), str) else "unnamed"
        return own | {"options": {key: inner for key, inner in value.items() if key not in own}}


class Cutover(Part):
    """The named waiver of the comparison before going live; all three or none."""

    waived_by: Name | None = None
    reason: Name | None = None
    on: Day | None = None

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

    source: Span = Field(timedelta(seconds=60), description="between pulls of a source")
    crm: Span = Field(timedelta(minutes=5), description="between pulls of the CRM")
    fast_lane: Span = Field(timedelta(seconds=15), description="between looks at forms and replies")
    deliver: Span = Field(timedelta(seconds=5), description="between deliveries")
    full_rescore: Clock = Field(time(2), description="local time of the nightly rescore of everybody")


class Limits(Part):
    """What may disturb people's work in 24 hours, over all runs; what exceeds it is held until approved."""

    tasks_per_day: Whole = Field(200, ge=0)
    owner_changes_per_day: Whole = Field(200, ge=0)
    stage_moves_per_day: Whole = Field(500, ge=0)
    creations_per_day: Whole = Field(200, ge=0)
    edits_per_day: Whole = Field(200, ge=0, description="of fields that people also write")
    fast_lane_tasks_per_day: Whole = Field(200, ge=0)
    share_per_day: Portion = Field(Decimal("0.1"), description="share of all living persons that one cause may touch")
    share_from: Whole = Field(500, ge=0, description="below so many persons the share is ignored")
    api_calls_per_day: dict[str, Annotated[Whole, Field(ge=0)]] = Field(
        default_factory=lambda: {"salesforce": 15000}, description="system: most calls in 24 hours"
    )
    left_to_others: Portion = Field(Decimal("0.5"), description="share of the vendor's limit that we leave alone")


class Alarms(Part):
    """When a run turns red."""

    dead_share: Portion = Field(Decimal("0.01"), description="share of dead writes beyond which a run is red")
    silence: Span = Field(timedelta(days=3), description="how long a stream may bring nothing")


class Console(Part):
    """Where the operations console listens."""

    host: Name = "127.0.0.1"
    port: Whole = Field(8880, ge=0, le=65535)


class Settings(Part):
    """handoff.yaml."""

    install: Name = Field("main", description="part of every key; never change it")
    sources: tuple[System, ...] = Field(min_length=1, description="where people and what they did come from")
    crm: System = Field(description="where sales lives")
    state: SecretStr = Field(SecretStr("sqlite:///var/handoff.db"), description="sqlite:///… or postgresql+psycopg://…")
    lake: str = Field("var/lake", min_length=1, description="a folder, or the URL of an object store")
    engine: Annotated[Literal["duckdb"], BeforeValidator(_only_duckdb)] = "duckdb"
    mappings: Path = Field(Path("mappings/default"), description="the folder of the mapping files")
    mode: Literal["paused", "shadow", "live"] = Field("paused", description="paused and shadow write nothing")
    cutover: Cutover = Field(default_factory=Cutover)
    time_zone: Name = "UTC"
    schedule: Schedule = Field(default_factory=Schedule)
    limits: Limits = Field(default_factory=Limits)
    alarms: Alarms = Field(default_factory=Alarms)
    console: Console = Field(default_factory=Console)

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
            "lake": settings.lake if "://" in settings.lake else str(folder / settings.lake),
            "mappings": folder / settings.mappings,
            "sources": tuple(_anchored_system(source, folder) for source in settings.sources),
            "crm": _anchored_system(settings.crm, folder),
        }
    )


def _anchored_system(system: System, folder: Path) -> System:
    def anchored(options: dict[str, Any]) -> dict[str, Any]:
        return {key: anchored_value(key, value) for key, value in options.items()}

    def anchored_value(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return anchored(value)
        is_path = _PATH_OPTION.search(key) or (system.adapter == "files" and key in _FILES_OPTIONS)
        return str(folder / value) if is_path and isinstance(value, str) else value

    return system.model_copy(update={"options": anchored(system.options)})
