"""Right of the outbox nothing happens twice: claim, send, settle, and settle what came back unclear."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog

from connector.delivery.budget import Budget
from connector.delivery.bulk import BulkLane
from connector.delivery.sender import LONGEST_BATCH, TTL, Sender
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, HandoffError, RateLimited, TransientError
from connector.ports.crm import Crm
from connector.ports.store import OutboxRow, Store
from connector.ports.waits import Guarded

#: how long a claimed row is ours at most, told for people; what counts is whether its sender lives
LEASE = LONGEST_BATCH
#: rows of others are waited for this long: a sender that died is noticed by then
OTHERS_SECONDS = TTL.total_seconds() + 1.0
#: waits between tries inside one cycle, in real seconds
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
#: beyond the vendor's bound: clocks differ, and an answer is older than it reads
_MARGIN = timedelta(minutes=1)
#: a vendor's clock further away than this tells nothing of a cycle that runs on a day of its own (``--as-of``)
_SAME_TIME = timedelta(hours=12)
_FINAL = frozenset({OutcomeKind.WRITTEN, OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON, OutcomeKind.REJECTED})


@dataclass(slots=True)
class Drained:
    """What one draining did, in rows, and what stopped it."""

    written: int = 0
    unchanged: int = 0
    dead: int = 0
    stopped_by: str = ""
    by_kind: dict[tuple[str, str], int] = field(default_factory=dict)


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
        self._gave_up = False

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
        tries = 0
        while not self._stopped(drained, now):
            instant = now + timedelta(seconds=self._timer() - started)
            self._store.outbox.lose_dead()
            self._sender.ready()
            self._wait_seconds = 0.0
            final = self._settle_job(drained, instant) + self._settle_unknown(drained, instant)
            final += self._send(drained, instant)
            if drained.stopped_by:
                break
            if final:
                tries = 0
                continue
            if not self._sits_out and isinstance(self._crm, Guarded) and self._crm.circuit().state != "closed":
                # Other jobs of this process would wait as well; the next one that is due sends the probe.
                drained.stopped_by = "circuit"
                break
            pause = max(_PAUSES[min(tries, len(_PAUSES) - 1)], self._wait_seconds)
            waited = self._timer() - started
            if not self._waiting(waited) or waited + pause > self._patience.total_seconds():
                break
            tries += 1
            self._sleep(pause)
        return drained

    def _stopped(self, drained: Drained, now: datetime) -> bool:
        if self._stop():
            drained.stopped_by = "stop"
        elif self._store.switches.paused() is not None:
            drained.stopped_by = "pause"
        elif self._budget.remaining(self._crm.usage(), now=now) == 0:
            drained.stopped_by = "budget"
        return bool(drained.stopped_by)

    def _waiting(self, waited_seconds: float) -> bool:
        """Say whether there is something to wait for: others' rows only until their senders would be known as dead."""
        counts = self._store.outbox.counts()
        others = self._sits_out and waited_seconds < OTHERS_SECONDS and counts.get("doing", 0)
        return bool(counts.get("unknown", 0) or counts.get("todo", 0) or others)

    def _send(self, drained: Drained, now: datetime) -> int:
        """Send what is next: a batch, or where much waits, batches and a job; give the rows whose story has ended."""
        lease = self._clock() + LEASE - now
        self._gave_up = False
        batch = self._crm.traits().batch_size
        claimed = self._store.outbox.claim(
            self._bulk.claimed_at_once(batch), owner=self._sender.name, now=now, lease=lease
        )
        of_job = self._bulk.choose(claimed)
        if len(claimed) <= batch and not of_job:
            return self._send_rows(claimed, drained, now) if claimed else 0
        taken = {row.id for row in of_job}
        unsent = [row for row in claimed if row.id not in taken]
        final = 0
        try:
            while unsent and not self._gave_up and not self._stopped(drained, now):
                some, unsent = unsent[:batch], unsent[batch:]
                final += self._send_rows(some, drained, now)
            if of_job and not self._gave_up and not self._stopped(drained, now):
                some, of_job = of_job, []
                self._send_job(some, drained, now)
        finally:
            self._give_back([*unsent, *of_job], now)
        return final

    def _give_back(self, rows: list[OutboxRow], now: datetime) -> None:
        """Let go of rows that were claimed and not sent."""
        again = {row.id: WriteOutcome(row.write.key, OutcomeKind.RETRY, code="not_sent") for row in rows}
        self._store.outbox.settle(again, now=now, claims={row.id: row.attempts for row in rows})

    def _send_job(self, rows: list[OutboxRow], drained: Drained, now: datetime) -> None:
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
        self._count(drained, rows, outcomes)
        return sum(outcome.kind in _FINAL for outcome in outcomes)

    def _send_rows(self, rows: list[OutboxRow], drained: Drained, now: datetime) -> int:
        """Send one batch; give the rows whose story has ended."""
        writes = [row.write for row in self._with_references(rows)]
        before = self._crm.calls()
        try:
            self._sender.may_send()
            outcomes = self._crm.apply(writes, now=now)
        except (RateLimited, TransientError, AccessError) as error:
            # The port promises that nothing was attempted, so the rows are certain to be safe to send again.
            again = WriteOutcome(key="", kind=OutcomeKind.RETRY, code=error.code, message=error.message)
            self._settle(rows, {row.id: replace(again, key=row.write.key) for row in rows}, drained, now)
            return self._give_up(error, drained)
        finally:
            self._spend(before, "write", now)
        outcomes = [self._bounded(row, outcome, now) for row, outcome in zip(rows, outcomes, strict=True)]
        return self._settle(rows, {row.id: out for row, out in zip(rows, outcomes, strict=True)}, drained, now)

    def _settle(
        self, rows: Sequence[OutboxRow], outcomes: Mapping[int, WriteOutcome], drained: Drained, now: datetime
    ) -> int:
        """Store and count what came of rows, but of none that others have taken over; give those now done."""
        moved = self._store.outbox.settle(outcomes, now=now, claims={row.id: row.attempts for row in rows})
        told = [(row, outcomes[row.id]) for row in rows if row.id in moved]
        if len(moved) < len(outcomes):
            structlog.get_logger().warning("sender.outdated", rows=len(outcomes) - len(moved))
        self._count(drained, [row for row, _ in told], [outcome for _, outcome in told])
        return sum(outcome.kind in _FINAL for _, outcome in told)

    def _bounded(self, row: OutboxRow, outcome: WriteOutcome, now: datetime) -> WriteOutcome:
        """Say until when a lost write may still come true, where the adapter has not said so.

        A creation is not sent again before; of an updated record no newer row is, for the lost one might overtake it.
        """
        if outcome.kind is not OutcomeKind.UNKNOWN or outcome.not_before is not None or self._repeatable(row):
            return outcome
        base = now if row.write.kind == "update" else self._vendor_now(now)
        return replace(outcome, not_before=base + self._crm.traits().settle_after + _MARGIN)

    def _vendor_now(self, now: datetime) -> datetime:
        """Read the vendor's clock, or the cycle's where the vendor has shown none or lives on another day."""
        seen = self._crm.clock()
        return seen if seen is not None and abs(seen - now) < _SAME_TIME else now

    def _give_up(self, error: HandoffError, drained: Drained) -> int:
        if isinstance(error, AccessError):
            raise error
        self._gave_up = True
        if isinstance(error, TransientError):
            # The vendor's own figure is waited for in full, or this run leaves it at that.
            self._wait_seconds = error.retry_after_seconds or 0.0
        if isinstance(error, RateLimited) and error.daily:
            drained.stopped_by = "budget"
        return 0

    def _with_references(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        """Put the ids of created records where their creation keys stand."""
        keys = sorted({key for row in rows for key in row.write.references.values()})
        ids = self._store.outbox.created_ids(keys) if keys else {}
        return [replace(row, write=_resolved(row.write, ids)) if row.write.references else row for row in rows]

    def _settle_unknown(self, drained: Drained, now: datetime) -> int:
        """Find out what became of lost answers, and give back what may be sent again; give the rows now done."""
        of_job = self._bulk.rows
        found = self._store.outbox.unknown(self._crm.traits().batch_size + len(of_job))
        rows = [row for row in found if row.id not in of_job][: self._crm.traits().batch_size]
        if not rows:
            return 0
        again = {row.id for row in rows if self._repeatable(row)}
        outcomes: dict[int, WriteOutcome] = {
            row.id: WriteOutcome(key=row.write.key, kind=OutcomeKind.RETRY, code="resend")
            for row in rows
            if row.id in again
        }
        rest = self._with_references([row for row in rows if row.id not in again])
        outcomes |= self._look_up(rest, now) if rest else {}
        return self._settle([row for row in rows if row.id in outcomes], outcomes, drained, now)

    def _repeatable(self, row: OutboxRow) -> bool:
        """A creation with a key that the CRM keeps unique is simply sent again: the second finds the first."""
        return row.write.kind == "create" and self._crm.traits().creation_key_unique.get(row.write.object, False)

    def _look_up(self, rows: list[OutboxRow], now: datetime) -> dict[int, WriteOutcome]:
        before = self._crm.calls()
        try:
            found: Mapping[str, str | None] = self._crm.find_applied([row.write for row in rows])
        except TransientError as error:
            self._wait_seconds = error.retry_after_seconds or 0.0
            return {}
        finally:
            self._spend(before, "write", now)
        outcomes: dict[int, WriteOutcome] = {}
        for row in rows:
            id_ = found.get(row.write.key)
            if id_ is not None:
                outcomes[row.id] = WriteOutcome(key=row.write.key, kind=OutcomeKind.WRITTEN, id=id_, code="found")
            elif row.write.kind == "update" or (row.not_before is not None and self._vendor_now(now) >= row.not_before):
                # An update by id repeats safely; a creation only once the vendor can no longer be at work on it.
                outcomes[row.id] = WriteOutcome(key=row.write.key, kind=OutcomeKind.RETRY, code="resend")
            elif row.not_before is None:
                # Its sender died with it: the bound begins when the loss is seen, which is never too early.
                lost = WriteOutcome(key=row.write.key, kind=OutcomeKind.UNKNOWN, code="lost")
                outcomes[row.id] = self._bounded(row, lost, now)
        return outcomes

    def _spend(self, before: int, cause: str, now: datetime) -> None:
        calls = self._crm.calls() - before
        if calls:
            self._store.ledger.spend(self._crm.traits().system, calls, cause=cause, at=now)

    @staticmethod
    def _count(drained: Drained, rows: list[OutboxRow], outcomes: Sequence[WriteOutcome]) -> None:
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome.kind is OutcomeKind.WRITTEN:
                drained.written += 1
                place = (row.write.kind, row.write.object)
                drained.by_kind[place] = drained.by_kind.get(place, 0) + 1
            elif outcome.kind in {OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON}:
                drained.unchanged += 1
            elif outcome.kind is OutcomeKind.REJECTED:
                drained.dead += 1


def _resolved(write: Write, ids: Mapping[str, str]) -> Write:
    fields = write.fields | {name: ids[key] for name, key in write.references.items() if key in ids}
    return replace(write, fields=fields)
