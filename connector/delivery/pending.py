"""What waits in the outbox, as little of it as deciding looks at: it may be a whole first load."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from connector.domain.outbox_states import OWN_GROUPS, UNDONE
from connector.domain.records import Value
from connector.domain.writes import RowState
from connector.ports.store import OutboxRow

#: not sent, and not refused for good
_WAITING = frozenset({RowState.TODO, RowState.HELD, RowState.DEAD})
#: bytes that tell one value of one field from another
_MARK = 8


class Waiting(NamedTuple):
    """A row that waits for a record of its person: an update (``record``: ``object:id``), or a task on it ("")."""

    id: int
    record: str
    group: str
    fields: Mapping[str, Value]


class Pending:
    """The rows of the outbox that are todo, doing, unknown, held or dead.

    Attributes:
        creations: keys of what is to be created.
        tasks: (rule, person_id) of tasks that are to be created; dead ones count for nothing.
        openings: person_id → (row, kind of record, rule) of what would be made for them and is not on its way yet.
        to_do: creation key → fields of tasks that are to be created; dead ones count for nothing.
        called: (rule, person_id) of every write to a task; dead ones count for nothing.
        waiting: person_id → what waits for a record of theirs; not the many scores, unless they were refused.
        owners: lanes of records that are to get another owner; dead ones count for nothing.
        undone: lanes of records whose own fields an undo holds back.
        kept: person_id → (row, ``object:id``) of what an undo holds back of their record.
    """

    def __init__(self, rows: Iterable[OutboxRow] = ()) -> None:
        """Take the rows, oldest first; none of them is kept."""
        self.creations: set[str] = set()
        self.tasks: set[tuple[str, str]] = set()
        self.to_do: dict[str, Mapping[str, Value]] = {}
        self.called: set[tuple[str, str]] = set()
        self.owners: set[str] = set()
        self.undone: set[str] = set()
        self.kept: dict[str, list[tuple[int, str]]] = {}
        self.openings: dict[str, list[tuple[int, str, str]]] = {}
        self.waiting: dict[str, list[Waiting]] = {}
        self._wishes: dict[tuple[str, str], bytes] = {}
        #: lane → the newest wish for fields of ours, whichever group it is in
        self._own: dict[str, bytes] = {}
        #: lane → what a wish that moves no stage is to show there, field by field
        self._shown: dict[str, bytes] = {}
        for row in rows:
            if row.held_by == UNDONE:
                self._held_back(row)
                continue
            creates = row.write.kind == "create"
            if creates:
                self.creations.add(row.write.key)
                if row.state in _WAITING and row.person_id:
                    self.openings.setdefault(row.person_id, []).append((row.id, row.write.object, row.rule))
            if row.write.object == "task" and row.state is not RowState.DEAD:
                self.called.add((row.rule, row.person_id))
                if creates:
                    self.tasks.add((row.rule, row.person_id))
                    self.to_do[row.write.key] = row.write.fields
            if row.group == "owner" and row.state is not RowState.DEAD:
                self.owners.add(row.lane)
            if row.state in _WAITING and row.person_id:
                self._waits(row)
            self._wishes[row.lane, row.group] = digest = _digest(row.write.fields)
            if row.group in OWN_GROUPS:
                self._own[row.lane] = digest
                self._shown.pop(row.lane, None)
            if row.group == "score":
                self._shown[row.lane] = b"".join(map(_mark, row.write.fields.items()))

    def _waits(self, row: OutboxRow) -> None:
        write, dead = row.write, row.state is RowState.DEAD
        if write.kind == "update" and write.object != "task" and (dead or row.group != "score"):
            fields = {} if row.group in OWN_GROUPS else write.fields
            waiting = Waiting(row.id, f"{write.object}:{write.id}", row.group, fields)
        elif write.kind == "create" and write.object == "task" and not (write.references or row.held_by):
            waiting = Waiting(row.id, "", row.group, write.fields)
        else:
            return
        self.waiting.setdefault(row.person_id, []).append(waiting)

    def hand_over(self, became: Mapping[str, str]) -> None:
        """Give what waits for people to those they have become."""
        for person_id in became.keys() & self.waiting.keys():
            self.waiting.setdefault(became[person_id], []).extend(self.waiting.pop(person_id))
        for person_id in became.keys() & self.kept.keys():
            self.kept.setdefault(became[person_id], []).extend(self.kept.pop(person_id))

    def _held_back(self, row: OutboxRow) -> None:
        """Note what an undo took back: our own fields wait for news, an event asks anew, a closing stays undone."""
        if row.group in OWN_GROUPS:
            self.undone.add(row.lane)
            if row.person_id:
                self.kept.setdefault(row.person_id, []).append((row.id, f"{row.write.object}:{row.write.id}"))
        elif row.group == "task":
            self._wishes[row.lane, row.group] = _digest(row.write.fields)

    def repeats(self, row: OutboxRow) -> bool:
        """Say whether the newest wish for the row's record and group asks for just the same.

        A first load shows stages together with scores; what of it is still on its way is no stage move.
        """
        digest = _digest(row.write.fields)
        own = self._own.get(row.lane) if row.group in OWN_GROUPS else None
        return digest in (self._wishes.get((row.lane, row.group)), own)

    def shows(self, lane: str, fields: Mapping[str, Value]) -> bool:
        """Say whether a record is about to show all these values with its first score: then they are no stage move."""
        told = self._shown.get(lane, b"")
        marks = {told[at : at + _MARK] for at in range(0, len(told), _MARK)}
        return all(_mark(field) in marks for field in fields.items())


def _mark(field: tuple[str, Value]) -> bytes:
    return _digest(dict([field]))[:_MARK]


def _digest(fields: dict[str, Value]) -> bytes:
    plain = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in fields.items()
    }
    return blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16).digest()
