"""What came of one batch, and what is said of one that was not sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.delivery.lost import RESEND
from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import Taken

_FINAL = frozenset({OutcomeKind.WRITTEN, OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON, OutcomeKind.REJECTED})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one batch.

    Attributes:
        outcomes: one per row, in order.
        error: what kept the whole batch from being attempted; nothing is sent after it.
        sent: False where nothing was tried: writing has been stopped.
    """

    rows: Sequence[Taken]
    outcomes: Sequence[WriteOutcome]
    error: HandoffError | None = None
    sent: bool = True


def not_sent(rows: Sequence[Taken]) -> Answer:
    """Say of rows that nothing was tried."""
    return Answer(rows, [again(row, "not_sent") for row in rows], sent=False)


def again(row: Taken, code: str, message: str = "") -> WriteOutcome:
    """Say that a row was certainly not sent; what was lost once is still known to have been."""
    return WriteOutcome(row.write.key, OutcomeKind.RETRY, code=RESEND if row.code == RESEND else code, message=message)


def got_somewhere(answer: Answer) -> bool:
    """Say whether the story of some row has ended; what gets nowhere is not taken again at once."""
    if isinstance(answer.outcomes, AsAsked):
        return True
    return answer.sent and any(outcome.kind in _FINAL for outcome in answer.outcomes)
