"""What a database error means to the person at the keyboard: one class, a stable code, the file, the cure."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connector.errors import HandoffError, LocalFault


def _driver_errors() -> tuple[type[Exception], ...]:
    """Give what drivers raise; that of PostgreSQL, an extra, is loaded by whoever connects to one."""
    driver = sys.modules.get("psycopg")
    return (SQLAlchemyError, sqlite3.Error, *(() if driver is None else (driver.Error,)))


class Collision(LocalFault):
    """Two transactions of PostgreSQL got into each other's way; the loser may simply try again."""


_RESTORE = "stop what uses it, restore state and lake from one backup, then run again"
_STOP_OTHER = "stop the other program or wait for it, then run again; nothing was lost"
_WRITABLE = "make the file and its folder writable for the user we run as"
_TOO_SLOW = "raise statement_timeout and its like for our user, or see what keeps the server busy; nothing was lost"
_START = "start it and see that `state:` names it, then run again; nothing was lost"
#: by the leading part of SQLite's own name for the error: code, what happened, cure
_SQLITE: tuple[tuple[str, str, str, str], ...] = (
    ("SQLITE_BUSY", "state.locked", "another program keeps the state database locked", _STOP_OTHER),
    ("SQLITE_LOCKED", "state.locked", "another program keeps the state database locked", _STOP_OTHER),
    ("SQLITE_CORRUPT", "state.corrupt", "the state database is damaged", _RESTORE),
    ("SQLITE_NOTADB", "state.corrupt", "the file is not a state database", _RESTORE),
    ("SQLITE_READONLY", "state.read_only", "the state database may not be written", _WRITABLE),
    ("SQLITE_PERM", "state.read_only", "the state database may not be opened", _WRITABLE),
    ("SQLITE_CANTOPEN", "state.cannot_open", "the state database cannot be opened", "check the path and its rights"),
    ("SQLITE_FULL", "state.full", "the disk of the state database is full", "make room on the disk"),
    ("SQLITE_IOERR", "state.disk", "the disk of the state database fails", "check the disk, and its room"),
    ("SQLITE_NOMEM", "state.memory", "there is not enough memory for the state database", "give it more memory"),
)
#: by the leading part of PostgreSQL's SQLSTATE (manual, appendix A)
_POSTGRES: tuple[tuple[str, str, str, str], ...] = (
    ("08", "state.unreachable", "the connection to the state database broke", _START),
    ("25P03", "state.slow", "the state database ended a transaction of ours that took too long", _TOO_SLOW),
    ("25P04", "state.slow", "the state database ended a transaction of ours that took too long", _TOO_SLOW),
    ("25006", "state.read_only", "the state database takes no writes", "connect to the primary server"),
    ("28", "state.refused", "the state database does not let us in", "check user and password of `state:`"),
    ("3D000", "state.missing", "the database named in `state:` does not exist", "create it"),
    ("42501", "state.refused", "our user lacks a right in the state database", "grant it CREATE on the schema"),
    ("53100", "state.full", "the disk of the state database is full", "make room on the disk"),
    ("53", "state.busy", "the state database has no room for us", "raise max_connections or stop other clients"),
    ("55P03", "state.locked", "another program keeps the state database locked", _STOP_OTHER),
    ("57014", "state.slow", "the state database stopped a statement of ours that took too long", _TOO_SLOW),
    ("57", "state.unreachable", "the state database was shut down", _START),
    ("XX001", "state.corrupt", "the state database is damaged", _RESTORE),
)
#: unique violation, deadlock, serialization failure
_COLLISIONS = frozenset({"23505", "40P01", "40001"})


def fault(error: BaseException, where: str) -> HandoffError:
    """Translate an error of a driver; the words carry no values, for those may be people's data."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(original, sqlite3.Error):
        return _sqlite_fault(original, where)
    sqlstate = getattr(original, "sqlstate", None)
    if sqlstate in _COLLISIONS:
        return Collision("state.collision", "two transactions met", cure="try again", at=where)
    for start, code, message, cure in _POSTGRES:
        if sqlstate is not None and sqlstate.startswith(start):
            return LocalFault(code, message, cure=cure, at=where)
    if sqlstate is None and type(original).__name__ == "OperationalError":
        # psycopg gives no SQLSTATE while a connection is being made or once it is gone
        return LocalFault("state.unreachable", "the state database cannot be reached", cure=_START, at=where)
    name = type(original).__name__
    return HandoffError("state.fault", f"the state database refused a statement: {name} {sqlstate or ''}", at=where)


def _sqlite_fault(error: sqlite3.Error, where: str) -> HandoffError:
    name = getattr(error, "sqlite_errorname", None) or ""
    for start, code, message, cure in _SQLITE:
        if name.startswith(start):
            return LocalFault(code, message, cure=cure, at=where)
    return HandoffError("state.fault", f"the state database refused a statement: {name or 'unnamed'}", at=where)


@contextmanager
def faults_named(where: str) -> Iterator[None]:
    """Turn driver errors raised inside into ours; the original is not chained, for it may quote values."""
    try:
        yield
    except _driver_errors() as error:
        raise fault(error, where) from None
