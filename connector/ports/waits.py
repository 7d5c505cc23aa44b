"""What an adapter may tell besides: how long it had to wait, is its system left alone, what it lacks, its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable


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


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether a system is asked at present. Shared by reads and writes of one system in one process.

    Attributes:
        state: ``closed``: asked as usual; ``open``: left alone; ``half_open``: the next request is a probe.
        failures: requests given up in a row for the system's sake.
        opened: how often it opened since the adapter was made.
        code: what the last of those requests ended with, while not closed.
        since: when it opened (UTC), while not closed.
        rest_seconds: until a probe may go.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    opened: int = 0
    code: str = ""
    since: datetime | None = None
    rest_seconds: float = 0.0


@runtime_checkable
class Guarded(Protocol):
    """What an adapter may offer besides: a breaker before a system that is down as a whole.

    While it is open every request is refused at once with ``TransientError`` (code ``SYSTEM.circuit_open``), which
    says after how many seconds a probe may go; certainly nothing was sent.
    """

    def circuit(self) -> Circuit:
        """Say how it stands. Sends nothing."""
        ...


@runtime_checkable
class Expiring(Protocol):
    """What an adapter may offer besides: until when the credentials work that it was given."""

    def expires(self) -> dict[str, datetime]:
        """Give, per credential that tells, its last instant (UTC). Sends nothing."""
        ...


@runtime_checkable
class Clocked(Protocol):
    """What an adapter may offer besides: how far this machine's clock is from its system's."""

    def ahead(self) -> timedelta | None:
        """Give how far ours was ahead at the last answer (negative: behind); None before the first. Sends nothing."""
        ...


@runtime_checkable
class Lacking(Protocol):
    """What an adapter may offer besides: what its system cannot do for us."""

    def lacks(self) -> list[str]:
        """Say it in one sentence each, with what follows from it, as far as is known by now. Sends nothing."""
        ...


@runtime_checkable
class Naming(Protocol):
    """What an adapter may offer besides: which of the places that its options name for a stream hold nothing."""

    def unmatched(self, stream: str) -> list[str]:
        """Give them as they are named there, in their order, as of now. Sends nothing."""
        ...
