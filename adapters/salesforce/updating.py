"""Updating records by id: our own fields straight away, fields that people write too with a look before and after.

A field of ours was compared with the mirror of the last pull and is simply written. What the mirror showed travels with
the write as what is expected, and is what the journal keeps; where that is not known of all rows of a call, what stood
there is read in the same call. For a field that people write too:

1. All such records are read in one call. A value that is neither the expected nor the wanted one is a person's: it
   stays, and the field is not sent. Without this look a stale wish would overwrite a person and set off whatever the
   org does on such a change, if only for a moment.
2. What is left is read and written in one composite call. The value read there is the journalled one. A person who
   was quicker than the write shows in it, and
3. gets the value back in a further call of the same form, which again notices who came in between.

What remains is a person who saves between the two parts of one composite call, three times in a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.http import JsonText
from adapters.salesforce.batches import Batches, Row, outcome
from adapters.salesforce.classify import LATER, OPS, REMAP, classify_request
from adapters.salesforce.connection import WRITE_HEADERS, Connection, Sub
from adapters.salesforce.lookup import Lookup, read_retrieved
from adapters.salesforce.schema import Schema
from adapters.salesforce.values import blank, same, same_fields, wire_values
from adapters.salesforce.vendor_errors import ApiError, VendorError
from connector.domain.own_updates import OwnUpdates
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome, only_ours
from connector.errors import AccessError, TransientError

#: Rounds of writing and putting back before a person is asked to look.
MOST_ROUNDS = 4
_STALE = ("INVALID_FIELD", "INVALID_TYPE")


@dataclass(slots=True)
class _Open(Row):
    """A row that is still to be written."""

    #: what stood there when we last looked, or what we wrote last
    believed: dict[str, Value] = field(default_factory=dict)
    #: fields in which a person's value won
    human: set[str] = field(default_factory=set)
    #: when a value is being put back: what goes into the journal instead of what we read, which is our own
    journal: dict[str, Value] = field(default_factory=dict)


class Updater:
    """Updates leads, contacts, accounts and tasks."""

    def __init__(self, connection: Connection, schema: Schema, lookup: Lookup) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema
        self._lookup = lookup

    def apply(self, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        """Update; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: nothing was attempted.
        """
        outcomes: dict[str, WriteOutcome] = {}
        for some in _each_record_once(writes):
            outcomes |= self._apply(some, batches)
        return outcomes

    def apply_own(self, updates: OwnUpdates, batches: Batches) -> Sequence[WriteOutcome]:
        """Update at most 200 records, none twice, by what stands in ``updates``; one outcome each, in order.

        Raises: as ``apply``.
        """
        return batches.send_own(updates, self._send_own, self._send, reader=_no_opinion)

    def _apply(self, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        known = _known(writes)
        if known is not None:
            return batches.send(known, self._send, written=OutcomeKind.WRITTEN, reader=_no_opinion)
        rows = [_Open(write, dict(write.fields)) for write in sorted(writes, key=lambda write: write.object)]
        outcomes = self._look([row for row in rows if contested_fields(row.write)], batches)
        return outcomes | self._rounds([row for row in rows if row.write.key not in outcomes], batches)

    def _send(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self._send_body(self._body(rows))

    def _send_own(self, updates: OwnUpdates) -> Sequence[Any]:
        begins = f'{{"attributes":{{"type":"{self._schema.get(updates.object).name}"}},"id":"'
        # what is wanted is written as it goes over the wire; only where it begins, the record is named
        pairs = zip(updates.ids, updates.fields, strict=True)
        records = ",".join([f'{begins}{id_}",{fields[1:]}' for id_, fields in pairs])
        return self._send_body(JsonText(f'{{"allOrNone":false,"records":[{records}]}}'))

    def _send_body(self, body: Any) -> Sequence[Any]:
        path = "composite/sobjects"
        found = self._connection.call("PATCH", path, body=body, headers=WRITE_HEADERS, repeatable=False)
        return found if isinstance(found, list) else ()

    def _body(self, rows: Sequence[Row]) -> dict[str, Any]:
        kinds = {word: {"type": self._schema.get(word).name} for word in {row.write.object for row in rows}}
        records = [
            {"attributes": kinds[row.write.object], "id": row.write.id, **wire_values(row.fields)} for row in rows
        ]
        return {"allOrNone": False, "records": records}

    def _look(self, rows: list[_Open], batches: Batches) -> dict[str, WriteOutcome]:
        """Read records before writing, and settle those of which nothing is left to write."""
        if not rows:
            return {}
        try:
            held = self._read(rows)
        except (AccessError, TransientError) as error:
            return batches.guard(rows, error)
        except ApiError as error:
            if error.has(*_STALE):
                # Describe is out of date: the next attempt asks anew.
                self._schema.forget()
                return {row.write.key: outcome(row, LATER, error.code) for row in rows}
            # An id that cannot be one spoils the call for all.
            if len(rows) == 1 or not batches.may_halve():
                return {row.write.key: outcome(row, classify_request(error), error.code) for row in rows}
            middle = len(rows) // 2
            return self._look(rows[:middle], batches) | self._look(rows[middle:], batches)
        settled = {
            row.write.key: _before_writing(row, held.get((row.write.object, row.write.id or ""))) for row in rows
        }
        return {key: found for key, found in settled.items() if found is not None}

    def _rounds(self, rows: list[_Open], batches: Batches) -> dict[str, WriteOutcome]:
        outcomes: dict[str, WriteOutcome] = {}
        for turn in range(MOST_ROUNDS):
            if not rows:
                break
            sent = batches.send(rows, self._read_and_send, written=OutcomeKind.WRITTEN, reader=_no_opinion)
            back: list[_Open] = []
            for row in rows:
                result = sent[row.write.key]
                if result.kind is OutcomeKind.WRITTEN:
                    came_between = _came_between(row)
                    if came_between is not None:
                        back.append(came_between)
                    outcomes[row.write.key] = _written(row)
                elif turn and result.kind is OutcomeKind.RETRY:
                    back.append(row)
                else:
                    outcomes[row.write.key] = _not_put_back(row, result) if turn else result
            rows = back
        for row in rows:
            outcomes[row.write.key] = _not_put_back(row, None)
        return outcomes

    def _read(self, rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, Value]]:
        """Read every record before writing: one call, whatever the objects."""
        parts, readers = self._retrieves(rows)
        answers = self._connection.composite(parts, repeatable=True)
        return self._retrieved([answer.checked() for answer in answers], readers)

    def _read_and_send(self, rows: Sequence[Row]) -> Sequence[Any]:
        """Read and write in one call; what was read becomes each row's before-value."""
        parts, readers = self._retrieves(rows)
        parts.append(Sub("PATCH", "composite/sobjects", self._body(rows), WRITE_HEADERS))
        *read, written = self._connection.composite(parts, repeatable=False)
        # A part that could not be read leaves the earlier look as before-value: the writing part has been carried out.
        held = self._retrieved([answer.body if answer.status < 300 else () for answer in read], readers)
        for row in rows:
            values = held.get((row.write.object, row.write.id or ""))
            if values is not None:
                row.before = {**row.before, **{name: values.get(name) for name in row.fields}}
        body = written.checked()
        return body if isinstance(body, list) else ()

    def _retrieves(self, rows: Sequence[Row]) -> tuple[list[Sub], list[tuple[str, list[str], list[str]]]]:
        by_word: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_word[row.write.object].append(row)
        parts: list[Sub] = []
        readers: list[tuple[str, list[str], list[str]]] = []
        for word, some in by_word.items():
            shape = self._schema.get(word)
            wanted = {name for row in some for name in row.fields}
            names = shape.selectable([*sorted(wanted), *(["IsConverted"] if word == "lead" else [])])
            ids = [row.write.id or "" for row in some]
            query = f"ids={','.join(ids)}&fields={','.join(['Id', *names])}"
            parts.append(Sub("GET", f"composite/sobjects/{shape.name}?{query}"))
            readers.append((word, ids, names))
        return parts, readers

    def _retrieved(
        self, bodies: Sequence[Any], readers: Sequence[tuple[str, list[str], list[str]]]
    ) -> dict[tuple[str, str], dict[str, Value]]:
        held: dict[tuple[str, str], dict[str, Value]] = {}
        for body, (word, ids, names) in zip(bodies, readers, strict=True):
            found = read_retrieved(body, ids, self._schema.get(word), names)
            held |= {(word, record_id): values for record_id, values in found.items()}
        return held


