"""A CRM in memory that behaves as vendors do on a bad day, and the hands of the people who work in it.

Beyond ``adapters.memory.MemoryCrm``: task keys need not be unique, answers get lost, requests come true minutes later,
arrive twice, meet a lock or a limit; converted leads take no writes; the tasks of a deleted record go with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.memory import MemoryCrm
from benchmarks.survival.gate import Crash, Crasher, Gate, Guarded, Slot
from connector.domain.own_updates import AsAsked, OwnUpdates
from connector.domain.records import Page, RecordVersion, Value
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import RateLimited, TransientError
from connector.ports.traits import AdapterTraits

SYSTEM = "crm"
#: how long the vendor may be at work on what it has taken (``AdapterTraits.settle_after`` of the CRM in memory)
BOUND = timedelta(minutes=10)
_FAULTS = ("lost_answer", "lost_request", "late", "limit", "unreachable", "lock", "twice")


class FrailCrm(MemoryCrm):
    """One org, shared by all processes; ``gate`` gives its clock."""

    def __init__(self, gate: Gate, *, unique_tasks: bool, batch: int) -> None:
        """Be empty. ``unique_tasks``: whether a second task of one key is refused; people's keys are always unique."""
        super().__init__({"batch_size": batch, "page": 1000}, system=SYSTEM)
        self._gate = gate
        self._unique_tasks = unique_tasks
        self._coming: list[tuple[datetime, list[Write]]] = []
        #: the share of batches that something happens to
        self.bad = 0.0
        #: what people have last put where they and we both write: (object, id, field) → value
        self.by_hand: dict[tuple[str, str, str], Value] = {}
        #: what people changed before a pull had shown it
        self.unseen_by_hand: set[Ref] = set()
        self._pulled: set[Ref] = set()
        #: (email, field) → every value that we wrote there, whichever record of theirs it was
        self.put: dict[tuple[str, str], list[Value]] = {}
        #: every record that a creation of ours made, with its key
        self.made: list[tuple[str, str, str]] = []

    def traits(self) -> AdapterTraits:
        """Say which keys are unique."""
        traits = super().traits()
        return replace(traits, creation_key_unique={**traits.creation_key_unique, "task": self._unique_tasks})

    def clock(self) -> datetime | None:
        """Give the world's clock: it is the vendor's."""
        return self._gate.now

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read what changed, and remember what was shown."""
        for page in super().pull(stream, cursor, now=now):
            self._pulled.update(record.ref for record in page.records)
            yield page

    def tick(self) -> None:
        """Let come true what has been due until now."""
        due = [entry for entry in self._coming if entry[0] <= self._gate.now]
        self._coming = [entry for entry in self._coming if entry[0] > self._gate.now]
        for at, writes in sorted(due, key=lambda entry: entry[0]):
            for write in writes:
                self._apply_one(write, at)

    def later(self, writes: Sequence[Write]) -> None:
        """Take writes that come true within the vendor's bound."""
        after = timedelta(seconds=self._gate.dice.uniform(0, BOUND.total_seconds() - 1))
        self._coming.append((self._gate.now + after, list(writes)))

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply a batch, or have something happen to it.

        Raises:
            RateLimited, TransientError: nothing was attempted.
        """
        dice = self._gate.dice
        fault = dice.choice(_FAULTS) if dice.random() < self.bad else ""
        unknown = [WriteOutcome(write.key, OutcomeKind.UNKNOWN, write.id, code="no_answer") for write in writes]
        match fault:
            case "limit":
                raise RateLimited("crm.limit", "too many calls", retry_after_seconds=dice.choice((1.0, 7.0, 30.0)))
            case "unreachable":
                raise TransientError("crm.unreachable", "nobody answers")
            case "lost_request":
                return unknown
            case "late":
                self.later(writes)
                return unknown
        locked = dice.randrange(len(writes)) if fault == "lock" else -1
        outcomes = [
            WriteOutcome(write.key, OutcomeKind.RETRY, write.id, code="locked")
            if place == locked
            else self._apply_one(write, now)
            for place, write in enumerate(writes)
        ]
        if fault == "twice":
            # what has no key of its own and is delivered twice is a matter between the wire and the vendor
            for write in writes:
                if write.kind == "update" or self.traits().creation_key_unique[write.object]:
                    self._apply_one(write, now)
        if fault == "lost_answer":
            return unknown
        came_true = all(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes)
        return AsAsked(writes) if came_true and isinstance(writes, OwnUpdates) else outcomes

    def apply_half(self, writes: Sequence[Write], *, now: datetime) -> None:
        """Apply the first half of a batch, and the rest now, later or never: nobody is there to hear of it."""
        middle = len(writes) // 2
        for write in writes[:middle]:
            self._apply_one(write, now)
        if self._gate.dice.random() < 0.5:
            self.later(writes[middle:])

    def _apply_one(self, write: Write, at: datetime) -> WriteOutcome:
        write = self._followed(write)
        gone = self._refusal(write)
        if gone:
            return WriteOutcome(write.key, OutcomeKind.REJECTED, write.id, code=gone, message=gone, fixer="nobody")
        return super()._apply_one(write, at)

    def _create(self, write: Write, wanted: dict[str, Value], at: datetime) -> WriteOutcome:
        if (write.object, write.key) in self._keys and not self.traits().creation_key_unique[write.object]:
            id_ = f"{write.object}-again-{len(self.made)}"
            self.creations[write.key] += 1
            self.made.append((write.object, id_, write.key))
            self._store(write.object, id_, wanted, user="handoff", at=at)
            return WriteOutcome(write.key, OutcomeKind.WRITTEN, id_)
        outcome = super()._create(write, wanted, at)
        if outcome.kind is OutcomeKind.WRITTEN and outcome.id is not None:
            self.made.append((write.object, outcome.id, write.key))
        return outcome

    def _note(self, object_: str, id_: str, values: Mapping[str, Value]) -> None:
        super()._note(object_, id_, values)
        email = str(self._records[Ref(SYSTEM, object_, id_)].fields.get("email") or "")
        for name, value in values.items():
            self.put.setdefault((email, name), []).append(value)

    def _followed(self, write: Write) -> Write:
        """Hang a task on what has become of a record that was merged or converted, as the vendor moves those it has."""
        who = str(write.fields.get("who") or "")
        if write.object != "task" or not who:
            return write
        return replace(write, fields={**write.fields, "who": self.survivor(who)})

    def _refusal(self, write: Write) -> str:
        if write.kind == "update":
            record = self._records.get(Ref(SYSTEM, write.object, write.id or ""))
            return "CANNOT_UPDATE_CONVERTED_LEAD" if record is not None and record.merged_into is not None else ""
        who = str(write.fields.get("who") or "")
        return "ENTITY_IS_DELETED" if who and not self._living(who) else ""

    def _living(self, id_: str) -> bool:
        return any(Ref(SYSTEM, object_, id_) in self._records for object_ in ("lead", "contact"))

    def survivor(self, id_: str) -> str:
        """Follow merges and conversions of a lead or contact."""
        for object_ in ("lead", "contact"):
            record = self._records.get(Ref(SYSTEM, object_, id_))
            if record is not None and record.merged_into is not None:
                return self.survivor(record.merged_into.id)
        return id_

    # -- what people do ----------------------------------------------------------------------------

    def write_by_hand(self, object_: str, id_: str, values: Mapping[str, Value]) -> None:
        """Edit a record that is there and was not converted."""
        record = self._records.get(Ref(SYSTEM, object_, id_))
        if record is None or record.merged_into is not None:
            return
        self.edit(object_, id_, values, user="005rep1", at=self._gate.now)
        if record.ref not in self._pulled:
            self.unseen_by_hand.add(record.ref)
        self.by_hand.update({(object_, id_, name): value for name, value in values.items()})

    def edit_ours(self, object_: str, id_: str, values: Mapping[str, Value]) -> None:
        """Edit what is ours alone: the next cycle puts it right."""
        record = self._records.get(Ref(SYSTEM, object_, id_))
        if record is not None and record.merged_into is None:
            self.edit(object_, id_, values, user="005rep1", at=self._gate.now)

    def remove(self, object_: str, id_: str) -> None:
        """Delete a record with its tasks."""
        record = self._records.get(Ref(SYSTEM, object_, id_))
        if record is None or record.merged_into is not None:
            return
        for task, held in list(self.records("task").items()):
            if held.fields.get("who") == id_:
                self.delete("task", task, at=self._gate.now)
        self.delete(object_, id_, at=self._gate.now)

    def turn_into(self, id_: str, object_: str, other: str) -> None:
        """Convert a lead, or merge it into another: the other one takes over what it shows and its tasks.

        Whoever does so owns it from then on.
        """
        record = self._records.get(Ref(SYSTEM, "lead", id_))
        if record is None or record.merged_into is not None:
            return
        now, into = self._gate.now, Ref(SYSTEM, object_, other)
        if into not in self._records:
            self.add(RecordVersion(into, now, now, dict(record.fields), dict(record.links)))
        self.add(record._replace(modified_at=now, merged_into=into))
        self.write_by_hand(object_, other, {"owner_id": "005rep1"})
        for (kind, held, name), value in list(self.by_hand.items()):
            if (kind, held) == ("lead", id_):
                self.by_hand.setdefault((object_, other, name), value)
        for held_task in list(self.records("task").values()):
            if held_task.fields.get("who") == id_:
                fields = {**held_task.fields, "who": other}
                links = {"who": other, object_: other, "owner": str(fields.get("owner_id") or "")}
                self.add(held_task._replace(modified_at=now, fields=fields, links=links))


class GuardedCrm(Guarded):
    """The org as one life of a process sees it; it asks before each request whether its sender may send."""

    def __init__(self, gate: Gate, slot: Slot, real: FrailCrm) -> None:
        """Guard the org for the slot's present life."""
        super().__init__(gate, slot, "crm", real)
        self._may_send: Callable[[], None] = lambda: None
        self._seen: datetime | None = None
        # asked often, and no way out of the process
        for name in ("traits", "calls", "usage", "user_id"):
            setattr(self, name, getattr(real, name))

    def fence(self, may_send: Callable[[], None]) -> None:
        """Keep what to ask."""
        self._may_send = may_send

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Any:
        """Send a batch: the process may end before, in the middle and after it."""

        def effect(crasher: Crasher) -> Any:
            self._may_send()
            if crasher():
                self._real.apply_half(writes, now=now)
                self._slot.life += 1
                raise Crash
            outcomes = self._real.apply(writes, now=now)
            self._answered()
            return outcomes

        return self._gate.call(self._slot, self._life, "crm.apply", effect)

    def clock(self) -> datetime | None:
        """Give the vendor's clock as last seen in an answer: whoever sleeps on an answer sees none that is later."""
        return self._seen

    def _answered(self) -> None:
        self._seen = self._gate.now


def seeded(dice: random.Random, gate: Gate) -> FrailCrm:
    """Give an org whose ways are drawn."""
    return FrailCrm(gate, unique_tasks=dice.random() < 0.5, batch=dice.choice((2, 2, 3, 5)))
