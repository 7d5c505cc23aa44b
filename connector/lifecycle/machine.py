"""The state machine of stages, over the whole population at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.evaluate import evaluate, holds
from connector.mapping.lifecycle import LifecycleFile, Transition
from connector.ports.memory_tables import INSTANT, STAGE_MOVES

#: the stages that stay open during a cool-off
OPEN_IN_COOL_OFF = frozenset({"customer", "opportunity", "disqualified"})
#: facts that count only when dated after the stage was entered, and so are false right after a move
SINCE_ENTRY = ("rejected", "human.touched", "crm.opportunity_lost")

#: a move as memory keeps it; which run made it is not known here
_MOVES = pa.schema([field for field in STAGE_MOVES if field.name != "run_id"])

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Staged:
    """Where everybody stands now, and every move made on the way.

    ``people`` has the rows of the facts, in order: person_id, stage, stage_since, stage_entry, cool_off_until.
    ``moves`` has person_id, entry, from_stage, to_stage, at, because; a person may move several times.
    ``gated`` holds the ids of people whom only the human gate kept back.
    """

    people: pa.Table
    moves: pa.Table
    gated: list[str]


def advance(lifecycle: LifecycleFile, facts: pa.Table, *, now: datetime) -> Staged:
    """Take the first transition that holds, again until none does, no stage twice.

    ``facts`` holds, beside everything that conditions name, ``person_id``, ``stage`` (empty: the first stage),
    ``stage_since``, ``stage_entry`` and ``cool_off_until`` from memory, and ``human.ever`` (truth) for the human gate.
    ``undone``, where it is there, lists (JSON) the stages that an undo keeps somebody from entering again.
    """
    walk = _Walk(lifecycle, facts, now)
    rows = np.arange(facts.num_rows)
    while rows.size:
        rows = walk.round(rows)
    return walk.result()


class _Walk:
    def __init__(self, lifecycle: LifecycleFile, facts: pa.Table, now: datetime) -> None:
        self._life = lifecycle
        self._facts = facts
        self._now = now
        self._stages = list(lifecycle.stages)
        index = {name: position for position, name in enumerate(self._stages)}
        self._index = index
        count = facts.num_rows
        remembered = facts.column("stage").to_pylist() if count else []
        self._stage = np.array([index.get(name or "", 0) for name in remembered], dtype=np.int64)
        self._entry = _integers(facts, "stage_entry")
        since = facts.column("stage_since").cast(INSTANT)
        first = pa.scalar(now, INSTANT)
        self._since = pc.fill_null(since, first).to_numpy(zero_copy_only=False).astype("datetime64[us]")
        self._cool = (
            facts.column("cool_off_until").cast(INSTANT).to_numpy(zero_copy_only=False).astype("datetime64[us]")
        )
        self._visited = np.zeros((count, len(self._stages)), dtype=bool)
        self._visited[np.arange(count), self._stage] = True
        self._human = _truth(facts, "human.ever")
        self._gated: set[int] = set()
        self._moves: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], Transition]] = []
        self._entries: list[npt.NDArray[np.int64]] = []
        self._moved = np.zeros(count, dtype=bool)

    def round(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Move each of ``rows`` by at most one transition; give those that moved."""
        facts = self._facts.take(pa.array(rows))
        if self._moved[rows].any():
            facts = _just_entered(facts)
        stage = self._stage[rows]
        here = pa.array([self._stages[position] for position in stage], pa.string())
        facts = facts.set_column(facts.column_names.index("stage"), "stage", here)
        instant = np.datetime64(self._now.replace(tzinfo=None), "us")
        cooling = np.greater(
            self._cool[rows], instant, where=~np.isnat(self._cool[rows]), out=np.zeros(len(rows), bool)
        )
        chosen = np.full(len(rows), -1, dtype=np.int64)
        for number, transition in enumerate(self._life.transitions):
            free = chosen < 0
            if not free.any():
                break
            target = self._index[transition.to]
            mask = free & self._may_leave(stage, transition, target) & ~self._visited[rows, target]
            if transition.to not in OPEN_IN_COOL_OFF:
                mask &= ~cooling
            if not mask.any():
                continue
            mask &= ~_taken_back(facts, transition.to)
            mask &= np.asarray(holds(evaluate(transition.when, facts, now=self._now)).to_numpy(zero_copy_only=False))
            chosen[self._gate(rows, mask, transition.to)] = number
        return self._apply(rows, stage, chosen)

    def _may_leave(self, stage: npt.NDArray[np.int64], transition: Transition, target: int) -> _Mask:
        if transition.from_ == ("any",):
            closed = [self._index[name] for name in self._life.terminal] + [target]
            return ~np.isin(stage, closed)
        return np.isin(stage, [self._index[name] for name in transition.from_])

    def _gate(self, rows: npt.NDArray[np.int64], mask: _Mask, to: str) -> _Mask:
        """Keep back those who have no recorded human interaction where the gate asks for one."""
        gate = self._life.human_gate
        if not gate.on or to not in gate.stages:
            return mask
        self._gated.update(rows[mask & ~self._human[rows]].tolist())
        return mask & self._human[rows]

    def _apply(
        self, rows: npt.NDArray[np.int64], stage: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        instant = np.datetime64(self._now.replace(tzinfo=None), "us")
        for number, transition in enumerate(self._life.transitions):
            here = chosen == number
            movers = rows[here]
            if not movers.size:
                continue
            target = self._index[transition.to]
            self._entry[movers] += 1
            self._moves.append((movers, stage[here], self._entry[movers].copy(), transition))
            self._stage[movers] = target
            self._since[movers] = instant
            self._visited[movers, target] = True
            self._moved[movers] = True
            cool = transition.cool_off
            self._cool[movers] = np.datetime64("NaT") if cool is None else instant + np.timedelta64(cool)
        return rows[chosen >= 0]

    def result(self) -> Staged:
        """Put everything into tables."""
        ids = self._facts.column("person_id")
        people = pa.table(
            {
                "person_id": ids,
                "stage": pa.array([self._stages[position] for position in self._stage], pa.string()),
                "stage_since": _instants(self._since),
                "stage_entry": pa.array(self._entry, pa.int64()),
                "cool_off_until": _instants(self._cool),
            }
        )
        names = ids.to_pylist() if self._moves else []
        rows: dict[str, list[Any]] = {name: [] for name in _MOVES.names}
        for movers, before, entries, transition in self._moves:
            rows["person_id"] += [names[row] for row in movers]
            rows["entry"] += entries.tolist()
            rows["from_stage"] += [self._stages[position] for position in before]
            rows["to_stage"] += [transition.to] * len(movers)
            rows["at"] += [self._now] * len(movers)
            rows["because"] += [transition.because or ""] * len(movers)
        gated = [ids[row].as_py() for row in sorted(self._gated)]
        return Staged(people, pa.table(rows, schema=_MOVES), gated)


def _just_entered(facts: pa.Table) -> pa.Table:
    """Take back what counts only when it happened after the entry that has just been made."""
    nothing = pa.array(np.zeros(facts.num_rows, dtype=bool))
    for name in SINCE_ENTRY:
        if name in facts.column_names:
            facts = facts.set_column(facts.column_names.index(name), name, nothing)
    return facts


def _integers(facts: pa.Table, name: str) -> npt.NDArray[np.int64]:
    return np.array(pc.fill_null(facts.column(name).cast(pa.int64()), 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _truth(facts: pa.Table, name: str) -> _Mask:
    if name not in facts.column_names:
        return np.zeros(facts.num_rows, dtype=bool)
    return np.array(pc.fill_null(facts.column(name), False).to_numpy(zero_copy_only=False), dtype=bool)


def _taken_back(facts: pa.Table, stage: str) -> _Mask:
    if "undone" not in facts.column_names:
        return np.zeros(facts.num_rows, dtype=bool)
    listed = pc.match_substring(pc.fill_null(facts.column("undone"), ""), f'"{stage}"')
    return np.asarray(listed.to_numpy(zero_copy_only=False), dtype=bool)


def _instants(values: npt.NDArray[np.datetime64]) -> pa.Array:
    return pa.array(values, pa.timestamp("us")).cast(INSTANT)