def as_they_stand(updates: OwnUpdates) -> bool:
    """Say whether updates may go out as they are written down.

    Not where some text is empty, which the vendor keeps as null (``wire_value``), an id is no plain word, or a record
    stands there twice.
    """
    ids = "".join(updates.ids)
    return (
        ids.isascii()
        and ids.isalnum()
        and len(set(updates.ids)) == len(updates.ids)
        and '""' not in "".join(updates.fields)
    )


def contested_fields(write: Write) -> set[str]:
    """Name the fields of a write that people write too."""
    return {name for name in write.fields if name not in write.ours or name in write.if_blank}


def _known(writes: Sequence[Write]) -> list[Row] | None:
    """Give the rows of writes about nothing but fields of ours, where the mirror tells what stands in each of them.

    Nothing is read for them then. None where it is otherwise with one. One loop: it is made for every row.
    """
    rows: list[Row] = []
    for write in writes:
        fields, expected = write.fields, write.expected
        if not only_ours(write) or not fields.keys() <= expected.keys():
            return None
        # mostly the mirror was told of nothing else
        shown = expected if len(expected) == len(fields) else {name: expected[name] for name in fields}
        rows.append(Row(write, fields, shown))
    return rows


def _before_writing(row: _Open, held: dict[str, Value] | None) -> WriteOutcome | None:
    """Take out what people hold and what is there already; an outcome when nothing is left to send."""
    write = row.write
    if held is None:
        return outcome(row, REMAP, "ENTITY_IS_DELETED", "the record is gone, or our user does not see it")
    if held.get("IsConverted") is True:
        return outcome(row, REMAP, "CANNOT_UPDATE_CONVERTED_LEAD", "the lead has been converted")
    row.before = {name: held.get(name) for name in write.fields}
    for name in contested_fields(write):
        value = held.get(name)
        if same(value, write.fields[name]):
            del row.fields[name]
        elif not _as_expected(write, name, value):
            row.human.add(name)
            del row.fields[name]
    row.believed = {name: held.get(name) for name in row.fields}
    if row.fields and not (set(row.fields) <= write.ours and same_fields(row.fields, held)):
        return None
    return WriteOutcome(
        write.key,
        OutcomeKind.HUMAN_WON if row.human else OutcomeKind.UNCHANGED,
        id=write.id,
        before=row.before,
    )


