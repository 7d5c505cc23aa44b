"""A consistent copy of a SQLite state while others go on writing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from connector.errors import ConfigError, LocalFault
from state.database import Database
from state.faults import faults_named
from state.store import PATIENCE


def back_up(url: str, target: Path, *, patience: timedelta = PATIENCE) -> int:
    """Copy the state to ``target`` as of one instant and give the copy's size in bytes.

    The copy appears under its name only once it is whole and on the disk; a copy that was there is replaced.

    Raises:
        ConfigError: ``state.backup``: PostgreSQL is copied by its own tools.
        LocalFault: state or target cannot be read or written.
    """
    database = Database(url, now=None, patience=patience)
    database.close()
    if database.make != "sqlite":
        cure = "use pg_dump, or the backups of your PostgreSQL service"
        raise ConfigError("state.backup", "only a SQLite state is copied by us", cure=cure, at=database.where)
    if not Path(database.where).is_file():
        raise LocalFault("state.missing", "there is no state to copy", cure="check `state:`", at=database.where)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with (
        faults_named(database.where),
        closing(sqlite3.connect(database.where, timeout=patience.total_seconds())) as source,
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)
        # the copy leaves WAL mode, so that it is one file that can be moved about
        copy.execute("PRAGMA journal_mode=DELETE")
    _sync(part)
    part.replace(target)
    _sync(target.parent)
    return target.stat().st_size


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
