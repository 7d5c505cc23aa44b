"""Which systems are down and left alone, what they lack, when their credentials expire: kept for `status`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from connector.ports.source import Source
from connector.ports.store import Store
from connector.ports.waits import Expiring, Guarded, Lacking

_SETTING = "circuits"
_LACKS = "lacks"
_EXPIRES = "credentials_expire"


def note_circuits(store: Store, adapters: Sequence[Source]) -> None:
    """Keep which systems are left alone now, and what they lack; say in the log what is new of it."""
    _note_lacks(store, adapters)
    _note_expiries(store, adapters)
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


def lacking(store: Store) -> dict[str, list[str]]:
    """Give what systems cannot do for us, as far as the last cycle knew: system → sentences."""
    kept: dict[str, list[str]] = json.loads(store.switches.setting(_LACKS) or "{}")
    return kept


def expiries(store: Store) -> dict[str, dict[str, datetime]]:
    """Give when credentials expire, as the last cycle read it in them: system → credential → last instant (UTC)."""
    kept = json.loads(store.switches.setting(_EXPIRES) or "{}")
    return {system: {what: datetime.fromisoformat(at) for what, at in found.items()} for system, found in kept.items()}


def _note_expiries(store: Store, adapters: Sequence[Source]) -> None:
    now = {one.traits().system: one.expires() for one in adapters if isinstance(one, Expiring)}
    now = {system: found for system, found in now.items() if found}
    if now != expiries(store):
        told = {system: {what: at.isoformat() for what, at in found.items()} for system, found in now.items()}
        store.switches.put_setting(_EXPIRES, json.dumps(told))


def _note_lacks(store: Store, adapters: Sequence[Source]) -> None:
    now = {one.traits().system: one.lacks() for one in adapters if isinstance(one, Lacking)}
    now = {system: words for system, words in now.items() if words}
    before = lacking(store)
    if now != before:
        for system in sorted(now):
            structlog.get_logger().warning("system.lacks", system=system, count=len(now[system]))
        store.switches.put_setting(_LACKS, json.dumps(now))
