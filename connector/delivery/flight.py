"""One batch on the wire, and what is done meanwhile: those before it are settled and the next ones taken.

That is done for two batches at once, while every second one is on the wire: a commit has its price whatever is in it.

All in one thread. Two that hand batches to each other would take the interpreter from one another at every row, and
find nothing of the other's in their processor's memory; what a batch costs would be half as much again. At most
``AHEAD`` batches are taken and not yet settled as they were answered, so a kill leaves about as many in question.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.delivery.answers import Answer
from connector.ports.crm import Crm
from connector.ports.meanwhile import Meanwhile

#: one on the wire, and two that are settled, or the next two, which are taken, while it is there
AHEAD = 3


def fly(crm: Crm, send: Callable[[], Answer], work: Callable[[], None]) -> Answer:
    """Send a batch, and do some work while its answer is awaited; where nothing is awaited, after it.

    Raises: what ``send`` raises, then the work may not have been done; and what the work raised, once the answer is in.
    """
    once = _Once(work)
    awaiting = crm if isinstance(crm, Meanwhile) else None
    if awaiting is not None:
        awaiting.meanwhile(once.do)
    try:
        answer = send()
    finally:
        if awaiting is not None:
            awaiting.meanwhile(None)
    once.do()
    if once.raised is not None:
        raise once.raised
    return answer


class _Once:
    """Work that is done at most once, and whose errors wait: what they met in was a request that has gone out."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self.raised: BaseException | None = None

    def do(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised by ``fly``
            self.raised = error
