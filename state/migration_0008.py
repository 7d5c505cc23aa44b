"""From what set a task off to the task in the CRM: how long it took. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE task_times (
        key {text} NOT NULL PRIMARY KEY, rule {text} NOT NULL, opened_by {text} NOT NULL, event_at BIGINT NOT NULL,
        task_at BIGINT
    ) {keyed}
    """,
    "CREATE INDEX task_times_open ON task_times (key) WHERE task_at IS NULL",
    "CREATE INDEX task_times_at ON task_times (task_at)",
)
