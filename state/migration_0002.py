"""Why people go from account to account. Frozen: what changes later is a later migration."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE account_moves (
        person_id {text} NOT NULL, at BIGINT NOT NULL, from_account {text} NOT NULL, to_account {text} NOT NULL,
        cause {text} NOT NULL, run_id {text} NOT NULL,
        PRIMARY KEY (person_id, at, run_id)
    ) {keyed}""",
)
