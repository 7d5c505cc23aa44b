"""The drain over HubSpot's batches while answers are lost, commits come late and requests arrive twice.

Everything is counted in the account itself: creations by key and by their own words, properties by value.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.writes import Cause, Write
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow
from state import open_store

SEED = 7
WRITES = "POST .*/batch/(create|update)$"
NAMES = {"contact": "lastname", "account": "name", "task": "hs_task_subject"}
#: the vendor gives up after 100 s; with a margin, and the engine's
BOUND = timedelta(minutes=3)


class Outbound:
    """An outbox before an account; sleeping only moves the account's clock."""

    def __init__(self, account: Any, folder: Path) -> None:
        self.account = account
        self.crm = account.crm()
        self.store = open_store(f"sqlite:///{folder}/state.db")
        self.dice = Random(SEED)
        self.people = [account.make("contact", {"email": f"old{n}@example.com", "jobtitle": "CEO"}) for n in range(6)]
        #: creations by key: kind and its own words; properties of records as they must be in the end
        self.created: dict[str, tuple[str, str]] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.slept = 0.0
        self.struck: Counter[str] = Counter()
        self.number = 0

    def word(self) -> str:
        self.number += 1
        return f"Survivor {self.number:04d}"

    def create(self, kind: str, **references: str) -> OutboxRow:
        word, key = self.word(), f"key-{self.number:04d}"
        self.created[key] = (kind, word)
        fields: dict[str, Any] = {NAMES[kind]: word}
        if kind == "task":
            fields["hs_timestamp"] = "2026-03-05T09:00:00Z"
            if not references:
                fields["associations.contact"] = self.dice.choice(self.people)
        write = Write(key, "create", kind, None, fields, references=references)
        return self.row(write, key, "create", Cause.CREATION, depends_on=tuple(references.values()))

    def own(self, id_: str) -> OutboxRow:
        wish = self.word()
        self.values.setdefault(id_, {})["handoff_text"] = wish
        write = Write("", "update", "contact", id_, {"handoff_text": wish}, ours=frozenset({"handoff_text"}))
        return self.row(write, f"hubspot:contact:{id_}", "score", Cause.SCORE)

    def contested(self, id_: str) -> OutboxRow:
        wish, held = self.word(), self.account.row("contact", id_)["jobtitle"]
        self.values.setdefault(id_, {})["jobtitle"] = wish
        write = Write("", "update", "contact", id_, {"jobtitle": wish}, {"jobtitle": held})
        return self.row(write, f"hubspot:contact:{id_}", "edit", Cause.EDIT)

    def edit(self, id_: str) -> None:
        wish = f"Person's {self.word()}"
        self.account.act({"do": "edit", "id": id_, "values": {"jobtitle": wish}})
        self.values.setdefault(id_, {})["jobtitle"] = wish

    def row(self, write: Write, lane: str, group: str, cause: Cause, **more: Any) -> OutboxRow:
        about: dict[str, Any] = {
            "rule": "survival", "person_id": lane, "reason": "", "run_id": "", "plan_id": "",
            "priority": 1, "decided_at": self.account.clock.now(),
        }  # fmt: skip
        return OutboxRow(id=0, write=write, lane=lane, group=group, cause=cause, **(about | more))

    def some(self, *, tasks: bool = True) -> list[OutboxRow]:
        kinds = ("contact", "account", "task") if tasks else ("contact", "account")
        rows = [self.create(self.dice.choice(kinds)) for _ in range(self.dice.randint(1, 4))]
        if tasks and self.dice.random() < 0.4:
            person = self.create("contact")
            rows += [person, self.create("task", **{"associations.contact": person.write.key})]
        return rows + [self.own(id_) for id_ in self.dice.sample(self.people, self.dice.randint(0, 2))]

    def want(self, *rows: OutboxRow) -> None:
        tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
        empty: dict[str, Any] = {table: schema.empty_table() for table, schema in tables.items()}
        name = f"run-{self.number}"
        at = self.account.clock.now()
        self.store.knowledge.commit_decisions(Decisions(run_id=name, plan_id=name, at=at, rows=list(rows), **empty))

    def drain(self, seconds: float = 60.0) -> None:
        Drain(
            self.store,
            self.crm,
            owner="survival",
            budget=Budget("hubspot", self.store.ledger, None, 0.0),
            patience=timedelta(seconds=seconds),
            sleep=self.sleep,
            timer=lambda: time.monotonic() + self.slept,
        ).run(now=self.account.clock.now())

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.account.advance(seconds=seconds)

    def to_the_end(self) -> None:
        for fault in self.account.inside.faults.told():
            self.struck[str(fault["what"])] += fault["hits"]
        self.account.faults()
        for _ in range(4):
            self.drain()
            open_ = {
                state: n for state, n in self.store.outbox.counts().items() if state not in ("done", "superseded") and n
            }
            if not open_:
                return
            self.account.advance(seconds=BOUND.total_seconds())
        raise AssertionError(f"still open after the vendor's bound: {open_}")

    def faults(self, what: str, **about: Any) -> None:
        self.account.faults({"match": WRITES, "what": what, "count": self.dice.randint(1, 3), **about})

    def judge(self) -> tuple[list[str], list[str], list[str]]:
        """Give what was doubled, what is missing and what holds another value."""
        rows = {kind: self.account.rows(kind) for kind in NAMES}
        keys = Counter(row.get("handoff_key") for some in rows.values() for row in some)
        words = Counter(row.get(NAMES[kind]) for kind, some in rows.items() for row in some)
        counts = {word: max(keys[key], words[word]) for key, (_, word) in self.created.items()}
        held = {row["id"]: row for row in rows["contact"]}
        wrong = [id_ for id_, wish in self.values.items() if any(held[id_].get(n) != v for n, v in wish.items())]
        return [w for w, n in counts.items() if n > 1], [w for w, n in counts.items() if n < 1], wrong


