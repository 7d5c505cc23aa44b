"""The list of writes is laid out anew, with a check of states that makes no list per row. SQLite only. Frozen.

PostgreSQL makes such a list once. SQLite changes no check of a table that stands, so the rows are copied, and with them
the tables whose rows refer to them.
"""

from __future__ import annotations

from typing import Final

_STATES: Final = ("todo", "doing", "done", "held", "unknown", "superseded", "dead")
_COLUMNS: Final = """
    id, key, kind, object, target_id, lane, grp, seq, cause, rule, person_id, reason, run_id, plan_id, priority,
    decided_at, body, depends_on, state, held_by, attempts, not_before, sent_at, lease_owner, lease_until, record_id,
    result, before_values, was_unknown, dismissed, settled_at, code, message, fixer
"""

STATEMENTS: tuple[str, ...] = (
    f"""CREATE TABLE outbox_anew (
        id {{row_id}}, key {{text}} NOT NULL, kind {{text}} NOT NULL CHECK (kind = 'update' OR kind = 'create'),
        object {{text}} NOT NULL, target_id {{text}}, lane {{text}} NOT NULL, grp {{text}} NOT NULL,
        seq BIGINT NOT NULL, cause {{text}} NOT NULL, rule {{text}} NOT NULL, person_id {{text}} NOT NULL,
        reason {{text}} NOT NULL, run_id {{text}} NOT NULL, plan_id {{text}} NOT NULL, priority INTEGER NOT NULL,
        decided_at BIGINT NOT NULL, body {{text}} NOT NULL, depends_on {{text}} NOT NULL,
        state {{text}} NOT NULL CHECK ({" OR ".join(f"state = '{state}'" for state in _STATES)}),
        held_by {{text}} NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before BIGINT, sent_at BIGINT,
        lease_owner {{text}}, lease_until BIGINT, record_id {{text}}, result {{text}}, before_values {{text}},
        was_unknown INTEGER NOT NULL DEFAULT 0, dismissed INTEGER NOT NULL DEFAULT 0, settled_at BIGINT,
        code {{text}} NOT NULL DEFAULT '', message {{text}} NOT NULL DEFAULT '', fixer {{text}} NOT NULL DEFAULT '',
        CHECK ((state = 'held') = (held_by <> '')),
        CHECK ((state = 'doing') = (lease_until IS NOT NULL))
    )""",
    f"INSERT INTO outbox_anew ({_COLUMNS}) SELECT {_COLUMNS} FROM outbox",
    """CREATE TABLE outbox_needs_anew (
        row_id BIGINT NOT NULL REFERENCES outbox_anew (id), key {text} NOT NULL, PRIMARY KEY (row_id, key)
    ) {keyed}""",
    "INSERT INTO outbox_needs_anew (row_id, key) SELECT row_id, key FROM outbox_needs",
    """CREATE TABLE outbox_quiet_anew (
        lane {text} NOT NULL PRIMARY KEY, row_id BIGINT NOT NULL REFERENCES outbox_anew (id), until BIGINT NOT NULL
    ) {keyed}""",
    "INSERT INTO outbox_quiet_anew (lane, row_id, until) SELECT lane, row_id, until FROM outbox_quiet",
    "DROP TABLE outbox_needs",
    "DROP TABLE outbox_quiet",
    "DROP TABLE outbox",
    # what refers to a table follows its name
    "ALTER TABLE outbox_anew RENAME TO outbox",
    "ALTER TABLE outbox_needs_anew RENAME TO outbox_needs",
    "ALTER TABLE outbox_quiet_anew RENAME TO outbox_quiet",
    "CREATE UNIQUE INDEX outbox_one_doing ON outbox (lane) WHERE state = 'doing'",
    "CREATE UNIQUE INDEX outbox_one_creation ON outbox (key) WHERE kind = 'create' AND state <> 'superseded'",
    "CREATE UNIQUE INDEX outbox_wishes ON outbox (lane, grp, seq)",
    "CREATE INDEX outbox_lanes ON outbox (lane, id) WHERE settled_at IS NULL",
    "CREATE INDEX outbox_queue ON outbox (priority, kind, object, id) WHERE state = 'todo'",
    "CREATE INDEX outbox_unsettled ON outbox (state, id) WHERE state <> 'done' AND state <> 'superseded'",
    "CREATE INDEX outbox_dismissed ON outbox (key) WHERE dismissed = 1",
    "CREATE INDEX outbox_decided ON outbox (decided_at)",
    "CREATE INDEX outbox_runs ON outbox (run_id)",
    "CREATE INDEX outbox_needs_key ON outbox_needs (key)",
)
