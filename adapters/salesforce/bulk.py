"""Bulk API 2.0 ingest (salesforce.md section 8): many updates of our own fields in a handful of calls.

A job is made first, so that its id can be kept before anything is sent; then it is filled and closed; then the org
works on it, and each row's result is read. Nothing is written before a job is closed: one that still stands open after
a lost answer is aborted, which proves that its rows were not touched.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Mapping, Sequence
from typing import Any

from adapters.salesforce.batches import Row, outcome
from adapters.salesforce.classify import LATER, UNCLEAR, classify_row
from adapters.salesforce.connection import Connection
from adapters.salesforce.schema import Schema
from adapters.salesforce.values import wire_value
from adapters.salesforce.vendor_errors import ApiError, VendorError
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import OutcomeUnknown, TransientError
from connector.ports.crm import JOB_REFUSED

#: Rows of one job: an upload of this many stays far below 100 MB, and a lost job costs little.
MOST_ROWS = 25_000
#: Objects whose own fields may go this way.
OBJECTS = ("lead", "contact", "account")
#: What a cell says to empty a field; an empty cell leaves it alone ("Prepare CSV Files").
_NULL = "#N/A"
_ABOUT = {"operation": "update", "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}
_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_ABSENT = ("NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY")


class BulkUpdates:
    """Ingest jobs of one org."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema

    def begin(self, word: str) -> str:
        """Make a job and give its id; nothing is written by it yet."""
        body = {"object": self._schema.get(word).name, **_ABOUT}
        made = self._connection.call("POST", "jobs/ingest", body=body, repeatable=False)
        return str(made["id"])

    def fill(self, job: str, writes: Sequence[Write]) -> None:
        """Upload the rows and close the job: from then on the org works.

        Raises:
            OutcomeUnknown, TransientError, ApiError: nobody knows how far it went; ``settle`` finds out.
        """
        self._connection.content("PUT", f"jobs/ingest/{job}/batches", table_of(writes))
        self._connection.call("PATCH", f"jobs/ingest/{job}", body={"state": "UploadComplete"}, repeatable=False)

    def ended(self, job: str) -> bool:
        """Say whether the job has ended, or is not there; False while the org is at work or cannot be asked."""
        try:
            state = self._state(job)
            if state is not None and state.get("state") == "Open":
                # Its upload or its closing was lost on the way. Nobody but us could close it now.
                self._connection.call("PATCH", f"jobs/ingest/{job}", body={"state": "Aborted"}, repeatable=False)
                state = self._state(job)
            return state is None or state.get("state") in _ENDED
        except (OutcomeUnknown, TransientError, ApiError):
            return False

    def settle(self, job: str, writes: Sequence[Write]) -> list[WriteOutcome] | None:
        """Say what became of the rows of a job that has ended, in order; None where the org cannot tell now."""
        try:
            state = self._state(job)
            if state is None:
                return [outcome(_row(write), LATER, "bulk_job_absent") for write in writes]
            return self._results(job, state, writes)
        except (OutcomeUnknown, TransientError, ApiError):
            return None

    def _state(self, job: str) -> dict[str, Any] | None:
        try:
            state = self._connection.call("GET", f"jobs/ingest/{job}")
        except ApiError as error:
            if error.status == 404 and error.has(*_ABSENT):
                return None
            raise
        return state if isinstance(state, dict) else {}

    def _results(self, job: str, state: Mapping[str, Any], writes: Sequence[Write]) -> list[WriteOutcome] | None:
        failed_count = int(state.get("numberRecordsFailed") or 0)
        good_count = int(state.get("numberRecordsProcessed") or 0) - failed_count
        good = self._table(job, "successfulResults") if good_count else []
        bad = self._table(job, "failedResults") if failed_count else []
        if len(good) != good_count or len(bad) != failed_count:
            return None  # cut on the way: they are kept for a week
        written = {row["Id"] for row in good}
        refused = {row["Id"]: row.get("sf__Error", "") for row in bad}
        left = JOB_REFUSED if state.get("state") == "Failed" else "bulk_unprocessed"
        return [_outcome(write, written, refused, left) for write in writes]

    def _table(self, job: str, name: str) -> list[dict[str, str]]:
        text = self._connection.content("GET", f"jobs/ingest/{job}/{name}")
        return list(csv.DictReader(io.StringIO(text, newline="")))


def table_of(writes: Sequence[Write]) -> str:
    """Write rows as CSV: a column per field of any of them, empty where a row does not concern it."""
    names = sorted({name for write in writes for name in write.fields})
    target = io.StringIO(newline="")
    lines = csv.writer(target, lineterminator="\n")
    lines.writerow(["Id", *names])
    lines.writerows([write.id, *(_cell(write, name) for name in names)] for write in writes)
    return target.getvalue()


def _cell(write: Write, name: str) -> str:
    if name not in write.fields:
        return ""
    value = wire_value(write.fields[name])
    if value is None:
        return _NULL
    return _word(value)


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _outcome(write: Write, written: Container[str], refused: Mapping[str, str], left: str) -> WriteOutcome:
    row, id_ = _row(write), write.id or ""
    if id_ in written:
        return WriteOutcome(write.key, OutcomeKind.WRITTEN, id=id_)
    if id_ not in refused:
        # Neither written nor refused: the job ended before it came to this row.
        return outcome(row, LATER, left)
    code, _, message = refused[id_].partition(":")
    if not code:
        return outcome(row, UNCLEAR, "odd_answer")
    return outcome(row, classify_row(VendorError(code, message)), code, message.rpartition(":")[0])


def _row(write: Write) -> Row:
    return Row(write, dict(write.fields))
