"""The steps from an empty database to the present one, run once each, under a lock, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from connector.errors import LocalFault
from state.database import Database, Make
from state.migration_0001 import STATEMENTS as FIRST
from state.migration_0002 import STATEMENTS as ACCOUNT_MOVES
from state.migration_0003 import STATEMENTS as VERSIONS
from state.migration_0004 import STATEMENTS as QUARANTINE
from state.migration_0005 import STATEMENTS as GRAVES
from state.migration_0006 import STATEMENTS as GENERATIONS
from state.migration_0007 import STATEMENTS as QUIET_LANES
from state.migration_0008 import STATEMENTS as TASK_TIMES
from state.migration_0009 import STATEMENTS as CHEAP_UNSETTLED
from state.migration_0010 import STATEMENTS as CHEAP_CHECKS
from state.migration_0011 import STATEMENTS as NOTICED
from state.migration_0012 import STATEMENTS as TASKS_MADE
from state.migration_0013 import STATEMENTS as TAKEN
from state.migration_0015 import STATEMENTS as ONE_INDEX

#: any number that no other program on the same server is likely to lock by
_LOCK = 0x48414E444F46
_VERSION_TABLE = "CREATE TABLE IF NOT EXISTS state_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at BIGINT)"

#: how the two makes spell what our statements leave open
_WORDS: dict[Make, dict[str, str]] = {
    "sqlite": {"text": "TEXT", "row_id": "INTEGER PRIMARY KEY", "keyed": "WITHOUT ROWID", "by_age": ""},
    "postgresql": {
        # byte order: as SQLite compares, and quicker than any language's
        "text": 'TEXT COLLATE "C"',
        "row_id": "BIGINT PRIMARY KEY",
        "keyed": "",
        # values that lie together on disk, in order of time: an index of ranges, which a change of state need not touch
        "by_age": "USING brin",
    },
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Its statements never change once released; words in braces differ by make.

    ``only``: the make that needs the step; the other one's states count it as taken.
    """

    number: int
    name: str
    statements: Sequence[str]
    only: Make | None = None


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first", FIRST),
    Migration(2, "why people go from account to account", ACCOUNT_MOVES),
    Migration(3, "which models were in use when, and who was who before", VERSIONS),
    Migration(4, "events of machines, kept apart", QUARANTINE),
    Migration(5, "tombstones of one person", GRAVES),
    Migration(6, "how often a lease has changed hands", GENERATIONS),
    Migration(7, "what blocks a lane, found by an index that a claim leaves alone", QUIET_LANES),
    Migration(8, "from an event to its task in the CRM", TASK_TIMES),
    Migration(9, "what is unsettled, in words that cost less", CHEAP_UNSETTLED),
    Migration(10, "a check of states that costs less", CHEAP_CHECKS, only="sqlite"),
    Migration(11, "what people notice, counted without looking at scores", NOTICED),
    Migration(12, "tasks that were made lately", TASKS_MADE),
    Migration(13, "what a sender has taken, in one line", TAKEN),
    # the tables stay as they are, but older programs cannot read what is written into them from now on
    Migration(14, "updates of fields of ours, written down in two lines", ()),
    Migration(15, "one index of what is unsettled", ONE_INDEX),
)


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring the database to the newest version; of two processes one works and the other waits; return the version.

    Raises:
        LocalFault: ``state.newer``: the state was written by a newer program and is left as it is.
    """
    newest = migrations[-1].number
    with database.read() as connection:
        present = _present(database, connection)
    _refuse_newer(database, present, newest)
    if present == newest:
        return newest
    with database.write() as connection:
        if database.make == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        connection.exec_driver_sql(_VERSION_TABLE)
        present = _present(database, connection)
        _refuse_newer(database, present, newest)
        for migration in migrations:
            if migration.number > present:
                _apply(database, connection, migration)
    return newest


def check_version(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Look whether the database answers and has this program's version.

    Raises:
        LocalFault: it does not answer; ``state.newer``; ``state.older``: another database stands in its place.
    """
    newest = migrations[-1].number
    with database.read() as connection:
        present = _present(database, connection)
    _refuse_newer(database, present, newest)
    if present < newest:
        raise LocalFault(
            "state.older",
            f"the state has version {present}, and had {newest} when this program started",
            cure="restore the state database, then start again",
            at=database.where,
        )


def _refuse_newer(database: Database, present: int, newest: int) -> None:
    if present > newest:
        raise LocalFault(
            "state.newer",
            f"the state has version {present}, this program knows {newest}",
            cure="use the newer program, or restore a backup made before the upgrade",
            at=database.where,
        )


def _present(database: Database, connection: Connection) -> int:
    exists = (
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'state_version'"
        if database.make == "sqlite"
        else "SELECT count(*) WHERE to_regclass('state_version') IS NOT NULL"
    )
    if not connection.exec_driver_sql(exists).scalar_one():
        return 0
    return int(connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM state_version").scalar_one())


def _apply(database: Database, connection: Connection, migration: Migration) -> None:
    for statement in migration.statements if migration.only in (None, database.make) else ():
        connection.exec_driver_sql(statement.format(**_WORDS[database.make]))
    at = database.clock_us(connection)
    connection.exec_driver_sql(
        f"INSERT INTO state_version (number, name, at) VALUES ({migration.number}, '{migration.name}', {at})"
    )
