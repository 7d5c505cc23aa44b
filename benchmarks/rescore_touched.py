"""Score only who was touched: new activities from durable landing through match, score, accounts, diff and outbox.

Run after ``python -m benchmarks.rescore --people N``: ``python -m benchmarks.rescore_touched --people N``. The history
is that of the generated lake; facts, scores and standings of everybody are at hand, as in a running daemon.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.rescore import opened
from benchmarks.rescore_data import NOW, OBJECT, SYSTEM, model
from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.domain.writes import Cause, Write
from connector.lake.landing import Landing
from connector.lake.streaming import ActivityRows
from connector.ports.outbox import OutboxRow
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, Segment, Store
from connector.scoring.accounts.roll_up import STANDINGS
from connector.scoring.hits.store import HitStore
from connector.scoring.rescore import People, rescore, roll_up_touched
from connector.scoring.score_diff import moved
from state.store import open_store

WRITE_STEP = 5
MODEL = model()
EACH = 3


@dataclass(slots=True)
class World:
    """What a daemon has at hand."""

    state: Store
    landing: Landing
    rows: ActivityRows
    hits: HitStore
    people: pa.Table
    accounts: pa.Table
    scores: pa.Table
    standings: pa.Table


def world(folder: Path, place: Path) -> World:
    """Lay a copy of the generated lake and its hits out in ``place``."""
    segments = [Segment(**row) for row in pq.read_table(folder / "segments.parquet").to_pylist()]
    for segment in segments:
        target = place / "lake" / segment.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(folder / "lake" / segment.path, target)
    shutil.copytree(folder / "hits", place / "hits")
    state = open_store(f"sqlite:///{place}/state.db")
    state.manifest.commit_segments(segments, (), {})
    scores = pq.read_table(folder / "out-engine" / "scores.parquet")
    people = pq.read_table(folder / "people.parquet")
    standings = {
        "person_id": scores.column("person_id"),
        "account_id": people.column("account_id"),
        "role": scores.column("role"),
        "fit": pc.round(pc.multiply(scores.column("fit"), 10)).cast(pa.int64()),
        "interest": pc.round(pc.multiply(scores.column("interest"), 10)).cast(pa.int64()),
    }
    empty = {field.name: pa.nulls(scores.num_rows, field.type) for field in STANDINGS if field.name not in standings}
    whole = pa.table({field.name: (standings | empty)[field.name] for field in STANDINGS}, schema=STANDINGS)
    return World(
        state,
        Landing(place / "lake", state.manifest),
        ActivityRows(place / "lake", state.manifest),
        opened(folder, place / "hits"),
        people,
        pq.read_table(folder / "accounts.parquet"),
        scores.combine_chunks(),
        whole.filter(pc.is_valid(whole.column("account_id"))).combine_chunks(),
    )


def deeds(people: list[int], at: datetime, serial: int, dice: random.Random) -> list[Activity]:
    """Let each of some people do three things within the last minute."""
    paths = ("/pricing/start", "/blog/cloud-1", "/demo/eu-3", "/docs/api/small-9", "/careers/faq-4")
    return [
        Activity(
            Ref(SYSTEM, "page_view", f"n{serial}-{person}-{number}"),
            "page_view",
            Ref(SYSTEM, OBJECT, str(person)),
            at - timedelta(seconds=dice.randrange(60)),
            path=dice.choice(paths),
        )
        for person in people
        for number in range(EACH)
    ]


def cycle(here: World, done: list[Activity], at: datetime) -> dict[str, float]:
    """Land, match, score, roll up, compare, enqueue; give milliseconds by step."""
    took: dict[str, float] = {}
    began = [time.perf_counter()]

    def step(name: str) -> None:
        began.append(time.perf_counter())
        took[name] = (began[-1] - began[-2]) * 1e3

    here.landing.land(SYSTEM, "s", [Page([], done, cursor=str(at), last=True)], shapes={}, landed_at=at)
    step("land")
    caught_up = here.hits.catch_up(here.rows, [SYSTEM], as_of=at)
    assert caught_up is not None
    assert caught_up.touched is not None
    step("match")
    numbers = np.sort(caught_up.touched.column("id").cast(pa.int64()).to_numpy())
    count = len(numbers)
    identities = {
        "person": pa.array(range(count), pa.int32()),
        "system": pa.repeat(pa.scalar(SYSTEM), count),
        "object": pa.repeat(pa.scalar(OBJECT), count),
        "id": pa.array(numbers).cast(pa.string()),
    }
    asked = People(here.people.take(pa.array(numbers)), pa.table(identities))
    part = next(rescore(here.hits, MODEL, [asked], here.accounts, as_of=at))
    step("score")
    ids = asked.people.column("person_id").combine_chunks()
    here.standings, accounts = roll_up_touched(MODEL, here.standings, ids, part.standings, here.accounts, as_of=at)
    assert accounts.num_rows
    step("accounts")
    news = part.scores.take(moved(here.scores.take(pa.array(numbers)), part.scores, step=WRITE_STEP))
    step("diff")
    here.state.knowledge.commit_decisions(_decisions(news, at))
    step("outbox")
    took["all"] = (began[-1] - began[0]) * 1e3
    return took


def _decisions(news: pa.Table, at: datetime) -> Decisions:
    rows = []
    for row in news.select(["person_id", "total", "grade", "verdict"]).to_pylist():
        fields: dict[str, Any] = {"Handoff_Score__c": row["total"], "Handoff_Grade__c": row["grade"]}
        write = Write(key="", kind="update", object="lead", id=row["person_id"], fields=fields, expected={})
        lane = f"salesforce:lead:{row['person_id']}"
        rows.append(OutboxRow(0, write, lane, "score", Cause.SCORE, "score", row["person_id"], "", f"r{at}", "", 2, at))
    return Decisions(
        run_id=f"r{at}",
        plan_id="",
        at=at,
        identities=IDENTITIES.empty_table(),
        persons=PERSONS.empty_table(),
        stage_moves=STAGE_MOVES.empty_table(),
        scores=SCORE_HISTORY.empty_table(),
        rows=rows,
    )


def main() -> None:
    """Time both sizes and the diff of everybody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "handoff-rescore")
    given = parser.parse_args()
    dice = random.Random(1)
    folder = given.folder / str(given.people)
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        here = world(folder, Path(place))
        at, serial = NOW, 0
        for touched in (1_000, 30):
            turns: list[dict[str, float]] = []
            cpu = time.process_time()
            for _ in range(given.turns + 1):
                at, serial = at + timedelta(minutes=5), serial + 1
                people = dice.sample(range(given.people), touched)
                turns.append(cycle(here, deeds(people, at, serial, dice), at))
            cpu = (time.process_time() - cpu) / len(turns) * 1e3
            steps = ", ".join(f"{name} {median(turn[name] for turn in turns[1:]):.0f}" for name in turns[0])
            print(f"{touched:5,} touched of {given.people:,}: p50 in ms: {steps}; {cpu:.0f} ms of processor a cycle")
        after = here.scores.set_column(
            here.scores.column_names.index("total"),
            "total",
            pc.add(
                here.scores.column("total"), pa.array(np.random.default_rng(1).integers(0, 70, given.people) / 10.0)
            ),
        )
        begin, cpu = time.perf_counter(), time.process_time()
        news = moved(here.scores, after, step=WRITE_STEP)
        took = (time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3
        print(f"diff of {given.people:,}: {took[0]:.0f} ms ({took[1]:.0f} ms of processor), {len(news):,} are news")
        here.state.close()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
