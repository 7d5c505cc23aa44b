"""Wanted minus what the CRM holds: the smallest list of writes, each with its cause, and the memory beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.accounts import decide_accounts
from connector.delivery.creations import creation_object, may_create, person_creation
from connector.delivery.ground import Ground, Person
from connector.delivery.keys import creation_key, event_episode, stage_episode
from connector.delivery.last_shown import UNSURE
from connector.delivery.late import LateTouches, late_mask
from connector.delivery.left_behind import forget_fills, left_behind
from connector.delivery.open_tasks import open_task_rows
from connector.delivery.opt_out import EVERYTHING, Gate, boxes_mask, closed, tick_row, ticks
from connector.delivery.own_fields import own_fields
from connector.delivery.records import (
    blanks_mask,
    fill_row,
    fillable,
    known_fills,
    own_mapping,
    own_rows,
    own_values,
    owner_row,
)
from connector.delivery.shown import Shown, closed_channels, remember
from connector.delivery.tasks import TaskWish, refresh_row, remember_texts, task_row
from connector.domain.writes import Cause
from connector.mapping.evaluate import evaluate, holds
from connector.ports.store import OutboxRow
from connector.ports.task_times import TaskEvent
from connector.routing.pools import Owner
from connector.routing.route import DEAL_OWNER, assignments, choose_owner, fallback_assignment

#: people looked at one by one, with every fact about them, at a time
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Decided:
    """The rows in the order in which limits should see them, everybody's memory, and the accounts' memory.

    ``totals`` are the scores of the people who have rows: by them rows of one urgency are ranked. ``withdrawn`` are
    rows of the outbox that wait and must not be sent any more, ``anew`` those of tasks to be made that are to be
    decided anew, for their person's record is another one now. ``opted_out`` counts what opt-outs kept from being
    done, ``late`` what was done about late first touches; ``events`` set off tasks among the rows.
    """

    rows: list[OutboxRow]
    shown: pa.Array
    accounts: dict[str, str]
    totals: dict[str, float | None]
    withdrawn: list[int] = field(default_factory=list)
    anew: list[int] = field(default_factory=list)
    opted_out: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    events: list[TaskEvent] = field(default_factory=list)


def decide(ground: Ground) -> Decided:
    """Decide what to write about the people and accounts of the ground.

    Pure but for the desk, which remembers whose turn it is: the same ground gives the same rows, and people who come in
    parts, in order and with one desk, get the rows of all at once.
    """
    return _Decision(ground).result()


class _Decision:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._mapped = own_mapping(ground.mappings.fields, ground.crm)
        people = ground.people
        described = {**ground.info.get("lead", {}), **ground.info.get("contact", {})}
        step, undone = ground.mappings.scoring.write_step, ground.held_back(people)
        self._own = own_fields(people, self._mapped, described, step=step, undone=undone)
        self._memory: dict[int, Shown] = {}
        self._rows: list[OutboxRow] = []
        self._tasks: dict[tuple[str, str], Mapping[str, Any]] = {}
        for task in ground.tasks:
            self._tasks.setdefault((str(task["rule"]), str(task["person_id"])), task)
        self._created: dict[str, str] = {}
        self._owners: dict[tuple[str, bool], Owner] = {}
        self._changed_owner: set[str] = set()
        self._gate = Gate(ground.mappings.routing)
        self._opted_out: Counter[str] = Counter()
        self._late = LateTouches(ground)
        self._of_stages = {task.id for task in ground.mappings.routing.stage_tasks}
        self._events: list[TaskEvent] = []

    def result(self) -> Decided:
        ground = self._ground
        fast = self._fast_by_row()
        personas = self._personas()
        blank_mask = pc.or_(blanks_mask(ground), boxes_mask(ground))
        # Whoever was there at the baseline is looked at only for blanks: at a first load that spares nearly everybody.
        old = pc.or_(ground.people.column("baseline"), ground.baseline)
        entered = pc.and_not(ground.people.column("entered"), old).combine_chunks()
        rows = set(fast) | set(personas) | set(pc.indices_nonzero(entered).to_pylist())
        rows |= set(pc.indices_nonzero(blank_mask).to_pylist())
        behind = left_behind(ground)
        for at, waiting in behind.items():
            forget_fills(self._remember(at), waiting)
        late = set(pc.indices_nonzero(late_mask(ground)).to_pylist())
        order = sorted(rows | late | set(behind))
        for first in range(0, len(order), _AT_ONCE):
            places = order[first : first + _AT_ONCE]
            people = ground.people.take(pa.array(places, pa.int64()))
            going = assignments(ground.mappings.routing, people, now=ground.now)
            for at, person, to in zip(places, people.to_pylist(), going, strict=True):
                self._person(at, person, to, fast.get(at, {}), personas.get(at, []))
                if any(one.group == "owner" for one in behind.get(at, ())) and closed(person) < EVERYTHING:
                    self._record(at, person, to or fallback_assignment(ground.mappings.routing), "", False)
                self._blanks(at, person)
                if at in late:
                    self._rows += self._late.rows(person, self._remember(at))
        self._rows += open_task_rows(ground, self._gate, {row.lane for row in self._rows}, self._opted_out)
        self._remember_closed()
        withdrawn = list(self._gate.withdrawn(ground))
        self._opted_out["withdrawn"] += len(withdrawn)
        left = [one for waiting in behind.values() for one in waiting]
        withdrawn += [one.id for one in left if one.record]
        accounts, account_memory = decide_accounts(ground)
        rows_of_own = list(own_rows(ground, self._own, self._mapped))
        totals = self._totals({row.person_id for row in (*self._rows, *rows_of_own)})
        ranked = sorted(
            [*self._rows, *rows_of_own, *accounts],
            key=lambda row: (row.priority, -(totals.get(row.person_id) or 0.0), bool(row.depends_on), row.lane),
        )
        fresh = [row for row in ranked if not ground.pending.repeats(row)]
        return Decided(
            rows=fresh,
            shown=self._shown(),
            accounts=account_memory,
            totals=totals,
            withdrawn=withdrawn,
            anew=[one.id for one in left if not one.record],
            opted_out=+self._opted_out,
            late=+self._late.did,
            events=self._events,
        )

    def _totals(self, ids: Iterable[str]) -> dict[str, float | None]:
        """Give the total of some people."""
        people = self._ground.people.select(["person_id", "score.total"])
        people = people.filter(pc.is_in(people.column("person_id"), pa.array(ids, pa.string())))
        return dict(zip(people.column("person_id").to_pylist(), people.column("score.total").to_pylist(), strict=True))

    def _remember(self, at: int) -> Shown:
        """Give the memory of one row, loaded once."""
        if at not in self._memory:
            self._memory[at] = Shown.load(self._ground.people.column("shown")[at].as_py())
        return self._memory[at]

    # -- the fast lane, personas, stage entries ----------------------------------------------------

    def _fast_by_row(self) -> dict[int, dict[str, list[Mapping[str, Any]]]]:
        found: dict[int, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        ids = pa.array([str(event["person_id"]) for event in self._ground.fast_events], pa.string())
        places = pc.index_in(ids, value_set=self._ground.people.column("person_id").combine_chunks()).to_pylist()
        for event, at in zip(self._ground.fast_events, places, strict=True):
            if at is not None and not self._is_baseline(at):
                found[at][str(event["rule"])].append(event)
        return found

    def _is_baseline(self, at: int) -> bool:
        return self._ground.baseline or bool(self._ground.people.column("baseline")[at].as_py())

    def _personas(self) -> dict[int, list[str]]:
        """Find who becomes a persona now; remember who is one."""
        ground = self._ground
        fresh: dict[int, list[str]] = defaultdict(list)
        for persona in ground.mappings.routing.personas:
            answer = evaluate(persona.when, ground.people, now=ground.now)
            mask = holds(answer)
            # Where a rule of it has lost what it asks for, who is one stays one, and nobody becomes one.
            lost = pc.is_null(answer) if UNSURE in ground.people.column_names else pc.is_null(mask)
            known = pc.match_substring(pc.fill_null(ground.people.column("shown"), ""), f'"{persona.id}"')
            moved = pc.and_not(pc.xor(mask, known.combine_chunks()), lost)
            for at in pc.indices_nonzero(moved).to_pylist():
                memory = self._remember(at)
                if not mask[at].as_py():
                    memory.personas = [name for name in memory.personas if name != persona.id]
                elif persona.id not in memory.personas:
                    if self._is_baseline(at) or persona.task is None:
                        memory.personas.append(persona.id)
                    else:
                        fresh[at].append(persona.id)
        return fresh

    def _person(
        self, at: int, person: Person, to: str, fast: Mapping[str, list[Mapping[str, Any]]], personas: list[str]
    ) -> None:
        if self._is_baseline(at) or person["in_review"] or person["erased"]:
            return
        for rule in self._ground.mappings.routing.fast_lane:
            if fast.get(rule.id):
                self._fast_lane(at, person, rule.id, fast[rule.id])
        self._persona_tasks(at, person, to, personas)
        if person["entered"]:
            self._stage_tasks(at, person)
            if person["disposition"] == "sales" and closed(person) < EVERYTHING:
                owner = to or fallback_assignment(self._ground.mappings.routing)
                self._record(at, person, owner, stage_episode(person["stage_entry"]), False)

    def _persona_tasks(self, at: int, person: Person, to: str, personas: list[str]) -> None:
        routing, now, words = self._ground.mappings.routing, self._ground.now, self._words(person)
        episode = stage_episode(person["stage_entry"])
        for persona in routing.personas:
            if persona.id not in personas or persona.task is None:
                continue
            goes_to = persona.to or to or fallback_assignment(routing)
            wish = TaskWish(persona.id, persona.task, goes_to, now, episode, Cause.TASK, words)
            # Whom the gate keeps back now is not called for the same reason later, when they may be reached again.
            if self._kept_back(persona.id, person) or self._open(at, person, wish):
                self._remember(at).personas.append(persona.id)

    def _stage_tasks(self, at: int, person: Person) -> None:
        since, episode, words = person["stage_since"], stage_episode(person["stage_entry"]), self._words(person)
        for task in self._ground.mappings.routing.stage_tasks:
            if task.on_enter == person["stage"] and not self._kept_back(task.id, person):
                wish = TaskWish(task.id, task.task, task.to, since, episode, Cause.TASK, words)
                self._open(at, person, wish)

    def _kept_back(self, rule: str, person: Person) -> bool:
        """Say whether a person does not want what a rule's task is for, and count it."""
        kept = not self._gate.lets(rule, closed(person))
        self._opted_out["tasks"] += kept
        return kept

    def _fast_lane(self, at: int, person: Person, rule_id: str, events: list[Mapping[str, Any]]) -> None:
        rule = next(rule for rule in self._ground.mappings.routing.fast_lane if rule.id == rule_id)
        memory = self._remember(at)
        finished = self._ground.finished.get(memory.tasks.get(rule_id, ""))
        last = memory.told_until(rule_id, gone=person["crm_deleted"], finished=finished)
        fresh = [event for event in events if event["occurred_at"].isoformat() > last]
        if not fresh:
            if finished is not None:
                memory.acted(rule_id, last)
            return
        first, latest = fresh[0], fresh[-1]
        until = latest["occurred_at"].isoformat()
        if not self._gate.lets(rule_id, closed(person)):
            self._opted_out["asked"] += 1
            memory.acted(rule_id, until)
            return
        words = self._words(person) | {"form": latest["form"], "path": latest["path"]}
        episode = event_episode(first["system"], first["kind"], first["id"])
        task = self._tasks.get((rule_id, person["person_id"]))
        if task is not None:
            wish = TaskWish(rule_id, rule.task, rule.to, latest["occurred_at"], episode, Cause.FAST_LANE_TASK, words)
            owner = self._ground.desk.user(str(task.get("owner")))
            zone = owner.time_zone if owner else "UTC"
            as_owner = Owner(str(task.get("owner")), "user", "", "", zone)
            row = refresh_row(self._ground, person, wish, task, as_owner, memory)
            self._rows += [] if row is None else [row]
        elif self._on_its_way(rule_id, person, memory):
            if not person["crm_deleted"]:  # else it may come to nothing, and they ask for another
                memory.owes(rule_id, last, until)
            return
        else:
            wish = TaskWish(rule_id, rule.task, rule.to, first["occurred_at"], episode, Cause.FAST_LANE_TASK, words)
            if not self._open(at, person, wish):
                return
            memory.tasks[rule_id] = creation_key(self._ground.install, "task", rule_id, person["subject"], episode)
        memory.acted(rule_id, until)

    def _on_its_way(self, rule: str, person: Person, memory: Shown) -> bool:
        """Say whether a task of theirs is made or being made, on a record that is not known to be gone."""
        ground = self._ground
        if person["crm_deleted"] and memory.created not in ground.on_the_way:
            return False
        return (rule, person["person_id"]) in ground.pending.tasks or memory.tasks.get(rule) in ground.unseen

    def _words(self, person: Person) -> dict[str, str | None]:
        names = ("first_name", "last_name", "company", "grade")
        return {name: person.get(name) for name in names} | {"reason": person.get("top_reason")}

    def _open(self, at: int, person: Person, wish: TaskWish) -> bool:
        """Open a task, and the record it hangs on where there is none; False when there can be no record."""
        fast_lane = wish.cause is Cause.FAST_LANE_TASK
        who_key = self._record(at, person, wish.to, wish.episode, fast_lane)
        if person["crm_id"] is None and who_key is None:
            return False
        owner = self._owner(at, person, wish.to)
        row = task_row(self._ground, person, wish, owner=owner, who_id=person["crm_id"], who_key=who_key)
        if row is not None:
            self._rows.append(row)
            if fast_lane:
                remember_texts(self._ground, self._remember(at), wish.rule, row.write.fields)
            if fast_lane or wish.rule in self._of_stages:
                told = TaskEvent(row.write.key, wish.rule, "event" if fast_lane else "stage", wish.start)
                self._events.append(told)
        return True

    def _owner(self, at: int, person: Person, to: str) -> Owner:
        """Choose one owner per person and cycle, so that record and tasks agree; news of a deal goes its own way."""
        asked = (person["person_id"], to == DEAL_OWNER)
        if asked not in self._owners:
            self._owners[asked] = choose_owner(
                self._ground.desk,
                to,
                record_owner=self._record_owner(at, person),
                account_owner=person.get("account_owner_id"),
                deal_owner=person.get("account.deal_owner_id"),
                otherwise=fallback_assignment(self._ground.mappings.routing),
            )
        return self._owners[asked]

    def _record_owner(self, at: int, person: Person) -> str | None:
        """Give who works on their record, or will once it is made, or given over, as has been decided."""
        ground, memory, held = self._ground, self._remember(at), person.get("owner_id")
        if ground.desk.active(held) and held != ground.user_id:
            return str(held)
        if person["crm_id"] is None:
            coming = memory.created in self._asked_for(person)
        else:
            coming = ground.lane(person["crm_object"], person["crm_id"]) in ground.pending.owners
        return memory.given if coming and ground.desk.active(memory.given) else None

    def _asked_for(self, person: Person) -> Collection[str]:
        """Give the keys of records to come; what is done may be the very one that was deleted."""
        return self._ground.pending.creations if person["crm_deleted"] else self._ground.on_the_way

    def _record(self, at: int, person: Person, to: str, episode: str, fast_lane: bool) -> str | None:
        """Create the person's record and give its key, or give the existing one an owner who works here."""
        ground, id_ = self._ground, person["person_id"]
        if person["crm_id"] is not None:
            held = person.get("owner_id")
            if not ground.desk.active(held) or held == ground.user_id:
                row = owner_row(ground, person, self._owner(at, person, to), fast_lane=fast_lane)
                if row is not None and row.lane not in self._changed_owner:
                    self._changed_owner.add(row.lane)
                    self._remember(at).given = str(row.write.fields[ground.native(person["crm_object"], "owner")])
                    self._rows.append(row)
            return None
        if id_ in self._created:
            return self._created[id_]
        memory = self._remember(at)
        if memory.created in self._asked_for(person):
            return memory.created
        if not may_create(ground, person, asked=fast_lane):
            return None
        own = own_values(ground, creation_object(ground, person), self._own, self._mapped, at)
        owner = self._owner(at, person, to)
        creation = person_creation(ground, person, own, owner=owner, episode=episode, fast_lane=fast_lane)
        self._created[id_] = memory.created = creation.write.key
        memory.given, memory.made = owner.id or None, self._own.made(at, own)
        memory.blanks |= known_fills(ground, person, creation.write.object)
        self._rows.append(creation)
        return creation.write.key

    # -- blanks, closings ----------------------------------------------------------------

    def _blanks(self, at: int, person: Person) -> None:
        if person["crm_id"] is None or person["erased"] or (person["in_review"] and not self._is_baseline(at)):
            return
        boxes = ticks(self._ground, person, self._remember(at).blanks)
        if boxes and not self._is_baseline(at):
            self._rows.append(tick_row(self._ground, person, boxes))
        values = fillable(self._ground, person)
        memory = self._remember(at) if values else Shown()
        fresh = {name: value for name, value in values.items() if memory.blanks.get(name) != value}
        if not fresh:
            return
        memory.blanks |= fresh
        if not self._is_baseline(at):
            self._rows.append(fill_row(self._ground, person, fresh))

    def _remember_closed(self) -> None:
        """Remember who has closed which channels: a plan that knew of fewer is out of date."""
        people = self._ground.people
        if "opt_out.closed" not in people.column_names:
            return
        said = people.column("opt_out.closed").combine_chunks()
        for at in pc.indices_nonzero(pc.not_equal(said, closed_channels(people.column("shown")))).to_pylist():
            self._remember(at).closed = said[at].as_py()

    # -- memory and order --------------------------------------------------------------------------

    def _shown(self) -> pa.Array:
        """Give everybody's memory as JSON: new numbers where they are news, the old text where nothing changed."""
        own, texts = self._own, self._ground.people.column("shown").combine_chunks()
        if self._memory:
            touched = np.zeros(len(texts), dtype=bool)
            touched[sorted(self._memory)] = True
            dumped = pa.array([self._memory[at].dump() for at in sorted(self._memory)], pa.string())
            texts = pc.replace_with_mask(texts, pa.array(touched), dumped)
        news = own.numbers.append_column("shown", texts).filter(own.news)
        fresh = remember(news, news, {name: values.filter(own.news) for name, values in own.wanted.items()})
        return pc.replace_with_mask(texts, own.news, fresh)
