"""One index of what is unsettled in place of two: a row that is done leaves one less. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "DROP INDEX outbox_queue",
    "DROP INDEX outbox_unsettled",
    """CREATE INDEX outbox_unsettled ON outbox (state, priority, kind, object, id)
        WHERE state <> 'done' AND state <> 'superseded'""",
)
