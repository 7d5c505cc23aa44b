"""Creations that were refused and may go again: decided anew for the person as they are now, under the same key.

Since a creation died, somebody may have made the record by hand, the person may have left the stage, or may not be
created any more: what was decided then is not what should be sent now. Its key stays, so that there are never two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.creations import may_create, person_creation
from connector.delivery.ground import Ground, Person
from connector.delivery.own_fields import own_fields
from connector.delivery.records import own_mapping, own_values
from connector.domain.writes import RowState, Write
from connector.errors import HandoffError
from connector.mapping.evaluate import evaluate, holds
from connector.pipeline.decisions.deciding import Deciding, set_out
from connector.pipeline.engine import Engine
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.people.population import Population
from connector.ports.store import OutboxRow, Store
from connector.ports.traits import AdapterTraits
from connector.routing.pools import Owner
from connector.routing.route import choose_owner, fallback_assignment

_SETTING = "decide_anew"
_DEPENDENCY = "dependency"
#: what a row is held by for a moment, until its other wish is in its place
_DECIDED = "decided_anew"


def ask_anew(store: Store, ids: Iterable[int]) -> None:
    """Note dead creations that the next cycle is to decide anew."""
    store.switches.put_setting(_SETTING, json.dumps(sorted({*_asked(store), *ids})))


def asked_anew(store: Store, also: Iterable[int] = ()) -> list[OutboxRow]:
    """Give the dead creations that are to be decided anew, and what waits for them; ``also`` others, dead or not."""
    others = set(also)
    asked = {*_asked(store), *others}
    if not asked:
        return []
    rows = [row for row in store.outbox.each_unsettled() if row.write.kind == "create"]
    dead = [
        row
        for row in rows
        if row.id in asked and (row.state is RowState.DEAD or (row.id in others and row.state is RowState.TODO))
    ]
    keys = {row.write.key for row in dead}
    waiting = [row for row in rows if row.held_by == _DEPENDENCY and keys.intersection(row.depends_on)]
    return [*dead, *(row for row in waiting if row.id not in asked)]


def remember_owners(store: Store, rows: Iterable[OutboxRow], crm: AdapterTraits) -> None:
    """Remember whom records go to whose row was given to another after it had been decided."""
    owners = {}
    for row in rows:
        owner = row.write.fields.get(crm.native.get(row.write.object, {}).get("owner", ""))
        if owner and row.person_id and row.write.object in crm.people:
            owners[row.person_id] = str(owner)
    if owners:
        store.knowledge.given_to(owners)


def settle_anew(engine: Engine, decided: Mapping[int, OutboxRow | None], *, now: datetime) -> list[int]:
    """Put what was decided anew in the place of what died; give the rows that may be sent again.

    None for a row: it is not to be made any more.
    """
    store = engine.store
    if not decided:
        return []
    _stop(store, decided)
    renewed = {id_: row for id_, row in decided.items() if row is not None}
    store.outbox.renew(renewed, now=now)
    remember_owners(store, renewed.values(), engine.crm.traits())
    waiting = {RowState.DEAD, RowState.HELD}
    unwanted = [
        row.id
        for row in store.outbox.each_unsettled()
        if row.id in decided and decided[row.id] is None and row.state in waiting
    ]
    if unwanted:
        store.outbox.dismiss(unwanted, who="handoff", now=now)
    left = set(_asked(store)) - set(decided)
    still = {row.id for row in store.outbox.each_unsettled() if row.state is RowState.DEAD}
    store.switches.put_setting(_SETTING, json.dumps(sorted(left & still)))
    return sorted(renewed)


def _stop(store: Store, decided: Iterable[int]) -> None:
    """Keep what was decided anew and is still to be sent from being sent; what a sender has taken goes its way."""
    for id_ in set(store.outbox.ids([RowState.TODO])).intersection(decided):
        try:
            store.outbox.hold([id_], held_by=_DECIDED)
        except HandoffError as error:
            if error.code != "outbox.unlawful_move":
                raise


def decide_anew(
    rows: Sequence[OutboxRow],
    census: Census,
    population: Population,
    holdings: Holdings,
    deciding: Deciding,
    *,
    now: datetime,
) -> dict[int, OutboxRow | None]:
    """Decide about dead creations and what waits for them; rows of people who are not worked have no answer."""
    if not rows:
        return {}
    aliases = population.identified.aliases
    became = dict(zip(aliases.column("person_id").to_pylist(), aliases.column("into").to_pylist(), strict=True))
    by_person: dict[str, list[OutboxRow]] = {}
    for row in rows:
        by_person.setdefault(became.get(row.person_id, row.person_id), []).append(row)
    ground = set_out(census, population, holdings, deciding, now=now)
    ids = pa.array(list(by_person), pa.string())
    found: dict[int, OutboxRow | None] = {}
    for part in population.each():
        people = part.people.filter(pc.is_in(part.people.column("person_id"), value_set=ids))
        if people.num_rows:
            found |= _Anew(replace(ground, people=people), by_person).decided()
    return found


@dataclass(frozen=True, slots=True)
class _Anew:
    ground: Ground
    by_person: Mapping[str, Sequence[OutboxRow]]

    def decided(self) -> dict[int, OutboxRow | None]:
        found: dict[int, OutboxRow | None] = {}
        for at, person in enumerate(self.ground.people.to_pylist()):
            rows = self.by_person[person["person_id"]]
            if person["in_review"]:
                continue  # nobody knows yet who it is: they stay dead until that is answered
            records = {row.write.key: self._record(at, person, row) for row in rows if row.write.object != "task"}
            found |= {row.id: records[row.write.key] for row in rows if row.write.object != "task"}
            gone = {key for key, row in records.items() if row is None}
            found |= {row.id: self._task(person, row, gone) for row in rows if row.write.object == "task"}
        return found

    def _record(self, at: int, person: Person, row: OutboxRow) -> OutboxRow | None:
        """Build the record of the person as they are; None where they have one, or are not to have one."""
        ground, fast = self.ground, row.priority == 0
        if person["crm_id"] is not None or not may_create(ground, person, asked=fast):
            return None
        mapped = own_mapping(ground.mappings.fields, ground.crm)
        described = {**ground.info.get("lead", {}), **ground.info.get("contact", {})}
        own = own_fields(ground.people, mapped, described, step=ground.mappings.scoring.write_step)
        object_ = row.write.object
        values = own_values(ground, object_, own, mapped, at)
        owner = self._owner(person, str(row.write.fields.get(ground.native(object_, "owner")) or ""))
        fresh = person_creation(ground, person, values, owner=owner, episode="", fast_lane=fast)
        return self._under(row, fresh.write.object, fresh.write.fields, fresh.write.ours, reason=fresh.reason)

    def _task(self, person: Person, row: OutboxRow, gone: set[str]) -> OutboxRow | None:
        """Point the task at who the person is now, with an owner who works here; None where its reason is gone."""
        ground = self.ground
        if person["erased"] or not self._stands(person, row.rule):
            return None
        fields, who = dict(row.write.fields), ground.native("task", "who")
        needs = tuple(key for key in row.depends_on if key not in gone)
        references = {name: key for name, key in row.write.references.items() if key not in gone}
        if person["crm_id"] is not None:
            fields, references, needs = {**fields, who: person["crm_id"]}, {}, ()
        elif not references:
            return None  # the record it was for is gone, and no other is made
        name = ground.native("task", "owner")
        fields[name] = self._owner(person, str(fields.get(name) or "")).id or None
        fields = {name: value for name, value in fields.items() if value is not None}
        fresh = self._under(row, "task", fields, row.write.ours, reason=row.reason)
        return replace(fresh, write=replace(fresh.write, references=references), depends_on=needs)

    def _stands(self, person: Person, rule: str) -> bool:
        """Say whether a rule's reason for a task still holds; somebody who asked is called all the same."""
        routing = self.ground.mappings.routing
        for stage in routing.stage_tasks:
            if stage.id == rule:
                return bool(stage.on_enter == person["stage"])
        for persona in routing.personas:
            if persona.id == rule:
                one = pc.equal(self.ground.people.column("person_id"), person["person_id"])
                mask = holds(evaluate(persona.when, self.ground.people.filter(one), now=self.ground.now))
                return bool(mask[0].as_py())
        return any(line.id == rule for line in routing.fast_lane)

    def _owner(self, person: Person, held: str) -> Owner:
        """Keep the owner that was chosen while they work here; a queue stays one."""
        desk = self.ground.desk
        user = desk.user(held)
        if (user is not None and user.active) or held in desk.queues.values():
            return Owner(held, "user", "", "as decided before", user.time_zone if user else "UTC")
        to = fallback_assignment(self.ground.mappings.routing)
        return choose_owner(desk, to, record_owner=None, account_owner=person.get("account_owner_id"), otherwise=to)

    def _under(
        self, row: OutboxRow, object_: str, fields: Mapping[str, object], ours: frozenset[str], *, reason: str
    ) -> OutboxRow:
        """Put other values under the key of a row."""
        key = self.ground.native(object_, "key")
        told = {**fields, **({key: row.write.key} if key else {})}
        write = Write(key=row.write.key, kind="create", object=object_, id=None, fields=told, ours=ours)  # type: ignore[arg-type]
        return replace(row, write=write, reason=reason)


def _asked(store: Store) -> list[int]:
    found: list[int] = json.loads(store.switches.setting(_SETTING) or "[]")
    return found
