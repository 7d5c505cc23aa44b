"""Which tombstones were set for one person: lifted together. Frozen: what changes later is a later migration."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # of those that stand there already nobody knows: each is lifted by itself
    "ALTER TABLE tombstones ADD COLUMN grave {text} NOT NULL DEFAULT ''",
    "CREATE INDEX tombstones_grave ON tombstones (grave)",
)
