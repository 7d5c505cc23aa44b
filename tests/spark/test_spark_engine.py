"""Naming an engine, and what is said when it is not there."""

from __future__ import annotations

import importlib
import shutil
import socket
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_cluster import SETTINGS

from connector.cli import main
from connector.errors import ConfigError, TransientError
from connector.mapping.settings import SparkEngine
from connector.scoring import files
from connector.scoring.engines import choosing as engines
from connector.scoring.engines import spark_session
from connector.scoring.engines.choosing import engine_named, engine_of
from connector.scoring.engines.on_duckdb import EMBEDDED, DuckDb
from connector.scoring.engines.on_spark import Spark
from connector.scoring.engines.spark_sql import spark_sql

MAPPINGS = Path(files.__file__).parents[2] / "mappings" / "default"


SCORING = """\
name: small
win: opportunity_won
dimensions:
  fit: {rules: [{id: vp, when: {title: {matches: vp}}, points: 40}]}
  interest:
    half_life: 30d
    rules: [{id: pricing-page, on: page_view, where: {path: {starts_with: /pricing}}, points: 12}]
  qualification: {bants: {need: Need__c, authority: Authority__c}}
grades: {fit: {A: 75, B: 50, C: 25, D: 0}, interest: {1: 75, 2: 50, 3: 25, 4: 0}}
matrix:
  A: [sales, sales, review, nurture]
  B: [sales, review, review, nurture]
  C: [review, nurture, nurture, nurture]
  D: [nurture, nurture, nurture, nurture]
"""


@pytest.fixture
def command(tmp_path):
    mappings = shutil.copytree(MAPPINGS, tmp_path / "mappings")
    (mappings / "scoring.yaml").write_text(SCORING, encoding="utf-8")
    people = (
        "person_id,account_id,email,title,employees\np1,a1,one@firm.example,VP Sales,500\np2,,two@x.example,Clerk,\n"
    )
    deeds = "activity_id,person_id,type,occurred_at,path\ne1,p1,page_view,2026-02-27T09:00:00Z,/pricing\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    (tmp_path / "deeds.csv").write_text(deeds, encoding="utf-8")
    inputs = ["--people", str(tmp_path / "people.csv"), "--activities", str(tmp_path / "deeds.csv")]
    as_of = ["--as-of", "2026-03-01T12:00:00Z"]
    return ["score", "--mappings", str(mappings), *inputs, *as_of]


def code_of(words):
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


def test_without_workers_to_spare_the_cluster_is_told(cluster, scratch, monkeypatch):
    monkeypatch.setattr(spark_session, "_WORKS_WITHIN", timedelta(seconds=1))
    greedy = Spark(cluster, scratch, SETTINGS | {"spark.executor.memory": "64g"})
    with pytest.raises(TransientError, match="no worker takes the work"), greedy.runner():
        pass


def test_the_command_writes_on_spark_what_it_writes_on_duckdb(cluster, scratch, command, tmp_path):
    with Spark(cluster, scratch, SETTINGS).runner() as runner:  # the session that the command then finds
        assert runner.fetch("SELECT 1 AS one", pa.schema([("one", pa.int64())])).to_pylist() == [{"one": 1}]
    assert code_of([*command, "--out", str(tmp_path / "spark"), "--engine", cluster]) == 0
    assert code_of([*command, "--out", str(tmp_path / "duckdb"), "--threads", "1"]) == 0
    for name in ("scores", "lines", "accounts"):
        tables = [pq.read_table(tmp_path / engine / f"{name}.parquet") for engine in ("spark", "duckdb")]
        assert tables[0].num_rows > 0
        assert tables[0] == tables[1]


def test_a_cluster_that_cannot_be_reached_is_exit_4(command, tmp_path, capsys):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{one.getsockname()[1]}"
        assert code_of([*command, "--out", str(tmp_path / "out"), "--engine", master]) == 4
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"), [("sc://spark:15002", "Spark Connect"), ("yarn", "spark://host:7077"), ("polars", "local[2]")]
)
def test_an_engine_that_is_none_is_exit_2(command, tmp_path, capsys, name, words):
    assert code_of([*command, "--out", str(tmp_path / "out"), "--engine", name]) == 2
    assert words in capsys.readouterr().err


def test_packages_that_are_missing_are_named_with_the_cure(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="pyspark.sql")

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(ConfigError, match=r"pip install 'handoff-connector\[spark\]'"):
        engine_named("spark", None)
    assert engine_named("duckdb", 3) == DuckDb(3)


def test_our_own_fault_is_not_told_as_a_missing_package(monkeypatch):
    def broken(name):
        return importlib.import_module("connector.scoring.nothing_of_that_name")

    monkeypatch.setattr(engines, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        engine_named("spark", None)


def test_what_is_written_becomes_an_engine(tmp_path):
    assert engine_of("duckdb") is EMBEDDED
    written = SparkEngine(spark="spark://one:7077,two:7077", scratch=tmp_path, settings={"spark.executor.memory": "4g"})
    assert engine_of(written) == Spark(written.spark, tmp_path, {"spark.executor.memory": "4g"})
    assert [engine_named("spark", threads).master for threads in (None, 3)] == ["local[*]", "local[3]"]
    assert engine_named("spark://one:7077", 4).settings == {"spark.cores.max": "4"}


def test_a_machine_without_java_uses_the_one_of_the_extra(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with spark_session._java():
        found = Path(spark_session.os.environ["JAVA_HOME"]) / "bin" / "java"
        assert found.is_file()
    assert "JAVA_HOME" not in spark_session.os.environ


def test_what_spark_calls_otherwise_is_translated():
    said = spark_sql("SELECT list_extract(l, 2) // 3 AS x, -7 % 3 AS y FROM t ORDER BY x, y DESC")
    assert said == "SELECT ELEMENT_AT(l, 2) DIV 3 AS x, -7 % 3 AS y FROM t ORDER BY x NULLS LAST, y DESC"
