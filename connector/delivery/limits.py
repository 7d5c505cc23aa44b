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
    judge = _Judge(list(rows), limits, used, living, stage_fields)
    return [row for at in range(len(judge.rows)) for row in judge.verdict(at)]


class _Judge:
    """Judges rows in order; what a row depends on is judged just before it, wherever it stands."""

    def __init__(
        self,
        rows: list[OutboxRow],
        limits: Limits,
        used: Mapping[Cause, int],
        living: int,
        stage_fields: frozenset[str],
    ) -> None:
        self.rows = rows
        self._limits = limits
        self._counts = dict(used)
        self._living = living
        self._stage_fields = stage_fields
        self._creations = {row.write.key: at for at, row in enumerate(rows) if row.write.kind == "create"}
        self._verdicts: dict[int, list[OutboxRow]] = {}

    def verdict(self, at: int) -> list[OutboxRow]:
        """Give what becomes of one row: itself, itself held, or its score let go and its stage move held."""
        if at not in self._verdicts:
            row = self.rows[at]
            self._verdicts[at] = [row]
            waits = any(self._held(key) for key in row.depends_on)
            if row.state is RowState.TODO:
                self._verdicts[at] = self._judged(row, waits=waits)
        return self._verdicts[at]

    def _held(self, key: str) -> bool:
        place = self._creations.get(key)
        return place is not None and self.verdict(place)[-1].state is RowState.HELD

    def _judged(self, row: OutboxRow, *, waits: bool) -> list[OutboxRow]:
        if waits:
            return [replace(row, state=RowState.HELD, held_by="dependency")]
        allowed = self._limits.allowed(row.cause, self._living)
        if allowed is not None and self._counts.get(row.cause, 0) >= allowed:
            kept, held = split_stage(row, self._stage_fields)
            return [*([] if kept is None else [kept]), replace(held, state=RowState.HELD, held_by="limit")]
        self._counts[row.cause] = self._counts.get(row.cause, 0) + 1
        return [row]


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
