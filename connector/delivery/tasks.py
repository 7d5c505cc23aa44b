"""Tasks for reps: opened once per rule, subject and episode; refreshed while open; closed when their reason is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from connector.delivery.ground import Ground, Person
from connector.delivery.keys import creation_key
from connector.delivery.opt_out import closed, line, mark, marked
from connector.delivery.shown import Shown
from connector.domain.records import Value
from connector.domain.refs import digest
from connector.domain.writes import Cause, Write
from connector.mapping.routing import TaskTemplate
from connector.ports.store import OutboxRow
from connector.routing.pools import Owner
from connector.routing.route import due, subject

#: what people read in a task, by our words
_TEXTS = ("subject", "body")


@dataclass(frozen=True, slots=True)
class TaskWish:
    """A task somebody should have: the rule, its words, the buyer's instant, and the episode it belongs to."""

    rule: str
    template: TaskTemplate
    to: str
    start: datetime
    episode: str
    cause: Cause
    words: Mapping[str, str | None]


def task_row(
    ground: Ground, person: Person, wish: TaskWish, *, owner: Owner, who_id: str | None, who_key: str | None
) -> OutboxRow | None:
    """Build the creation of a task on a record (``who_id``) or on one that is being created (``who_key``).

    None when a row with this key exists, or the CRM shows a task with it.
    """
    key = creation_key(ground.install, "task", wish.rule, person["subject"], wish.episode)
    if key in ground.known_keys:
        return None
    fields = _words(ground, person, wish, owner)
    if owner.id:  # else whom the CRM itself chooses
        fields[ground.native("task", "owner")] = owner.id
    fields[ground.native("task", "status")] = ground.native_value("task", "status", "open")
    fields[ground.native("task", "priority")] = ground.native_value("task", "priority", wish.template.priority)
    fields[ground.native("task", "key")] = key
    fields[ground.native("task", "rule")] = wish.rule
    who = ground.native("task", "who")
    if who_id is not None:
        fields[who] = who_id
    fields.pop("", None)
    return ground.row(
        Write(
            key=key,
            kind="create",
            object="task",
            id=None,
            fields={name: ground.fit_value("task", name, value) for name, value in fields.items()},
            references={} if who_key is None else {who: who_key},
        ),
        lane=key,
        group="create",
        cause=wish.cause,
        rule=wish.rule,
        person_id=person["person_id"],
        reason=f"{wish.rule}: {owner.reason}",
        priority=0 if wish.cause is Cause.FAST_LANE_TASK else 1,
        depends_on=() if who_key is None else (who_key,),
    )


def remember_texts(ground: Ground, memory: Shown, rule: str, fields: Mapping[str, Value]) -> None:
    """Keep what we write into a task's words, so that a person's are told from them."""
    names = [name for name in map(partial(ground.native, "task"), _TEXTS) if name in fields]
    memory.texts[rule] = memory.texts.get(rule, {}) | {name: _print(fields[name]) for name in names}


def refresh_row(
    ground: Ground, person: Person, wish: TaskWish, task: Mapping[str, Any], owner: Owner, memory: Shown
) -> OutboxRow | None:
    """Build the refresh of an open task after a further event: subject, reasons and our due field, nothing else.

    Words that a person has put there stay.
    """
    words = _words(ground, person, wish, owner)
    names = {ground.native("task", word): word for word in (*_TEXTS, "due_at")}
    fields = {
        name: ground.fit_value("task", name, words[name])
        for name, word in names.items()
        if name and name in words and words[name] != task.get(word)
    }
    known = memory.texts.get(wish.rule, {})
    for name in [name for name in fields if names[name] in _TEXTS]:
        ours = known[name] == _print(task.get(names[name])) if name in known else untouched(ground, task)
        if not ours:
            del fields[name]
    remember_texts(ground, memory, wish.rule, fields)
    if not fields:
        return None
    return ground.update(
        "task",
        str(task["id"]),
        fields,
        expected={name: task.get(names[name]) for name in fields},
        ours=frozenset({ground.native("task", "due_at")}),
        group="task",
        cause=Cause.EDIT,
        rule=wish.rule,
        person_id=person["person_id"],
        reason=f"{wish.rule}: asked again",
        priority=0,
    )


def _print(text: Value) -> str:
    """Digest what a task says, without what comes and goes: the mark of closed channels, and kinds of blanks."""
    return digest(" ".join(marked(str(text or ""), frozenset()).split()), length=16)


def closing_row(ground: Ground, person: Person, task: Mapping[str, Any], reason: str) -> OutboxRow:
    """Build the closing of an open task whose reason is gone."""
    status = ground.native("task", "status")
    return ground.update(
        "task",
        str(task["id"]),
        {status: ground.native_value("task", "status", "closed")},
        expected={status: task.get("status")},
        group="task",
        cause=Cause.EDIT,
        rule=str(task.get("rule") or ""),
        person_id=person["person_id"],
        reason=reason,
        priority=1,
    )


def untouched(ground: Ground, task: Mapping[str, Any]) -> bool:
    """Say whether no person has changed the task since we made it."""
    return ground.user_id is None or task.get("changed_by") in {None, ground.user_id}


def _words(ground: Ground, person: Person, wish: TaskWish, owner: Owner) -> dict[str, Value]:
    when = due(ground.desk, wish.to, wish.template.due, start=wish.start, owner=owner)
    instant = when.at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    shut, text = closed(person), str(person.get("score.reasons") or "")
    told = mark(shut)
    values: dict[str, Value] = {
        "subject": told + subject(wish.template, wish.words, limit=255 - len(told)),
        "body": "\n".join(filter(None, (line(shut), text))),
        "due_date": when.day,
        "due_at": instant,
        "reminder_at": instant,
        "reminder_on": True,
    }
    return {ground.native("task", word): value for word, value in values.items() if ground.native("task", word)}
