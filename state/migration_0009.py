"""The index of what is unsettled says so in words that cost nothing to compare: a list is made anew per row. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "DROP INDEX outbox_unsettled",
    "CREATE INDEX outbox_unsettled ON outbox (state, id) WHERE state <> 'done' AND state <> 'superseded'",
)
