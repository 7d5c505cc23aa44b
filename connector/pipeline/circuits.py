"""Which systems are down and left alone, what they lack, when credentials expire, their clocks: kept for `status`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.ports.source import Source
from connector.ports.store import Store
from connector.ports.waits import Clocked, Expiring, Guarded, Lacking

_SETTING = "circuits"
_LACKS = "lacks"
_EXPIRES = "credentials_expire"
_CLOCKS = "clocks_differ"
#: answers may take as long, and the vendor writes its time at their beginning
_SAME = timedelta(minutes=2)


def note_circuits(store: Store, adapters: Sequence[Source]) -> None:
    """Keep which systems are left alone now, and what they lack; say in the log what is new of it."""
    _note_lacks(store, adapters)
    _note_expiries(store, adapters)
    _note_clocks(store, adapters)
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


def clocks_ahead(adapters: Sequence[Source]) -> dict[str, timedelta]:
    """Give how far this machine's clock is ahead of systems' (negative: behind), where it is worth a word."""
    told = {one.traits().system: one.ahead() for one in adapters if isinstance(one, Clocked)}
    return {system: ahead for system, ahead in told.items() if ahead is not None and abs(ahead) > _SAME}


def clocks_told(store: Store) -> dict[str, timedelta]:
    """Give the same as the last cycle saw it."""
    kept: dict[str, float] = json.loads(store.switches.setting(_CLOCKS) or "{}")
    return {system: timedelta(seconds=seconds) for system, seconds in kept.items()}


def _note_clocks(store: Store, adapters: Sequence[Source]) -> None:
    now, before = clocks_ahead(adapters), clocks_told(store)
    if now.keys() == before.keys() and all(abs(now[system] - before[system]) < _SAME for system in now):
        return
    for system, ahead in sorted(now.items()):
        structlog.get_logger().warning("clock.differs", system=system, ahead_seconds=round(ahead.total_seconds()))
    store.switches.put_setting(_CLOCKS, json.dumps({system: ahead.total_seconds() for system, ahead in now.items()}))


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
