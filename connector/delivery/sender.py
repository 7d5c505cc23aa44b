"""Whether a sender is alive: a lease of its own, renewed while it sends, and never taken again once it has run out.

A process that was stopped, whose machine slept or whose state did not answer cannot know how long it was away. Its
lease, on the database's clock, does: others see it run out and look up what was on its way. The sender itself asks
before each request, on the clock that goes on while a machine sleeps; what was away too long sends nothing more under
the old name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

from connector.errors import HandoffError, TransientError
from connector.ports.crm import Crm
from connector.ports.fenced import Fenced
from connector.ports.store import SENDER, Switches

#: a sender that is silent for so long is dead
TTL = timedelta(seconds=8)
#: how often it says that it lives
RENEW_SECONDS = 2.0
#: nothing is begun so shortly before the end: a request takes a moment to get out
_MARGIN_SECONDS = 1.0
#: longer than any one batch may take: a thread that hangs in one must not keep its rows for ever
LONGEST_BATCH = timedelta(minutes=15)


class Sender:
    """The liveness of one sender, for the length of a ``with`` block; renewed from a thread of its own."""

    def __init__(self, switches: Switches, owner: str) -> None:
        """Prepare; ``owner`` is the process's own name."""
        self._switches = switches
        self._owner = owner
        self._done = threading.Event()
        self._lock = threading.Lock()
        #: the name under which rows are claimed, and the lease's
        self.name = ""
        self._renewed = (0.0, 0.0)
        self._batch_began = time.monotonic()
        self._lost = True

    def __enter__(self) -> Self:
        """Begin to be alive."""
        self._done = threading.Event()
        self._batch_began = time.monotonic()
        self._begin()
        threading.Thread(target=self._keep, args=(self._done,), name="sender-lease", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Be dead at once: what is still on its way is anybody's to look up."""
        self._done.set()
        with self._lock, suppress(HandoffError):
            self._switches.release(self.name, self.name)

    def ready(self) -> None:
        """Be able to claim: under a new name where the old one has been lost.

        Raises:
            LocalFault: the state does not answer.
        """
        self.began()
        if not self._alive():
            self._begin()

    def began(self) -> None:
        """Begin a batch: one that hangs is not kept alive for ever."""
        self._batch_began = time.monotonic()

    def may_send(self) -> None:
        """Let a request out, or not.

        Raises:
            TransientError: ``sender.lost``: others may have looked up what this sender had claimed, and sent it.
        """
        if not self._alive():
            raise TransientError(
                "sender.lost",
                "this process was away for longer than its lease, so others have taken over what it was sending",
                cure="nothing: what is left is sent under a new lease",
            )

    @contextmanager
    def minding(self, crm: Crm) -> Iterator[None]:
        """Let a CRM that can ask before each of its requests, for the length of the block."""
        fenced = crm if isinstance(crm, Fenced) else None
        if fenced is not None:
            fenced.fence(self.may_send)
        try:
            yield
        finally:
            if fenced is not None:
                fenced.fence(_nothing)

    def _alive(self) -> bool:
        away = max(now - then for now, then in zip(_clocks(), self._renewed, strict=True))
        return not self._lost and away < TTL.total_seconds() - min(_MARGIN_SECONDS, TTL.total_seconds() / 4)

    def _begin(self) -> None:
        with self._lock:
            began = _clocks()
            name = f"{SENDER}{self._owner}:{uuid4().hex[:12]}"
            self._switches.acquire(name, name, TTL)
            self.name, self._renewed, self._lost = name, began, False

    def _keep(self, done: threading.Event) -> None:
        while not done.wait(RENEW_SECONDS):
            if time.monotonic() - self._batch_began > LONGEST_BATCH.total_seconds():
                continue
            # A database that is busy for a moment must not cost us the lease: the next round tries again.
            with self._lock, suppress(HandoffError):
                began = _clocks()
                if self._lost or done.is_set():
                    continue
                if self._switches.renew(self.name, self.name, TTL):
                    self._renewed = began
                else:
                    self._lost = True


def _nothing() -> None:
    return


def _clocks() -> tuple[float, float]:
    """Read, in seconds, the clock that goes on while the machine sleeps, and the one that people set.

    A guest whose host stood still sees it in neither until its time is set right; then the second one shows it.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time()
