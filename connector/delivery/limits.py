"""Limits count what people notice, per cause, over 24 hours of all runs; excess is held until somebody approves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

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


class Outline(NamedTuple):
    """What limits look at in a row: ``creation`` is the key of a creation, None for an update."""

    cause: Cause
    state: RowState
    creation: str | None
    depends_on: tuple[str, ...]

    @classmethod
    def of(cls, row: OutboxRow) -> Outline:
        """Take it from a row."""
        return cls(row.cause, row.state, row.write.key if row.write.kind == "create" else None, row.depends_on)


class Verdict(IntEnum):
    """What becomes of a row."""

    OPEN = 0
    GO = 1
    #: it was held before
    HELD = 2
    LIMIT = 3
    DEPENDENCY = 4
    #: its score goes, its stage move is held
    SPLIT = 5


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
    listed = list(rows)
    verdicts = judge(map(Outline.of, listed), limits, used=used, living=living)
    return list(applied(listed, verdicts, stage_fields))


def judge(outlines: Iterable[Outline], limits: Limits, *, used: Mapping[Cause, int], living: int) -> bytearray:
    """Give one ``Verdict`` per row, in order; ``SPLIT`` is found out by ``with_splits``."""
    return _Judge(outlines, limits, used, living).verdicts()


def with_splits(rows: Sequence[OutboxRow], verdicts: bytearray, stage_fields: frozenset[str]) -> bytes:
    """Mark the held stage moves from which a score can go; only those are read."""
    at = verdicts.find(Verdict.LIMIT)
    while at >= 0:
        if split_stage(rows[at], stage_fields)[0] is not None:
            verdicts[at] = Verdict.SPLIT
        at = verdicts.find(Verdict.LIMIT, at + 1)
    return bytes(verdicts)


def applied(
    rows: Iterable[OutboxRow], verdicts: bytes | bytearray, stage_fields: frozenset[str]
) -> Iterator[OutboxRow]:
    """Give the rows as they are judged."""
    for row, verdict in zip(rows, verdicts, strict=True):
        match verdict:
            case Verdict.DEPENDENCY:
                yield replace(row, state=RowState.HELD, held_by="dependency")
            case Verdict.LIMIT | Verdict.SPLIT:
                kept, held = split_stage(row, stage_fields)
                if kept is not None:
                    yield kept
                yield replace(held, state=RowState.HELD, held_by="limit")
            case _:
                yield row


class _Judge:
    """Judges rows in order; what a row depends on is judged just before it, wherever it stands."""

    def __init__(self, outlines: Iterable[Outline], limits: Limits, used: Mapping[Cause, int], living: int) -> None:
        self._causes: list[Cause] = []
        self._creations: dict[str, int] = {}
        self._depends: dict[int, tuple[str, ...]] = {}
        self._verdicts = bytearray()
        for at, outline in enumerate(outlines):
            self._causes.append(outline.cause)
            self._verdicts.append(Verdict.OPEN if outline.state is RowState.TODO else Verdict.HELD)
            if outline.creation is not None:
                self._creations[outline.creation] = at
            if outline.depends_on:
                self._depends[at] = outline.depends_on
        self._allowed = {cause: limits.allowed(cause, living) for cause in Cause}
        self._counts = dict(used)

    def verdicts(self) -> bytearray:
        """Judge all rows."""
        for at in range(len(self._causes)):
            self._judge(at)
        return self._verdicts

    def _judge(self, at: int) -> int:
        if self._verdicts[at] == Verdict.OPEN:
            # Until it is known: what depends on each other in a circle waits for nothing.
            self._verdicts[at] = Verdict.GO
            waits = any(self._held(key) for key in self._depends.get(at, ()))
            self._verdicts[at] = Verdict.DEPENDENCY if waits else self._counted(self._causes[at])
        return self._verdicts[at]

    def _held(self, key: str) -> bool:
        place = self._creations.get(key)
        return place is not None and self._judge(place) != Verdict.GO

    def _counted(self, cause: Cause) -> Verdict:
        allowed = self._allowed[cause]
        if allowed is not None and self._counts.get(cause, 0) >= allowed:
            return Verdict.LIMIT
        self._counts[cause] = self._counts.get(cause, 0) + 1
        return Verdict.GO


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
