"""One compiled model on the embedded engine and on a Spark cluster: the same scores, lines, accounts and reasons."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest
from scoring_parity import plain
from scoring_worlds import World
from spark_cluster import SETTINGS
from spark_worlds import joined_worlds

from connector.errors import ConfigError, TransientError
from connector.mapping.scoring import ScoringModel
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.engines.on_spark import Spark
from connector.scoring.engines.runner import Engine
from connector.scoring.engines.spark_session import end_session
from connector.scoring.facts import rule_facts
from connector.scoring.reasons import top_reasons

#: random models, and the histories that each is run on in one piece of work; HANDOFF_SPARK=N looks at N models
MODELS, HISTORIES = int(os.environ.get("HANDOFF_SPARK", "0")) or 3, 8
WORLDS = joined_worlds(MODELS, HISTORIES)


def said(world: World, engine: Engine) -> dict[str, list]:
    """Everything an engine says of a world, row by row in order."""
    model = ScoringModel.model_validate(world.model)
    scored = world.scored(engine)
    rules = [rule.id for rule in model.dimensions.interest.rules[:2]]
    return plain(scored) | {
        "reasons": top_reasons(scored, model, engine=engine).to_pylist(),
        "facts": rule_facts(scored, rules, engine=engine).to_pylist(),
    }


@pytest.mark.parametrize("number", range(MODELS))
def test_spark_says_what_duckdb_says(cluster, scratch, number):
    world = WORLDS[number]
    alone = said(world, DuckDb(1))
    assert len(alone["scores"]) > 5
    assert said(world, DuckDb(4)) == alone
    found = said(world, Spark(cluster, scratch, SETTINGS))
    for name, rows in alone.items():
        assert found[name] == rows, name


def test_a_sum_beyond_64_bits_is_an_error_on_both(cluster, scratch):
    many = pa.table({"x": pa.array([2**62] * 4, pa.int64())})
    for engine in (DuckDb(1), Spark(cluster, scratch, SETTINGS)):
        with engine.runner() as runner:
            runner.register("many", many)
            assert runner.fetch("SELECT max(x) AS x FROM many").column("x").to_pylist() == [2**62]
            with pytest.raises(Exception, match=r"(?i)out of range|overflow"):
                runner.fetch("SELECT sum(x)::BIGINT AS x FROM many")
            with pytest.raises(Exception, match=r"(?i)out of range|overflow"):
                runner.fetch("SELECT x * 4 AS x FROM many")


def test_rows_come_back_in_the_order_of_the_query(cluster, scratch):
    rows = pa.table({"x": pa.array([*range(500, 0, -1), None], pa.int32()), "t": ["ä", "z", "Z"] * 167})
    query = "SELECT x, t FROM rows ORDER BY t DESC, x"
    found = []
    for engine in (DuckDb(2), Spark(cluster, scratch, SETTINGS)):
        with engine.runner() as runner:
            runner.register("rows", rows)
            found.append(runner.fetch(query, rows.schema).to_pylist())
    assert found[0] == found[1]


def test_files_that_workers_do_not_see_are_told(cluster, scratch):
    with Spark(cluster, scratch, SETTINGS).runner() as runner:
        runner.register("rows", pa.table({"x": [1]}))
        for path in scratch.glob("scoring-*/*.parquet"):
            path.unlink()
        with pytest.raises(ConfigError, match="do not see"):
            runner.fetch("SELECT x FROM rows")


def test_a_cluster_that_goes_away_is_told(cluster, scratch):
    with Spark(cluster, scratch, SETTINGS).runner() as runner:
        end_session()
        with pytest.raises(TransientError, match="went away"):
            runner.fetch("SELECT 1 AS one")
