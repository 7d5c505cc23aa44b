"""How fast changed people reach Salesforce: our delivery beside a bare client, in turns, against one sandbox.

``python -m benchmarks.delivery --people 20000 --rounds 5`` starts the org in a process of its own, fills an outbox with
one own-field update per lead or contact and round, and sends a part of them in turns by

* ``bare``: a ``requests`` session that posts ready-made collections of 200 rows and reads the answers;
* ``batches``: the drain, which claims, reads the values before, writes, settles and keeps the journal;
* ``job``: the drain by Bulk API 2.0 (``bulk_from`` lowered to what the part holds).

A turn has a share of the people, or with ``--whole`` all of them; ``--ways bare batches`` leaves jobs out. It prints
rows per second on the clock, the processor's milliseconds per 200 rows of this process, and calls. The state is SQLite
on the disk.
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
WAYS = ["bare", "batches", "job"]
#: our words for the people of a CRM, and the org's
PEOPLE = {"contact": "Contact", "lead": "Lead"}
Person = tuple[str, str]


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
    parser.add_argument("--whole", action="store_true", help="send everybody in each turn")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        org = Org(words.people, f"{directory}/org")
        store = open_store(f"sqlite:///{directory}/state.db")
        try:
            _measure(org, store, words.rounds, words.ways, whole=words.whole)
        finally:
            store.close()
            org.stop()


def _measure(org: Org, store: Store, rounds: int, ways: list[str], *, whole: bool) -> None:
    crm = _crm(org)
    specs = [FieldSpec(word, name, name, "text", 255) for word in PEOPLE for name in FIELDS]
    crm.provision(specs, [], dry_run=False)
    people = _people(org)
    part = len(people) if whole else len(people) // len(ways)
    print(f"{len(people):,} leads and contacts; {rounds} rounds of {len(ways)} turns of {part:,} rows each")
    turns: dict[str, list[Turn]] = {name: [] for name in ways}
    for number in range(rounds):
        for place in range(len(ways)):
            name = ways[(number + place) % len(ways)]
            some = people if whole else people[place * part : (place + 1) * part]
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


def _people(org: Org) -> list[Person]:
    crm = _crm(org)
    pages = [page for stream in ("leads", "contacts") for page in crm.pull(stream, None, now=datetime.now(UTC))]
    found = [record for page in pages for record in page.records]
    crm.close()
    # A decision lists records in the order of their ids, too.
    return sorted((one.ref.object, one.ref.id) for one in found if not one.deleted and one.merged_into is None)


def _timed(work: Callable[[], int], rows: int) -> Turn:
    began, used = time.perf_counter(), time.process_time()
    calls = work()
    return Turn(rows, time.perf_counter() - began, time.process_time() - used, calls)


def _bare(org: Org, people: list[Person], number: int) -> Turn:
    """Send ready-made bodies, one after the other, and read what comes back."""
    bodies = [
        {
            "allOrNone": False,
            "records": [
                {"attributes": {"type": PEOPLE[word]}, "id": id_, **_values(number, "bare")}
                for word, id_ in people[start : start + BATCH]
            ],
        }
        for start in range(0, len(people), BATCH)
    ]

    def work() -> int:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {org.entry['access_token']}"
            for body in bodies:
                answer = session.patch(f"{org.base}/composite/sobjects", json=body, timeout=120).json()
                assert all(row["success"] for row in answer), answer
        return len(bodies)

    return _timed(work, len(people))


def _ours(org: Org, store: Store, people: list[Person], number: int, way: str) -> Turn:
    """Empty an outbox that was filled before the clock started."""
    crm = _crm(org, bulk_from=0 if way == "batches" else 2000)
    # what one cycle decides has one time
    now = datetime.now(UTC)
    rows = [_row(word, id_, number, way, now) for word, id_ in people]
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

    turn = _timed(work, len(people))
    assert set(store.outbox.counts()) <= {"done", "superseded"}, store.outbox.counts()
    crm.close()
    return turn


def _row(word: str, id_: str, number: int, way: str, now: datetime) -> OutboxRow:
    return OutboxRow(
        id=0,
        write=Write("", "update", word, id_, _values(number, way), dict.fromkeys(FIELDS, "as pulled"), OURS),
        lane=f"salesforce:{word}:{id_}",
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
