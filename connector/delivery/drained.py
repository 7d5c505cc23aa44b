"""What one draining did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.ports.store import OutboxRow, Taken

_STAYED = frozenset({OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON})


@dataclass(slots=True)
class Drained:
    """What one draining did, in rows, and what stopped it."""

    written: int = 0
    unchanged: int = 0
    dead: int = 0
    stopped_by: str = ""
    by_kind: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, rows: Sequence[Taken | OutboxRow], outcomes: Sequence[WriteOutcome]) -> int:
        """Count what came of rows; give those whose story has ended."""
        if isinstance(outcomes, AsAsked):
            written = {("update", outcomes.updates.object): len(outcomes)}
            others: list[OutcomeKind] = []
        else:
            kinds = [outcome.kind for outcome in outcomes]
            pairs = zip(rows, kinds, strict=True)
            written = Counter((row.write.kind, row.write.object) for row, kind in pairs if kind is OutcomeKind.WRITTEN)
            others = [kind for kind in kinds if kind is not OutcomeKind.WRITTEN]
        for place, count in written.items():
            self.by_kind[place] = self.by_kind.get(place, 0) + count
        unchanged = sum(map(_STAYED.__contains__, others))
        dead = others.count(OutcomeKind.REJECTED)
        self.written += sum(written.values())
        self.unchanged += unchanged
        self.dead += dead
        return sum(written.values()) + unchanged + dead
