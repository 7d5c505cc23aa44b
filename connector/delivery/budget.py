"""The ceiling on API calls: ours per day, and the share of the vendor's own limit that is left to others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.writes import RowState
from connector.errors import HandoffError
from connector.ports.outbox import Outbox
from connector.ports.source import Source
from connector.ports.store import Ledger
from connector.ports.traits import Usage

DAY = timedelta(hours=24)
#: another sender may claim rows that are about to be held; whoever is that unlucky leaves them as they are
_HOLD_TRIES = 5


@dataclass(frozen=True, slots=True)
class Budget:
    """What one system may still be asked today.

    Attributes:
        ceiling: the operator's own number for 24 hours, or None.
        left_to_others: the part (0 to 1) of the vendor's limit, or of what others leave of it, that is never ours.
    """

    system: str
    ledger: Ledger
    ceiling: int | None
    left_to_others: float

    def remaining(self, usage: Usage | None, *, now: datetime) -> int | None:
        """Give the calls left in the rolling day, or None when nothing bounds them.

        What others have used, by the vendor's own counter, lowers our part: it is a part of what they leave. So a busy
        org neither stops us for good nor do we take the last calls from under the others.
        """
        if self.ceiling is None and (usage is None or not usage.limit):
            return None
        spent = self.ledger.spent(self.system, now - DAY)
        bounds = [] if self.ceiling is None else [self.ceiling]
        if usage is not None and usage.limit:
            others = max(0, usage.used - spent) if now - usage.seen_at < DAY else 0
            bounds.append(int((1 - self.left_to_others) * max(0, usage.limit - others)))
        return max(0, min(bounds) - spent)


@contextmanager
def accounted(adapters: Sequence[Source], ledger: Ledger, *, cause: str, now: datetime) -> Iterator[None]:
    """Write down the calls that are made meanwhile, however it ends; nothing where there were none."""
    before = [adapter.calls() for adapter in adapters]
    try:
        yield
    finally:
        for adapter, calls in zip(adapters, before, strict=True):
            if adapter.calls() > calls:
                ledger.spend(adapter.traits().system, adapter.calls() - calls, cause=cause, at=now)


def hold_for_budget(outbox: Outbox) -> None:
    """Let rows that the budget stops wait in the open, by name, until the next cycle releases them."""
    for _ in range(_HOLD_TRIES):
        try:
            outbox.hold(outbox.ids([RowState.TODO]), held_by="budget")
            break
        except HandoffError as error:
            # Another sender has claimed one of them since: look again.
            if error.code != "outbox.unlawful_move":
                raise
