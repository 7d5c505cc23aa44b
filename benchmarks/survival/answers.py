"""Answers that are lost, commits that come late, requests that arrive twice: nothing is doubled and nothing is lost.

``python -m benchmarks.survival.answers --seed 1 --lost 1000 --late 100 --doubled 100`` sends creations of tasks, leads
and contacts, tasks of leads created in the same breath, updates of our own fields and of people's, with people editing
in between, and Bulk jobs, to a Salesforce org in a process of its own whose answers go missing. Then everything is
counted in the org itself: each creation by its key and by its subject, each field by its value. ``--no-unique`` does
the same with an org that keeps no key unique; there a doubled request may make two records, which is counted apart.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import structlog

from adapters.salesforce.schema import KEY_FIELD
from benchmarks.survival.outbound import GRADE, SCORE, Outbound, creation, update
from connector.ports.store import OutboxRow

#: requests that write: creations in sets, and what reads and patches in one go
WRITES = r"^(POST|PATCH) /services/data/v[0-9.]+/composite(/sobjects)?$"
JOBS = r" /services/data/v[0-9.]+/jobs/ingest"
#: each step of a Bulk job
STEPS = {
    "make": rf"^POST{JOBS}$",
    "upload": rf"^PUT{JOBS}/\w+/batches$",
    "close": rf"^PATCH{JOBS}/\w+$",
    "look": rf"^GET{JOBS}/\w+$",
    "results": rf"^GET{JOBS}/\w+/\w+Results$",
}
LATE = timedelta(minutes=10)
#: the adapter's bound and margin, and a little more
BOUND = timedelta(minutes=12)
#: where a creation's own word stands, by object
PLACES = {"task": ("Task", "Subject"), "lead": ("Lead", "LastName"), "contact": ("Contact", "LastName")}


@dataclass(slots=True)
class Verdict:
    """What the org says in the end."""

    created: int = 0
    #: creations found more than once, by key or by subject; and those never found
    doubled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    #: fields that hold something else than the last wish, or than what a person put there
    wrong: list[str] = field(default_factory=list)
    updated: int = 0
    edits: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was doubled, lost or overwritten."""
        return not (self.doubled or self.missing or self.wrong)


