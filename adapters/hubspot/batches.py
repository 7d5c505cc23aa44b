"""Sending inputs in batches and settling each of them, whatever comes back.

Each input carries a trace id, without which one bad input refuses the whole batch (hubspot.md section 4). An answer
of many statuses (207) says by trace id, or by record id, which inputs failed; a batch that is refused all the same is
halved until the guilty input stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.hubspot.classify import LATER, UNCLEAR, VendorError, Verdict, classify_request, classify_row, read_error
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import KEY
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, HandoffError, OutcomeUnknown, TransientError

#: Most inputs of a batch (hubspot.md section 4).
ROWS_PER_CALL = 100
#: Calls that one ``apply`` may spend on finding the input for which a whole batch was refused.
MOST_BISECTIONS = 24
_TRACE = "objectWriteTraceId"


@dataclass(slots=True)
class Row:
    """One write on its way, with what goes over the wire.

    Attributes:
        input: the input without its trace id.
        before: what the record held just before, for the journal.
        kind: what it is when it has been written; HUMAN_WON where a part of it was a person's.
    """

    write: Write
    input: dict[str, Any]
    before: dict[str, Value] = field(default_factory=dict)
    kind: OutcomeKind = OutcomeKind.WRITTEN


class Batches:
    """The sendings of one ``apply``: remembers whether anything has been attempted yet."""

    def __init__(self, wire: Wire) -> None:
        """Start with nothing attempted."""
        self.attempted = False
        self._wire = wire
        self._bisections = 0

    def send(self, path: str, rows: Sequence[Row]) -> dict[str, WriteOutcome]:
        """Send rows of one type of record, 100 at a time; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: certainly nothing was attempted, here or before.
        """
        outcomes: dict[str, WriteOutcome] = {}
        for start in range(0, len(rows), ROWS_PER_CALL):
            outcomes |= self._some(path, rows[start : start + ROWS_PER_CALL])
        return outcomes

    def guard(self, writes: Iterable[Write], error: HandoffError) -> dict[str, WriteOutcome]:
        """Settle writes that were not sent because of ``error``: try later, or raise it when nothing was attempted."""
        if not self.attempted:
            raise error
        return {write.key: outcome(write, LATER, error.code) for write in writes}

    def _some(self, path: str, rows: Sequence[Row]) -> dict[str, WriteOutcome]:
        inputs = [{**row.input, _TRACE: str(place)} for place, row in enumerate(rows)]
        try:
            answer = self._wire.write(path, {"inputs": inputs})
        except OutcomeUnknown as error:
            self.attempted = True
            return {row.write.key: outcome(row.write, UNCLEAR, error.code, before=row.before) for row in rows}
        except (AccessError, TransientError) as error:
            return self.guard([row.write for row in rows], error)
        self.attempted = True
        if answer.status >= 300:
            return self._refused(path, rows, answer.status, read_error(answer.body))
        return _settled(rows, answer.body)

    def _refused(self, path: str, rows: Sequence[Row], status: int, error: VendorError) -> dict[str, WriteOutcome]:
        """Settle a batch that was refused as a whole."""
        verdict = classify_request(status, error)
        if verdict.kind is not OutcomeKind.REJECTED or len(rows) == 1:
            code = f"http_{status}" if verdict == UNCLEAR else error.code
            return {row.write.key: outcome(row.write, verdict, code, error.message, before=row.before) for row in rows}
        self._bisections += 1
        if self._bisections > MOST_BISECTIONS:
            later = Verdict(OutcomeKind.RETRY, "ops")
            return {row.write.key: outcome(row.write, later, error.code, before=row.before) for row in rows}
        middle = len(rows) // 2
        return self._some(path, rows[:middle]) | self._some(path, rows[middle:])


def outcome(
    write: Write, verdict: Verdict, code: str, message: str = "", *, before: Mapping[str, Value] | None = None
) -> WriteOutcome:
    """Make an outcome that is no success."""
    return WriteOutcome(
        write.key, verdict.kind, write.id, dict(before or {}), code=code, message=message, fixer=verdict.fixer
    )


def _settled(rows: Sequence[Row], body: Any) -> dict[str, WriteOutcome]:
    """Read an answer of one or many statuses: a row that stands neither here nor there is unclear."""
    document = body if isinstance(body, dict) else {}
    places = _Places(rows)
    done = {place: result for result in _dicts(document.get("results")) for place in places.of_result(result)}
    failed: dict[int, VendorError] = {}
    loose: list[VendorError] = []
    for error in _dicts(document.get("errors")):
        found = places.of_error(error)
        failed |= dict.fromkeys(found, read_error(error))
        if not found:
            loose.append(read_error(error))
    outcomes: dict[str, WriteOutcome] = {}
    for place, row in enumerate(rows):
        error_ = failed.get(place) or (loose[0] if loose and place not in done else None)
        id_ = str(done[place].get("id") or "") if place in done else ""
        if error_ is not None:
            verdict = classify_row(error_)
            told = outcome(row.write, verdict, error_.code, error_.message, before=row.before)
        elif id_:
            told = WriteOutcome(row.write.key, row.kind, id_, row.before)
        else:
            told = outcome(row.write, UNCLEAR, "odd_answer", before=row.before)
        outcomes[row.write.key] = told
    return outcomes


class _Places:
    """Which inputs a part of an answer is about: by trace id, else by what tells records apart."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._count = len(rows)
        self._by_id = {row.write.id: place for place, row in enumerate(rows) if row.write.kind == "update"}
        self._by_key = {row.write.key: place for place, row in enumerate(rows) if row.write.kind == "create"}

    def of_result(self, result: dict[str, Any]) -> list[int]:
        found = self._traced([result.get(_TRACE)])
        if found:
            return found
        properties = result.get("properties")
        key = properties.get(KEY) if isinstance(properties, dict) else None
        place = self._by_id.get(str(result.get("id")), self._by_key.get(str(key)))
        return [] if place is None else [place]

    def of_error(self, error: dict[str, Any]) -> list[int]:
        context = error.get("context")
        if not isinstance(context, dict):
            return []
        traces, ids = context.get(_TRACE), context.get("ids")
        found = self._traced(traces if isinstance(traces, list) else [traces])
        return found or [
            self._by_id[str(id_)] for id_ in (ids if isinstance(ids, list) else []) if str(id_) in self._by_id
        ]

    def _traced(self, traces: Sequence[Any]) -> list[int]:
        places = [int(trace) for trace in map(str, traces) if trace.isdecimal()]
        return [place for place in places if place < self._count]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
