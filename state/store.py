"""The whole state, opened by its URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from connector.ports.store import Store
from state.database import Database
from state.journal import SqlJournal
from state.knowledge import SqlKnowledge
from state.ledger import SqlLedger
from state.manifest import SqlManifest
from state.migrations import check_version, migrate
from state.outbox import SqlOutbox
from state.outbox_folded import unfold
from state.past import SqlPast
from state.quarantine import SqlQuarantine
from state.runs import SqlRuns
from state.switches import SqlSwitches
from state.task_times import SqlTaskTimes
from state.versions import SqlVersions

#: a commit of a million people holds SQLite's only write lock for some seconds
PATIENCE: Final = timedelta(seconds=60)


class SqlStore:
    """``connector.ports.store.Store`` on SQLite or PostgreSQL; safe for use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.before_writing = partial(unfold, database)
        #: whether other processes may deliver beside the holder of the engine's turn
        self.shared = database.make == "postgresql"
        self.manifest = SqlManifest(database)
        self.ledger = SqlLedger(database)
        self.outbox = SqlOutbox(database)
        self.knowledge = SqlKnowledge(database)
        self.runs = SqlRuns(database)
        self.switches = SqlSwitches(database)
        self.versions = SqlVersions(database)
        self.past = SqlPast(database)
        self.quarantine = SqlQuarantine(database)
        self.journal = SqlJournal(database)
        self.task_times = SqlTaskTimes(database)

    def check(self) -> None:
        """Look whether the state answers and has this program's version; see the port."""
        check_version(self.database)

    def close(self) -> None:
        """Give back connections."""
        self.database.close()


def open_store(url: str, *, now: Callable[[], datetime] | None = None, patience: timedelta = PATIENCE) -> Store:
    """Open the state and bring it to this program's version, making it first where there is none.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db`` or
            ``postgresql+psycopg://user:password@host:port/database`` (a socket folder: ``…@/database?host=/folder``).
        now: stands in for the database's own clock, for tests; leases and retirements of files read it.
        patience: how long to wait for a lock that another process holds.

    Raises:
        ConfigError: ``state.url``: the URL names neither.
        LocalFault: the database is locked, damaged, read-only, out of reach or newer than this program.
    """
    database = Database(url, now=now, patience=patience)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
