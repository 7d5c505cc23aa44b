"""The ceiling on API calls: ours per day, and the share of the vendor's own limit that is left to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.ports.store import Ledger
from connector.ports.traits import Usage

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one system may still be asked today.

    Attributes:
        ceiling: the operator's own number for 24 hours, or None.
        left_to_others: the part (0 to 1) of the vendor's limit that is never ours.
    """

    system: str
    ledger: Ledger
    ceiling: int | None
    left_to_others: float

    def remaining(self, usage: Usage | None, *, now: datetime) -> int | None:
        """Give the calls left in the rolling day, or None when nothing bounds them."""
        bounds = [] if self.ceiling is None else [self.ceiling]
        if usage is not None and usage.limit:
            bounds.append(int((1 - self.left_to_others) * usage.limit))
        if not bounds:
            return None
        return max(0, min(bounds) - self.ledger.spent(self.system, now - DAY))
