"""What we ask of the state database. Every method is one transaction: after it returns the effect is durable.

Times are aware UTC. Large sets travel as Arrow tables, whose columns stand in the schemas below; instants in them are
``timestamp('us', 'UTC')``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import pyarrow as pa

from connector.domain.records import Value
from connector.domain.writes import Cause, RowState, Write, WriteOutcome

INSTANT = pa.timestamp("us", "UTC")

#: which reference belongs to which person; one row per reference
IDENTITIES = pa.schema(
    [("system", pa.string()), ("object", pa.string()), ("id", pa.string()), ("person_id", pa.string())]
)
#: one row per person: memory that scores do not have. ``subject`` is the reference (``system:object:id``) that keys are
#: built from, stored once chosen. ``shown`` is JSON: what was last written to the CRM (numbers, grade, reasons).
PERSONS = pa.schema(
    [
        ("person_id", pa.string()),
        ("subject", pa.string()),
        ("stage", pa.string()),
        ("stage_since", INSTANT),
        ("stage_entry", pa.int64()),
        ("cool_off_until", INSTANT),
        ("disposition", pa.string()),
        ("account_id", pa.string()),
        ("match_method", pa.string()),
        ("match_confidence", pa.float64()),
        ("match_evidence", pa.string()),
        ("runner_up", pa.string()),
        ("shown", pa.string()),
    ]
)
#: one row per move between stages, ever
STAGE_MOVES = pa.schema(
    [
        ("person_id", pa.string()),
        ("entry", pa.int64()),
        ("from_stage", pa.string()),
        ("to_stage", pa.string()),
        ("at", INSTANT),
        ("because", pa.string()),
        ("run_id", pa.string()),
    ]
)
#: one row each time a person's shown numbers changed; ``lines`` is JSON
SCORE_HISTORY = pa.schema(
    [
        ("person_id", pa.string()),
        ("at", INSTANT),
        ("run_id", pa.string()),
        ("model", pa.string()),
        ("fit", pa.float64()),
        ("interest", pa.float64()),
        ("qualification", pa.float64()),
        ("total", pa.float64()),
        ("grade", pa.string()),
        ("verdict", pa.string()),
        ("lines", pa.string()),
    ]
)


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
        """Add and retire segments (by path) and set cursors ((system, stream) → text), all together."""
        ...

    def retired_before(self, instant: datetime) -> list[str]:
        """List paths retired before ``instant``, whose files may be deleted."""
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


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One write on its way.

    Attributes:
        id: given by the store; 0 before.
        lane: the record it concerns (``salesforce:lead:00Q…``), or the creation key; order is kept per lane.
        group: field group of an update (``score``, ``stage``, ``owner``, ``edit``, ``task``) or ``create``; a newer
            wish supersedes todo, held and dead rows of the same lane and group.
        rule: the rule or step that asked for it.
        priority: 0 = fast lane, 1 = tasks and owners, 2 = the rest; smaller goes first.
        depends_on: creation keys of rows that must be done before.
        held_by: why a held row is held: ``budget``, ``limit``, ``retry``, ``unknown``, ``dependency``, ``mode``.
        day: local day of the decision, for limits.
    """

    id: int
    write: Write
    lane: str
    group: str
    cause: Cause
    rule: str
    person_id: str
    reason: str
    run_id: str
    plan_id: str
    priority: int
    decided_at: datetime
    state: RowState = RowState.TODO
    held_by: str = ""
    depends_on: tuple[str, ...] = ()
    attempts: int = 0
    not_before: datetime | None = None
    sent_at: datetime | None = None
    code: str = ""
    message: str = ""
    fixer: str = ""


