"""Limits count what people notice, per cause, over 24 hours of all runs; excess is held until somebody approves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connector.domain.writes import Cause, RowState
from connector.ports.store import OutboxRow


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one day of all runs may disturb.

    Attributes:
        per_day: the number per cause; a cause that is missing has none.
        share: the part of all living people that one cause may touch.
        share_from: below this many living people the share is ignored.
    """

    per_day: Mapping[Cause, int]
    share: float
    share_from: int

    def allowed(self, cause: Cause, living: int) -> int | None:
        """Give the most rows of ``cause`` a day, or None for no limit. The fast lane has its number alone."""
        number = self.per_day.get(cause)
        if number is None or cause is Cause.FAST_LANE_TASK or living < self.share_from:
            return number
        return min(number, int(self.share * living))


def hold_excess(
    rows: Iterable[OutboxRow],
    limits: Limits,
    *,
    used: Mapping[Cause, int],
    living: int,
    stage_fields: frozenset[str] = frozenset(),
) -> list[OutboxRow]:
    """Hold the rows beyond each cause's limit, in the order given, and whatever depends on them.

    A stage move that is held lets the score in the same row go: our own numbers are bound by the call budget only.
    """
    counts = dict(used)
    held_keys: set[str] = set()
    result = []
    for row in rows:
        if row.state is not RowState.TODO:
            result.append(row)
            continue
        allowed = limits.allowed(row.cause, living)
        if allowed is not None and counts.get(row.cause, 0) >= allowed:
            held_keys.add(row.write.key)
            kept, held = split_stage(row, stage_fields)
            result += [] if kept is None else [kept]
            result.append(replace(held, state=RowState.HELD, held_by="limit"))
            continue
        if held_keys.intersection(row.depends_on):
            held_keys.add(row.write.key)
            result.append(replace(row, state=RowState.HELD, held_by="dependency"))
            continue
        counts[row.cause] = counts.get(row.cause, 0) + 1
        result.append(row)
    return result


def split_stage(row: OutboxRow, stage_fields: frozenset[str]) -> tuple[OutboxRow | None, OutboxRow]:
    """Part a stage move from the score that travels with it: (the score, the move)."""
    if row.cause is not Cause.STAGE_MOVE:
        return None, row
    write = row.write
    score = {name: value for name, value in write.fields.items() if name not in stage_fields}
    if not score or len(score) == len(write.fields):
        return None, row
    stage = {name: value for name, value in write.fields.items() if name in stage_fields}
    kept = replace(row, write=replace(write, fields=score), group="score", cause=Cause.SCORE, priority=2)
    return kept, replace(row, write=replace(write, fields=stage))
