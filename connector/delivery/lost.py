"""What became of writes whose answers were lost, and until when a lost write may still come true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.ports.crm import Crm
from connector.ports.store import Taken

#: beyond the vendor's bound: clocks differ, and an answer is older than it reads
_MARGIN = timedelta(minutes=1)
#: a vendor's clock further away than this tells nothing of a cycle that runs on a day of its own (``--as-of``)
_SAME_TIME = timedelta(hours=12)
#: what a row says that is sent once more after its answer was lost
RESEND = "resend"


class LostAnswers:
    """Looks up in one CRM."""

    def __init__(self, crm: Crm) -> None:
        """Prepare; sends nothing."""
        self._crm = crm

    def outcomes(self, rows: Sequence[Taken], *, now: datetime) -> dict[int, WriteOutcome]:
        """Say what became of rows, or that they may be sent again, by id; of the others nothing is known yet.

        Raises:
            AccessError, TransientError: the CRM cannot be asked; what ``resent`` says stands all the same.
        """
        again = self.resent(rows)
        rest = [row for row in rows if row.id not in again]
        return again | (self._look_up(rest, now) if rest else {})

    def resent(self, rows: Sequence[Taken]) -> dict[int, WriteOutcome]:
        """Say which rows are sent again without looking, by id."""
        return {row.id: _again(row) for row in rows if self._repeatable(row)}

    def orphaned(self, rows: Sequence[Taken], *, now: datetime) -> dict[int, WriteOutcome]:
        """Say of rows whose senders died with them what a sender says that lives to see an answer lost, by id.

        So the same rule holds for both: nothing newer goes before a lost update can no longer come true. The bound
        begins when the loss is seen, which is never too early.
        """
        return {
            row.id: self.judged(row, WriteOutcome(row.write.key, OutcomeKind.UNKNOWN, row.write.id, code="lost"), now)
            for row in rows
            if row.not_before is None and not self._repeatable(row)
        }

    def judged(self, row: Taken, outcome: WriteOutcome, now: datetime) -> WriteOutcome:
        """Give an outcome with what only we know of it.

        A creation that is sent again and found was made by us. A lost write may come true until its bound, where the
        adapter has not said until when: a creation is not sent again before; of an updated record no newer row is,
        for the lost one might overtake it.
        """
        if outcome.kind is OutcomeKind.WRITTEN:
            return outcome
        if row.code == RESEND and row.write.kind == "create":
            if outcome.kind is OutcomeKind.UNCHANGED:
                return outcome.but(kind=OutcomeKind.WRITTEN, code="found")
            if outcome.kind is OutcomeKind.RETRY:
                return outcome.but(code=RESEND)
        if outcome.kind is not OutcomeKind.UNKNOWN or outcome.not_before is not None or self._repeatable(row):
            return outcome
        base = now if row.write.kind == "update" else _vendor_now(self._crm.clock(), now)
        return outcome.but(not_before=base + self._crm.traits().settle_after + _MARGIN)

    def _repeatable(self, row: Taken) -> bool:
        """A creation with a key that the CRM keeps unique is simply sent again: the second finds the first."""
        return row.write.kind == "create" and self._crm.traits().creation_key_unique.get(row.write.object, False)

    def _look_up(self, rows: Sequence[Taken], now: datetime) -> dict[int, WriteOutcome]:
        before = self._crm.clock()
        found = dict(self._crm.find_applied([row.write for row in rows]))
        after = self._crm.clock()
        over = [row for row in rows if not found.get(row.write.key) and _is_over(row, _vendor_now(after, now))]
        # An answer proves nothing of what comes true after it, and the clock may have gone on since, for we may have
        # slept: a creation is sent again only if it was not there when it was asked for after its bound.
        sure_at = None if before is None and after is not None else _vendor_now(before, now)
        unsure = [row for row in over if sure_at is None or not _is_over(row, sure_at)]
        if unsure:
            found |= self._crm.find_applied([row.write for row in unsure])
        again = {row.id for row in over}
        outcomes: dict[int, WriteOutcome] = {}
        for row in rows:
            id_ = found.get(row.write.key)
            if id_ is not None:
                outcomes[row.id] = WriteOutcome(key=row.write.key, kind=OutcomeKind.WRITTEN, id=id_, code="found")
            elif row.write.kind == "update" or row.id in again:
                # An update by id repeats safely; a creation only once the vendor can no longer be at work on it.
                outcomes[row.id] = _again(row)
        return outcomes


def _is_over(row: Taken, at: datetime) -> bool:
    """Say whether the vendor can no longer be at work on a creation whose answer was lost."""
    return row.write.kind == "create" and row.not_before is not None and at >= row.not_before


def _vendor_now(seen: datetime | None, now: datetime) -> datetime:
    """Give the vendor's clock, or the cycle's where the vendor has shown none or lives on another day."""
    return seen if seen is not None and abs(seen - now) < _SAME_TIME else now


def _again(row: Taken) -> WriteOutcome:
    return WriteOutcome(key=row.write.key, kind=OutcomeKind.RETRY, code=RESEND)
