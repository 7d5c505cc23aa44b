"""What we ask of the state database. Every method is one transaction: after it returns the effect is durable.

Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from connector.domain.records import Value
from connector.ports.journal import Change, Journal, Journalled
from connector.ports.knowledge import Decisions, Knowledge, Review, Rows, parts_of
from connector.ports.memory_tables import (
    ACCOUNT_MOVES,
    IDENTITIES,
    INSTANT,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
)
from connector.ports.outbox import Outbox, OutboxRow, OwnRows, Spent, Taken, Turned
from connector.ports.past import Past
from connector.ports.quarantine import Quarantine
from connector.ports.task_times import TaskTimes
from connector.ports.versions import Version, VersionKind, Versions, VersionUse

__all__ = [
    "ACCOUNT_MOVES",
    "IDENTITIES",
    "INSTANT",
    "PERSONS",
    "SCORE_HISTORY",
    "SENDER",
    "STAGE_MOVES",
    "Change",
    "Decisions",
    "Journal",
    "Journalled",
    "Knowledge",
    "Ledger",
    "Manifest",
    "Outbox",
    "OutboxRow",
    "OwnRows",
    "Past",
    "Quarantine",
    "Review",
    "Rows",
    "Run",
    "Runs",
    "Segment",
    "Spent",
    "Store",
    "Switches",
    "Taken",
    "Turned",
    "Version",
    "VersionKind",
    "VersionUse",
    "Versions",
    "parts_of",
]


#: how the names of senders' leases begin: a sender claims under the name of its lease
SENDER = "sender:"


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable file of the lake. ``low`` and ``high`` bound the event or modification time of its rows."""

    path: str
    stream: str
    rows: int
    low: datetime
    high: datetime
    landed_at: datetime
    sha256: str
    size_bytes: int


class Manifest(Protocol):
    """Which files the lake consists of, and how far each stream has been read."""

    def segments(self, stream: str | None = None) -> list[Segment]:
        """List live segments in order of landing."""
        ...

    def commit_segments(
        self, added: Sequence[Segment], retired: Sequence[str], cursors: Mapping[tuple[str, str], str]
    ) -> None:
        """Add and retire segments (by path) and set cursors ((system, stream) → text), all together.

        A segment that is there already adds nothing, so the same commit may be repeated.

        Raises:
            HandoffError: ``lake.segment_changed``: the path was committed before with another hash.
            LocalFault: ``lake.no_longer_live``: a path to retire is not live, and this is no repetition.
        """
        ...

    def version(self) -> int:
        """Count the commits that changed the set of segments: the history version a plan was made from."""
        ...

    def retired_before(self, instant: datetime) -> list[str]:
        """List paths retired before ``instant`` (the database's clock), whose files may be deleted."""
        ...

    def forget_retired(self, paths: Sequence[str]) -> None:
        """Take retired segments off the list once their files are gone; live ones stay."""
        ...

    def cursor(self, system: str, stream: str) -> str | None:
        """Give the stored cursor, or None when the stream was never read."""
        ...


class Ledger(Protocol):
    """The one account of API calls that every budget is held against."""

    def spend(self, system: str, calls: int, *, cause: str, at: datetime) -> None:
        """Record calls sent. ``cause``: ``pull``, ``write``, ``check``, ``provision``."""
        ...

    def spent(self, system: str, since: datetime) -> int:
        """Count calls recorded at or after ``since``."""
        ...

    def prune(self, before: datetime) -> int:
        """Forget calls recorded before an instant; return how many rows went."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One cycle: when, in what mode, and its report as JSON once it has ended."""

    id: str
    plan_id: str
    kind: Literal["run", "plan", "undo"]
    mode: str
    as_of: datetime
    started_at: datetime
    ended_at: datetime | None = None
    verdict: str = ""
    report: str = ""


