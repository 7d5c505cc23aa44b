"""A process killed anywhere inside a commit leaves all of it or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from state import open_store

ROOT = Path(__file__).parents[2]

#: kills itself before the n-th statement, bulk or not, of one commit of decisions
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
import pyarrow as pa
from sqlalchemy import event
from connector.domain.writes import Cause, Write
from connector.ports.store import (
    IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow, Review,
)
from state import bulk, open_store

url, last = sys.argv[1], int(sys.argv[2])
now = datetime(2026, 3, 1, tzinfo=UTC)
store = open_store(url)
count = 0

def step(*_, **__):
    global count
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1

def counted(function):
    def wrapped(*arguments, **words):
        step()
        return function(*arguments, **words)
    return wrapped

event.listen(store.database.engine, "before_cursor_execute", step)
event.listen(store.database.engine, "commit", step)
for name in ("insert", "upsert_arrow", "update_by_id"):
    setattr(bulk, name, counted(getattr(bulk, name)))

def row(n, key="", depends_on=()):
    write = Write(key=key, kind="create" if key else "update", object="lead", id=None, fields={"A": n})
    return OutboxRow(
        id=0, write=write, lane=key or f"lane{n}", group="create" if key else "score", cause=Cause.SCORE, rule="r",
        person_id=f"p{n}", reason="", run_id="run", plan_id="plan", priority=1, decided_at=now, depends_on=depends_on)

empty = {name: None for name in PERSONS.names}
store.knowledge.commit_decisions(Decisions(
    run_id="run", plan_id="plan", at=now,
    identities=pa.Table.from_pylist([{"system": "s", "object": "o", "id": "1", "person_id": "p1"}], IDENTITIES),
    persons=pa.Table.from_pylist([{**empty, "person_id": f"p{n}"} for n in range(50)], PERSONS),
    stage_moves=pa.Table.from_pylist(
        [{"person_id": "p1", "entry": 1, "to_stage": "mql", "at": now, "run_id": "run"}], STAGE_MOVES),
    scores=SCORE_HISTORY.empty_table(), accounts={"a": "{}"}, reviews=[Review("r", "person", "p1", "[]", now)],
    rotations={"sdr": "{}"}, marks={"baseline": now},
    rows=[*(row(n) for n in range(50)), row(90, "k"), row(91, "t", ("k",)), row(92, "u", ("missing",))]))
print("committed", count, flush=True)
"""


def _run(url: str, last: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, url, str(last)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _all_there(store) -> list[bool]:
    know, outbox = store.knowledge, store.outbox
    return [
        know.identities().num_rows == 1,
        know.persons().num_rows == 50,
        know.stage_moves("p1").num_rows == 1,
        know.accounts() == {"a": "{}"},
        len(know.reviews()) == 1,
        know.rotations() == {"sdr": "{}"},
        set(know.marks()) == {"baseline"},
        outbox.counts() == {"todo": 52, "held:dependency": 1},
    ]


@pytest.mark.timeout(280)
def test_commit_is_all_or_nothing_wherever_it_dies(state_url):
    store = open_store(state_url)
    try:
        steps, start = 0, 0
        # every step on a quiet machine would take a minute; every third, and the last few, take a quarter of it
        while True:
            child = _run(state_url, start + steps)
            if child.returncode == 0:
                break
            assert child.returncode == -signal.SIGKILL, child.stderr
            assert not any(_all_there(store)), f"half a commit was left at step {start + steps}"
            steps += 3
        assert steps > 12, "the child died inside the commit, again and again"
        assert all(_all_there(store))
        total = int(child.stdout.split()[1])
        assert _run(state_url, total).returncode == 0
        assert all(_all_there(store)), "a second identical commit adds nothing"
    finally:
        store.close()
