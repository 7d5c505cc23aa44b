"""Large plans of our own fields go as one job, where the CRM takes jobs and that is cheaper in calls.

The job's id and its rows are kept before anything is uploaded, and there is one job at a time: whoever finds one kept,
settles it before anything else is done about its rows. Rows of a job are ``unknown`` while the CRM works on it, which
is what they are; other rows, the fast lane first, go on meanwhile.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.domain.writes import OutcomeKind, RowState, WriteOutcome
from connector.errors import AccessError, HandoffError, OutcomeUnknown, TransientError
from connector.ports.crm import JOB_REFUSED, Bulky, Crm
from connector.ports.store import OutboxRow, Store, Taken

_SETTING = "bulk_job"
#: how long the sender that sees to a job may be silent before another one does; half of what a cycle waits for answers
_TURN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A job that may be at work: its id and the ids of its rows."""

    id: str
    rows: tuple[int, ...]


class BulkLane:
    """Jobs of one drain."""

    def __init__(self, store: Store, crm: Crm, *, owner: str) -> None:
        """Prepare; sends nothing."""
        self._store = store
        self._owner = owner
        self._bulky = crm if isinstance(crm, Bulky) else None
        self._job: KeptJob | None = None
        #: the CRM has refused a whole job: rows go in batches, which find out which of them it is for
        self._refused = False

    @property
    def rows(self) -> frozenset[int]:
        """The rows that a job is at work on."""
        return frozenset(self._job.rows) if self._job else frozenset()

    def claimed_at_once(self, batch: int, several: int) -> int:
        """Say how many rows to claim: a job's worth where enough wait and none is at work, else ``several``.

        A row of the fast lane that comes now waits for so many.
        """
        open_ = self._bulky is not None and self._job is None and not self._refused
        enough = self._bulky.bulk_from() if self._bulky is not None and open_ else 0
        if self._bulky is None or not enough or self._todo() < enough:
            return several
        return max(batch, self._bulky.bulk_rows()) if self._ours() else several

    def _todo(self) -> int:
        return self._store.outbox.unsettled_counts().get(RowState.TODO, 0)

    def choose(self, rows: Sequence[Taken]) -> list[Taken]:
        """Pick those that go as a job: own fields alone, of the object that has most; none when too few."""
        if self._bulky is None or self._job is not None or self._refused:
            return []
        enough = self._bulky.bulk_from()
        if not enough or len(rows) < enough:
            return []
        fit = [row for row in rows if row.priority and self._bulky.bulk_fits(row.write)]
        if not fit:
            return []
        [(object_, count)] = Counter(row.write.object for row in fit).most_common(1)
        if count < enough or not self._ours():
            return []
        return [row for row in fit if row.write.object == object_]

    def send(self, rows: Sequence[Taken], *, now: datetime) -> None:
        """Make a job of rows that are ours; they come back as todo where no job could be made.

        Raises:
            AccessError: not let in; the rows went back.
        """
        assert self._bulky is not None
        try:
            job = self._bulky.bulk_begin(rows[0].write.object)
        except (TransientError, AccessError, OutcomeUnknown) as error:
            # A job that nobody knows of and nobody fills writes nothing.
            self._settle(rows, [_again(row, error) for row in rows], now)
            if isinstance(error, OutcomeUnknown):
                return
            raise
        self._keep(KeptJob(job, tuple(row.id for row in rows)))
        lost = [WriteOutcome(row.write.key, OutcomeKind.UNKNOWN, code="bulk_job") for row in rows]
        try:
            self._bulky.bulk_fill(job, [row.write for row in rows])
        finally:
            # Also when filling went wrong: what became of it is the job's to say.
            self._settle(rows, lost, now)
        structlog.get_logger().info("bulk.sent", rows=len(rows), object=rows[0].write.object)

    def settle(self, *, now: datetime) -> tuple[list[OutboxRow], list[WriteOutcome]]:
        """Look whether a job is kept, and settle it if it has ended; give its rows with their outcomes.

        One sender at a time sees to the job; the others leave its rows alone.
        """
        self._job = _read(self._store) if self._bulky else None
        if self._bulky is None or self._job is None or not self._ours():
            return [], []
        if not self._bulky.bulk_ended(self._job.id):
            return [], []
        wanted = set(self._job.rows)
        # Others may have been settled meanwhile: dismissed, or erased with their person.
        open_ = {RowState.DOING, RowState.UNKNOWN}
        rows = [row for row in self._store.outbox.each_unsettled() if row.id in wanted and row.state in open_]
        outcomes = self._bulky.bulk_settle(self._job.id, [row.write for row in rows]) if rows else []
        if outcomes is None:
            return [], []
        self._settle(rows, outcomes, now)
        self._keep(None)
        if any(outcome.code == JOB_REFUSED for outcome in outcomes):
            self._refused = True
            structlog.get_logger().warning("bulk.refused", rows=len(rows))
        structlog.get_logger().info("bulk.settled", rows=len(rows))
        return rows, list(outcomes)

    def close(self) -> None:
        """Let another sender see to jobs."""
        if self._bulky is not None:
            self._store.switches.release(_SETTING, self._owner)

    def _ours(self) -> bool:
        """Say whether this sender sees to jobs now; a sender that is gone is followed by another one."""
        return bool(self._store.switches.acquire(_SETTING, self._owner, _TURN))

    def _settle(self, rows: Sequence[Taken | OutboxRow], outcomes: Sequence[WriteOutcome], now: datetime) -> None:
        told = {row.id: out for row, out in zip(rows, outcomes, strict=True)}
        self._store.outbox.settle(told, now=now, claims={row.id: row.attempts for row in rows})

    def _keep(self, job: KeptJob | None) -> None:
        text = json.dumps({"id": job.id, "rows": job.rows}) if job else ""
        self._store.switches.put_setting(_SETTING, text)
        self._job = job


def _read(store: Store) -> KeptJob | None:
    text = store.switches.setting(_SETTING)
    if not text:
        return None
    kept = json.loads(text)
    return KeptJob(kept["id"], tuple(kept["rows"]))


def _again(row: Taken, error: HandoffError) -> WriteOutcome:
    return WriteOutcome(row.write.key, OutcomeKind.RETRY, code=error.code, message=error.message)
