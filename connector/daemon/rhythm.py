"""How often one job looks: as handoff.yaml says while there is news, less often while there is none or it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["news", "quiet", "failed"]
#: a quiet job's span grows by this factor a look …
_SLOWER = 1.5
#: … to this many times what handoff.yaml says
SLOWEST = 4.0
#: a failing job's span doubles, up to this or to its own where that is longer
LONGEST_FAILING_SECONDS = 300.0
#: whoever fires the jobs is never exact, and a job that was due a moment later must not wait a round
_SLACK_SECONDS = 1.0


@dataclass(slots=True)
class Rhythm:
    """When a job is due, on a clock that is never set.

    Attributes:
        span_seconds: what handoff.yaml says.
        slack_share: of the span, by how much it may be early, being fired no more often than it is due.
    """

    span_seconds: float
    slack_share: float = 0.1
    #: how many failures in a row
    failures: int = field(default=0, init=False)
    _slower: float = field(default=1.0, init=False)
    _next: float | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)

    @property
    def seconds(self) -> float:
        """The span at present."""
        if self.failures:
            longest = max(self.span_seconds, LONGEST_FAILING_SECONDS)
            return min(self.span_seconds * 2.0 ** min(self.failures, 20), longest)
        return self.span_seconds * self._slower

    @property
    def _slack(self) -> float:
        return min(_SLACK_SECONDS, self.slack_share * self.span_seconds)

    def due(self, at: float) -> bool:
        """Say whether it is time; a job that never ran is due."""
        return self._next is None or at >= self._next

    def ran(self, began: float, outcome: Outcome, *, wait_seconds: float = 0.0) -> None:
        """Note a look that began at ``began``; a system that named a wait gets it in full."""
        self.failures = self.failures + 1 if outcome == "failed" else 0
        if outcome != "failed":
            self._slower = 1.0 if outcome == "news" else min(self._slower * _SLOWER, SLOWEST)
        self._began = began
        self._next = began + max(self.seconds - self._slack, wait_seconds)

    def hurry(self) -> None:
        """Look as often as handoff.yaml says, the next time included; a failing job keeps its own span."""
        self._slower = 1.0
        if not self.failures and self._next is not None:
            self._next = min(self._next, self._began + self.span_seconds - self._slack)

    def wake(self) -> None:
        """Be due at once, and look as often as handoff.yaml says."""
        self._slower = 1.0
        self._next = None
