"""Keeping below a vendor's rate by ourselves, instead of asking to be refused."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """At most ``limit`` calls in any ``seconds``; 0 means no limit. For one thread."""

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
        self._sent: deque[float] = deque()
        #: seconds waited so far
        self.waited = 0.0

    def take(self) -> None:
        """Wait until one more call keeps the pace, and count it."""
        if self.limit <= 0:
            return
        now = self._clock()
        while self._sent and self._sent[0] <= now - self._seconds:
            self._sent.popleft()
        if len(self._sent) >= self.limit:
            wait = self._sent[-self.limit] + self._seconds - now
            if wait > 0:
                self.waited += wait
                self._sleep(wait)
                now = self._clock()
        self._sent.append(now)
