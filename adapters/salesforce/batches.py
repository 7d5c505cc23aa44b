"""Sending rows in collections and settling each of them, whatever comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.salesforce.classify import Verdict, classify_request, classify_row
from adapters.salesforce.vendor_errors import ApiError, VendorError, read_errors
from connector.domain.own_updates import AsAsked, OwnUpdates
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, HandoffError, OutcomeUnknown, TransientError

#: Rows in one collection (REST62 sObject Collections).
ROWS_PER_CALL = 200
#: Calls that one ``apply`` may spend on finding the row for which a whole request was refused.
MOST_BISECTIONS = 24


@dataclass(slots=True)
class Row:
    """One write on its way, with what goes over the wire."""

    write: Write
    fields: dict[str, Value]
    #: what the CRM held just before, for the journal
    before: dict[str, Value] = field(default_factory=dict)


#: Sends rows and gives one result per row, in order, as the vendor wrote them.
Send = Callable[[Sequence[Row]], Sequence[Any]]
#: The same of updates as they stand.
SendOwn = Callable[[OwnUpdates], Sequence[Any]]
#: Reads a result that is no plain success, or leaves it to the table.
Reader = Callable[[Row, list[VendorError]], WriteOutcome | None]
#: what a request may end with in the place of an answer that tells of each row
_FAILURES = (OutcomeUnknown, AccessError, TransientError, ApiError)


class Batches:
    """The sendings of one ``apply``: remembers whether anything has been attempted yet."""

    def __init__(self) -> None:
        """Start with nothing attempted."""
        self.attempted = False
        self._bisections = 0

    def send(self, rows: Sequence[Row], send: Send, *, written: OutcomeKind, reader: Reader) -> dict[str, WriteOutcome]:
        """Send all rows, 200 at a time; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: certainly nothing was attempted, here or before.
        """
        outcomes: dict[str, WriteOutcome] = {}
        for start in range(0, len(rows), ROWS_PER_CALL):
            outcomes |= self._some(rows[start : start + ROWS_PER_CALL], send, written, reader)
        return outcomes

    def guard(self, rows: Sequence[Row], error: HandoffError) -> dict[str, WriteOutcome]:
        """Settle rows that were not sent because of ``error``: try later, or raise it when nothing was attempted."""
        if not self.attempted:
            raise error
        return {row.write.key: outcome(row, Verdict(OutcomeKind.RETRY, "nobody"), error.code) for row in rows}

    def may_halve(self) -> bool:
        """Say whether another call may be spent on finding a guilty row, and count it."""
        self._bisections += 1
        return self._bisections <= MOST_BISECTIONS

    def send_own(self, updates: OwnUpdates, send_own: SendOwn, send: Send, *, reader: Reader) -> Sequence[WriteOutcome]:
        """Send at most 200 updates as they stand; one by one they are looked at where one did not simply come true.

        Raises: as ``send``.
        """
        try:
            results = send_own(updates)
        except _FAILURES as error:
            found = self._failed(_rows(updates), send, OutcomeKind.WRITTEN, reader, error)
        else:
            self.attempted = True
            if _came_true(updates.ids, results):
                return AsAsked(updates)
            found = _read(_rows(updates), results, OutcomeKind.WRITTEN, reader)
        return [found[write.key] for write in updates]

    def _some(self, rows: Sequence[Row], send: Send, written: OutcomeKind, reader: Reader) -> dict[str, WriteOutcome]:
        try:
            results = send(rows)
        except _FAILURES as error:
            return self._failed(rows, send, written, reader, error)
        self.attempted = True
        return _read(rows, results, written, reader)

    def _failed(
        self, rows: Sequence[Row], send: Send, written: OutcomeKind, reader: Reader, error: HandoffError | ApiError
    ) -> dict[str, WriteOutcome]:
        """Settle rows whose request had no answer that tells of each of them."""
        if isinstance(error, (AccessError, TransientError)):
            return self.guard(rows, error)
        self.attempted = True
        if isinstance(error, ApiError):
            return self._refused(rows, send, written, reader, error)
        return {row.write.key: outcome(row, Verdict(OutcomeKind.UNKNOWN, "nobody"), error.code) for row in rows}

    def _refused(
        self, rows: Sequence[Row], send: Send, written: OutcomeKind, reader: Reader, error: ApiError
    ) -> dict[str, WriteOutcome]:
        """Settle a request that was refused as a whole: halve it until the guilty row stands alone."""
        verdict = classify_request(error)
        if verdict.kind is not OutcomeKind.REJECTED or len(rows) == 1:
            message = error.errors[0].message if error.errors else ""
            return {row.write.key: outcome(row, verdict, error.code, message) for row in rows}
        if not self.may_halve():
            return {row.write.key: outcome(row, Verdict(OutcomeKind.RETRY, "ops"), error.code) for row in rows}
        middle = len(rows) // 2
        first = self._some(rows[:middle], send, written, reader)
        return first | self._some(rows[middle:], send, written, reader)


def _rows(updates: OwnUpdates) -> list[Row]:
    return [Row(write, write.fields, write.expected) for write in updates]


def _came_true(ids: Sequence[str], results: Sequence[Any]) -> bool:
    """Say whether the results are those of these records, in order, and of each of them that it was written."""
    try:
        written = [result["id"] for result in results if result["success"] is True]
    except (KeyError, TypeError):
        return False
    return written == list(ids) and len(written) == len(results)


def _read(rows: Sequence[Row], results: Sequence[Any], written: OutcomeKind, reader: Reader) -> dict[str, WriteOutcome]:
    """Read the results of rows, one for each."""
    if len(results) != len(rows):
        return {row.write.key: outcome(row, Verdict(OutcomeKind.UNKNOWN, "nobody"), "odd_answer") for row in rows}
    outcomes: dict[str, WriteOutcome] = {}
    for row, result in zip(rows, results, strict=True):
        write = row.write
        # nearly all are this: a call for each costs as much as all the rest
        if type(result) is dict and result.get("success") is True and result.get("id") == write.id:
            outcomes[write.key] = WriteOutcome(write.key, written, write.id, row.before)
        else:
            outcomes[write.key] = settle(row, result, written=written, reader=reader)
    return outcomes


def settle(row: Row, result: Any, *, written: OutcomeKind, reader: Reader) -> WriteOutcome:
    """Read the result of one row; only ``success`` is believed, not the id of a failed row (section 7)."""
    success = result.get("success") if isinstance(result, dict) else None
    if success is True:
        write, given = row.write, result.get("id")
        return WriteOutcome(write.key, written, given if given and isinstance(given, str) else write.id, row.before)
    errors = read_errors(result.get("errors")) if isinstance(result, dict) else []
    if success is not False or not errors:
        return outcome(row, Verdict(OutcomeKind.UNKNOWN, "nobody"), "odd_answer")
    special = reader(row, errors)
    if special is not None:
        return special
    return outcome(row, classify_row(errors[0]), errors[0].code, errors[0].message)


def outcome(row: Row, verdict: Verdict, code: str, message: str = "") -> WriteOutcome:
    """Make an outcome that is no success."""
    return WriteOutcome(
        row.write.key,
        verdict.kind,
        id=row.write.id,
        before=row.before,
        code=code,
        message=message,
        fixer=verdict.fixer,
    )