class Answers:
    """A campaign against one org; remembers all that was ever wanted."""

    def __init__(self, outbound: Outbound, seed: int) -> None:
        """Start with nothing wanted."""
        self.out = outbound
        self._dice = Random(f"answers {seed}")
        self._number = 0
        #: creations by key: object and the word that stands in the record
        self.creations: dict[str, tuple[str, str]] = {}
        #: what each field of each record must hold in the end
        self.values: dict[tuple[str, str], dict[str, Any]] = {}
        self.edits = 0
        self.struck: Counter[str] = Counter()

    # -- what is wanted ----------------------------------------------------------------------------

    def _word(self) -> str:
        self._number += 1
        return f"Survivor {self._number:06d}"

    def create(self, object_: str, **references: str) -> OutboxRow:
        """Want a record that says who it is in its own words, beside the key."""
        word, key = self._word(), f"key-{self._number:06d}"
        self.creations[key] = (object_, word)
        fields: dict[str, Any] = {PLACES[object_][1]: word}
        if object_ == "lead":
            fields |= {"Company": "Survival Ltd", "Status": "Open - Not Contacted"}
        elif object_ == "task" and not references:
            fields["WhoId"] = self._dice.choice(self.out.leads)
        return creation(object_, key, fields, **references)

    def own(self, id_: str) -> OutboxRow:
        """Want another value in fields of ours."""
        wish = {SCORE: self._word(), GRADE: self._dice.choice(("A1", "B2", "C3"))}
        self._want("Lead", id_, wish)
        return update("lead", id_, wish)

    def contested(self, id_: str) -> OutboxRow:
        """Want another value in a field that people write too."""
        wish = {"Title": self._word()}
        held = self._held("Contact", id_)["Title"]
        self._want("Contact", id_, wish)
        return update("contact", id_, wish, Title=held)

    def edit(self, id_: str) -> None:
        """Let a person write into that field: from now on theirs must stay."""
        word = f"Person's {self._word()}"
        self.out.act({"do": "edit", "object": "Contact", "id": id_, "values": {"Title": word}})
        self._want("Contact", id_, {"Title": word})
        self.edits += 1

    def _want(self, object_: str, id_: str, wish: dict[str, Any]) -> None:
        self.values.setdefault((object_, id_), {}).update(wish)

    def _held(self, object_: str, id_: str) -> dict[str, Any]:
        [row] = self.out.rows(f"SELECT Title FROM {object_} WHERE Id = '{id_}'")
        return row

    def _some(self) -> list[OutboxRow]:
        """Draw what one round wants."""
        dice = self._dice
        rows = [self.create(dice.choice(("task", "lead", "contact"))) for _ in range(dice.randint(0, 4))]
        if dice.random() < 0.3:
            lead = self.create("lead")
            rows += [lead, self.create("task", WhoId=lead.write.key)]
        rows += [self.own(id_) for id_ in dice.sample(self.out.leads, dice.randint(0, 3))]
        return rows or [self.create("task")]

    # -- what goes wrong ---------------------------------------------------------------------------

    @contextmanager
    def _fault(self, what: str, **about: Any) -> Iterator[None]:
        self.out.faults({"match": WRITES, "what": what, **about})
        yield
        self.struck[what] += self.out.struck()
        self.out.faults()

    def lose(self) -> None:
        """Send something, and lose answers after the commit."""
        rows = self._some()
        people = self._dice.sample(self.out.contacts, 2) if self._dice.random() < 0.3 else []
        rows += [self.contested(id_) for id_ in people]
        self.out.want(*rows)
        with self._fault("drop_after_commit", count=self._dice.randint(1, 3)):
            # No patience: the run ends before it knows, and a person is quicker than the next one.
            self.out.drain(patience=timedelta(0))
            for id_ in people[:1]:
                self.edit(id_)
            self.out.drain()
        self._to_the_end()

    def be_late(self) -> None:
        """Send something that commits ten minutes later, and want something newer meanwhile."""
        rows = self._some()
        updated = [row.write.id for row in rows if row.write.kind == "update" and row.write.id]
        self.out.want(*rows)
        with self._fault("commit_late", after=f"{LATE.total_seconds()}s", count=self._dice.randint(1, 2)):
            self.out.drain()
        # Newer wishes of the same records must not be overtaken by what is still on its way.
        newer = [self.own(id_) for id_ in updated[:2]]
        if newer:
            self.out.want(*newer)
        for span in (LATE / 2, LATE / 2, BOUND - LATE):
            self.out.drain()
            self.out.advance(span)
        self._to_the_end()

    def double(self) -> None:
        """Send something that the network delivers twice; without unique keys that may make two of a creation."""
        self.out.want(*self._some())
        with self._fault("duplicate", count=self._dice.randint(1, 2)):
            self.out.drain()
        self._to_the_end()

    def job(self, step: str, what: str) -> None:
        """Send all leads' own fields as a Bulk job of which one step goes wrong."""
        self.out.want(*(self.own(id_) for id_ in self.out.leads))
        self.out.faults({"match": STEPS[step], "what": what, "count": 1, "after": f"{LATE.total_seconds()}s"})
        self.out.drain()
        self.struck[f"job: {what}"] += self.out.struck()
        self.out.faults()
        self.out.drain()
        self.out.advance(BOUND)
        self._to_the_end()

    def _to_the_end(self) -> None:
        """Run until nothing is open; past the bound nothing may be."""
        for _ in range(6):
            self.out.drain()
            if not self.out.unsettled():
                return
            self.out.advance(BOUND)
        raise AssertionError(f"still open after the vendor's bound: {self.out.unsettled()}")

    # -- what the org says -------------------------------------------------------------------------

    def judge(self) -> Verdict:
        """Count in the org: each creation by key and by subject, deleted ones too; each field against its last wish."""
        verdict = Verdict(created=len(self.creations), edits=self.edits)
        for object_, (name, place) in PLACES.items():
            rows = self.out.rows(f"SELECT Id, {place}, {KEY_FIELD} FROM {name} WHERE {place} LIKE 'Survivor %'")
            by_word, by_key = Counter(row[place] for row in rows), Counter(row[KEY_FIELD] for row in rows)
            wanted = {key: word for key, (of, word) in self.creations.items() if of == object_}
            for key, word in wanted.items():
                if by_word[word] > 1 or by_key[key] > 1:
                    verdict.doubled.append(key)
                if not (by_word[word] and by_key[key]):
                    verdict.missing.append(key)
            verdict.wrong += [f"{name} {word}: nobody wanted it" for word in by_word.keys() - set(wanted.values())]
        for name, fields in (("Lead", (SCORE, GRADE)), ("Contact", ("Title",))):
            held = {row["Id"]: row for row in self.out.rows(f"SELECT Id, {', '.join(fields)} FROM {name}")}
            for (object_, id_), wish in self.values.items():
                if object_ == name:
                    verdict.updated += 1
                    verdict.wrong += [
                        f"{name} {id_}.{field_}: {held[id_][field_]!r} instead of {value!r}"
                        for field_, value in wish.items()
                        if held[id_][field_] != value
                    ]
        return verdict


