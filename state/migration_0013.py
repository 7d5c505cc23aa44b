"""What a sender has taken, in one line for all of a batch: SQLite need not change each row to say so. Frozen."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE outbox_taken (
        first BIGINT NOT NULL PRIMARY KEY, owner {text} NOT NULL, sent_at BIGINT NOT NULL, lease_until BIGINT NOT NULL,
        ids {text} NOT NULL
    )""",
)
