"""A breaker between us and a system that is down as a whole: it is left alone, and asked once in a while.

It stands in the session, so reads and writes of one system in one process share it. What counts is a request that was
given up for the system's sake: not reached, no answer, an answer that is no vendor's. A refusal, a rate limit or a row
that failed is an answer: the system works.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from connector.ports.waits import Circuit

#: requests given up in a row before the system is left alone
FAILURES_TO_OPEN = 5
#: how long it is left alone at first; doubled with every probe that fails …
FIRST_REST_SECONDS = 2.0
#: … to this: nobody waits longer for a system that is back
LONGEST_REST_SECONDS = 15.0


class Breaker:
    """Counts failures of one system; for one thread at a time, and read from any."""

    def __init__(
        self,
        *,
        timer: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin closed. ``timer``: seconds on a clock that is never set."""
        self._timer = timer
        self._wall = wall
        self._failures = 0
        self._opened = 0
        self._code = ""
        self._since: datetime | None = None
        self._rest_seconds = 0.0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether the system is left alone, or asked by a probe just now."""
        return self._since is not None

    def rest_seconds(self) -> float:
        """Give how long nothing may be sent; 0: a request may go, as a probe where the breaker is open."""
        return max(0.0, self._until - self._timer()) if self.open else 0.0

    def failed(self, code: str) -> None:
        """Note a request that was given up for the system's sake."""
        self._failures += 1
        if self._failures < FAILURES_TO_OPEN and not self.open:
            return
        if not self.open:
            self._since = self._wall()
            self._opened += 1
            self._rest_seconds = FIRST_REST_SECONDS
        else:
            self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST_SECONDS)
        self._code = code
        self._until = self._timer() + self._rest_seconds

    def answered(self) -> None:
        """Note an answer, whatever it says: the system works."""
        self._failures = 0
        self._since = None
        self._code = ""

    def circuit(self) -> Circuit:
        """Say how it stands."""
        rest = self.rest_seconds()
        if not self.open:
            return Circuit(failures=self._failures, opened=self._opened)
        return Circuit("open" if rest else "half_open", self._failures, self._opened, self._code, self._since, rest)
