"""How fast changed people reach Salesforce: our delivery beside a bare client, in turns, against one sandbox.

``python -m benchmarks.delivery --people 20000 --rounds 5`` starts the org in a process of its own, fills an outbox with
one own-field update per lead and round, and sends a part of them in turns by

* ``bare``: a ``requests`` session that posts ready-made collections of 200 rows and reads the answers;
* ``batches``: the drain, which claims, reads the values before, writes, settles and keeps the journal;
* ``job``: the drain by Bulk API 2.0 (``bulk_from`` lowered to what the part holds).

It prints rows per second on the clock, the processor's milliseconds per 200 rows of this process, and calls. The state
is SQLite on the disk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import requests

from adapters.salesforce import SalesforceCrm
from benchmarks.sandbox import BATCH, Org
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.writes import Cause, Write
from connector.ports.crm import FieldSpec
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow, Store
from state import open_store

FIELDS = ("Handoff_Score__c", "Handoff_Grade__c")
OURS = frozenset(FIELDS)


class Turn(NamedTuple):
    """What one turn took."""

    rows: int
    seconds: float
    processor_seconds: float
    calls: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        org = Org(words.people, f"{directory}/org")
        store = open_store(f"sqlite:///{directory}/state.db")
        try:
            _measure(org, store, words.rounds)
        finally:
            store.close()
            org.stop()


def _measure(org: Org, store: Store, rounds: int) -> None:
    crm = _crm(org)
    crm.provision([FieldSpec("lead", name, name, "text", 255) for name in FIELDS], [], dry_run=False)
    leads = _leads(org)
    part = len(leads) // 3
    print(f"{len(leads):,} leads; {rounds} rounds of three turns of {part:,} rows each")
    turns: dict[str, list[Turn]] = {"bare": [], "batches": [], "job": []}
    names = list(turns)
    for number in range(rounds):
        for place in range(3):
            name = names[(number + place) % 3]
            some = leads[place * part : (place + 1) * part]
            turns[name].append(_bare(org, some, number) if name == "bare" else _ours(org, store, some, number, name))
    print("| way | rows per second, best | median | processor ms per 200 rows, best | median | calls per turn |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, taken in turns.items():
        rates = sorted(turn.rows / turn.seconds for turn in taken)
        costs = sorted(1000 * turn.processor_seconds / (turn.rows / BATCH) for turn in taken)
        middle = len(taken) // 2
        print(
            f"| {name} | {rates[-1]:,.0f} | {rates[middle]:,.0f} | {costs[0]:.1f} | {costs[middle]:.1f} "
            f"| {taken[-1].calls} |"
        )


def _crm(org: Org, **options: Any) -> SalesforceCrm:
    auth = {"flow": "token", "access_token": org.entry["access_token"]}
    return SalesforceCrm({"instance_url": org.entry["url"], "auth": auth, **options})


def _leads(org: Org) -> list[str]:
    crm = _crm(org)
    pages = crm.pull("leads", None, now=datetime.now(UTC))
    found = [record for page in pages for record in page.records]
    crm.close()
    # A decision lists records in the order of their ids, too.
    return sorted(one.ref.id for one in found if not one.deleted and one.merged_into is None)


def _timed(work: Callable[[], int], rows: int) -> Turn:
    began, used = time.perf_counter(), time.process_time()
    calls = work()
    return Turn(rows, time.perf_counter() - began, time.process_time() - used, calls)


def _bare(org: Org, leads: list[str], number: int) -> Turn:
    """Send ready-made bodies, one after the other, and read what comes back."""
    bodies = [
        {
            "allOrNone": False,
            "records": [
                {"attributes": {"type": "Lead"}, "id": id_, **_values(number, "bare")}
                for id_ in leads[start : start + BATCH]
            ],
        }
        for start in range(0, len(leads), BATCH)
    ]

    def work() -> int:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {org.entry['access_token']}"
            for body in bodies:
                answer = session.patch(f"{org.base}/composite/sobjects", json=body, timeout=120).json()
                assert all(row["success"] for row in answer), answer
        return len(bodies)

    return _timed(work, len(leads))


def _ours(org: Org, store: Store, leads: list[str], number: int, way: str) -> Turn:
    """Empty an outbox that was filled before the clock started."""
    crm = _crm(org, bulk_from=0 if way == "batches" else 2000)
    # what one cycle decides has one time
    now = datetime.now(UTC)
    rows = [_row(id_, number, way, now) for id_ in leads]
    tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
    empty: dict[str, Any] = {name: schema.empty_table() for name, schema in tables.items()}
    store.knowledge.commit_decisions(
        Decisions(run_id=f"{way}{number}", plan_id=f"{way}{number}", at=datetime.now(UTC), rows=rows, **empty)
    )
    for word in ("lead", "contact", "account", "task"):
        crm.fields(word)  # asked once per process, not per batch
    asked = crm.calls()
    budget = Budget("salesforce", store.ledger, None, 0.0)
    drain = Drain(store, crm, owner="benchmark", budget=budget)

    def work() -> int:
        while drain.run(now=datetime.now(UTC)).written:
            if not store.outbox.unsettled_counts():
                break
        return crm.calls() - asked

    turn = _timed(work, len(leads))
    assert set(store.outbox.counts()) <= {"done", "superseded"}, store.outbox.counts()
    crm.close()
    return turn


def _row(id_: str, number: int, way: str, now: datetime) -> OutboxRow:
    return OutboxRow(
        id=0,
        write=Write("", "update", "lead", id_, _values(number, way), dict.fromkeys(FIELDS, "as pulled"), OURS),
        lane=f"salesforce:lead:{id_}",
        group="score",
        cause=Cause.SCORE,
        rule="score",
        person_id=id_,
        reason="",
        run_id=f"{way}{number}",
        plan_id=f"{way}{number}",
        priority=2,
        decided_at=now,
    )


def _values(number: int, way: str) -> dict[str, Any]:
    return {"Handoff_Score__c": f"{way} {number}", "Handoff_Grade__c": "A1"}


if __name__ == "__main__":
    main()
