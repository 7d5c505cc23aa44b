"""What an adapter may tell besides: how often and how long a system made it wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Waits:
    """What an adapter has put up with since it was made.

    Attributes:
        retries: requests sent again.
        rate_limited: answers that asked us to come later.
        seconds: waited before sending again, and to keep below the vendor's rate.
    """

    retries: int = 0
    rate_limited: int = 0
    seconds: float = 0.0


@runtime_checkable
class Patient(Protocol):
    """What an adapter may offer besides: how often and how long it had to wait."""

    def waits(self) -> Waits:
        """Count retries and waits since this object was made. Sends nothing."""
        ...
