"""The one list of steps. ``plan`` and ``run`` walk the same list; only what touches the outside differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Command = Literal["plan", "run"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in progress, logs and reports, what it does in a sentence, and which commands walk it."""

    name: str
    does: str
    walked_by: tuple[Command, ...] = ("plan", "run")


PULL = Step("pull", "read what changed in every system, and land it in the lake with the cursor behind it")
IDENTIFY = Step("identify", "make one person of the records that are one, and follow merges and conversions")
DECIDE = Step("decide", "match, score and stage everybody; want minus what the CRM holds is the list of writes")
STORE = Step("store", "commit memory and outbox together, before anything is sent", ("run",))
WRITE = Step("write", "send the outbox, fast lane first, and settle every row", ("run",))
REPORT = Step("report", "account for every row")

STEPS: tuple[Step, ...] = (PULL, IDENTIFY, DECIDE, STORE, WRITE, REPORT)
