"""What the daemon looks up after a job for those who watch it: a few small questions to the state, none to a system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.writes import RowState
from connector.pipeline.engine import Engine
from connector.pipeline.intake.silence import listened_to
from connector.ports.waits import Circuit, Guarded, Patient, Waits

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reading:
    """How things stand at one moment.

    Attributes:
        rows: unsettled rows by state.
        held: held rows by cause.
        oldest: when the oldest row of each unsettled state was decided.
        calls_day: requests of 24 hours by system.
        ceilings: requests that may be sent in 24 hours by system, None without a bound.
        vendor_remaining: requests the vendor still allows, None where it has not said.
        waits: what each system has made us wait, since the start.
        circuits: which systems are left alone for being down.
        silent: (system, stream or kind of event) → whether it has fallen silent.
    """

    rows: Mapping[str, int]
    held: Mapping[str, int]
    oldest: Mapping[str, datetime]
    calls_day: Mapping[str, int]
    ceilings: Mapping[str, int | None]
    vendor_remaining: Mapping[str, int | None]
    waits: Mapping[str, Waits]
    circuits: Mapping[str, Circuit]
    silent: Mapping[tuple[str, str], bool]
    lake_bytes: int
    lake_segments: int
    paused: bool


def take_reading(engine: Engine, *, now: datetime) -> Reading:
    """Look; the adapters must not be at work.

    Raises:
        LocalFault: the state does not answer.
    """
    store = engine.store
    rows: dict[str, int] = {}
    held: dict[str, int] = {}
    for key, count in store.outbox.counts().items():
        state, _, cause = key.partition(":")
        rows[state] = rows.get(state, 0) + count
        if state == RowState.HELD.value:
            held[cause] = held.get(cause, 0) + count
    segments = store.manifest.segments()
    calls: dict[str, int] = {}
    ceilings: dict[str, int | None] = {}
    remaining: dict[str, int | None] = {}
    waits: dict[str, Waits] = {}
    circuits: dict[str, Circuit] = {}
    for adapter in engine.adapters:
        system = adapter.traits().system
        usage = adapter.usage()
        calls[system] = store.ledger.spent(system, now - DAY)
        bounds = [engine.calls_per_day[system]] if system in engine.calls_per_day else []
        remaining[system] = None
        if usage is not None and usage.limit:
            bounds.append(int((1 - engine.left_to_others) * usage.limit))
            remaining[system] = max(0, usage.limit - usage.used)
        ceilings[system] = min(bounds, default=None)
        if isinstance(adapter, Patient):
            waits[system] = adapter.waits()
        if isinstance(adapter, Guarded):
            circuits[system] = adapter.circuit()
    return Reading(
        rows=rows,
        held=held,
        oldest=store.outbox.oldest(),
        calls_day=calls,
        ceilings=ceilings,
        vendor_remaining=remaining,
        waits=waits,
        circuits=circuits,
        silent=listened_to(store),
        lake_bytes=sum(segment.size_bytes for segment in segments),
        lake_segments=len(segments),
        paused=engine.mode != "live" or store.switches.paused() is not None,
    )
