"""Whose turn it is: one engine at a time pulls, decides and turns the rotation, and time never runs backwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

from connector.errors import ConfigError, HandoffError, LocalFault, Stopped
from connector.ports.store import Store

LEASE = "engine"
BUSY = "engine.busy"
#: a dead holder is replaced within this time
TTL = timedelta(seconds=8)
_RENEW_SECONDS = 2.0
#: how often who stands by asks for it: with TTL, a dead leader is replaced within ten seconds
_STAND_BY_SECONDS = 1.0
#: how long a run waits for another to finish
PATIENCE_SECONDS = 15.0
#: held by a command that wants the turn between two jobs of a daemon; whoever does not hold the turn then leaves it
GUEST = "engine.guest"
#: how long such a command waits: a daemon ends the job in hand first, and a first load takes its time
GUEST_PATIENCE_SECONDS = 600.0
_LOOK_SECONDS = 0.25
_LAST = "last_as_of"
#: by how many seconds the last cycle's clock went from the real one
_APART = "clock_apart"
#: a cycle that began so long ago by its own clock began now
_TOGETHER = timedelta(minutes=5)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Turn:
    """The engine lease of this process, which it may lose: to whoever came while it slept or could not renew it."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        #: on which the commits of what is going on stand
        self._generation = 0
        #: True once a renewal has found that another holds the lease, or has held it, until it is taken again
        self.lost = False
        #: whether the lease was ours when last asked for, by whichever turn
        self.held = False
        #: whether a command waits for the turn, as of the last renewal: give way between two jobs
        self.asked = False

    def take(self) -> bool:
        """Take or renew the lease before something begins: all it commits stands on this turn. Say whether it is ours.

        Raises:
            LocalFault: the state does not answer.
        """
        if not self.held and self._guest():
            self.lost = True
            return False
        generation = self._store.switches.acquire(LEASE, self._owner, TTL)
        if generation:
            self._generation = generation
            self._store.switches.fence(LEASE, generation)
        self.held = bool(generation)
        self.lost = not generation
        return self.held

    def renew(self) -> bool:
        """Renew the lease now, and say whether nobody else has held it since it was taken.

        Raises:
            LocalFault: the state does not answer.
        """
        if not self._generation:
            return self.take()
        generation = self._store.switches.acquire(LEASE, self._owner, TTL)
        if not self._generation:
            # It was given back while we renewed it from another thread.
            self.release()
            return False
        self.held = bool(generation)
        self.lost = generation != self._generation
        self._guest()
        return not self.lost

    def give_way(self) -> bool:
        """Give the lease to a command that asks for it, if one does; call this between two jobs only.

        Raises:
            LocalFault: the state does not answer.
        """
        if not self.held or not self._guest():
            return False
        self.release()
        return True

    def _guest(self) -> bool:
        """Say whether another than us waits for the turn."""
        self.asked = self._store.switches.holder(GUEST) not in (None, self._owner)
        return self.asked

    def release(self) -> None:
        """Give the lease back. Where the state does not answer it runs out by itself."""
        self._generation = 0
        self.held = False
        self._store.switches.fence(LEASE, None)
        with suppress(HandoffError):
            self._store.switches.release(LEASE, self._owner)


@contextmanager
def engine_turn(
    store: Store,
    owner: str,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    stop: Callable[[], bool] = lambda: False,
    ask: Callable[[], object] = lambda: None,
) -> Iterator[Turn]:
    """Hold the engine lease for the block, renewed from a thread of its own; where ``ask`` says False we wait on.

    Raises:
        LocalFault: another engine holds it and did not finish in time.
        Stopped: ``stop`` said so while we waited.
    """
    deadline = time.monotonic() + patience_seconds
    turn = Turn(store, owner)
    while ask() is False or not turn.renew():
        if stop():
            raise Stopped("run.stopped", "a signal came while another run was at work")
        if time.monotonic() >= deadline:
            raise LocalFault(
                BUSY,
                "another run or daemon is at work on this state",
                cure="wait for it to end, or stop it; one that was killed holds on for eight seconds; "
                "`handoff status` shows the last runs",
            )
        time.sleep(_LOOK_SECONDS)
    with _kept(turn, _RENEW_SECONDS):
        yield turn


