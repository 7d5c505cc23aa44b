"""Which models were in use when, and who was who before. Frozen: what changes later is a later migration."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE versions (
        kind {text} NOT NULL, number BIGINT NOT NULL, digest {text} NOT NULL, files {text} NOT NULL,
        by {text} NOT NULL, because {text} NOT NULL, first_used BIGINT NOT NULL,
        PRIMARY KEY (kind, number)
    ) {keyed}""",
    "CREATE UNIQUE INDEX versions_digest ON versions (kind, digest)",
    """CREATE TABLE version_uses (
        kind {text} NOT NULL, place BIGINT NOT NULL, number BIGINT NOT NULL, since BIGINT NOT NULL,
        run_id {text} NOT NULL, results {text} NOT NULL,
        PRIMARY KEY (kind, place)
    ) {keyed}""",
    # of references that stand there already nobody knows since when: they count as known ever since
    "ALTER TABLE identities ADD COLUMN since BIGINT",
    """CREATE TABLE identities_past (
        system {text} NOT NULL, object {text} NOT NULL, id {text} NOT NULL, person_id {text} NOT NULL, since BIGINT,
        until BIGINT NOT NULL,
        PRIMARY KEY (system, object, id, until)
    ) {keyed}""",
)
