"""The index that asks for what blocks a lane no longer changes when a row is taken. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "UPDATE outbox SET settled_at = NULL WHERE settled_at IS NOT NULL AND state IN ('todo', 'doing', 'unknown')",
    "DROP INDEX outbox_lanes",
    "CREATE INDEX outbox_lanes ON outbox (lane, id) WHERE settled_at IS NULL",
)
