"""Events of machines, kept apart. Frozen: what changes later is a later migration."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE quarantine (
        system {text} NOT NULL, kind {text} NOT NULL, id {text} NOT NULL, type {text} NOT NULL,
        ref_system {text} NOT NULL, ref_object {text} NOT NULL, ref_id {text} NOT NULL, campaign {text},
        occurred_at BIGINT NOT NULL,
        state {text} NOT NULL CHECK (state IN ('held', 'released', 'cleared')), since BIGINT NOT NULL,
        patterns {text} NOT NULL, after_ms BIGINT, after {text}, at_once BIGINT, version BIGINT NOT NULL,
        PRIMARY KEY (system, kind, id)
    ) {keyed}""",
    "CREATE INDEX quarantine_ref ON quarantine (ref_id)",
    "CREATE INDEX quarantine_version ON quarantine (version)",
    "CREATE INDEX quarantine_time ON quarantine (occurred_at)",
    """CREATE TABLE quarantine_past (
        system {text} NOT NULL, kind {text} NOT NULL, id {text} NOT NULL, since BIGINT NOT NULL,
        state {text} NOT NULL, until BIGINT NOT NULL,
        PRIMARY KEY (system, kind, id, since)
    ) {keyed}""",
    """CREATE TABLE quarantine_answers (
        number BIGINT NOT NULL PRIMARY KEY, answer {text} NOT NULL CHECK (answer IN ('release', 'restore')),
        scope {text} NOT NULL CHECK (scope IN ('event', 'person', 'campaign')), name {text} NOT NULL,
        who {text} NOT NULL, at BIGINT NOT NULL, known_at BIGINT
    )""",
)
