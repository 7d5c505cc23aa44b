"""What we ask of the durable list of writes. Every method is one transaction. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol, overload

from connector.domain.own_updates import OwnUpdates
from connector.domain.writes import Cause, RowState, Write, WriteOutcome


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
        depends_on: creation keys of rows that must be done before. While one of them is missing, held, dead or
            superseded the row is held by ``dependency``, and let go by itself once that has changed.
        held_by: why a held row is held: ``budget``, ``limit``, ``retry``, ``dependency``, ``mode``. A row whose fate is
            unknown is never held: it keeps its state and its lane.
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


class Taken(NamedTuple):
    """A row as whoever sends it, or looks up what became of it, needs it; each as in ``OutboxRow``."""

    id: int
    write: Write
    priority: int
    decided_at: datetime
    attempts: int
    code: str
    not_before: datetime | None


class OwnRows(Sequence[Taken]):
    """Rows that were taken at once, for the first time or all for the same, and are alike but for what they ask for.

    Rows like any other once somebody looks at them; see ``OwnUpdates``.

    Attributes:
        ids, attempts, decided_at: as in ``OutboxRow``; attempts and instant are those of all.
        updates: what they ask for, in the same order.
    """

    __slots__ = ("_read", "_rows", "attempts", "decided_at", "ids", "updates")

    def __init__(
        self,
        ids: Sequence[int],
        attempts: int,
        decided_at: datetime,
        asked: tuple[str, Sequence[str], Sequence[str]],
        read: Callable[[], Sequence[Taken]],
    ) -> None:
        """Prepare; ``asked`` is what ``OwnUpdates`` are made of, ``read`` gives the rows one by one, in order."""
        self.ids = ids
        self.attempts = attempts
        self.decided_at = decided_at
        self.updates = OwnUpdates(*asked, self._writes)
        self._read = read
        self._rows: Sequence[Taken] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Taken: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Taken]: ...
    def __getitem__(self, place: int | slice) -> Taken | Sequence[Taken]:
        if isinstance(place, int):
            return self._all()[place]
        asked = self.updates.object, self.updates.ids[place], self.updates.fields[place]
        return OwnRows(self.ids[place], self.attempts, self.decided_at, asked, lambda: self._all()[place])

    def __iter__(self) -> Iterator[Taken]:
        return iter(self._all())

    def _all(self) -> Sequence[Taken]:
        if self._rows is None:
            self._rows = self._read()
        return self._rows

    def _writes(self) -> Sequence[Write]:
        return [row.write for row in self._all()]


@dataclass(frozen=True, slots=True)
class DoneRow:
    """A write that is done.

    Attributes:
        record_id: of the record written or created, where known.
        written: True where it changed the CRM; False where the CRM held the value already, or a person's value stayed.
        code: what the outcome said besides, e.g. ``put_back``: nobody looked.
    """

    id: int
    write: Write
    record_id: str | None
    written: bool
    code: str
    settled_at: datetime | None


class Spent(NamedTuple):
    """Calls that were sent: of which system, how many, and why."""

    system: str
    calls: int
    cause: str


#: a batch that was sent, and what came of each of its rows, in order
Answered = tuple[Sequence[Taken], Sequence[WriteOutcome]]


class Turned(NamedTuple):
    """What one turn did: of each batch the ids of the rows that were moved, in order, and the rows that were taken."""

    moved: Sequence[set[int]]
    rows: Sequence[Taken]


class Outbox(Protocol):
    """The durable list of writes. States and lawful moves: ``connector.domain.outbox_states``.

    Every change of state is checked against that table.

    Raises:
        HandoffError: ``outbox.unlawful_move``, ``outbox.no_such_row``: nothing was changed; our bug, or somebody else
            was quicker (a row to be held was claimed meanwhile).
    """

    def claim(self, limit: int, *, owner: str, now: datetime, lease: timedelta) -> Sequence[Taken]:
        """Take at most ``limit`` rows for sending: todo, due, dependencies done, oldest of their lane, no lane twice.

        Nothing of a lane is taken while another row of it is doing or unknown, whichever is older, and nothing at all
        while writes are paused.

        They become ``doing`` until ``now + lease`` (real time), attempts + 1. Fast lane first, then grouped by kind and
        object so that batches are large, then oldest first. At most one ``doing`` per lane: a partial unique index.
        References of a claimed row to creation keys are left as they are; see ``created_ids``. Where they can be, they
        are ``OwnRows``.
        """
        ...

    def settle(
        self, outcomes: Mapping[int, WriteOutcome], *, now: datetime, claims: Mapping[int, int] | None = None
    ) -> set[int]:
        """Move rows (by id; doing or unknown) to what their outcomes say; store before-values, words and record ids.

        WRITTEN, UNCHANGED, HUMAN_WON → done; RETRY → todo with ``not_before``; UNKNOWN → unknown; REJECTED → dead.
        Repeating a settlement to done changes nothing. UNKNOWN with ``not_before`` also keeps every *other* row of the
        lane back until then, even after this one is done. A row that comes back as todo or dead while a newer wish of
        its lane and group exists becomes superseded, except that a row that was unknown is sent again first.

        ``claims`` (row id → its ``attempts`` when it was claimed or listed as unknown) says which sending the outcomes
        are about. Outcomes of rows that have been claimed again, or settled, by others since are left out; give the
        ids of the rows that were moved. Without ``claims`` such a row is a mistake of ours.

        Raises:
            HandoffError: ``outbox.wrong_key``: an outcome belongs to another write. All outcomes or none are stored.
        """
        ...

    def turn(
        self,
        *answered: Answered,
        spent: Spent | None,
        limit: int,
        owner: str,
        now: datetime,
        lease: timedelta,
    ) -> Turned:
        """Settle batches as was answered of each row, record what it cost, and take what is next: one transaction.

        As ``settle`` (the claims are those of the rows; ``AsAsked`` where all came true), ``Ledger.spend`` (at
        ``now``) and ``claim``, one after the other.
        """
        ...

    def expire(self, *, now: datetime) -> int:
        """Move ``doing`` rows whose lease has run out to ``unknown``; return how many."""
        ...

    def lose_dead(self, *, alone: bool = False) -> int:
        """Move ``doing`` rows of senders whose lease (named as they are) has run out to ``unknown``; return how many.

        On the database's own clock, for good: such a sender can neither claim nor renew any more. ``alone``: the
        caller knows that nobody else may send, so every other sender is dead.
        """
        ...

    def forget_quiet(self, *, now: datetime) -> int:
        """Forget what kept newer wishes for a record back after a lost answer and no longer does; return how many.

        While there is any, each row that is claimed is looked up among them.
        """
        ...

    def unknown(self, limit: int) -> list[Taken]:
        """List rows whose fate is unknown, oldest first."""
        ...

    def created_ids(self, keys: Sequence[str]) -> dict[str, str]:
        """Give the record ids that done creations left, by creation key."""
        ...

    def created_for(self, person_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Give object (``lead``) and id of each record that done creations for these people left, oldest first."""
        ...

    def unsettled(self) -> list[OutboxRow]:
        """List rows in todo, doing, unknown, held and dead, oldest first."""
        ...

    def each_unsettled(self) -> Iterator[OutboxRow]:
        """Give what ``unsettled`` lists one after the other; they are read as they are asked for."""
        ...

    def each_done(self, kind: Literal["create", "update"], object: str) -> Iterator[DoneRow]:  # noqa: A002 - our word
        """Give done creations or updates of one kind of record, oldest first; they are read as they are asked for."""
        ...

    def tasks_made(self, since: datetime) -> list[DoneRow]:
        """Give creations of tasks done at or after ``since``, in order of time: cheap whatever came before."""
        ...

    def ids(self, states: Collection[RowState]) -> list[int]:
        """List the ids of rows in some states, oldest first."""
        ...

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Say which of these creation keys have a row in any state but superseded, or one that a person dismissed."""
        ...

    def counts(self, run_id: str | None = None) -> dict[str, int]:
        """Count rows by state, with held split as ``held:limit`` …; of one run or of all."""
        ...

    def unsettled_counts(self) -> dict[str, int]:
        """Count todo, doing, unknown, held and dead rows as ``counts`` does: cheap however much has been done."""
        ...

    def any_by(self, by: datetime) -> bool:
        """Say whether a todo row may go until then as far as its own moment and a lost write of its lane are asked."""
        ...

    def oldest(self) -> dict[str, datetime]:
        """Give, for each unsettled state that has rows, when the oldest of them was decided."""
        ...

    def tally(self, run_id: str, ids: Sequence[int]) -> dict[str, int]:
        """Count rows decided by ``run_id`` and rows with these ids by what has become of them.

        Keys: ``written``, ``unchanged`` (the record held the value, or a person's value stayed), ``superseded``,
        ``dead``, ``todo``, ``doing``, ``unknown``, and ``held:REASON``. Every row is counted once.
        """
        ...

    def used_by_cause(self, since: datetime) -> dict[Cause, int]:
        """Count rows by each cause that people notice, which is all but ``SCORE``.

        Those count that were decided at or after ``since`` and are todo, doing, unknown or done by writing.
        """
        ...

    def hold(self, ids: Sequence[int], *, held_by: str) -> None:
        """Hold todo rows with their reason."""
        ...

    def release(self, *, plan_id: str | None, held_by: str | None, now: datetime) -> int:
        """Turn held rows into todo, of one plan or of one reason (of both where both are given); return how many.

        Rows whose dependency is not to come stay held; rows with a newer wish of lane and group become superseded.
        """
        ...

    def retry(self, ids: Sequence[int] | None, *, now: datetime) -> int:
        """Turn dead and held rows (all when None) into todo; return how many. Exceptions as for ``release``."""
        ...

    def dismiss(self, ids: Sequence[int], *, who: str, now: datetime) -> int:
        """Turn dead and held rows into superseded for good; return how many.

        A dismissed creation is not asked for again, except what only the mode held.
        """
        ...

    def renew(self, rows: Mapping[int, OutboxRow], *, now: datetime) -> int:
        """Put other wishes (by row id) in the place of dead or held rows, as todo, under the key each had.

        A row that is neither dead nor held any more, or has another key, stays as it is. Return how many were renewed.
        """
        ...

    def drop(self, *, held_by: str, now: datetime) -> int:
        """Turn held rows of one reason into superseded without remembering them; return how many.

        What was decided while paused or in shadow goes this way: a later decision may ask for it anew.
        """
        ...
