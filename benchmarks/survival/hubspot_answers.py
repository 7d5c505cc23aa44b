"""Answers of HubSpot's batches that are lost, commits that come late, requests that arrive twice.

``python -m benchmarks.survival.hubspot_answers --seed 1 --lost 1000 --late 100 --doubled 100`` lets the program's own
outbox, drain and adapter send creations of contacts, companies and tasks, tasks of contacts created in the same breath,
updates of our own properties and of people's, with people editing in between, to an account on loopback whose answers
go missing. Then everything is counted in the account itself: each creation by its key and by its own words, each
property by its value. ``--no-unique`` does the same with an account in which tasks take no unique values; there no
tasks are sent while requests are doubled, for nobody could tell them apart. Waiting moves the account's clock.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import structlog

from benchmarks.survival.hubspot_account import Account, open_account
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.writes import Cause, Write
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow
from state import open_store

WRITES = "POST .*/batch/(create|update)$"
#: kind of record → the property that says who it is in its own words
NAMES = {"contact": "lastname", "account": "name", "task": "hs_task_subject"}
#: the vendor gives up after 100 s; with the adapter's margin, and a little more
BOUND = timedelta(minutes=3)
LATE = timedelta(seconds=90)


@dataclass(slots=True)
class Verdict:
    """What the account says in the end."""

    created: int = 0
    updated: int = 0
    edits: int = 0
    #: creations found more than once, by key or by word; and those never found
    doubled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    #: properties that hold something else than the last wish, or than what a person put there
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was doubled, lost or overwritten."""
        return not (self.doubled or self.missing or self.wrong)


class HubSpotAnswers:
    """An outbox and a drain before an account; remembers all that was ever wanted."""

    def __init__(self, account: Account, directory: Path, seed: int, *, people: int = 6) -> None:
        """Open an empty state beside a provisioned account."""
        self.account = account
        self.crm = account.crm()
        self.store = open_store(f"sqlite:///{directory}/state.db")
        self.dice = Random(f"hubspot {seed}")
        self.people = [
            account.make("contact", {"email": f"old{n}@example.com", "jobtitle": "CEO"}) for n in range(people)
        ]
        #: creations by key: kind and word
        self.created: dict[str, tuple[str, str]] = {}
        #: contact → property → what must stand there in the end
        self.values: dict[str, dict[str, str]] = {}
        self.edits = 0
        self.struck: Counter[str] = Counter()
        self._slept_seconds = 0.0
        self._number = 0

    def close(self) -> None:
        """Give the state back."""
        self.store.close()

    # -- what is wanted ----------------------------------------------------------------------------

    def create(self, kind: str, **references: str) -> OutboxRow:
        """Want a record that says who it is in its own words, beside the key."""
        word, key = self._word(), f"key-{self._number:06d}"
        self.created[key] = (kind, word)
        fields: dict[str, Any] = {NAMES[kind]: word}
        if kind == "task":
            fields["hs_timestamp"] = "2026-03-05T09:00:00Z"
            if not references:
                fields["associations.contact"] = self.dice.choice(self.people)
        write = Write(key, "create", kind, None, fields, references=references)
        return self._row(write, key, "create", Cause.CREATION, depends_on=tuple(references.values()))

    def own(self, id_: str) -> OutboxRow:
        """Want another value in a property of ours."""
        wish = {"handoff_text": self._word()}
        self.values.setdefault(id_, {}).update(wish)
        write = Write("", "update", "contact", id_, {**wish}, ours=frozenset(wish))
        return self._row(write, f"hubspot:contact:{id_}", "score", Cause.SCORE)

    def contested(self, id_: str) -> OutboxRow:
        """Want another value in a property that people write too."""
        wish, held = {"jobtitle": self._word()}, self.account.row("contact", id_)["jobtitle"]
        self.values.setdefault(id_, {}).update(wish)
        write = Write("", "update", "contact", id_, {**wish}, {"jobtitle": held})
        return self._row(write, f"hubspot:contact:{id_}", "edit", Cause.EDIT)

    def edit(self, id_: str) -> None:
        """Let a person write into that property: from now on theirs must stay."""
        wish = {"jobtitle": f"Person's {self._word()}"}
        self.account.act({"do": "edit", "id": id_, "values": wish})
        self.values.setdefault(id_, {}).update(wish)
        self.edits += 1

    def some(self, *, tasks: bool = True) -> list[OutboxRow]:
        """Draw what one round wants."""
        kinds = ("contact", "account", "task") if tasks else ("contact", "account")
        rows = [self.create(self.dice.choice(kinds)) for _ in range(self.dice.randint(1, 4))]
        if tasks and self.dice.random() < 0.4:
            person = self.create("contact")
            rows += [person, self.create("task", **{"associations.contact": person.write.key})]
        return rows + [self.own(id_) for id_ in self.dice.sample(self.people, self.dice.randint(0, 2))]

    # -- what goes wrong ---------------------------------------------------------------------------

    def lose(self) -> None:
        """Send something, and lose answers after the commit; a person edits before anybody has looked."""
        people = self.dice.sample(self.people, 2)
        self._want(*self.some(), *(self.contested(id_) for id_ in people))
        self._fault("drop_after_commit")
        self._drain(0.0)
        self.edit(people[0])
        self.to_the_end()

    def be_late(self) -> None:
        """Send something that commits just before the vendor gives up, and want something newer meanwhile."""
        rows = self.some()
        self._want(*rows)
        self._fault("commit_late", after=f"{LATE.total_seconds()}s")
        self._drain()
        newer = [self.own(row.write.id) for row in rows if row.write.kind == "update" and row.write.id]
        if newer:
            # It must not be overtaken by what is still on its way.
            self._want(*newer)
        for _ in range(3):
            self._drain()
            self.account.advance(seconds=LATE.total_seconds() / 2)
        self.to_the_end()

    def double(self) -> None:
        """Send something that the network delivers twice."""
        self._want(*self.some(tasks=self.crm.traits().creation_key_unique["task"]))
        self._fault("duplicate")
        self._drain()
        self.to_the_end()

    def trouble(self, what: str) -> None:
        """Send something while the account refuses, breaks off or is down."""
        self._want(*self.some())
        self._fault(what)
        self._drain()
        self.to_the_end()

    def to_the_end(self, *rows: OutboxRow) -> None:
        """Want these too, and run until nothing is open; past the bound nothing may be.

        Raises:
            AssertionError: something is open for good.
        """
        for fault in self.account.inside.faults.told():
            self.struck[str(fault["what"])] += int(str(fault["hits"]))
        self.account.faults()
        if rows:
            self._want(*rows)
        for _ in range(4):
            self._drain()
            counts = self.store.outbox.counts()
            left = {state: n for state, n in counts.items() if n and state not in ("done", "superseded")}
            if not left:
                return
            self.account.advance(seconds=BOUND.total_seconds())
        raise AssertionError(f"still open after the vendor's bound: {left}")

    # -- what the account says ---------------------------------------------------------------------

    def judge(self) -> Verdict:
        """Count in the account."""
        verdict = Verdict(created=len(self.created), updated=len(self.values), edits=self.edits)
        rows = {kind: self.account.rows(kind) for kind in NAMES}
        keys = Counter(row.get("handoff_key") for some in rows.values() for row in some)
        words = Counter(row.get(NAMES[kind]) for kind, some in rows.items() for row in some)
        for key, (_, word) in self.created.items():
            if max(keys[key], words[word]) > 1:
                verdict.doubled.append(word)
            if not (keys[key] and words[word]):
                verdict.missing.append(word)
        held = {row["id"]: row for row in rows["contact"]}
        verdict.wrong = [
            f"{id_}.{name}"
            for id_, wish in self.values.items()
            for name, value in wish.items()
            if held[id_].get(name) != value
        ]
        return verdict

    # -- how it is sent ----------------------------------------------------------------------------

    def _word(self) -> str:
        self._number += 1
        return f"Survivor {self._number:06d}"

    def _row(self, write: Write, lane: str, group: str, cause: Cause, **more: Any) -> OutboxRow:
        about: dict[str, Any] = {
            "rule": "survival", "person_id": lane, "reason": "", "run_id": "", "plan_id": "",
            "priority": 1, "decided_at": self.account.clock.now(),
        }  # fmt: skip
        return OutboxRow(id=0, write=write, lane=lane, group=group, cause=cause, **(about | more))

    def _fault(self, what: str, **about: Any) -> None:
        self.account.faults({"match": WRITES, "what": what, "count": self.dice.randint(1, 3), **about})

    def _want(self, *rows: OutboxRow) -> None:
        tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
        empty: dict[str, Any] = {table: schema.empty_table() for table, schema in tables.items()}
        name, at = f"run-{self._number}", self.account.clock.now()
        self.store.knowledge.commit_decisions(Decisions(run_id=name, plan_id=name, at=at, rows=list(rows), **empty))

    def _drain(self, patience_seconds: float = 60.0) -> None:
        Drain(
            self.store,
            self.crm,
            owner="survival",
            budget=Budget("hubspot", self.store.ledger, None, 0.0),
            patience=timedelta(seconds=patience_seconds),
            sleep=self._sleep,
            timer=lambda: time.monotonic() + self._slept_seconds,
        ).run(now=self.account.clock.now())

    def _sleep(self, seconds: float) -> None:
        self._slept_seconds += seconds
        self.account.advance(seconds=seconds)


