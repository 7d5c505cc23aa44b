"""Which systems are left alone because they are down: kept for `status`, and told to the log when it changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import structlog

from connector.ports.source import Source
from connector.ports.store import Store
from connector.ports.waits import Guarded

_SETTING = "circuits"


def note_circuits(store: Store, adapters: Sequence[Source]) -> None:
    """Keep which systems are left alone now; say in the log what is new of it."""
    now: dict[str, Any] = {}
    for adapter in adapters:
        circuit = adapter.circuit() if isinstance(adapter, Guarded) else None
        if circuit is not None and circuit.since is not None:
            since = circuit.since.isoformat(timespec="seconds")
            now[adapter.traits().system] = {"state": "open", "since": since, "code": circuit.code}
    before = open_circuits(store)
    if now == before:
        return
    log = structlog.get_logger()
    for system in sorted(set(now) - set(before)):
        log.warning("circuit.opened", system=system, code=now[system]["code"])
    for system in sorted(set(before) - set(now)):
        log.warning("circuit.closed", system=system)
    store.switches.put_setting(_SETTING, json.dumps(now))


def open_circuits(store: Store) -> dict[str, Any]:
    """Give the systems that were left alone when last looked: system → state, since, code."""
    kept: dict[str, Any] = json.loads(store.switches.setting(_SETTING) or "{}")
    return kept
