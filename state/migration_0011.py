"""What people notice is counted by an index of its own: most writes are scores, which no limit counts. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = ("CREATE INDEX outbox_noticed ON outbox (decided_at, cause) WHERE cause <> 'score'",)
