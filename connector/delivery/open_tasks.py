"""What becomes of tasks that are open: closed when their reason is gone, marked when their person wants less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.ground import Ground, Person
from connector.delivery.keys import creation_key, stage_episode
from connector.delivery.late import MANAGERS_RULE
from connector.delivery.opt_out import WORDS, Gate, closed, note_row
from connector.delivery.tasks import closing_row, untouched
from connector.ports.store import OutboxRow


def open_task_rows(ground: Ground, gate: Gate, on_their_way: Collection[str], counted: Counter[str]) -> list[OutboxRow]:
    """Close what has no reason any more or whose person does not want it; say on others how they may be reached.

    Tasks that a person has changed are theirs. ``on_their_way`` are lanes with a row already; ``counted`` takes up how
    many are ``closed`` by an opt-out.
    """
    rules = {task.id: task.on_enter for task in ground.mappings.routing.stage_tasks}
    wanted = [task for task in ground.tasks if untouched(ground, task)]
    if ground.baseline or not wanted:
        return []
    ids = [str(task["person_id"]) for task in wanted]
    about = ground.people.filter(pc.is_in(ground.people.column("person_id"), pa.array(ids, pa.string())))
    asked = ("person_id", "subject", "stage", "stage_entry", "touch_due", "opt_out.closed")
    names = [name for name in asked if name in about.column_names]
    people = {row["person_id"]: row for row in about.select(names).to_pylist()}
    ours = {str(task.get("key")) for task in ground.tasks} | ground.pending.to_do.keys() | set(on_their_way)
    rows: list[OutboxRow] = []
    for task in wanted:
        person, rule = people.get(str(task["person_id"])), str(task["rule"])
        if person is None:
            continue
        shut = closed(person)
        if rule in rules and person["stage"] != rules[rule]:
            rows.append(closing_row(ground, person, task, f"left stage {rules[rule]}"))
        elif rule.startswith(MANAGERS_RULE) and (gone := _why_gone(person, rule.removeprefix(MANAGERS_RULE))):
            rows.append(closing_row(ground, person, task, gone))
        elif (rule in rules or rule.startswith(MANAGERS_RULE)) and _of_an_earlier_entry(ground, person, task, ours):
            rows.append(closing_row(ground, person, task, f"left stage {person['stage']} and entered it again"))
        elif not gate.lets(rule, shut):
            counted["closed"] += 1
            rows.append(closing_row(ground, person, task, WORDS[shut]))
        elif ground.lane("task", str(task["id"])) not in on_their_way:
            note = note_row(ground, person, task)
            rows += [] if note is None else [note]
    return rows


def _of_an_earlier_entry(ground: Ground, person: Person, task: Mapping[str, Any], ours: Collection[str]) -> bool:
    """Say whether a stage's task is of an entry before the one that has brought another; ``ours``: keys of all tasks.

    It was still on its way when they left the stage, and they were back before it showed. Whom an undo put back into a
    stage has no other task: the one they had stays.
    """
    another = False
    for entry in range(int(person["stage_entry"]), -1, -1):
        key = creation_key(ground.install, "task", str(task["rule"]), person["subject"], stage_episode(entry))
        if key == task.get("key"):
            return another
        another = another or key in ours
    return False


def _why_gone(person: Person, stage: str) -> str:
    """Say why a manager need not look any more; nothing while the first touch is still missing."""
    if person["stage"] != stage:
        return f"left stage {stage}"
    return "" if person.get("touch_due") is not None else "was touched"