def campaign(answers: HubSpotAnswers, *, lost: int, late: int, doubled: int) -> Verdict:
    """Repeat each until its fault has struck so often, and give what the account says then."""
    for what, number, one in (
        ("drop_after_commit", lost, answers.lose),
        ("commit_late", late, answers.be_late),
        ("duplicate", doubled, answers.double),
    ):
        while answers.struck[what] < number:
            one()
    return answers.judge()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lost", type=int, default=1000)
    parser.add_argument("--late", type=int, default=100)
    parser.add_argument("--doubled", type=int, default=100)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--no-unique", action="store_true", help="an account in which tasks take no unique values")
    words = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="handoff-answers-") as directory:
        account = open_account(Path(directory) / "account", unique_task_key=not words.no_unique)
        account.provision()
        answers = HubSpotAnswers(account, Path(directory), words.seed, people=words.people)
        try:
            verdict = campaign(answers, lost=words.lost, late=words.late, doubled=words.doubled)
            calls = answers.crm.calls()
        finally:
            answers.close()
            account.close()
    print(f"seed {words.seed}, tasks' keys {'not ' if words.no_unique else ''}kept unique by the account")
    print("requests struck: " + ", ".join(f"{what} {n:,}" for what, n in sorted(answers.struck.items())))
    print(
        f"creations {verdict.created:,}, doubled {len(verdict.doubled)}, missing {len(verdict.missing)}; "
        f"records updated {verdict.updated:,}, people's edits {verdict.edits:,}, wrong {len(verdict.wrong)}"
    )
    for line in [*verdict.doubled[:5], *verdict.missing[:5], *verdict.wrong[:5]]:
        print(f"  {line}")
    print(f"{time.monotonic() - began:.0f} s, {time.process_time() - used:.0f} s of processor, {calls:,} calls")
    raise SystemExit(0 if verdict.clean else 1)


if __name__ == "__main__":
    main()
