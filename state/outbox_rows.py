"""An outbox row as the program sees it and as the table keeps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from connector.domain.outbox_states import INITIAL
from connector.domain.refs import digest
from connector.domain.writes import Cause, RowState, Write
from connector.errors import HandoffError
from connector.ports.outbox import DoneRow
from connector.ports.store import OutboxRow, Taken
from state.bulk import as_json, storable, values_json
from state.instants import from_us, to_us

#: what ``row_of`` reads, in its order
COLUMNS: Final = (
    "id, key, kind, object, target_id, lane, grp, cause, rule, person_id, reason, run_id, plan_id, priority, "
    "decided_at, body, depends_on, state, held_by, attempts, not_before, sent_at, code, message, fixer"
)
#: what ``taken_of`` reads, in its order
TAKEN: Final = "id, key, kind, object, target_id, body, priority, decided_at, attempts, code, not_before"
#: A row of ``TAKEN`` as SQLite writes it for ``listed``: what is wanted is JSON already, and goes on behind the rest.
LISTED: Final = """
    printf('[%d,{"key":%s,"kind":"%s","object":%s,"id":%s,%s,%d,%d,%d,%s,%s]', id, json_quote(key), kind,
        json_quote(object), json_quote(target_id), substr(body, 2), priority, decided_at, attempts,
        CASE code WHEN '' THEN '""' ELSE json_quote(code) END, coalesce(not_before, 'null'))
"""
#: what ``values_of`` gives, in its order
INSERTED: Final = (
    "id",
    "key",
    "kind",
    "object",
    "target_id",
    "lane",
    "grp",
    "seq",
    "cause",
    "rule",
    "person_id",
    "reason",
    "run_id",
    "plan_id",
    "priority",
    "decided_at",
    "body",
    "depends_on",
    "state",
    "held_by",
    "not_before",
)


class _Wish(msgspec.Struct, gc=False):
    """What ``body_of`` wrote."""

    fields: dict[str, Any]
    expected: dict[str, Any]
    ours: frozenset[str]
    if_blank: frozenset[str]
    references: dict[str, str]


_decode_quickly = msgspec.json.Decoder(_Wish).decode
_decode_listed = msgspec.json.Decoder(list[tuple[int, Write, int, int, int, str, int | None]]).decode
#: rows that are read together were decided, and are sent, at few instants
_instant = lru_cache(maxsize=256)(from_us)
_CAUSES: Final = {cause.value: cause for cause in Cause}
_STATES: Final = {state.value: state for state in RowState}


def update_key(lane: str, group: str, seq: int) -> str:
    """Make the key of an update: A → B → A are three decisions, so they are three keys."""
    return digest(lane, group, str(seq))


def body_of(write: Write) -> str:
    """Write down what is wanted; equal wishes give equal text."""
    return (
        f'{{"fields":{values_json(write.fields)},"expected":{values_json(write.expected)},"ours":{_names(write.ours)},'
        f'"if_blank":{_names(write.if_blank)},"references":{values_json(write.references)}}}'
    )


def _names(names: frozenset[str]) -> str:
    return as_json(sorted(names)) if names else "[]"


def values_of(row: OutboxRow, *, id_: int, seq: int, body: str) -> tuple[Any, ...]:
    """Give the values to insert.

    Raises:
        HandoffError: ``outbox.unlawful_start``: a row starts as todo or held, and held rows say by what.
    """
    if row.state not in INITIAL or (row.state is RowState.HELD) != bool(row.held_by):
        raise HandoffError("outbox.unlawful_start", f"a row cannot start as {row.state} held by {row.held_by!r}")
    write = row.write
    return (
        id_,
        write.key if write.kind == "create" else update_key(row.lane, row.group, seq),
        write.kind,
        write.object,
        write.id,
        row.lane,
        row.group,
        seq,
        row.cause.value,
        storable(row.rule),
        storable(row.person_id),
        storable(row.reason),
        row.run_id,
        row.plan_id,
        row.priority,
        to_us(row.decided_at),
        body,
        as_json(row.depends_on) if row.depends_on else "[]",
        row.state.value,
        row.held_by,
        to_us(row.not_before),
    )


def row_of(values: Sequence[Any]) -> OutboxRow:
    """Read one result row of ``COLUMNS``."""
    (
        id_, key, kind, object_, target_id, lane, group, cause, rule, person_id, reason, run_id, plan_id, priority,
        decided_at, body, depends_on, state, held_by, attempts, not_before, sent_at, code, message, fixer,
    ) = values  # fmt: skip
    wish = _wish(body)
    write = Write(
        key, kind, object_, target_id, wish.fields, wish.expected, wish.ours, wish.if_blank, wish.references
    )  # fmt: skip
    return OutboxRow(
        id_, write, lane, group, _CAUSES[cause], rule, person_id, reason, run_id, plan_id, priority,
        _instant(decided_at), _STATES[state], held_by, tuple(json.loads(depends_on)) if depends_on != "[]" else (),
        attempts, None if not_before is None else from_us(not_before),
        None if sent_at is None else _instant(sent_at), code, message, fixer,
    )  # fmt: skip


def done_of(values: Sequence[Any]) -> DoneRow:
    """Read one result row of ``COLUMNS``, and the record, the result and the instant of settling after them."""
    row = row_of(values[:-3])
    record_id, result, settled_at = values[-3:]
    at = None if settled_at is None else from_us(settled_at)
    return DoneRow(row.id, row.write, record_id or row.write.id, result == "written", row.code, at)


def taken_of(values: Sequence[Any]) -> Taken:
    """Read one result row of ``TAKEN``."""
    id_, key, kind, object_, target_id, body, priority, decided_at, attempts, code, not_before = values
    wish = _wish(body)
    write = Write(
        key, kind, object_, target_id, wish.fields, wish.expected, wish.ours, wish.if_blank, wish.references
    )  # fmt: skip
    until = None if not_before is None else from_us(not_before)
    return Taken._make((id_, write, priority, _instant(decided_at), attempts, code, until))


def listed(rows: str | None) -> list[Taken] | None:
    """Read rows of ``LISTED``, with commas between them; None where one has to be read with more patience."""
    if rows is None:
        return []
    try:
        found = _decode_listed(f"[{rows}]")
    except msgspec.DecodeError:
        return None
    return [
        Taken(id_, write, priority, _instant(at), attempts, code, None if until is None else from_us(until))
        for id_, write, priority, at, attempts, code, until in found
    ]


def _wish(body: str) -> _Wish:
    """Read what ``body_of`` wrote; half a surrogate pair is no text to the quick reader."""
    try:
        return _decode_quickly(body)
    except msgspec.DecodeError:
        wish = json.loads(body)
    names = frozenset(wish["ours"]), frozenset(wish["if_blank"])
    return _Wish(wish["fields"], wish["expected"], *names, wish["references"])
