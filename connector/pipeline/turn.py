"""Whose turn it is: one engine at a time pulls, decides and turns the rotation, and time never runs backwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

from connector.errors import ConfigError, LocalFault
from connector.ports.store import Store

LEASE = "engine"
BUSY = "engine.busy"
#: a dead holder is replaced within this time
TTL = timedelta(seconds=8)
_RENEW_SECONDS = 2.0
#: how long a run waits for another to finish
PATIENCE_SECONDS = 15.0
_LAST = "last_as_of"


@contextmanager
def engine_turn(store: Store, owner: str, *, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Hold the engine lease for the block, renewed from a thread of its own; gives True.

    Raises:
        LocalFault: another engine holds it and did not finish in time.
    """
    deadline = time.monotonic() + patience_seconds
    while not store.switches.acquire(LEASE, owner, TTL):
        if time.monotonic() >= deadline:
            raise LocalFault(
                BUSY,
                "another run or daemon is at work on this state",
                cure="wait for it to end, or stop it; `handoff status` shows the last runs",
            )
        time.sleep(0.25)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, owner, done), name="engine-lease", daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        done.set()
        keeper.join(timeout=_RENEW_SECONDS * 2)
        store.switches.release(LEASE, owner)


@contextmanager
def engine_turn_if_free(store: Store, owner: str) -> Iterator[bool]:
    """Hold the engine lease for the block if nobody else does, and say whether it is ours."""
    with ExitStack() as stack:
        try:
            ours = stack.enter_context(engine_turn(store, owner, patience_seconds=0))
        except LocalFault as error:
            if error.code != BUSY:
                raise
            ours = False
        yield ours


def _keep(store: Store, owner: str, done: threading.Event) -> None:
    while not done.wait(_RENEW_SECONDS):
        # A database that is busy for a moment must not cost us the lease: the next round tries again.
        with suppress(LocalFault):
            store.switches.acquire(LEASE, owner, TTL)


def cycle_clock(store: Store, as_of: datetime | None) -> datetime:
    """Give the clock of the next cycle: the wanted one or now, never earlier than the last cycle's.

    Raises:
        ConfigError: ``as_of`` lies before the last cycle; what was known then can only be explained, not lived again.
    """
    text = store.switches.setting(_LAST)
    last = datetime.fromisoformat(text) if text else None
    if as_of is None:
        # A clock that was set back must not stamp new rows as older than what is known.
        now = datetime.now(UTC)
        return max(now, last) if last else now
    if last is not None and as_of < last:
        raise ConfigError(
            "as_of.past",
            f"the last cycle's clock was {last.isoformat()}; a cycle never goes back in time",
            cure="give a later time, or use `handoff explain --as-of` to look back",
            at="--as-of",
        )
    return as_of


def remember_clock(store: Store, now: datetime) -> None:
    """Keep the clock of the cycle that begins."""
    store.switches.put_setting(_LAST, now.isoformat())