def _as_expected(write: Write, name: str, value: Value) -> bool:
    """Say whether a value is not a person's, as far as one can know: without expectation, any value may be replaced."""
    if name in write.if_blank:
        return blank(value)
    return name not in write.expected or same(value, write.expected[name])


def _came_between(row: _Open) -> _Open | None:
    """Make the row that gives people back what they saved between our look and our write."""
    theirs = {
        name: row.before.get(name)
        for name, value in row.fields.items()
        if name in contested_fields(row.write)
        and not same(row.before.get(name), row.believed.get(name))
        and not same(row.before.get(name), value)
    }
    if not theirs:
        return None
    return replace(
        row,
        fields=theirs,
        believed=dict(row.fields),
        human=row.human | set(theirs),
        journal={**(row.journal or row.before), **theirs},
    )


def _written(row: _Open) -> WriteOutcome:
    before = row.journal or row.before
    kind = OutcomeKind.WRITTEN
    if row.human:
        kind = OutcomeKind.HUMAN_WON
    elif all(name in before and same(before[name], value) for name, value in row.write.fields.items()):
        kind = OutcomeKind.UNCHANGED
    return WriteOutcome(row.write.key, kind, id=row.write.id, before=before)


def _not_put_back(row: _Open, result: WriteOutcome | None) -> WriteOutcome:
    """Report that a person's value could not be given back: a person must look, with the value in ``before``."""
    names = ", ".join(sorted(row.fields))
    words = f"a person's value could not be put back in {names}"
    said = f": {result.code} {result.message}" if result else ""
    return outcome(row, OPS, "put_back_failed", words + said).but(before=row.journal)


def _no_opinion(_row: Row, _errors: list[VendorError]) -> WriteOutcome | None:
    return None


def _each_record_once(writes: Sequence[Write]) -> list[list[Write]]:
    """Split so that no record stands twice in one call, which the org refuses; order per record is kept."""
    if len({(write.object, write.id) for write in writes}) == len(writes):
        return [list(writes)] if writes else []
    layers: list[list[Write]] = []
    depth: dict[tuple[str, str | None], int] = defaultdict(int)
    for write in writes:
        at = depth[write.object, write.id]
        depth[write.object, write.id] += 1
        if at == len(layers):
            layers.append([])
        layers[at].append(write)
    return layers
