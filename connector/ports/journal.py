"""What we ask of the journal: what each run changed in the CRM, so that it can be put back. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from connector.domain.records import Value
from connector.domain.writes import Cause


class Change(NamedTuple):
    """One field of one record: what stood there just before, and what was written."""

    field: str
    before: Value
    written: Value


@dataclass(frozen=True, slots=True)
class Journalled:
    """One write that reached the CRM.

    Attributes:
        row: the outbox row's id; a greater one was decided later.
        record: the CRM's id of the record.
        changes: its fields that were another value before; of a created record all, before is None.
        ours: fields that only we write.
        if_blank: fields that are written only while the CRM holds nothing there.
    """

    row: int
    run_id: str
    kind: Literal["create", "update"]
    object: str
    record: str
    lane: str
    group: str
    cause: Cause
    rule: str
    person_id: str
    changes: tuple[Change, ...]
    ours: frozenset[str] = frozenset()
    if_blank: frozenset[str] = frozenset()


class Journal(Protocol):
    """What runs changed. Nothing of it is ever pruned; whoever is erased is no longer in it."""

    def of(self, run_id: str) -> list[Journalled]:
        """List what rows decided by a run changed, oldest first."""
        ...

    def since(self, lanes: Sequence[str], row: int) -> list[Journalled]:
        """List what rows younger than ``row`` changed in some lanes, oldest first."""
        ...
