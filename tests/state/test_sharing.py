"""Several threads and processes on one state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connector.domain.writes import OutcomeKind, WriteOutcome
from state import open_store

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from datetime import UTC, datetime, timedelta
from connector.domain.writes import OutcomeKind, WriteOutcome
from state import open_store

store = open_store(sys.argv[1])
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
while rows := store.outbox.claim(7, owner=sys.argv[2], now=now, lease=timedelta(minutes=5)):
    print(*(f"{row.id}={row.write.id}" for row in rows), flush=True)
    store.outbox.settle({r.id: WriteOutcome(r.write.key, OutcomeKind.WRITTEN) for r in rows}, now=now)
store.close()
"""


def test_processes_share_the_work_and_no_row_goes_twice(hand, words, state_url):
    hand.add(*(words.update(str(n % 60), group=f"g{n // 60}") for n in range(180)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WORKER, state_url]
    workers = [
        subprocess.Popen([*command, f"w{n}"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    taken = Counter(word for worker in workers for word in worker.communicate(timeout=60)[0].split())
    assert [worker.returncode for worker in workers] == [0, 0]
    # a worker that finds nothing to claim stops, though the other may still hold lanes with rows behind
    rest = hand.claim(1000)
    assert len(taken) + sum(hand.outbox.counts().get(state, 0) for state in ("todo", "doing")) == 180
    assert set(taken.values()) == {1}
    assert not {f"{row.id}={row.write.id}" for row in rest} & set(taken)


def test_threads_never_share_a_lane(hand, words):
    hand.add(*(words.update(str(n % 20), group=f"g{n // 20}") for n in range(100)))
    flying: set[str] = set()
    sent: list[int] = []

    def work(owner: int) -> None:
        for _ in range(400):
            rows = hand.claim(5, owner=str(owner))
            for row in rows:
                assert row.lane not in flying
                flying.add(row.lane)
            sent.extend(row.id for row in rows)
            flying.difference_update(row.lane for row in rows)
            hand.outbox.settle({r.id: WriteOutcome(r.write.key, OutcomeKind.WRITTEN) for r in rows}, now=words.NOW)
            if len(sent) == 100:
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(sent) == sorted(set(sent))
    assert hand.outbox.counts() == {"done": 100}


def test_lease_is_given_to_one_of_many(state_url, words):
    stores = [open_store(state_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda n: stores[n].switches.acquire("engine", str(n), words.LEASE), range(4)))
    assert won.count(True) == 1
    for store in stores:
        store.close()


def test_decisions_and_claims_at_once_lose_nothing(hand, words):
    def decide(n: int) -> None:
        hand.add(*(words.update(str(record), value=n, plan_id=f"plan{n}") for record in range(10)))

    def send(_: int) -> None:
        rows = hand.claim(4)
        hand.outbox.settle({r.id: WriteOutcome(r.write.key, OutcomeKind.WRITTEN) for r in rows}, now=words.NOW)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(decide if n % 2 else send, n) for n in range(40)]:
            done.result(timeout=60)
    counts = hand.outbox.counts()
    assert sum(counts.values()) == 200
    assert set(counts) <= {"done", "todo", "superseded"}
    while rows := hand.claim(100):
        hand.outbox.settle({r.id: WriteOutcome(r.write.key, OutcomeKind.WRITTEN) for r in rows}, now=words.NOW)
    with hand.store.database.read() as connection:
        newest = "SELECT state FROM outbox o WHERE seq = (SELECT max(seq) FROM outbox x WHERE x.lane = o.lane)"
        assert set(connection.exec_driver_sql(newest).scalars()) == {"done"}
