"""Batches on their way: one thread has the CRM to itself and sends what it is given, one batch after the other.

Meanwhile the drain settles what has been answered and takes what is next. At most ``AHEAD`` batches are taken and not
yet answered, so a kill leaves about as many in question.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from connector.delivery.brisk import brisk
from connector.domain.writes import WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import Taken

#: one under way, and two that wait: a commit that takes as long as a request or two does not keep the CRM waiting
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one batch.

    Attributes:
        outcomes: one per row, in order.
        error: what kept the whole batch from being attempted; nothing is sent after it.
        sent: False where nothing was tried: writing has been stopped, or a batch before this one went wrong.
    """

    rows: Sequence[Taken]
    outcomes: Sequence[WriteOutcome]
    error: HandoffError | None = None
    sent: bool = True


class Flight:
    """Sends batches in order, from a thread of its own that ends with the ``with`` block."""

    def __init__(self, send: Callable[[Sequence[Taken]], Answer], unsent: Callable[[Sequence[Taken]], Answer]) -> None:
        """Prepare. ``send`` is called by the thread alone; ``unsent`` says of rows that nothing was tried."""
        self._send = send
        self._unsent = unsent
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sending")
        self._given: deque[tuple[Sequence[Taken], Future[Answer]]] = deque()
        self._halted = False
        self._closed = False
        self._brisk = ExitStack()

    def __enter__(self) -> Self:
        """Begin."""
        self._brisk.enter_context(brisk())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send nothing more, and wait for what is under way."""
        self.close()

    @property
    def out(self) -> int:
        """How many batches were given and not yet taken back."""
        return len(self._given)

    def give(self, rows: Sequence[Taken]) -> None:
        """Send a batch once those before it have been answered."""
        self._given.append((rows, self._thread.submit(self._one, rows)))

    def answers(self) -> list[Answer]:
        """Wait for the next answer; give it and those that have come besides, in order.

        Raises: what sending raised; nothing was sent after it.
        """
        found = [self._given[0][1].result()]
        self._given.popleft()
        while self._given and self._given[0][1].done():
            found.append(self._given[0][1].result())
            self._given.popleft()
        return found

    def close(self) -> None:
        """Send nothing more, and wait for what is under way. Safe to call twice."""
        self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._brisk.close()

    def left(self) -> list[Taken]:
        """Give the rows, after ``close``, of which certainly nothing was tried."""
        return [row for rows, future in self._given if _untried(future) for row in rows]

    def _one(self, rows: Sequence[Taken]) -> Answer:
        if self._halted or self._closed:
            return self._unsent(rows)
        # Whatever goes wrong below, nothing is sent after it.
        self._halted = True
        answer = self._send(rows)
        self._halted = answer.error is not None or not answer.sent
        return answer


def _untried(future: Future[Answer]) -> bool:
    return future.cancelled() or (future.exception() is None and not future.result().sent)