@pytest.fixture(params=["keys are unique", "tasks' keys are not unique"])
def outbound(request, open_account, tmp_path):
    account = open_account(unique_task_key=request.param == "keys are unique")
    account.provision()
    outbound = Outbound(account, tmp_path)
    yield outbound
    outbound.store.close()


def test_lost_late_and_doubled_requests_double_nothing_and_lose_nothing(outbound):
    for _ in range(8):
        people = outbound.dice.sample(outbound.people, 2)
        outbound.want(*outbound.some(), *(outbound.contested(id_) for id_ in people))
        outbound.faults("drop_after_commit")
        outbound.drain(0.0)
        outbound.edit(people[0])
        outbound.to_the_end()
    for _ in range(4):
        rows = outbound.some()
        outbound.want(*rows)
        outbound.faults("commit_late", after="90s")
        outbound.drain()
        # A newer wish of the same record must not be overtaken by what is still on its way.
        newer = [outbound.own(row.write.id) for row in rows if row.write.kind == "update"]
        if newer:
            outbound.want(*newer)
        for _ in range(3):
            outbound.drain()
            outbound.account.advance(seconds=45)
        outbound.to_the_end()
    for _ in range(4):
        # Without a unique key nothing but the vendor could tell a doubled request from two.
        rows = outbound.some(tasks=outbound.crm.traits().creation_key_unique["task"])
        outbound.want(*rows)
        outbound.faults("duplicate")
        outbound.drain()
        outbound.to_the_end()
    assert outbound.judge() == ([], [], [])
    assert len(outbound.created) > 30
    assert all(outbound.struck[what] >= 4 for what in ("drop_after_commit", "commit_late", "duplicate"))


def test_refusals_and_broken_answers_in_between_lose_nothing(outbound):
    for what in ("429", "lock_row", "503", "html_502", "truncate", "reset"):
        outbound.want(*outbound.some())
        outbound.faults(what)
        outbound.drain()
        outbound.to_the_end()
        assert outbound.struck[what]
    assert outbound.judge() == ([], [], [])


def test_a_planted_double_and_a_planted_overwrite_are_seen(outbound):
    outbound.want(outbound.create("contact"), outbound.own(outbound.people[0]))
    outbound.to_the_end()
    [(_, word)] = outbound.created.values()
    outbound.account.make("contact", {"lastname": word})
    outbound.account.act({"do": "edit", "id": outbound.people[0], "values": {"handoff_text": "somebody's"}})
    assert outbound.judge() == ([word], [], [outbound.people[0]])
