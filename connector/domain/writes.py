"""What we ask a CRM to do, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from connector.domain.records import Value


class Cause(StrEnum):
    """What a write does to people's work; limits are counted per cause.

    ``SCORE`` (our own score, grade, reason and stage fields) is bound by the call budget only.
    """

    SCORE = "score"
    TASK = "task"
    FAST_LANE_TASK = "fast_lane_task"
    OWNER_CHANGE = "owner_change"
    STAGE_MOVE = "stage_move"
    CREATION = "creation"
    EDIT = "edit"


class RowState(StrEnum):
    """States of an outbox row; the moves allowed between them stand in ``connector.domain.outbox_states``."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    HELD = "held"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Write:
    """One wish about one CRM record, complete enough to be applied, looked up and repeated.

    Attributes:
        key: creation key (stored in the CRM) or update key (ours alone); the same wish has the same key for ever.
        kind: ``create`` goes by key, ``update`` by id.
        object: our word: ``lead``, ``contact``, ``account``, ``task``.
        id: the CRM's id for an update, None for a creation.
        fields: CRM field names and wanted values.
        expected: for an update, what the CRM is believed to hold in each of ``fields``.
        ours: fields that only we write; the others are people's too and are read in the same breath as written.
        if_blank: fields to be written only while the CRM holds nothing there.
        references: field name → creation key of another write whose id belongs there (a task's lead).
    """

    key: str
    kind: Literal["create", "update"]
    object: str
    id: str | None
    fields: dict[str, Value]
    expected: dict[str, Value] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    if_blank: frozenset[str] = frozenset()
    references: dict[str, str] = field(default_factory=dict)


def only_ours(write: Write) -> bool:
    """Say whether a write is an update of nothing but fields that only we write."""
    return write.kind == "update" and bool(write.id) and not write.if_blank and write.ours.issuperset(write.fields)


class OutcomeKind(StrEnum):
    """What became of one write."""

    #: written now
    WRITTEN = "written"
    #: the CRM already held every wanted value, or the created record was there
    UNCHANGED = "unchanged"
    #: a person's value stood there (or came back); theirs stays
    HUMAN_WON = "human_won"
    #: certainly not applied, may be tried again later
    RETRY = "retry"
    #: sent, no clear answer: look up before sending again
    UNKNOWN = "unknown"
    #: refused for this record; goes to the dead letters
    REJECTED = "rejected"


class WriteOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of the write with ``key``; a struct, for two hundred of them are made with each batch.

    Attributes:
        id: the CRM's id of the record, where known.
        before: values the CRM held just before, for the fields that were read (the journal for undo).
        code: the vendor's error code or an empty string.
        message: the vendor's words, for the dead-letter list (never for logs: they may quote people's data).
        fixer: who must act: ``crm_admin``, ``ops`` or ``nobody``.
        not_before: for RETRY and UNKNOWN, the vendor-clock instant before which nothing should be sent, if known.
    """

    key: str
    kind: OutcomeKind
    id: str | None = None
    before: dict[str, Value] = msgspec.field(default_factory=dict)
    code: str = ""
    message: str = ""
    fixer: Literal["crm_admin", "ops", "nobody", ""] = ""
    not_before: datetime | None = None

    def but(self, **changes: Any) -> WriteOutcome:
        """Give the same with some attributes changed."""
        return msgspec.structs.replace(self, **changes)
