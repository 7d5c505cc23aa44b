"""Faults on order: what goes wrong next, and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from connector.errors import AccessError, HandoffError, RateLimited, TransientError


@dataclass(slots=True)
class Faults:
    """What is planned to go wrong. Every plan is used up by striking.

    Attributes:
        errors: raised by the next calls, one each, before anything is done.
        lost_answers: so many of the next batches are written, but answered with UNKNOWN.
        lost_requests: so many of the next batches are not written, and answered with UNKNOWN.
        late: so many of the next batches are answered with UNKNOWN and written only by ``MemoryCrm.settle``.
        rejected: creation keys and record ids that are refused, with the vendor's code.
        malformed: ids of records that pulls cannot read.
    """

    errors: deque[HandoffError] = field(default_factory=deque)
    lost_answers: int = 0
    lost_requests: int = 0
    late: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    malformed: set[str] = field(default_factory=set)

    def rate_limit(self, times: int = 1, *, daily: bool = False, retry_after_seconds: float | None = None) -> None:
        """Have the next calls refused for their number."""
        for _ in range(times):
            self.errors.append(
                RateLimited(
                    "memory.rate_limited", "too many calls", daily=daily, retry_after_seconds=retry_after_seconds
                )
            )

    def unreachable(self, times: int = 1) -> None:
        """Have the next calls not reach anything."""
        for _ in range(times):
            self.errors.append(TransientError("memory.unreachable", "nobody answers"))

    def no_access(self, times: int = 1) -> None:
        """Have the next calls refused for their rights."""
        for _ in range(times):
            self.errors.append(AccessError("memory.no_access", "not let in"))

    def strike(self) -> None:
        """Begin a call.

        Raises:
            HandoffError: the next of the planned errors.
        """
        if self.errors:
            raise self.errors.popleft()
