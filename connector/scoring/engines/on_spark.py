"""Scoring on Apache Spark: the same queries, on one machine's cores or a cluster's; tables travel as Parquet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import types as spark_types

from connector.errors import ConfigError, TransientError
from connector.scoring.engines.runner import Runner
from connector.scoring.engines.spark_session import is_stopped, session
from connector.scoring.engines.spark_sql import spark_sql

#: rows that are read in one go by one worker
_ROWS_AT_ONCE = 100_000
_TYPES = {
    pa.bool_(): spark_types.BooleanType(),
    pa.int32(): spark_types.IntegerType(),
    pa.int64(): spark_types.LongType(),
    pa.string(): spark_types.StringType(),
    pa.float64(): spark_types.DoubleType(),
    pa.date32(): spark_types.DateType(),
}


@dataclass(frozen=True, slots=True)
class Spark:
    """Spark on a master.

    Attributes:
        master: ``local[2]``, ``spark://host:7077``.
        scratch: a folder that this machine and all workers see under one name.
        settings: Spark's own, for example ``spark.executor.memory``; taken when the session starts.
    """

    master: str
    scratch: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """Open a session of its own on the process's Spark; its tables and files are gone at the end."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        own = _session_of(session(self.master, self.scratch, self.settings), self.settings)
        with tempfile.TemporaryDirectory(prefix="scoring-", dir=self.scratch) as folder:
            yield _SparkRunner(own, Path(folder))


def _session_of(shared: SparkSession, settings: Mapping[str, str]) -> SparkSession:
    """Open a session with names and settings of its own; small pieces of work in as many parts as there are cores."""
    own = shared.newSession()
    own.conf.set("spark.sql.shuffle.partitions", str(2 * shared.sparkContext.defaultParallelism))
    for key, value in settings.items():
        if key.startswith("spark.sql.") and own.conf.isModifiable(key):
            own.conf.set(key, value)
    return own


class _SparkRunner:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._folder = folder
        self._numbers = count()

    def register(self, name: str, table: pa.Table) -> None:
        plain = _plain(table)
        path = self._folder / f"{next(self._numbers)}.parquet"
        pq.write_table(plain, path, row_group_size=_ROWS_AT_ONCE, compression="zstd")
        self._spark.read.schema(_schema(plain.schema)).parquet(path.as_uri()).createTempView(name)

    def table(self, name: str, sql: str) -> None:
        with _told(self._spark):
            asked = self._spark.sql(spark_sql(sql))
            # Computed once, and a leaf to what follows: plans of plans grow without bound, their printing most of all.
            # The new names make new columns of those that were passed on, or a later join takes two for one.
            asked.toDF(*asked.columns).localCheckpoint(eager=False).createTempView(name)

    def fetch(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        folder = self._folder / str(next(self._numbers))
        with _told(self._spark):
            self._spark.sql(spark_sql(sql)).write.parquet(folder.as_uri())
        # files are numbered in the order of the query; there is one even where there are no rows
        files = sorted(folder.glob("part-*.parquet"))
        if not files:
            raise _not_shared()
        table = pa.concat_tables([pq.read_table(path) for path in files])
        shutil.rmtree(folder)
        return table if schema is None else table.cast(schema)


@contextmanager
def _told(spark: SparkSession) -> Iterator[None]:
    """Say what the operator can do about a cluster that went away or that does not see our files."""
    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        if is_stopped(spark):
            raise TransientError(
                "engine.lost", "the Spark cluster went away in the middle of the work", cure="run again once it is back"
            ) from error
        if "FileNotFoundException" in str(error):
            raise _not_shared() from error
        raise


def _not_shared() -> ConfigError:
    return ConfigError(
        "engine.scratch",
        "Spark's workers do not see the files that this machine writes, or the other way round",
        cure="engine: {spark: …, scratch: a folder that all of them see under one name}",
    )


def _plain(table: pa.Table) -> pa.Table:
    """Bring columns into the few types both sides know: no dictionaries, no nulls without a type."""
    return table.cast(pa.schema([pa.field(field.name, _plain_type(field.type)) for field in table.schema]))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return kind


def _schema(schema: pa.Schema) -> spark_types.StructType:
    """Say the types, which spares Spark a job to find them."""
    return spark_types.StructType([spark_types.StructField(field.name, _spark_type(field.type)) for field in schema])


def _spark_type(kind: pa.DataType) -> spark_types.DataType:
    if pa.types.is_list(kind):
        return spark_types.ArrayType(_spark_type(kind.value_type))
    return _TYPES[kind]
