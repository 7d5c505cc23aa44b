"""One database, two makes: connections, transactions, the clock, and lists of values as parameters."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from connector.errors import ConfigError, LocalFault
from state.faults import faults_named
from state.instants import to_us

Make = Literal["sqlite", "postgresql"]

#: RETURNING came with this version (SQLite release notes, 2021-03-12)
_OLDEST_SQLITE: Final = (3, 35, 0)
#: how long a refused change to WAL mode is tried again: SQLite does not wait by itself there
_WAL_TRIES: Final = 200
_WAL_PAUSE_SECONDS: Final = 0.05
#: how long the log is waited for, with everybody's writes waiting behind: far less than any lease lasts
_LOG_MILLISECONDS: Final = 1000


class Database:
    """Connections of one process to the state, shared by its threads."""

    def __init__(self, url: str, *, now: Callable[[], datetime] | None, patience: timedelta) -> None:
        parsed = _parsed(url)
        self.make: Make = "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql"
        #: file or server and database, for messages; never user or password
        self.where = _place(parsed)
        self._now = now
        #: the lease and its generation on which commits of the lake and of decisions stand
        self.fence: tuple[str, int] | None = None
        #: what each writer does first, so that it finds rows as others need to see them
        self.before_writing: Callable[[Connection], None] = _nothing
        self.engine = _sqlite(parsed, patience) if self.make == "sqlite" else _postgres(parsed, self.where, patience)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Raises:
            LocalFault: the database is locked, damaged, gone or full; the message names file and cure.
        """
        with faults_named(self.where), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, waits: bool = True, as_it_is: bool = False) -> Iterator[Connection]:
        """Open a transaction that writes; it is durable when the block has been left, and undone when it raises.

        ``waits`` false: on SQLite it is on the disk with the next one that waits, before that or never. It outlives
        every process; only what ends all of them with the machine can lose it. ``as_it_is``: without what each writer
        does first, for who does not look at it.

        Raises:
            LocalFault: as for reading, and when the database may not be written.
        """
        with faults_named(self.where), self.engine.connect() as connection:
            writing = connection.execution_options(handoff_writes=True, handoff_waits=waits)
            with writing.begin():
                if not as_it_is:
                    self.before_writing(writing)
                yield writing

    def glance(self, statement: str) -> tuple[Any, ...] | None:
        """Read one row by one statement, for what is asked before every call.

        Raises: as ``read``.
        """
        with (
            faults_named(self.where),
            closing(self.engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(statement)
            found: tuple[Any, ...] | None = cursor.fetchone()
        return found

    def clock_us(self, connection: Connection) -> int:
        """Read the database's own clock (microseconds since 1970), the same for every process that shares it."""
        if self._now is not None:
            return to_us(self._now())
        if self.make == "sqlite":
            clock = "SELECT CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"
        else:
            clock = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(clock)
            [(microseconds,)] = cursor.fetchall()
        return int(microseconds)

    def list_of(self, name: str, kind: Literal["bigint", "text"]) -> str:
        """Give SQL for the one-column set (``v``) whose values are bound to ``name`` by ``packed``."""
        if self.make == "sqlite":
            return f"(SELECT value AS v FROM json_each(:{name}))"
        return f"(SELECT v FROM unnest(CAST(:{name} AS {kind}[])) AS u(v))"

    def packed(self, values: Sequence[Any]) -> Any:
        """Make one parameter of a list of any length."""
        return json.dumps(list(values)) if self.make == "sqlite" else list(values)

    def empty_log(self) -> None:
        """Bring SQLite's log into its file, and empty it: it keeps pages as they were before what was written last.

        Where others read all the while it is left to a later commit: writers wait meanwhile, so this waits shortly.
        PostgreSQL has no such file beside it.

        Raises: as ``read``.
        """
        if self.make != "sqlite":
            return
        with (
            faults_named(self.where),
            closing(self.engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            [(patience,)] = cursor.execute("PRAGMA busy_timeout").fetchall()
            cursor.execute(f"PRAGMA busy_timeout={_LOG_MILLISECONDS}")
            try:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                cursor.execute(f"PRAGMA busy_timeout={patience}")

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _nothing(_connection: Connection) -> None:
    return


def _parsed(url: str) -> URL:
    cure = "write sqlite:///path/to/file.db or postgresql+psycopg://user:password@host:5432/database"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("state.url", "the state URL cannot be read", cure=cure, at="state") from None
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ConfigError("state.url", f"the state cannot live in {parsed.drivername}", cure=cure, at="state")
    if parsed.drivername == "sqlite" and (not parsed.database or parsed.database == ":memory:" or parsed.query):
        raise ConfigError("state.url", "the state needs a file of its own", cure=cure, at="state")
    return parsed


def _place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}/{url.database or ''}"


def _sqlite(url: URL, patience: timedelta) -> Engine:
    path = Path(str(url.database))
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise LocalFault(
            "state.sqlite_too_old",
            f"SQLite {sqlite3.sqlite_version} is too old",
            cure="use a Python with SQLite 3.35 or newer, or PostgreSQL",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalFault(
            "state.cannot_open", "the folder of the state database cannot be made", cure="check the path", at=str(path)
        ) from error

    def connect() -> sqlite3.Connection:
        # isolation_level=None: transactions are ours alone, Python's sqlite3 opens none behind our back
        connection = sqlite3.connect(
            path, timeout=patience.total_seconds(), isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=_pool(), max_overflow=-1, hide_parameters=True)
    # IMMEDIATE takes the write lock at once and waits for it; a later upgrade of a read lock fails without waiting
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _pool() -> type[Any]:
    from sqlalchemy.pool import QueuePool  # noqa: PLC0415 - SQLAlchemy picks a pool without reuse for nameless files

    return QueuePool


def _prepare(connection: sqlite3.Connection) -> None:
    """Set what SQLite forgets with each connection, and the journal mode, which it keeps."""
    for attempt in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # two first openers: the change of mode answers «busy» at once, whatever the timeout says
            if not (error.sqlite_errorname or "").startswith("SQLITE_BUSY") or attempt == _WAL_TRIES - 1:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
    for pragma in (
        "synchronous=FULL",  # a commit is on the disk when it returns: intent comes before the call
        "fullfsync=ON",  # macOS: fsync alone stops in the drive's cache
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-65536",
        "journal_size_limit=268435456",  # a large commit must not leave its log behind for ever
        "secure_delete=ON",  # what was erased must not lie on in free pages; only some builds do so by themselves
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    with closing(connection.connection.cursor()) as cursor:
        if not options.get("handoff_writes", False):
            cursor.execute("BEGIN")
            return
        # The connection may have been another transaction's.
        level = "FULL" if options.get("handoff_waits", True) else "NORMAL"
        if connection.info.get("synchronous", "FULL") != level:
            cursor.execute(f"PRAGMA synchronous={level}")
            connection.info["synchronous"] = level
        cursor.execute("BEGIN IMMEDIATE")


def _postgres(url: URL, where: str, patience: timedelta) -> Engine:
    if importlib.util.find_spec("psycopg") is None:
        raise LocalFault(
            "state.driver_missing",
            "PostgreSQL needs its driver",
            cure="pip install 'handoff-connector[postgres]'",
            at=where,
        )
    engine = create_engine(
        url,
        pool_pre_ping=True,
        max_overflow=-1,
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "application_name": "handoff"},
    )
    lock_timeout = int(patience.total_seconds() * 1000)

    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {lock_timeout}")
            # a server that lets commits return before they are on its disk is asked to wait for ours
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine
