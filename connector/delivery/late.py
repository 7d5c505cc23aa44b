"""First touches that are late: the work goes to the next of the pool, and the manager of whoever let it lie is told.

Once for each stage entry. Work that a person has changed, or given to somebody, stays where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.ground import Ground, Person
from connector.delivery.keys import stage_episode
from connector.delivery.opt_out import EVERYTHING, closed
from connector.delivery.records import owner_row
from connector.delivery.shown import Shown
from connector.delivery.tasks import TaskWish, task_row, untouched
from connector.domain.writes import Cause
from connector.mapping.routing import TaskTemplate
from connector.ports.store import OutboxRow
from connector.routing.first_touch import pool_of, stages_with_a_clock
from connector.routing.pools import Owner

#: what the rule of a manager's task begins with; the stage follows
MANAGERS_RULE = "first-touch-"
#: managers are looked for so far up
_HIGHEST = 10


def late_mask(ground: Ground) -> pa.Array:
    """Find the people whose first touch is late; what was so at the baseline is not."""
    people = ground.people
    if "touch_due" not in people.column_names or ground.mark is None:
        return pa.array(np.zeros(people.num_rows, dtype=bool))
    instant = pa.timestamp("us", "UTC")
    late = pc.less_equal(people.column("touch_due"), pa.scalar(ground.now, instant))
    ours = pc.greater(people.column("stage_since"), pa.scalar(ground.mark, instant))
    mask = pc.and_(pc.and_(pc.fill_null(late, False), pc.fill_null(ours, False)), pc.invert(people.column("baseline")))
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


class LateTouches:
    """Acts on late first touches, person by person."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._clocks = stages_with_a_clock(ground.mappings.routing)
        stages = {task.id: task.on_enter for task in ground.mappings.routing.stage_tasks}
        self._tasks: dict[tuple[str, str], Mapping[str, Any]] = {}
        for task in ground.tasks:
            stage = stages.get(str(task["rule"]))
            if stage is not None and untouched(ground, task):
                self._tasks.setdefault((str(task["person_id"]), stage), task)
        #: what was done: ``reassigned``, ``managers_told``, ``nobody_free``, ``no_manager``, ``left_to_owner``
        self.did: Counter[str] = Counter()

    def rows(self, person: Person, memory: Shown) -> list[OutboxRow]:
        """Give what follows from one late first touch; ``memory`` remembers that it has been dealt with."""
        stage, entry = str(person["stage"]), int(person["stage_entry"])
        sla = self._clocks.get(stage)
        if sla is None or memory.late.get(stage) == entry or person["crm_id"] is None:
            return []
        if person["in_review"] or person["erased"] or closed(person) >= EVERYTHING:
            return []
        memory.late[stage] = entry
        task = self._tasks.get((person["person_id"], stage))
        lazy = str(task["owner"]) if task is not None else str(person.get("owner_id") or "")
        rows: list[OutboxRow] = []
        if "notify_manager" in sla.then:
            told = self._manager(person, lazy, stage, sla.first_touch)
            rows += [] if told is None else [told]
        if "reassign" in sla.then:
            rows += self._reassign(person, memory, task, lazy, stage)
        return rows

    def _reassign(
        self, person: Person, memory: Shown, task: Mapping[str, Any] | None, lazy: str, stage: str
    ) -> list[OutboxRow]:
        """Give the work to the next of the pool: the task, and the record where it was we who gave it."""
        ground = self._ground
        held, given = person.get("owner_id"), memory.given
        if lazy in {person.get("account_owner_id"), person.get("account.deal_owner_id")} or (
            task is None and (not given or held != given)
        ):
            self.did["left_to_owner"] += 1
            return []
        new = ground.desk.take_another(pool_of(ground.mappings.routing, stage), instead_of=lazy)
        if new is None:
            self.did["nobody_free"] += 1
            return []
        self.did["reassigned"] += 1
        rows: list[OutboxRow] = [] if task is None else [self._task_row(person, task, new, lazy)]
        if given and held == given:
            row = owner_row(ground, person, new, fast_lane=False)
            memory.given = new.id
            rows += [] if row is None else [row]
        return rows

    def _task_row(self, person: Person, task: Mapping[str, Any], new: Owner, lazy: str) -> OutboxRow:
        ground = self._ground
        field = ground.native("task", "owner")
        return ground.update(
            "task",
            str(task["id"]),
            {field: new.id},
            expected={field: lazy},
            group="owner",
            cause=Cause.OWNER_CHANGE,
            rule=str(task.get("rule") or ""),
            person_id=person["person_id"],
            reason=f"no first touch in time: {new.reason}",
            priority=1,
        )

    def _manager(self, person: Person, lazy: str, stage: str, span: Any) -> OutboxRow | None:
        """Build a task for the nearest active manager of whoever let it lie."""
        ground, desk = self._ground, self._ground.desk
        user = desk.user(lazy)
        manager = desk.user(user.manager) if user is not None else None
        for _ in range(_HIGHEST):
            if manager is None or manager.active:
                break
            manager = desk.user(manager.manager)
        if user is None or manager is None or not manager.active or manager.id == lazy:
            self.did["no_manager"] += 1
            return None
        template = TaskTemplate(
            subject=f"Not touched in time: {{first_name}} {{last_name}} ({_plain(user.username)})",
            due=span,
            priority="high",
            by="any",
        )
        words = {name: person.get(name) for name in ("first_name", "last_name", "company")}
        rule, to = MANAGERS_RULE + stage, pool_of(ground.mappings.routing, stage)
        wish = TaskWish(rule, template, to, ground.now, stage_episode(person["stage_entry"]), Cause.TASK, words)
        owner = Owner(manager.id, "user", manager.username, f"manager of {user.username}", manager.time_zone)
        row = task_row(ground, person, wish, owner=owner, who_id=person["crm_id"], who_key=None)
        self.did["managers_told"] += row is not None
        return row


def _plain(word: str) -> str:
    """Keep braces of a name from being read as a word of the template."""
    return word.replace("{", "{{").replace("}", "}}")
