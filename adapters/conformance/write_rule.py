"""What one write does to one record: the rule of ``connector.ports.crm.Crm.apply`` as a pure function.

CRMs that can only read and then write use it as it stands; the contract suite asks the same of every other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write


@dataclass(frozen=True, slots=True)
class Effect:
    """What a write comes to.

    Attributes:
        kind: WRITTEN, UNCHANGED or HUMAN_WON.
        changes: the fields to be set now; empty unless something has to be written.
        before: what the record holds in each field of the write.
    """

    kind: OutcomeKind
    changes: dict[str, Value]
    before: dict[str, Value]


def effect_of(write: Write, current: Mapping[str, Value], wanted: Mapping[str, Value] | None = None) -> Effect:
    """Compare a write with the record as it stands; ``wanted`` are its fields with references filled in.

    A field of ours is set. A field that people write too is set only while it holds the expected value (any value
    when none was expected); a field to be filled if blank, only while it is empty. A person's value stays, and the
    write is HUMAN_WON even when other fields of it are written.
    """
    fields = write.fields if wanted is None else wanted
    before = {name: current.get(name) for name in fields}
    changes: dict[str, Value] = {}
    human = False
    for name, value in fields.items():
        held = before[name]
        if same(held, value):
            continue
        if name in write.if_blank:
            if blank(held):
                changes[name] = value
        elif name in write.ours or name not in write.expected or same(held, write.expected[name]):
            changes[name] = value
        else:
            human = True
    kind = OutcomeKind.HUMAN_WON if human else OutcomeKind.WRITTEN if changes else OutcomeKind.UNCHANGED
    return Effect(kind, changes, before)


def blank(value: Value) -> bool:
    """Say whether a field holds nothing."""
    return value is None or value == ""


def same(left: Value, right: Value) -> bool:
    """Say whether two values are one to the CRM.

    Nothing and empty text are; so are 1 and 1.0, a number and its text (exports hold text), truths and their words.
    """
    if blank(left) or blank(right):
        return blank(left) and blank(right)
    return left == right if type(left) is type(right) else _plain(left) == _plain(right)


def _plain(value: Value) -> str | float:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            return text.casefold() if text.casefold() in ("true", "false") else value
    return float(value or 0)