class Outbox(Protocol):
    """The durable list of writes. States and lawful moves: ``connector.delivery.states``."""

    def claim(self, limit: int, *, owner: str, now: datetime, lease: timedelta) -> list[OutboxRow]:
        """Take at most ``limit`` rows for sending: todo, due, dependencies done, oldest of their lane, no lane twice.

        They become ``doing`` until ``now + lease`` (real time), attempts + 1. Fast lane first, then grouped by kind and
        object so that batches are large, then oldest first. At most one ``doing`` per lane: a partial unique index.
        References of a claimed row to creation keys are left as they are; see ``created_ids``.
        """
        ...

    def settle(self, outcomes: Mapping[int, WriteOutcome], *, now: datetime) -> None:
        """Move rows (by id) to what their outcomes say and store before-values, vendor words and record ids.

        WRITTEN, UNCHANGED, HUMAN_WON → done; RETRY → todo with ``not_before``; UNKNOWN → unknown; REJECTED → dead.
        """
        ...

    def expire(self, *, now: datetime) -> int:
        """Move ``doing`` rows whose lease has run out to ``unknown``; return how many."""
        ...

    def unknown(self, limit: int) -> list[OutboxRow]:
        """List rows whose fate is unknown, oldest first."""
        ...

    def created_ids(self, keys: Sequence[str]) -> dict[str, str]:
        """Give the record ids that done creations left, by creation key."""
        ...

    def unsettled(self) -> list[OutboxRow]:
        """List rows in todo, doing, unknown, held and dead, oldest first."""
        ...

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Say which of these creation keys have a row in any state but superseded."""
        ...

    def counts(self, run_id: str | None = None) -> dict[str, int]:
        """Count rows by state, with held split as ``held:limit`` …; of one run or of all."""
        ...

    def tally(self, run_id: str, ids: Sequence[int]) -> dict[str, int]:
        """Count rows decided by ``run_id`` and rows with these ids by what has become of them.

        Keys: ``written``, ``unchanged`` (the record held the value, or a person's value stayed), ``superseded``,
        ``dead``, ``todo``, ``doing``, ``unknown``, and ``held:REASON``. Every row is counted once.
        """
        ...

    def used_by_cause(self, since: datetime) -> dict[Cause, int]:
        """Count rows per cause decided at or after ``since`` that are todo, doing, unknown or done by writing."""
        ...

    def hold(self, ids: Sequence[int], *, held_by: str) -> None:
        """Hold todo rows with their reason."""
        ...

    def release(self, *, plan_id: str | None, held_by: str | None, now: datetime) -> int:
        """Turn held rows into todo, of one plan or of one reason; return how many."""
        ...

    def retry(self, ids: Sequence[int] | None, *, now: datetime) -> int:
        """Turn dead and held rows (all when None) into todo; return how many."""
        ...

    def dismiss(self, ids: Sequence[int], *, who: str, now: datetime) -> int:
        """Turn dead and held rows into superseded for good; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class Review:
    """One question for a person. ``id`` is derived from the question, so that it is asked once."""

    id: str
    kind: Literal["person", "account"]
    person_id: str
    #: JSON: candidates with evidence
    candidates: str
    opened_at: datetime
    state: Literal["open", "accepted", "rejected"] = "open"
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything one cycle decided, committed in one transaction.

    Tables have the schemas above and hold only new or changed rows. ``marks`` are instants set once
    (``baseline`` and ``baseline:SOURCE``). ``rotations`` are JSON by pool.
    """

    run_id: str
    plan_id: str
    at: datetime
    identities: pa.Table
    persons: pa.Table
    stage_moves: pa.Table
    scores: pa.Table
    accounts: dict[str, str] = field(default_factory=dict)
    rows: Sequence[OutboxRow] = ()
    reviews: Sequence[Review] = ()
    rotations: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, datetime] = field(default_factory=dict)
    gone: Sequence[str] = ()


class Knowledge(Protocol):
    """What Handoff remembers of people and accounts."""

    def identities(self) -> pa.Table:
        """Give all references and their persons (schema ``IDENTITIES``)."""
        ...

    def persons(self) -> pa.Table:
        """Give the memory of all persons (schema ``PERSONS``)."""
        ...

    def accounts(self) -> dict[str, str]:
        """Give what was last written per account: account id → JSON."""
        ...

    def commit_decisions(self, decisions: Decisions) -> None:
        """Store all of it or nothing: identities, memory, history, reviews, rotations, marks, outbox rows.

        Rows of the same lane and group that are todo, held or dead become superseded. Update rows get their key here:
        digest of (lane, group, sequence of the decision). A creation whose key already has a row adds nothing.
        """
        ...

    def marks(self) -> dict[str, datetime]:
        """Give the marks by name."""
        ...

    def rotations(self) -> dict[str, str]:
        """Give the stored rotation of each pool."""
        ...

    def reviews(self, state: str | None = None) -> list[Review]:
        """List reviews, oldest first."""
        ...

    def stage_moves(self, person_id: str) -> pa.Table:
        """Give one person's moves in time order (schema ``STAGE_MOVES``)."""
        ...

    def score_history(self, person_id: str) -> pa.Table:
        """Give one person's shown numbers in time order (schema ``SCORE_HISTORY``)."""
        ...

    def tombstones(self) -> set[str]:
        """Give the hashes of erased people."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One cycle: when, in what mode, and its report as JSON once it has ended."""

    id: str
    plan_id: str
    kind: Literal["run", "plan"]
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

    def save_plan(self, plan_id: str, *, made_at: datetime, body: str) -> None:
        """Store a plan (JSON)."""
        ...

    def plan(self, plan_id: str) -> str | None:
        """Give a stored plan (JSON), or None."""
        ...


class Switches(Protocol):
    """Pause, leases, audit."""

    def paused(self) -> tuple[str, datetime] | None:
        """Say who paused and when, or None."""
        ...

    def pause(self, who: str, at: datetime) -> None:
        """Stop all writes; seen by every process before its next batch."""
        ...

    def resume(self, who: str, at: datetime) -> None:
        """Go on."""
        ...

    def acquire(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Take or renew a lease on the database's own clock; False when another owner's has not run out."""
        ...

    def release(self, name: str, owner: str) -> None:
        """Give a lease back; nothing happens when it is not ours."""
        ...

    def audit(self, who: str, what: str, at: datetime, details: Mapping[str, Any] | None = None) -> None:
        """Record who did what."""
        ...

    def setting(self, name: str) -> str | None:
        """Give a stored word (``install``, ``last_as_of``), or None."""
        ...

    def put_setting(self, name: str, value: str) -> None:
        """Store a word."""
        ...

    def before_values(self, run_id: str) -> list[tuple[str, str, str, Value, Value]]:
        """List what a run changed: (object, record id, field, before, written)."""
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

    def close(self) -> None:
        """Give back connections."""
        ...
