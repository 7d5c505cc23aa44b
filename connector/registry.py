"""Adapters by name: ours and others' register by entry point and are loaded one at a time, when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, cast

from connector.errors import ConfigError
from connector.ports.crm import Crm
from connector.ports.source import Source

SOURCES = "connector.sources"
CRMS = "connector.crms"


def names(group: str) -> list[str]:
    """List the adapters of a group, sorted."""
    return sorted(point.name for point in entry_points(group=group))


def load_source(adapter: str, options: Mapping[str, Any], *, system: str) -> Source:
    """Build a source by its adapter's name.

    Raises:
        ConfigError: no such adapter, or options it does not take.
    """
    return cast(Source, _load(SOURCES, adapter, options, system))


def load_crm(adapter: str, options: Mapping[str, Any], *, system: str) -> Crm:
    """Build a CRM by its adapter's name.

    Raises:
        ConfigError: no such adapter, or options it does not take.
    """
    return cast(Crm, _load(CRMS, adapter, options, system))


def _load(group: str, adapter: str, options: Mapping[str, Any], system: str) -> object:
    found = [point for point in entry_points(group=group) if point.name == adapter]
    if not found and group == CRMS and adapter in names(SOURCES):
        raise ConfigError(
            "adapter.source_only",
            f"{adapter!r} can be read from, and not yet be the CRM: that comes later",
            cure=f"use one of {', '.join(names(CRMS))}",
            at=system,
        )
    if not found:
        raise ConfigError(
            "adapter.unknown",
            f"there is no adapter {adapter!r}",
            cure=f"use one of {', '.join(names(group))}, or install the package that brings it",
            at=system,
        )
    return found[0].load()(options, system=system)