class Runs(Protocol):
    """The history of cycles and their plans."""

    def begin(self, run: Run) -> None:
        """Record that a cycle has started."""
        ...

    def finish(self, run_id: str, *, verdict: str, report: str, at: datetime) -> None:
        """Record how it ended. ``report`` is JSON."""
        ...

    def last(self, count: int = 10) -> list[Run]:
        """List the latest cycles, newest first."""
        ...

    def find(self, run_id: str) -> Run | None:
        """Give one cycle, or None where it is not known, or not any more."""
        ...

    def oldest(self) -> datetime | None:
        """Say when the first of the cycles that are still known began."""
        ...

    def save_plan(self, plan_id: str, *, made_at: datetime, body: str) -> None:
        """Store a plan (JSON)."""
        ...

    def plan(self, plan_id: str) -> str | None:
        """Give a stored plan (JSON), or None."""
        ...

    def prune(self, *, looks_before: datetime, before: datetime, keep: int, keep_bodies: int) -> dict[str, int]:
        """Forget old runs and plans; return how many of each (``runs``, ``plans``) went.

        Looks (runs that have ended well without a plan: nothing had changed) go when they began before
        ``looks_before``, other runs with their plans before ``before``; the last ``keep`` runs that are no looks stay.
        Of plans that were not carried out by the cycle that made them only the newest ``keep_bodies`` stay. A plan one
        of whose rows is unsettled always stays: somebody may approve it.
        """
        ...


#: the setting that says when the state was last put back from a copy (ISO 8601); empty where it never was
SETTING_PUT_BACK = "put_back_at"


class Switches(Protocol):
    """Pause, leases, audit."""

    def paused(self) -> tuple[str, datetime] | None:
        """Say who paused and when, or None."""
        ...

    def pause(self, who: str, at: datetime) -> None:
        """Stop all writes; seen by every process before its next batch. Who paused first stays on record."""
        ...

    def resume(self, who: str, at: datetime) -> None:
        """Go on."""
        ...

    def acquire(self, name: str, owner: str, ttl: timedelta) -> int:
        """Take or renew a lease on the database's own clock; give its generation, 0 when another's has not run out.

        The generation is the same for as long as nobody else has held it, and another once somebody has.
        """
        ...

    def renew(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Renew a lease that has not run out; False where it has: what hung on it is lost for good."""
        ...

    def release(self, name: str, owner: str) -> None:
        """Give a lease back; nothing happens when it is not ours."""
        ...

    def holder(self, name: str) -> str | None:
        """Name the owner of a lease that has not run out, or None."""
        ...

    def fence(self, name: str, generation: int | None) -> None:
        """Let all later commits of this object's manifest and decisions stand on a lease; None lifts it.

        Inside its transaction each of them asks whether the lease still has that generation, and raises ``LocalFault``
        (``engine.lost``), storing nothing, where it has another.
        """
        ...

    def audit(self, who: str, what: str, at: datetime, details: Mapping[str, Any] | None = None) -> None:
        """Record who did what. ``details`` are JSON values."""
        ...

    def audited(self, count: int = 100) -> list[tuple[datetime, str, str, dict[str, Any]]]:
        """List the latest deeds (when, who, what, details), newest first."""
        ...

    def setting(self, name: str) -> str | None:
        """Give a stored word (``install``, ``last_as_of``), or None."""
        ...

    def put_setting(self, name: str, value: str) -> None:
        """Store a word."""
        ...

    def before_values(self, run_id: str) -> list[tuple[str, str, str, Value, Value]]:
        """List what rows decided by a run changed: (object, record id, field, before, written), oldest first.

        ``before`` is what was read just before the write, else what the decision expected; None for created records.
        """
        ...


class Store(Protocol):
    """The whole state, by parts; one object per process, safe for use from several threads."""

    @property
    def manifest(self) -> Manifest: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def knowledge(self) -> Knowledge: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def switches(self) -> Switches: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def past(self) -> Past: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def task_times(self) -> TaskTimes: ...
    @property
    def shared(self) -> bool:
        """Whether other processes, on other machines too, may deliver beside the holder of the engine's turn."""
        ...

    def check(self) -> None:
        """Look whether the state answers and has this program's version.

        Raises:
            LocalFault: it does not answer, was replaced by another file, or a newer program has changed it.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
