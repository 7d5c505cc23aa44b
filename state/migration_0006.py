"""How often a lease has changed hands: who slept through another's turn is told from who kept its own. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = ("ALTER TABLE leases ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",)
