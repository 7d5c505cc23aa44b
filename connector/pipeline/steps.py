"""The one list of steps. ``plan`` and ``run`` walk the same list; only what touches the outside differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from resource import RUSAGE_SELF, getrusage
from typing import Literal

Command = Literal["plan", "run", "undo"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in progress, logs and reports, what it does in a sentence, and which commands walk it."""

    name: str
    does: str
    walked_by: tuple[Command, ...] = ("plan", "run")


PULL = Step("pull", "read what changed in every system, and land it in the lake with the cursor behind it")
IDENTIFY = Step("identify", "make one person of the records that are one, and follow merges and conversions")
QUARANTINE = Step("quarantine", "keep apart what machines did in people's names: it counts for nothing")
MATCH = Step("match", "find the account of each person, or a question for somebody")
SCORE = Step("score", "fit, interest and qualification of everybody, and of the accounts")
STAGE = Step("stage", "move people through the lifecycle, and give each one disposition")
DECIDE = Step("decide", "want minus what the CRM holds is the list of writes; owners and limits")
STORE = Step("store", "commit memory and outbox together, before anything is sent", ("run",))
WRITE = Step("write", "send the outbox, fast lane first, and settle every row", ("run",))
REPORT = Step("report", "account for every row")

STEPS: tuple[Step, ...] = (PULL, IDENTIFY, QUARANTINE, MATCH, SCORE, STAGE, DECIDE, STORE, WRITE, REPORT)


@dataclass(slots=True)
class StreamRead:
    """What one pull of one stream brought, in rows.

    Attributes:
        rows: rows the system sent.
        landed: rows the lake did not hold.
        repeated: rows it held already.
        refused: rows that were no use.
        ended: whether the stream was read to its end.
        expected: rows the system said there were; None where it says no such thing.
        seen: rows that came of those.
        unmatched: what handoff.yaml names for the stream and holds nothing, once it has been read to its end.
    """

    system: str
    stream: str
    rows: int = 0
    landed: int = 0
    repeated: int = 0
    refused: int = 0
    ended: bool = False
    expected: int | None = None
    seen: int = 0
    unmatched: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Count rows that were announced and did not come."""
        return max(0, (self.expected or 0) - self.seen)


@dataclass(frozen=True, slots=True)
class StepDone:
    """One step of one cycle, walked: how long it took and how many of what it handled.

    Attributes:
        counts: by word; people, rows, records, and ``peak_mib``, the most memory the process has held so far.
        streams: of the step ``pull``: what each stream brought.
        words: what is no number: the verdict, an error's code.
    """

    run_id: str
    step: str
    seconds: float
    counts: Mapping[str, int]
    streams: Sequence[StreamRead] = ()
    words: Mapping[str, str] = field(default_factory=dict)


class Walk:
    """Tells of each step once, when it ends, with the seconds since the one before it ended."""

    def __init__(self, run_id: str, tell: Callable[[StepDone], None]) -> None:
        self._run_id = run_id
        self._tell = tell
        self._since = time.monotonic()

    def begin(self) -> None:
        """Start the watch."""
        self._since = time.monotonic()

    def done(
        self,
        step: Step,
        counts: Mapping[str, int],
        *,
        streams: Sequence[StreamRead] = (),
        words: Mapping[str, str] | None = None,
    ) -> None:
        """Tell of a step that has ended."""
        now = time.monotonic()
        counted = {**counts, "peak_mib": getrusage(RUSAGE_SELF).ru_maxrss // 1024}
        self._tell(StepDone(self._run_id, step.name, now - self._since, counted, tuple(streams), words or {}))
        self._since = now
