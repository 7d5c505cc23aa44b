"""Keeping below a vendor's rate by ourselves, instead of asking to be refused."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType


class Pace:
    """At most ``limit`` calls in any ``seconds`` of the vendor's; 0 means no limit. For one thread.

    While ``unhurried``, the last third of them is spread over what is left of the time, so that nobody waits long at
    once, and a tenth is left alone: who is in a hurry then, and needs no more than that tenth, waits for nothing.

    Each call is made inside ``with pace:``. The vendor counts a call at some moment between our sending it and our
    having its answer: spans are therefore measured from an answer to a later sending, which keeps the rate however
    unevenly the way there delays them.
    """

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with nothing sent."""
        self.limit = limit
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._answered: deque[float] = deque()
        #: seconds waited so far
        self.waited = 0.0
        self.unhurried = False

    def __enter__(self) -> None:
        """Wait until one more call keeps the pace."""
        if self.limit <= 0:
            return
        now = self._clock()
        while self._answered and self._answered[0] <= now - self._seconds:
            self._answered.popleft()
        wait = self._spread(now) if self.unhurried else self._until_below(self.limit, now)
        if wait > 0:
            self.waited += wait
            self._sleep(wait)

    def _until_below(self, most: int, now: float) -> float:
        """Give the seconds until one more is at most the ``most``-th."""
        return self._answered[-most] + self._seconds - now if len(self._answered) >= most else 0.0

    def _spread(self, now: float) -> float:
        mine = max(1, self.limit - max(1, self.limit // 10))
        free = mine - len(self._answered)
        if free <= 0 or not self._answered:
            return self._until_below(mine, now)
        if len(self._answered) < self.limit * 2 // 3:
            return 0.0
        return self._answered[-1] + (self._answered[0] + self._seconds - now) / free - now

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count the call, however it ended."""
        if self.limit > 0:
            self._answered.append(self._clock())
