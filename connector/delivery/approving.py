"""Which of the rows that a limit held somebody means to let go: those of a plan, of one cause, the first by rank."""

from __future__ import annotations

from collections.abc import Iterable

from connector.domain.writes import Cause, RowState
from connector.ports.store import OutboxRow

LIMIT = "limit"


def held_in_order(rows: Iterable[OutboxRow], plan_id: str, *, cause: Cause | None = None) -> list[OutboxRow]:
    """Give the rows of a plan that a limit holds, the most urgent first, then by rank: as they would go.

    What waits for a creation among them is not named: it goes with that.
    """
    held = [
        row
        for row in rows
        if row.state is RowState.HELD and row.held_by == LIMIT and row.plan_id == plan_id and cause in {None, row.cause}
    ]
    return sorted(held, key=lambda row: (row.priority, row.id))
