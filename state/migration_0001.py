"""The first tables. Frozen: what changes later is a later migration.

Instants are microseconds since 1970 (``state.instants``). Columns of people's records carry the names of the Arrow
schemas in ``connector.ports.store``.
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    # ---- the lake's manifest
    """CREATE TABLE segments (
        path {text} NOT NULL PRIMARY KEY, number BIGINT NOT NULL UNIQUE, stream {text} NOT NULL, rows BIGINT NOT NULL,
        low BIGINT NOT NULL, high BIGINT NOT NULL, landed_at BIGINT NOT NULL, sha256 {text} NOT NULL,
        size_bytes BIGINT NOT NULL, retired_at BIGINT
    ) {keyed}""",
    "CREATE INDEX segments_live ON segments (stream, number) WHERE retired_at IS NULL",
    "CREATE INDEX segments_retired ON segments (retired_at) WHERE retired_at IS NOT NULL",
    """CREATE TABLE cursors (
        system {text} NOT NULL, stream {text} NOT NULL, cursor {text} NOT NULL, PRIMARY KEY (system, stream)
    ) {keyed}""",
    # ---- API calls
    """CREATE TABLE calls (
        system {text} NOT NULL, at BIGINT NOT NULL, cause {text} NOT NULL, calls BIGINT NOT NULL,
        PRIMARY KEY (system, at, cause)
    ) {keyed}""",
    # ---- people and accounts
    """CREATE TABLE identities (
        system {text} NOT NULL, object {text} NOT NULL, id {text} NOT NULL, person_id {text} NOT NULL,
        PRIMARY KEY (system, object, id)
    ) {keyed}""",
    "CREATE INDEX identities_person ON identities (person_id)",
    """CREATE TABLE persons (
        person_id {text} NOT NULL PRIMARY KEY, subject {text}, stage {text}, stage_since BIGINT, stage_entry BIGINT,
        cool_off_until BIGINT, disposition {text}, account_id {text}, match_method {text},
        match_confidence DOUBLE PRECISION, match_evidence {text}, runner_up {text}, shown {text}
    ) {keyed}""",
    """CREATE TABLE stage_moves (
        person_id {text} NOT NULL, entry BIGINT NOT NULL, from_stage {text}, to_stage {text} NOT NULL,
        at BIGINT NOT NULL, because {text}, run_id {text} NOT NULL,
        PRIMARY KEY (person_id, at, entry, to_stage)
    ) {keyed}""",
    """CREATE TABLE score_history (
        person_id {text} NOT NULL, at BIGINT NOT NULL, run_id {text} NOT NULL, model {text} NOT NULL,
        fit DOUBLE PRECISION, interest DOUBLE PRECISION, qualification DOUBLE PRECISION, total DOUBLE PRECISION,
        grade {text}, verdict {text}, lines {text},
        PRIMARY KEY (person_id, at, run_id, model)
    ) {keyed}""",
    "CREATE TABLE accounts (account_id {text} NOT NULL PRIMARY KEY, shown {text} NOT NULL) {keyed}",
    """CREATE TABLE reviews (
        id {text} NOT NULL PRIMARY KEY, kind {text} NOT NULL, person_id {text} NOT NULL, candidates {text} NOT NULL,
        opened_at BIGINT NOT NULL, state {text} NOT NULL CHECK (state IN ('open', 'accepted', 'rejected')),
        answer {text} NOT NULL, answered_by {text}, answered_at BIGINT
    ) {keyed}""",
    "CREATE TABLE rotations (pool {text} NOT NULL PRIMARY KEY, place {text} NOT NULL) {keyed}",
    "CREATE TABLE marks (name {text} NOT NULL PRIMARY KEY, at BIGINT NOT NULL) {keyed}",
    "CREATE TABLE tombstones (hash {text} NOT NULL PRIMARY KEY, at BIGINT NOT NULL) {keyed}",
    # ---- writes
    """CREATE TABLE outbox (
        id {row_id}, key {text} NOT NULL, kind {text} NOT NULL CHECK (kind IN ('create', 'update')),
        object {text} NOT NULL, target_id {text}, lane {text} NOT NULL, grp {text} NOT NULL, seq BIGINT NOT NULL,
        cause {text} NOT NULL, rule {text} NOT NULL, person_id {text} NOT NULL, reason {text} NOT NULL,
        run_id {text} NOT NULL, plan_id {text} NOT NULL, priority INTEGER NOT NULL, decided_at BIGINT NOT NULL,
        body {text} NOT NULL, depends_on {text} NOT NULL,
        state {text} NOT NULL
            CHECK (state IN ('todo', 'doing', 'done', 'held', 'unknown', 'superseded', 'dead')),
        held_by {text} NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before BIGINT, sent_at BIGINT,
        lease_owner {text}, lease_until BIGINT, record_id {text}, result {text}, before_values {text},
        was_unknown INTEGER NOT NULL DEFAULT 0, dismissed INTEGER NOT NULL DEFAULT 0, settled_at BIGINT,
        code {text} NOT NULL DEFAULT '', message {text} NOT NULL DEFAULT '', fixer {text} NOT NULL DEFAULT '',
        CHECK ((state = 'held') = (held_by <> '')),
        CHECK ((state = 'doing') = (lease_until IS NOT NULL))
    )""",
    # the database keeps the two promises itself: one row of a lane on its way, one creation per key
    "CREATE UNIQUE INDEX outbox_one_doing ON outbox (lane) WHERE state = 'doing'",
    "CREATE UNIQUE INDEX outbox_one_creation ON outbox (key) WHERE kind = 'create' AND state <> 'superseded'",
    "CREATE UNIQUE INDEX outbox_wishes ON outbox (lane, grp, seq)",
    "CREATE INDEX outbox_lanes ON outbox (lane, id) WHERE state IN ('todo', 'doing', 'unknown')",
    "CREATE INDEX outbox_queue ON outbox (priority, kind, object, id) WHERE state = 'todo'",
    "CREATE INDEX outbox_unsettled ON outbox (state, id) WHERE state IN ('todo', 'doing', 'unknown', 'held', 'dead')",
    "CREATE INDEX outbox_dismissed ON outbox (key) WHERE dismissed = 1",
    "CREATE INDEX outbox_decided ON outbox {by_age} (decided_at)",
    "CREATE INDEX outbox_runs ON outbox {by_age} (run_id)",
    """CREATE TABLE outbox_needs (
        row_id BIGINT NOT NULL REFERENCES outbox (id), key {text} NOT NULL, PRIMARY KEY (row_id, key)
    ) {keyed}""",
    "CREATE INDEX outbox_needs_key ON outbox_needs (key)",
    # after a lost answer nothing newer goes to the record until the vendor can no longer be at work on the old one
    """CREATE TABLE outbox_quiet (
        lane {text} NOT NULL PRIMARY KEY, row_id BIGINT NOT NULL REFERENCES outbox (id), until BIGINT NOT NULL
    ) {keyed}""",
    # ---- cycles, switches
    """CREATE TABLE runs (
        id {text} NOT NULL PRIMARY KEY, number BIGINT NOT NULL UNIQUE, plan_id {text} NOT NULL, kind {text} NOT NULL,
        mode {text} NOT NULL, as_of BIGINT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT,
        verdict {text} NOT NULL, report {text} NOT NULL
    ) {keyed}""",
    "CREATE TABLE plans (id {text} NOT NULL PRIMARY KEY, made_at BIGINT NOT NULL, body {text} NOT NULL) {keyed}",
    "CREATE TABLE pauses (number INTEGER PRIMARY KEY CHECK (number = 1), who {text} NOT NULL, at BIGINT NOT NULL)",
    """CREATE TABLE leases (
        name {text} NOT NULL PRIMARY KEY, owner {text} NOT NULL, until BIGINT NOT NULL
    ) {keyed}""",
    """CREATE TABLE audit (
        id {row_id}, at BIGINT NOT NULL, who {text} NOT NULL, what {text} NOT NULL, details {text} NOT NULL
    )""",
    "CREATE TABLE settings (name {text} NOT NULL PRIMARY KEY, value {text} NOT NULL) {keyed}",
)
