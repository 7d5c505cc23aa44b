"""Opt-out is a gate: whom no task may be opened for, what the rep is told, and what goes again once somebody says no.

The rules in words: docs/operating.md, "Who does not want to be reached".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.ground import Ground, Person
from connector.domain.records import Value
from connector.domain.writes import Cause
from connector.mapping.fields import CHANNELS
from connector.mapping.routing import RoutingFile
from connector.ports.store import OutboxRow

EVERYTHING = frozenset(CHANNELS)
#: closed channels → what the subject begins with
_MARKS: Mapping[frozenset[str], str] = {
    frozenset({"call"}): "(do not call) ",
    frozenset({"email"}): "(no e-mail) ",
}
#: closed channels → the first line of the text
_LINES: Mapping[frozenset[str], str] = {
    frozenset({"call"}): "Does not want to be called: write an e-mail only.",
    frozenset({"email"}): "Has opted out of e-mail: call only.",
}
#: closed channels in words, for reasons
WORDS: Mapping[frozenset[str], str] = {
    frozenset({"call"}): "opted out of calls",
    frozenset({"email"}): "opted out of e-mail",
    EVERYTHING: "opted out of calls and e-mail",
}


def closed(person: Mapping[str, Any]) -> frozenset[str]:
    """Give the channels that a person has closed."""
    return frozenset(filter(None, str(person.get("opt_out.closed") or "").split(",")))


def opens(by: str, shut: frozenset[str], *, asked: bool) -> bool:
    """Say whether a task may be open for somebody who has closed the channels ``shut``.

    ``by`` is how the task reaches people. ``asked``: they asked for it themselves, which they may do of a channel that
    they have closed for us; whoever has closed all of them is left alone whatever they do.
    """
    return not shut >= EVERYTHING and (asked or by not in shut)


def mark(shut: frozenset[str]) -> str:
    """Give what the subject of an open task begins with."""
    return _MARKS.get(shut, "")


def line(shut: frozenset[str]) -> str:
    """Give the line above the reasons of an open task."""
    return _LINES.get(shut, "")


def marked(subject: str, shut: frozenset[str]) -> str:
    """Put the mark before a subject that may have one."""
    for each in _MARKS.values():
        subject = subject.removeprefix(each)
    return mark(shut) + subject


class Gate:
    """What each rule's tasks need open."""

    def __init__(self, routing: RoutingFile) -> None:
        self._asked = {rule.id for rule in routing.fast_lane}
        self._by = {rule.id: rule.task.by for rule in routing.fast_lane}
        self._by |= {rule.id: rule.task.by for rule in routing.stage_tasks}
        self._by |= {rule.id: rule.task.by for rule in routing.personas if rule.task is not None}

    def lets(self, rule: str, shut: frozenset[str]) -> bool:
        """Say whether a task of ``rule`` may be open."""
        return opens(self._by.get(rule, "any"), shut, asked=rule in self._asked)

    def withdrawn(self, ground: Ground) -> Iterator[int]:
        """Find rows that would open a task, or make a record, for people who do not want that any more."""
        if "opt_out.closed" not in ground.people.column_names or not ground.pending.openings:
            return
        said = ground.people.select(["person_id", "opt_out.closed"])
        said = said.filter(pc.not_equal(said.column("opt_out.closed"), ""))
        for person in said.to_pylist():
            shut = closed(person)
            for id_, object_, rule in ground.pending.openings.get(person["person_id"], ()):
                if shut >= EVERYTHING if object_ != "task" else not self.lets(rule, shut):
                    yield id_


def note_row(ground: Ground, person: Person, task: Mapping[str, Any]) -> OutboxRow | None:
    """Build the change of an open task's subject to what its person says of being reached; None where it says so."""
    name, held = ground.native("task", "subject"), str(task.get("subject") or "")
    subject = ground.fit_value("task", name, marked(held, closed(person)))
    if not name or subject == held:
        return None
    return ground.update(
        "task",
        str(task["id"]),
        {name: subject},
        expected={name: held},
        group="task",
        cause=Cause.EDIT,
        rule=str(task.get("rule") or ""),
        person_id=person["person_id"],
        reason=WORDS.get(closed(person), "may be reached again"),
        priority=0,
    )


# -- the CRM's own boxes -----------------------------------------------------------------------------------------------


def boxes(ground: Ground) -> dict[str, str]:
    """Give the CRM fields that are ticked, and by which fact."""
    mapped = ground.mappings.fields.crm.person
    return {name: field.source for name, field in mapped.items() if field.write == "if_true"}


def boxes_mask(ground: Ground) -> pa.Array:
    """Find the people with a box that is to be ticked, or whose ticking need not be remembered any more."""
    mask = pa.array([False] * ground.people.num_rows, pa.bool_())
    shown = pc.fill_null(ground.people.column("shown"), "").combine_chunks()
    for name, source in boxes(ground).items():
        wanted = pc.fill_null(ground.people.column(source), False).combine_chunks()
        known = pc.match_substring(shown, f'"{name}":true')
        mask = pc.or_(mask, pc.xor(wanted, known))
    return pc.and_(mask, pc.is_valid(ground.people.column("record").combine_chunks()))


def ticks(ground: Ground, person: Person, remembered: dict[str, Value]) -> dict[str, Value]:
    """Give the boxes to tick on one record, each once for each time that somebody opts out; ``remembered`` is kept up.

    A box that a person in the CRM has unticked since stays as it is: the channel stays closed by what else says so.
    """
    described = ground.info.get(person["crm_object"], {})
    fresh: dict[str, Value] = {}
    for name, source in boxes(ground).items():
        only = ground.mappings.fields.crm.person[name].only
        if not person.get(source):
            remembered.pop(name, None)
        elif only in {None, person["crm_object"]} and (not described or name in described):
            if remembered.get(name) is not True and str(person.get("crm." + name)).lower() != "true":
                fresh[name] = True
            remembered[name] = True
    return fresh


def tick_row(ground: Ground, person: Person, values: dict[str, Value]) -> OutboxRow:
    """Build the ticking of boxes: nothing that stands there is weighed against it, an opt-out wins."""
    return ground.update(
        person["crm_object"],
        person["crm_id"],
        values,
        group="opt_out",
        cause=Cause.EDIT,
        rule="opt-out",
        person_id=person["person_id"],
        reason=WORDS.get(closed(person), "opted out"),
        priority=0,
    )


def of_new_record(ground: Ground, person: Person, object_: str) -> dict[str, Value]:
    """Give what a record that we create says of its person from the first moment."""
    described = ground.info.get(object_, {})
    native = ground.crm.opt_outs.get(object_, {})
    return {
        name: True
        for channel, name in native.items()
        if person.get(f"opt_out.{channel}") and (not described or name in described)
    }
