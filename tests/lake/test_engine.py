"""The engine that readers of the lake share: it is replaced before it grows, and never while somebody is at work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from connector.lake import engine
from connector.lake.engine import CONNECTIONS, querying


def _database() -> object:
    with querying():
        assert engine._kept.database is not None
        return engine._kept.database


def test_an_engine_serves_many_and_is_then_replaced():
    first = _database()
    found = {id(first)}
    for _ in range(CONNECTIONS):
        found.add(id(_database()))
    assert len(found) >= 2
    with querying() as connection:
        assert connection.sql("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_whoever_is_at_work_keeps_the_engine():
    with querying() as outer:
        outer.execute("CREATE TEMP TABLE kept AS SELECT 7 AS seven")
        for _ in range(CONNECTIONS + 5):
            with querying() as inner, pytest.raises(duckdb.CatalogException, match="kept"):
                inner.sql("SELECT * FROM kept").fetchall()
        assert outer.sql("SELECT seven FROM kept").fetchall() == [(7,)]


def test_threads_may_share_it():
    def work(number: int) -> set[int]:
        found = set()
        for _ in range(CONNECTIONS // 2):
            with querying() as connection:
                found.add(connection.sql(f"SELECT {number}").fetchall()[0][0])
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [{0}, {1}, {2}, {3}]
