"""The state machine once more, written from the rules for one person at a time and without any cleverness."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.mapping.evaluate import evaluate
from connector.mapping.lifecycle import LifecycleFile, Transition

SCHEMA = pa.schema(
    [
        ("person_id", pa.string()),
        ("stage", pa.string()),
        ("stage_since", pa.timestamp("us", "UTC")),
        ("stage_entry", pa.int64()),
        ("cool_off_until", pa.timestamp("us", "UTC")),
        ("human.ever", pa.bool_()),
        ("verdict", pa.string()),
        ("account", pa.string()),
        ("account.fit", pa.string()),
        ("account.news", pa.bool_()),
        ("rejected", pa.bool_()),
        ("human.touched", pa.bool_()),
        ("crm.open_opportunity", pa.bool_()),
        ("crm.opportunity_won", pa.bool_()),
        ("crm.opportunity_lost", pa.bool_()),
        ("crm.Status", pa.string()),
        ("bants.confirmed", pa.int64()),
        ("bants.need", pa.string()),
        ("bants.authority", pa.string()),
    ]
)


@dataclass
class Walked:
    """One person's way."""

    stage: str
    since: datetime
    entry: int
    cool_off_until: datetime | None
    moves: list[tuple[int, str, str, str]] = field(default_factory=list)


def facts_of(*people: dict[str, Any]) -> pa.Table:
    """Lay people out as the machine wants them."""
    rows = [{"person_id": f"p{number}", "stage_entry": 0} | person for number, person in enumerate(people)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def walk(lifecycle: LifecycleFile, person: dict[str, Any], now: datetime) -> Walked:
    """Take the first transition that holds, again until none does, no stage twice."""
    at = Walked(
        person["stage"] or lifecycle.stages[0],
        person["stage_since"] or now,
        person["stage_entry"] or 0,
        person["cool_off_until"],
    )
    been = {at.stage}
    known = dict(person)
    while True:
        known["stage"] = at.stage
        chosen = next((one for one in lifecycle.transitions if _open(lifecycle, one, at, been, known, now)), None)
        if chosen is None:
            return at
        at.entry += 1
        at.moves.append((at.entry, at.stage, chosen.to, chosen.because or ""))
        at.stage, at.since = chosen.to, now
        at.cool_off_until = None if chosen.cool_off is None else now + chosen.cool_off
        been.add(chosen.to)
        for name in ("rejected", "human.touched", "crm.opportunity_lost"):
            known[name] = False


def _open(
    lifecycle: LifecycleFile, one: Transition, at: Walked, been: set[str], known: dict[str, Any], now: datetime
) -> bool:
    if one.to in been:
        return False
    if one.from_ == ("any",):
        if at.stage in lifecycle.terminal:
            return False
    elif at.stage not in one.from_:
        return False
    cooling = at.cool_off_until is not None and at.cool_off_until > now
    if cooling and one.to not in {"customer", "opportunity", "disqualified"}:
        return False
    if lifecycle.human_gate.on and one.to in lifecycle.human_gate.stages and not known["human.ever"]:
        return False
    table = pa.Table.from_pylist([known], schema=SCHEMA)
    return evaluate(one.when, table, now=now)[0].as_py() is True
