"""Right of the outbox nothing happens twice: claim, send, settle, and settle what came back unclear."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import compress

import structlog

from connector.delivery.answers import Answer, again, got_somewhere, not_sent
from connector.delivery.as_sent import MIRROR_AGE, all_as_sent, resolved
from connector.delivery.brisk import brisk
from connector.delivery.budget import Budget
from connector.delivery.bulk import BulkLane
from connector.delivery.drained import Drained
from connector.delivery.flight import AHEAD, fly
from connector.delivery.lost import LostAnswers
from connector.delivery.pauses import pause_seconds
from connector.delivery.sender import LONGEST_BATCH, TTL, Sender
from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import AccessError, HandoffError, RateLimited, TransientError
from connector.ports.crm import Crm
from connector.ports.store import OwnRows, Spent, Store, Taken
from connector.ports.waits import Guarded

#: how long a claimed row is ours at most, told for people; what counts is whether its sender lives
LEASE = LONGEST_BATCH
#: rows of others are waited for this long: a sender that died is noticed by then
OTHERS_SECONDS = TTL.total_seconds() + 1.0
#: batches sent before the drain looks at lost answers, jobs and its budget again
_STINT = 25
#: with fewer calls left for today, each batch asks for itself: a stint must not go past the ceiling
_NEAR_CALLS = 1000


class Drain:
    """Empties the outbox into one CRM. Several may run at once on one database; rows are claimed, never shared."""

    def __init__(
        self,
        store: Store,
        crm: Crm,
        *,
        owner: str,
        budget: Budget,
        patience: timedelta = timedelta(seconds=60),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
        stop: Callable[[], bool] = lambda: False,
        sits_out: bool = True,
    ) -> None:
        """Prepare. ``sits_out``: wait for a CRM that is left alone for being down; else leave it to the next run."""
        self._store = store
        self._crm = crm
        self._owner = owner
        self._budget = budget
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._timer = timer
        self._stop = stop
        self._sits_out = sits_out
        self._sender = Sender(store.switches, owner)
        self._wait_seconds = 0.0
        self._bulk = BulkLane(store, crm, owner=owner)
        self._lost = LostAnswers(crm)
        self._gave_up = False
        self._began = (clock(), 0.0)
        self._system = crm.traits().system
        #: calls of the CRM that are in the ledger
        self._counted = 0

    def run(self, *, now: datetime) -> Drained:
        """Send until nothing is due, the pause switch is on, the budget is spent or the system does not answer.

        ``now`` is the cycle's clock at this moment, on which ``not_before`` lies; it goes on with real time.
        Leases are real time always. Waiting for what may pass (locks, lost answers) takes at most ``patience`` of
        real time; what is left then waits for the next run.

        Raises:
            AccessError: not let in; claimed rows went back.
        """
        with self._sender, self._sender.minding(self._crm):
            try:
                return self._run(now)
            finally:
                self._bulk.close()

    def _run(self, now: datetime) -> Drained:
        drained = Drained()
        started = self._timer()
        self._began = (now, started)
        self._store.outbox.forget_quiet(now=now)
        tries = 0
        while not self._stopped(drained, now):
            instant = self._instant()
            self._store.outbox.lose_dead()
            self._sender.ready()
            self._wait_seconds = 0.0
            final = self._settle_job(drained, instant) + self._settle_unknown(drained, instant)
            final += self._send(drained)
            if drained.stopped_by:
                break
            if final:
                tries = 0
                continue
            if not self._sits_out and isinstance(self._crm, Guarded) and self._crm.circuit().state != "closed":
                # Other jobs of this process would wait as well; the next one that is due sends the probe.
                drained.stopped_by = "circuit"
                break
            pause = pause_seconds(tries, self._wait_seconds)
            waited = self._timer() - started
            if not self._waiting(waited) or waited + pause > self._patience.total_seconds():
                break
            tries += 1
            self._sleep(pause)
        return drained

    def _instant(self) -> datetime:
        """Give the cycle's clock at this moment."""
        now, started = self._began
        return now + timedelta(seconds=self._timer() - started)

    def _stopped(self, drained: Drained, now: datetime) -> bool:
        if not self._halted(drained) and self._budget.remaining(self._crm.usage(), now=now) == 0:
            drained.stopped_by = "budget"
        return bool(drained.stopped_by)

    def _halted(self, drained: Drained) -> bool:
        """Say whether somebody wants nothing more to be sent."""
        if self._stop():
            drained.stopped_by = "stop"
        elif self._store.switches.paused() is not None:
            drained.stopped_by = "pause"
        return bool(drained.stopped_by)

    def _waiting(self, waited_seconds: float) -> bool:
        """Say whether there is something to wait for.

        Others' rows only until their senders would be known as dead, and none that a lost answer keeps for longer than
        our patience.
        """
        counts = self._store.outbox.unsettled_counts()
        others = self._sits_out and waited_seconds < OTHERS_SECONDS and counts.get("doing", 0)
        ends = self._instant() + self._patience - timedelta(seconds=waited_seconds)
        return bool(counts.get("unknown", 0) or others or (counts.get("todo", 0) and self._store.outbox.any_by(ends)))

    def _send(self, drained: Drained) -> int:
        """Send what is next: a batch, or where much waits, batches and a job; give the rows whose story has ended."""
        now = self._instant()
        self._gave_up = False
        batch = self._crm.traits().batch_size
        ahead = self._ahead(now)
        claimed = self._store.outbox.claim(
            self._bulk.claimed_at_once(batch, batch * ahead), owner=self._sender.name, now=now, lease=self._lease(now)
        )
        of_job = self._bulk.choose(claimed)
        if of_job:
            return self._send_with_job(claimed, of_job, drained, batch)
        if len(claimed) > batch and ahead > 1:
            return self._send_ahead(claimed, drained, batch, ahead)
        return self._send_in_turn(claimed, drained, batch)

    def _lease(self, now: datetime) -> timedelta:
        return self._clock() + LEASE - now

    def _ahead(self, now: datetime) -> int:
        """Say how many batches may be taken before they are answered: one where the end of the budget is near."""
        left = self._budget.remaining(self._crm.usage(), now=now)
        return AHEAD if left is None or left >= _NEAR_CALLS else 1

    def _send_with_job(self, claimed: Sequence[Taken], of_job: Sequence[Taken], drained: Drained, batch: int) -> int:
        taken = {row.id for row in of_job}
        final = 0
        try:
            final = self._send_in_turn([row for row in claimed if row.id not in taken], drained, batch)
            if not self._gave_up and not self._stopped(drained, self._instant()):
                some, of_job = of_job, ()
                self._send_job(some, drained, self._instant())
        finally:
            self._give_back(of_job)
        return final

    def _send_in_turn(self, rows: Sequence[Taken], drained: Drained, batch: int) -> int:
        """Send batches that were taken, each settled before the next one goes; give the rows now done."""
        unsent = rows
        final = 0
        self._counted = self._crm.calls()
        try:
            while unsent and not self._gave_up and not self._stopped(drained, self._instant()):
                some, unsent = unsent[:batch], unsent[batch:]
                answer = self._attempt(self._with_references(some))
                final += self._turn([answer], drained, 0)[0]
                self._give_up(answer.error, drained)
        finally:
            self._count_calls()
            self._give_back(unsent)
        return final

    def _send_ahead(self, claimed: Sequence[Taken], drained: Drained, batch: int, ahead: int) -> int:
        """Send batches; while one is on the wire those before are settled and the next taken; give the rows now done.

        It ends after some batches, for there are others to look after, or when one of them got nowhere.
        """
        final, taken = 0, len(claimed)
        waiting = deque(_parts(claimed, batch))
        #: of what was sent last, until it is settled
        answers: list[Answer] = []
        error: HandoffError | None = None
        self._counted = self._crm.calls()

        def turn() -> None:
            nonlocal final, taken
            if waiting:
                return  # what is next has been taken: a later turn settles more with one commit
            goes_on = taken < _STINT * batch and all(map(got_somewhere, answers))
            done, following = self._turn(answers, drained, batch * (ahead - 1) if goes_on else 0)
            answers.clear()
            final += done
            taken += len(following)
            waiting.extend(_parts(following, batch))

        try:
            with brisk():
                while waiting and error is None and (not answers or answers[-1].sent):
                    rows = self._with_references(waiting.popleft())
                    answers.append(fly(self._crm, partial(self._attempt_unless_halted, rows, drained), turn))
                    error = answers[-1].error
                final += self._turn(answers, drained, 0)[0]
        finally:
            self._count_calls()
            for rows in waiting:
                self._give_back(rows)
        self._give_up(error, drained)
        return final

    def _attempt_unless_halted(self, rows: Sequence[Taken], drained: Drained) -> Answer:
        return not_sent(rows) if self._halted(drained) else self._attempt(rows)

    def _attempt(self, rows: Sequence[Taken]) -> Answer:
        """Send one batch; the only place from which writes go to the CRM one by one."""
        now = self._instant()
        self._sender.began()
        try:
            self._sender.may_send()
            seen_since = now - MIRROR_AGE
            outcomes = self._crm.apply(all_as_sent(rows, seen_since), now=now)
        except (RateLimited, TransientError, AccessError) as error:
            # The port promises that nothing was attempted, so the rows are certain to be safe to send again.
            return Answer(rows, [again(row, error.code, error.message) for row in rows], error)
        if not isinstance(outcomes, AsAsked) and not all(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes):
            judged = self._lost.judged
            outcomes = [judged(row, outcome, now) for row, outcome in zip(rows, outcomes, strict=True)]
        return Answer(rows, outcomes)

    def _turn(self, answers: Sequence[Answer], drained: Drained, room: int) -> tuple[int, Sequence[Taken]]:
        """Settle what was answered and take what is next; give how many rows are done now, and the next ones."""
        now = self._instant()
        answered = [(answer.rows, answer.outcomes) for answer in answers]
        calls = self._crm.calls()
        moved, following = self._store.outbox.turn(
            *answered,
            spent=Spent(self._system, calls - self._counted, "write"),
            limit=room,
            owner=self._sender.name,
            now=now,
            lease=self._lease(now),
        )
        self._counted = calls
        done = [self._told(*batch, ours, drained) for batch, ours in zip(answered, moved, strict=True)]
        return sum(done), following

    def _count_calls(self) -> None:
        """Record what has been sent and is not in the ledger: something went wrong."""
        self._spend(self._counted, "write", self._instant())

    def _give_back(self, rows: Sequence[Taken]) -> None:
        """Let go of rows that were claimed and not sent."""
        if rows:
            again = {row.id: outcome for row, outcome in zip(rows, not_sent(rows).outcomes, strict=True)}
            claims = {row.id: row.attempts for row in rows}
            self._store.outbox.settle(again, now=self._instant(), claims=claims)

    def _send_job(self, rows: Sequence[Taken], drained: Drained, now: datetime) -> None:
        before = self._crm.calls()
        try:
            self._bulk.send(rows, now=now)
        except (RateLimited, TransientError, AccessError) as error:
            self._give_up(error, drained)
        finally:
            self._spend(before, "write", now)

    def _settle_job(self, drained: Drained, now: datetime) -> int:
        """Ask what became of a job; give the rows whose story has ended."""
        before = self._crm.calls()
        try:
            rows, outcomes = self._bulk.settle(now=now)
        finally:
            self._spend(before, "write", now)
        return drained.count(rows, outcomes)

    def _settle(
        self, rows: Sequence[Taken], outcomes: Mapping[int, WriteOutcome], drained: Drained, now: datetime
    ) -> int:
        """Store and count what came of rows, but of none that others have taken over; give those now done."""
        if not rows:
            return 0
        moved = self._store.outbox.settle(outcomes, now=now, claims={row.id: row.attempts for row in rows})
        return self._told(rows, [outcomes[row.id] for row in rows], moved, drained)

    def _told(self, rows: Sequence[Taken], outcomes: Sequence[WriteOutcome], moved: set[int], drained: Drained) -> int:
        """Count what came of rows, but of none that others have taken over; give those now done."""
        if len(moved) < len(rows):
            structlog.get_logger().warning("sender.outdated", rows=len(rows) - len(moved))
            ours = [row.id in moved for row in rows]
            rows, outcomes = list(compress(rows, ours)), list(compress(outcomes, ours))
        return drained.count(rows, outcomes)

    def _give_up(self, error: HandoffError | None, drained: Drained) -> None:
        if error is None:
            return
        if isinstance(error, AccessError):
            raise error
        self._gave_up = True
        if isinstance(error, TransientError):
            # The vendor's own figure is waited for in full, or this run leaves it at that.
            self._wait_seconds = error.retry_after_seconds or 0.0
        if isinstance(error, RateLimited) and error.daily:
            drained.stopped_by = "budget"

    def _with_references(self, rows: Sequence[Taken]) -> Sequence[Taken]:
        """Put the ids of created records where their creation keys stand."""
        if isinstance(rows, OwnRows):
            return rows
        keys = sorted({key for row in rows if row.write.references for key in row.write.references.values()})
        if not keys:
            return rows
        ids = self._store.outbox.created_ids(keys)
        return [row._replace(write=resolved(row.write, ids)) if row.write.references else row for row in rows]

    def _settle_unknown(self, drained: Drained, now: datetime) -> int:
        """Find out what became of lost answers, and give back what may be sent again; give the rows now done."""
        of_job = self._bulk.rows
        batch = self._crm.traits().batch_size
        found = self._store.outbox.unknown(batch + len(of_job))
        rows = [row for row in found if row.id not in of_job][:batch]
        if not rows:
            return 0
        before = self._crm.calls()
        try:
            outcomes = self._lost.outcomes(self._with_references(rows), now=now)
        except TransientError as error:
            self._wait_seconds = error.retry_after_seconds or 0.0
            outcomes = self._lost.resent(rows)
        else:
            # First, for what is sent again must find the way closed to whatever is newer; and by the clock of now.
            orphans = self._lost.orphaned(rows, now=self._instant())
            self._settle([row for row in rows if row.id in orphans], orphans, drained, now)
        finally:
            self._spend(before, "write", now)
        return self._settle([row for row in rows if row.id in outcomes], outcomes, drained, now)

    def _spend(self, before: int, cause: str, now: datetime) -> None:
        calls = self._crm.calls() - before
        if calls:
            self._store.ledger.spend(self._system, calls, cause=cause, at=now)


def _parts(rows: Sequence[Taken], size: int) -> list[Sequence[Taken]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
