"""What handoff.yaml may say about a source of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from connector.errors import ConfigError

_FOREIGN = frozenset({"name", "adapter"})


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """The options of one source of files, checked.

    Attributes:
        people: glob patterns of files with people; relative ones start at the working directory.
        activities: glob patterns of files with activities.
        columns: standard column → heading in the people's files, where they differ.
        activity_columns: the same for the activities' files.
        types: word in the files → activity type.
        null_values: cells with one of these texts are empty.
        time_format: strptime form of the times where they are not ISO 8601; times without a zone are UTC.
        activity_from: activities that stand in the people's rows: ``type`` and standard column → heading.
    """

    people: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    activity_columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    null_values: frozenset[str] = frozenset()
    time_format: str = ""
    activity_from: tuple[Mapping[str, str], ...] = ()


def read_settings(options: Mapping[str, Any], *, at: str) -> FilesSettings:
    """Check the options of the source named ``at``.

    Raises:
        ConfigError: an option is unknown or has the wrong form, or there is nothing to read.
    """
    known = {item.name for item in fields(FilesSettings)}
    unknown = sorted(set(options) - known - _FOREIGN)
    if unknown:
        raise ConfigError(
            "config.option",
            f"unknown options {', '.join(unknown)}",
            cure=f"known are {', '.join(sorted(known))}",
            at=at,
        )

    def text(key: str) -> str:
        value = options.get(key) or ""
        if not isinstance(value, str):
            raise ConfigError("config.option", f"{key} must be text", at=at)
        return value

    settings = FilesSettings(
        people=_texts(options.get("people"), "people", at),
        activities=_texts(options.get("activities"), "activities", at),
        columns=_pairs(options.get("columns"), "columns", at),
        activity_columns=_pairs(options.get("activity_columns"), "activity_columns", at),
        types=_pairs(options.get("types"), "types", at),
        null_values=frozenset(_texts(options.get("null_values"), "null_values", at)),
        time_format=text("time_format"),
        activity_from=_entries(options.get("activity_from"), at),
    )
    if not settings.people and not settings.activities:
        raise ConfigError("config.option", "nothing to read", cure="set people, activities or both", at=at)
    return settings


def _texts(value: object, key: str, at: str) -> tuple[str, ...]:
    if value is None:
        return ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in items):
        raise ConfigError("config.option", f"{key} must be a text or a list of texts", at=at)
    return tuple(items)


def _pairs(value: object, key: str, at: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise ConfigError("config.option", f"{key} must map texts to texts", at=at)
    return dict(value)


def _entries(value: object, at: str) -> tuple[dict[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise ConfigError("config.option", "activity_from must be a list", at=at)
    entries = tuple(_pairs(item, "activity_from", at) for item in value)
    if any("type" not in entry or "occurred_at" not in entry for entry in entries):
        raise ConfigError("config.option", "each entry of activity_from needs type and occurred_at", at=at)
    return entries