@contextmanager
def guest_turn(
    store: Store,
    owner: str,
    *,
    patience_seconds: float = GUEST_PATIENCE_SECONDS,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Turn]:
    """Hold the engine lease for the block; a daemon that has it gives way once its job in hand has ended.

    Raises:
        LocalFault: whoever holds it did not give way in time.
        Stopped: ``stop`` said so while we waited.
    """

    def ask() -> bool:
        return bool(store.switches.acquire(GUEST, owner, TTL))

    try:
        with engine_turn(store, owner, patience_seconds=patience_seconds, stop=stop, ask=ask) as turn:
            store.switches.release(GUEST, owner)
            yield turn
    finally:
        with suppress(HandoffError):
            store.switches.release(GUEST, owner)


@contextmanager
def stood_by_turn(store: Store, owner: str) -> Iterator[Turn]:
    """Take the engine lease for the block whenever nobody else holds it, from a thread of its own; never wait for it.

    Raises:
        LocalFault: the state does not answer.
    """
    turn = Turn(store, owner)
    turn.take()
    with _kept(turn, _STAND_BY_SECONDS):
        yield turn


@contextmanager
def _kept(turn: Turn, every_seconds: float) -> Iterator[None]:
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(turn, done, every_seconds), name="engine-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join(timeout=every_seconds * 2)
        turn.release()


@contextmanager
def engine_turn_if_free(store: Store, owner: str) -> Iterator[Turn | None]:
    """Hold the engine lease for the block if nobody else does; None when somebody does."""
    with ExitStack() as stack:
        try:
            ours = stack.enter_context(engine_turn(store, owner, patience_seconds=0))
        except LocalFault as error:
            if error.code != BUSY:
                raise
            ours = None
        yield ours


def _keep(turn: Turn, done: threading.Event, every_seconds: float) -> None:
    while not done.wait(every_seconds):
        # A database that is busy for a moment must not cost us the lease: the next round tries again.
        with suppress(HandoffError):
            turn.renew()


def cycle_clock(store: Store, as_of: datetime | None, *, clock: Callable[[], datetime] = _utc_now) -> datetime:
    """Give the clock of the next cycle: the wanted one or ``clock``'s, never earlier than the last cycle's.

    Raises:
        ConfigError: ``as_of`` lies before the last cycle; what was known then can only be explained, not lived again.
    """
    last = last_clock(store)
    if as_of is None:
        # A clock that was set back must not stamp new rows as older than what is known.
        now = clock()
        return max(now, last) if last else now
    if last is not None and as_of < last:
        raise ConfigError(
            "as_of.past",
            f"the last cycle's clock was {last.isoformat()}; a cycle never goes back in time",
            cure="give a later time, or use `handoff explain --as-of` to look back",
            at="--as-of",
        )
    return as_of


def last_clock(store: Store) -> datetime | None:
    """Give the clock of the last cycle that began; None before the first."""
    text = store.switches.setting(_LAST)
    return datetime.fromisoformat(text) if text else None


def remember_clock(store: Store, now: datetime, *, clock: Callable[[], datetime] = _utc_now) -> None:
    """Keep the clock of the cycle that begins, and how far it goes from ``clock`` where that is worth a word."""
    store.switches.put_setting(_LAST, now.isoformat())
    apart = now - clock()
    word = "" if abs(apart) < _TOGETHER else str(apart.total_seconds())
    if (store.switches.setting(_APART) or "") != word:
        store.switches.put_setting(_APART, word)


def by_cycles(store: Store, *, clock: Callable[[], datetime] = _utc_now) -> datetime:
    """Say what time it is by the clock that cycles stamp what they do with: calls, tasks, models.

    That is ``clock``'s, or as far from it as ``--as-of`` took the last cycle; never earlier than that cycle's own.
    """
    apart = timedelta(seconds=float(store.switches.setting(_APART) or 0))
    return cycle_clock(store, None, clock=lambda: clock() + apart)
