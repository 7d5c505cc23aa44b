"""What Handoff remembers of people and accounts, and what one cycle decides about them; part of the store.

Large sets travel as Arrow tables, whose columns stand in ``memory_tables``; instants in them are
``timestamp('us', 'UTC')``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, Union

import pyarrow as pa

from connector.ports.memory_tables import ACCOUNT_MOVES
from connector.ports.outbox import OutboxRow
from connector.ports.task_times import TaskEvent


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
    #: of an answered question the answer; of an open one that was answered and taken back ``withdrawn:`` and the answer
    answer: str = ""
    #: who gave the last answer, or took it back, and when; None while nobody has
    answered_by: str | None = None
    answered_at: datetime | None = None


#: one table, or many of one schema
Rows = Union[pa.Table, "Parts"]


def parts_of(rows: Rows) -> Iterator[pa.Table]:
    """Give the tables that rows come in."""
    yield from [rows] if isinstance(rows, pa.Table) else rows


class Parts(Protocol):
    """Tables of one schema that are read one at a time, as often as somebody asks."""

    schema: pa.Schema
    num_rows: int

    def __iter__(self) -> Iterator[pa.Table]:
        """Read one table after the other."""
        ...


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything one cycle decided, committed in one transaction.

    Tables have the schemas above and hold only new or changed rows; of several rows with one key the last counts. A
    large one may come in parts, which are read one after the other, as often as somebody asks (``parts_of``).
    ``gone`` are persons merged into others: their memory goes, their history stays. ``marks`` are instants set once
    (``baseline`` and ``baseline:SOURCE``). ``rotations`` are JSON by pool. ``moot`` are ids of open questions that have
    answered themselves; they go. ``moves_on`` is false where only questions are kept: what was last decided stays that.
    ``withdrawn`` are ids of rows of the outbox that must not be sent any more, ``anew`` those of tasks to be made that
    are decided anew, for their person's record is another one now, and ``opted_out`` counts what opt-outs
    kept from being done, ``late`` what was done about late first touches. ``events`` set off tasks among
    the rows.
    """

    run_id: str
    plan_id: str
    at: datetime
    identities: Rows
    persons: Rows
    stage_moves: Rows
    scores: Rows
    accounts: dict[str, str] = field(default_factory=dict)
    rows: Sequence[OutboxRow] = ()
    reviews: Sequence[Review] = ()
    rotations: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, datetime] = field(default_factory=dict)
    gone: Sequence[str] = ()
    moot: Sequence[str] = ()
    account_moves: Rows = field(default_factory=ACCOUNT_MOVES.empty_table)
    moves_on: bool = True
    withdrawn: Sequence[int] = ()
    anew: Sequence[int] = ()
    opted_out: Mapping[str, int] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[TaskEvent] = ()


class Knowledge(Protocol):
    """What Handoff remembers of people and accounts."""

    def identities(self, person_ids: Sequence[str] | None = None) -> pa.Table:
        """Give all references and their persons, or those of some persons (schema ``IDENTITIES``)."""
        ...

    def last_decided(self) -> str:
        """Name the run whose decisions were the last to be stored; empty before the first, and after an erasure."""
        ...

    def retired(self) -> list[str]:
        """List persons to whom no reference belongs any more: they turned out to be others; in order."""
        ...

    def persons(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Give the memory of all persons, or of some (schema ``PERSONS``)."""
        ...

    def remembered(self) -> int:
        """Count the persons in memory."""
        ...

    def accounts(self) -> dict[str, str]:
        """Give what was last written per account: account id → JSON."""
        ...

    def commit_decisions(self, decisions: Decisions) -> None:
        """Store all of it or nothing: identities, memory, history, reviews, rotations, marks, outbox rows.

        Rows of the same lane and group that are todo, held or dead become superseded. Update rows get their key here:
        digest of (lane, group, sequence of the decision). A creation whose key already has a row adds nothing; nor does
        an update that is already the newest of its lane and group, from the same plan (or run, where there is no plan)
        and with the same wish: so a commit may be repeated. Rows start as todo, or held with ``held_by``. Marks stay as
        first set. A review that has been answered stays answered.

        Raises:
            HandoffError: ``outbox.two_wishes``: two updates of one lane and group in one decision: our bug.
        """
        ...

    def given_to(self, owners: Mapping[str, str]) -> None:
        """Remember of people whose record we gave to somebody that it went to another: person id → user id."""
        ...

    def marks(self) -> dict[str, datetime]:
        """Give the marks by name."""
        ...

    def rotations(self) -> dict[str, str]:
        """Give the stored rotation of each pool."""
        ...

    def reviews(self, state: str | None = None) -> list[Review]:
        """List reviews, oldest first; ``withdrawn`` are the open ones whose answer was taken back."""
        ...

    def open_questions(self) -> int:
        """Count the reviews that wait for an answer."""
        ...

    def unasked(self, reviews: Sequence[Review]) -> list[Review]:
        """Leave out of some reviews those that would change nothing: answered, or open in just these words."""
        ...

    def answer_review(
        self, review_id: str, *, state: Literal["accepted", "rejected"], answer: str, who: str, at: datetime
    ) -> bool:
        """Close an open review; False when there is none of that id. ``answer`` is JSON or an id."""
        ...

    def ids_of_open_questions(self) -> list[str]:
        """List the ids of open reviews, in order."""
        ...

    def reopen_review(self, review_id: str, *, who: str, at: datetime) -> bool:
        """Take an answer back; False when there is no answered question of that id.

        The question is open again and ``answer`` remembers what was said, so that what the answer had joined parts.
        """
        ...

    def account_moves(self, person_id: str) -> pa.Table:
        """Give one person's ways between accounts in time order (schema ``ACCOUNT_MOVES``)."""
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

    def erase(self, person_ids: Sequence[str], *, hashes: Collection[str], who: str, at: datetime) -> dict[str, int]:
        """Take people out of everything the state holds and bury their hashes; give rows per table: the receipt.

        Outbox rows keep key, lane and state and lose everything else; what was not sent is superseded for good.
        """
        ...

    def lift_tombstones(self, hashes: Collection[str], *, who: str, at: datetime) -> int:
        """Forget erasures after new consent, with all hashes that were buried for the same people; return how many."""
        ...
