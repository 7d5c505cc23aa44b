"""Tasks that were made lately are found without going through all that was ever done. Frozen."""

from __future__ import annotations

_MADE = "kind = 'create' AND object = 'task' AND state = 'done'"

STATEMENTS: tuple[str, ...] = (f"CREATE INDEX outbox_tasks_made ON outbox (settled_at) WHERE {_MADE}",)
