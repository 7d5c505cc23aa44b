"""An outbox row as the program sees it and as the table keeps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, Final, Literal, TypeVar

import msgspec

from connector.domain.outbox_states import INITIAL
from connector.domain.refs import digest
from connector.domain.writes import Cause, RowState, Write, only_ours
from connector.errors import HandoffError
from connector.ports.outbox import DoneRow
from connector.ports.store import OutboxRow, OwnRows, Taken
from state.bulk import as_json, storable, values_json
from state.instants import from_us, to_us

#: what ``row_of`` reads, in its order
COLUMNS: Final = (
    "id, key, kind, object, target_id, lane, grp, cause, rule, person_id, reason, run_id, plan_id, priority, "
    "decided_at, body, depends_on, state, held_by, attempts, not_before, sent_at, code, message, fixer"
)
#: what ``taken_of`` reads, in its order
TAKEN: Final = "id, key, kind, object, target_id, body, priority, decided_at, attempts, code, not_before"
#: what is mostly the same in all that is taken at once; last what changes by being taken
OF_ALL: Final = ("object", "priority", "decided_at", "code", "not_before", "attempts")
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


#: What ``body_of`` writes of an update of nothing but fields of ours, of all of which it is known what stands there:
#: the wanted values on one line, the expected ones on the next. In no other body, and nowhere else, is the line broken.
_OWN: Final = '{"own":'
_EXPECTED: Final = ',\n"expected":'


class Wish(msgspec.Struct, gc=False):
    """What is wanted, as ``body_of`` wrote it down."""

    fields: dict[str, Any]
    expected: dict[str, Any]
    ours: frozenset[str]
    if_blank: frozenset[str]
    references: dict[str, str]


class _Own(msgspec.Struct, gc=False):
    """The same where all fields are ours."""

    own: dict[str, Any]
    expected: dict[str, Any]


_decoder = msgspec.json.Decoder(Wish)
_own_decoder = msgspec.json.Decoder(_Own)
_Read = TypeVar("_Read")
#: rows that are read together were decided, and are sent, at few instants
_instant = lru_cache(maxsize=256)(from_us)
_CAUSES: Final = {cause.value: cause for cause in Cause}
_STATES: Final = {state.value: state for state in RowState}


def update_key(lane: str, group: str, seq: int) -> str:
    """Make the key of an update: A → B → A are three decisions, so they are three keys."""
    return digest(lane, group, str(seq))


def body_of(write: Write) -> str:
    """Write down what is wanted; equal wishes give equal text."""
    if _is_own(write):
        return f"{_OWN}{values_json(write.fields)}{_EXPECTED}{values_json(write.expected)}}}"
    return (
        f'{{"fields":{values_json(write.fields)},"expected":{values_json(write.expected)},"ours":{_names(write.ours)},'
        f'"if_blank":{_names(write.if_blank)},"references":{values_json(write.references)}}}'
    )


def _is_own(write: Write) -> bool:
    """Say whether it is about fields of ours alone, which may go out as they are written down."""
    return (
        only_ours(write)
        and not write.references
        and bool(write.fields)
        and write.ours == write.fields.keys() == write.expected.keys()
        and not any(type(value) is float and not isfinite(value) for value in write.fields.values())
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
    write = _write(key, kind, object_, target_id, body)
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
    write = _write(key, kind, object_, target_id, body)
    until = None if not_before is None else from_us(not_before)
    return Taken._make((id_, write, priority, _instant(decided_at), attempts, code, until))


def rows_taken(found: Sequence[Sequence[Any]]) -> Sequence[Taken]:
    """Read result rows of ``TAKEN``."""
    if found:
        columns = dict(zip(TAKEN.split(", "), zip(*found, strict=True), strict=True))
        of_all = [set(columns[name]) for name in OF_ALL]
        if all(len(values) == 1 for values in of_all) and None not in columns["target_id"]:
            keys, target_ids, bodies = ("\n".join(columns[name]) for name in ("key", "target_id", "body"))
            rows = own_rows(columns["id"], keys, target_ids, bodies, [values.pop() for values in of_all])
            if rows is not None:
                return rows
    return [taken_of(values) for values in found]


def own_rows(
    ids: Sequence[int], keys: str, target_ids: str | None, bodies: str, of_all: Sequence[Any]
) -> OwnRows | None:
    """Make rows that all ask for fields of ours alone; None where one does not.

    Keys, ids of records and bodies are in lines; ``of_all`` are the values of ``OF_ALL``.
    """
    lines = bodies.split("\n")
    each_key, each_id = keys.split("\n"), (target_ids or "").split("\n")
    if not len(ids) == len(each_key) == len(each_id) == len(lines) / 2:
        return None
    object_, priority, decided_at, code, not_before, attempts = of_all

    def one_by_one() -> list[Taken]:
        told = map("\n".join, zip(lines[::2], lines[1::2], strict=True))
        rest = priority, decided_at, attempts, code, not_before
        each = zip(ids, each_key, each_id, told, strict=True)
        return [taken_of((id_, key, "update", object_, target_id, body, *rest)) for id_, key, target_id, body in each]

    # without what stands before and behind the wanted values
    fields = [line[len(_OWN) : -1] for line in lines[::2]]
    return OwnRows(ids, attempts, _instant(decided_at), (object_, each_id, fields), one_by_one)


def ids_of(rows: Sequence[Taken]) -> Sequence[int]:
    """Give the ids of rows."""
    return rows.ids if isinstance(rows, OwnRows) else [row.id for row in rows]


def wish_of(body: str) -> Wish:
    """Read what ``body_of`` wrote."""
    if body.startswith(_OWN):
        own = _read(_own_decoder, body)
        return Wish(own.own, own.expected, frozenset(own.own), frozenset(), {})
    return _read(_decoder, body)


def _read(decoder: msgspec.json.Decoder[_Read], body: str) -> _Read:
    """Read quickly, and what only the patient reader takes (half a surrogate pair) by that one."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(body), decoder.type)


def _write(key: str, kind: Literal["create", "update"], object_: str, target_id: str | None, body: str) -> Write:
    wish = wish_of(body)
    return Write(
        key, kind, object_, target_id, wish.fields, wish.expected, wish.ours, wish.if_blank, wish.references
    )  # fmt: skip