def run(
    seed: int, *, unique: bool, lost: int, late: int, doubled: int, jobs: bool, people: int = 700, state: str = ""
) -> tuple[Answers, Verdict, Verdict]:
    """Run a campaign; ``lost``, ``late`` and ``doubled`` are requests, reached or passed.

    Give what the org said before requests were doubled, and in the end.
    """
    with tempfile.TemporaryDirectory(prefix="handoff-answers-") as directory:
        outbound = Outbound(directory, people=people, unique=unique, bulk_from=200 if jobs else 0, state=state)
        try:
            answers = Answers(outbound, seed)
            campaign(answers, "drop_after_commit", lost, answers.lose)
            campaign(answers, "commit_late", late, answers.be_late)
            if jobs:
                for step in STEPS:
                    for what in ("drop_after_commit", "commit_late", "duplicate", "reset", "503"):
                        answers.job(step, what)
            before = answers.judge()
            campaign(answers, "duplicate", doubled, answers.double)
            return answers, before, answers.judge()
        finally:
            outbound.close()


def campaign(answers: Answers, what: str, number: int, one: Callable[[], None]) -> None:
    """Repeat until the fault has struck so often."""
    while answers.struck[what] < number:
        one()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lost", type=int, default=1000)
    parser.add_argument("--late", type=int, default=100)
    parser.add_argument("--doubled", type=int, default=100)
    parser.add_argument("--people", type=int, default=700)
    parser.add_argument("--no-jobs", action="store_true")
    parser.add_argument("--no-unique", action="store_true", help="an org that does not keep our keys unique")
    words = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began, used = time.monotonic(), time.process_time()
    answers, before, verdict = run(
        words.seed,
        unique=not words.no_unique,
        lost=words.lost,
        late=words.late,
        doubled=words.doubled,
        jobs=not words.no_jobs,
        people=words.people,
    )
    crm = answers.out.crm
    print(f"seed {words.seed}, keys {'not ' if words.no_unique else ''}kept unique by the org")
    print("requests struck: " + ", ".join(f"{what} {n:,}" for what, n in sorted(answers.struck.items())))
    print(f"batches of writes without a clear answer {crm.lost:,}, rows in them {crm.lost_rows:,}")
    for name, seen in (("before requests were doubled", before), ("in the end", verdict)):
        print(
            f"{name}: creations {seen.created:,}, doubled {len(seen.doubled)}, missing {len(seen.missing)}; records"
            f" updated {seen.updated:,}, people's edits {seen.edits:,}, wrong {len(seen.wrong)}"
        )
        for line in [*seen.doubled[:5], *seen.missing[:5], *seen.wrong[:10]]:
            print(f"  {line}")
    print(f"{time.monotonic() - began:.0f} s, {time.process_time() - used:.0f} s of processor, {crm.calls():,} calls")
    # Where keys are not unique a doubled request makes two, and nobody can help it: `provision` and `status` say so.
    allowed = words.no_unique and not (verdict.missing or verdict.wrong)
    raise SystemExit(0 if before.clean and (verdict.clean or allowed) else 1)


if __name__ == "__main__":
    main()
