"""The engine that handoff.yaml names computes all scores of a cycle, and no other does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from small_house import House

from connector.scoring.engines.on_duckdb import DuckDb


def test_a_cycle_scores_on_its_engine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, asked = DuckDb(1), Counter()
    plain = DuckDb.runner

    def counted(engine: DuckDb):
        asked["ours" if engine is ours else "another"] += 1
        return plain(engine)

    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db", scoring=ours)
    house.account("A1", name="Acme", website="acme.example")
    house.contact("1", email="jo@acme.example", title="VP Sales", employees=500)
    house.did("d1", "page_view", "1", path="/pricing")
    monkeypatch.setattr(DuckDb, "runner", counted)
    house.run()
    assert set(asked) == {"ours"}
    assert asked["ours"] >= 3
    house.close()
