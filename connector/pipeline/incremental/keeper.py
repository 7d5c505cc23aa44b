"""Takes down, while a cycle works, what the next one asks of it; keeps it once the decisions are committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.incremental.kept import ASKED, DEADLINES, PEOPLE, Head, Kept, counts
from connector.pipeline.incremental.kept_writing import Keeping
from connector.pipeline.incremental.touched import Left, Touched
from connector.pipeline.people.population import Population
from connector.pipeline.scratch import Scratch
from connector.ports.store import IDENTITIES, Store
from connector.scoring.accounts.roll_up import STANDINGS

#: more people, or rows of the outbox, than these are not listed: the next cycle works everybody
MOST_LISTED = 20_000
#: what is said of such lists in the ground of the next cycle
UNLISTED = ("moving", "outbox", "left")


class Keeper:
    """Keeps one cycle for the next.

    Attributes:
        keeping: where tables go.
        ground: what everybody's answer depended on.
        pending: rows of the outbox as the cycle saw them.
        touched: who was worked; None where everybody was.
    """

    def __init__(
        self,
        keeping: Keeping,
        ground: Mapping[str, str],
        segments: list[str],
        pending: Mapping[str, list[str]],
        touched: Touched | None,
    ) -> None:
        self.keeping = keeping
        self.touched = touched
        self._ground = dict(ground)
        self._segments = segments
        self._pending = dict(pending)
        self._restless: set[str] = set()
        self._methods: Counter[str] = Counter()
        self._deadlines: list[datetime] = []
        for name, schema in (("people", PEOPLE), ("asked", ASKED), ("standings", STANDINGS)):
            keeping.put(name, schema.empty_table())

    def part(self, people: pa.Table, moved: set[str]) -> None:
        """Take down some people who have been decided about, and those of them of whom something changed."""
        self._restless |= moved
        review = people.column("match_review")
        method = pc.if_else(review, "review", pc.fill_null(people.column("match_method"), "none"))
        here = {name: people.column(name) for name in PEOPLE.names if name in people.column_names}
        here["method"] = pc.if_else(pc.equal(method, ""), "none", method)
        here["contested"] = pc.or_(review, pc.is_valid(people.column("runner_up")))
        here["round"] = pa.repeat(0 if self.touched is None else self.touched.round, people.num_rows)
        self.keeping.put("people", pa.table(here))
        for name in DEADLINES:
            self._deadlines += pc.drop_null(pc.unique(people.column(name))).to_pylist()

    def questions(self, population: Population) -> None:
        """Take down what was asked, and which references are news."""
        about = {"account": population.passes.asked.items()}
        about["person"] = {review.id: review.person_id for review in population.identified.reviews}.items()
        rows = [(who, id_, what) for what, asked in about.items() for id_, who in asked]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        self.keeping.put("asked", pa.table([pa.array(list(each), pa.string()) for each in columns], schema=ASKED))

    def commit(
        self,
        population: Population,
        scratch: Scratch,
        store: Store,
        *,
        decided: str,
        now: datetime,
        dispositions: Mapping[str, int],
        stages: Mapping[str, int],
    ) -> None:
        """Keep it: the decisions of ``decided`` are in the state.

        Raises:
            LocalFault: the disk does not take it; then nothing is kept.
        """
        for table in scratch.all("identities", IDENTITIES):
            self._restless.update(table.column("person_id").to_pylist())
        kept = None if self.touched is None else self.touched.kept
        deadlines = [at for at in self._deadlines if at > now]
        if kept is not None and kept.head.deadline is not None:
            deadlines += self._others_deadline(kept, now)
        left = (None if self.touched is None else self.touched.left) or Left()
        for name, listed in (("moving", self._restless), ("outbox", self._pending)):
            if len(listed) > MOST_LISTED:
                self._ground[name] = "many"
                listed.clear()
        if len(left.waiting) > MOST_LISTED:
            self._ground["left"] = "many"
            left.waiting.clear()
        head = Head(
            decided=decided,
            as_of=now,
            ground=self._ground,
            segments=self._segments,
            pending=self._pending,
            restless=sorted(self._restless),
            retired=store.knowledge.retired() if self.touched is None else _retired(self.touched, store),
            deadline=min(deadlines, default=None),
            living=population.living,
            methods=counts(population.methods),
            dispositions=counts(dispositions),
            stages=counts(stages),
            reviews=len(population.identified.reviews) + population.others.reviews,
            accounts=population.scored_accounts,
            left=left.waiting,
            round=0 if self.touched is None else self.touched.round,
            again=left.again,
        )
        worked = None
        if self.touched is not None:
            fresh = [table.column("person_id") for table in scratch.all("identities", IDENTITIES)]
            chunks = [self.touched.persons, *(chunk for column in fresh for chunk in column.chunks)]
            worked = pc.unique(pa.chunked_array(chunks, pa.string()))
        self.keeping.finish(head, worked)

    def _others_deadline(self, kept: Kept, now: datetime) -> list[datetime]:
        """Give when the next of those who are not worked has come to the end of a span, if anybody has one."""
        assert self.touched is not None
        others = kept.beside("people", self.touched.persons, list(DEADLINES))
        ahead = [at.filter(pc.greater(at, pa.scalar(now, at.type))) for at in others.columns]
        found = [pc.min(each).as_py() for each in ahead]
        return [at for at in found if at is not None]


def _retired(touched: Touched, store: Store) -> list[str]:
    """Give who has no reference any more, among those who had none before and those who were worked."""
    ids = sorted({*touched.kept.head.retired, *touched.persons.to_pylist()})
    held = set(store.knowledge.identities(ids).column("person_id").to_pylist())
    return sorted(set(store.knowledge.persons(ids).column("person_id").to_pylist()) - held)
