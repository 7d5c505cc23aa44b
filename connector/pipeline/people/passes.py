"""The two passes over everybody, part by part: gather, match, score and set aside; then remember, stage and dispose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.delivery.undone import held_back
from connector.identity.likely import likely_doubles, looks
from connector.identity.tombstones import erased_persons
from connector.lifecycle.machine import Staged, advance
from connector.mapping.scoring import ScoringModel
from connector.matching import ask
from connector.pipeline.forgetting import Named
from connector.pipeline.incremental.kept_hits import scored_by_hits
from connector.pipeline.people import columns
from connector.pipeline.people.answers import with_evidence
from connector.pipeline.people.census import Census
from connector.pipeline.people.first_touches import with_touch_due
from connector.pipeline.people.gathering import Gatherer, Holdings
from connector.pipeline.people.matched import Matching
from connector.pipeline.people.opt_outs import with_opt_outs
from connector.pipeline.people.side_results import with_said, with_side_results
from connector.pipeline.people.signals import Signals
from connector.pipeline.people.unsure import keep_in_review, with_unsure, with_unsure_accounts
from connector.pipeline.scratch import Scratch
from connector.ports.store import Review
from connector.scoring.further import ScoredBy
from connector.scoring.hits.store import HitStore
from connector.scoring.people.company_domain import with_domain
from connector.scoring.reasons import top_reasons
from connector.scoring.score import Scored, ScoredPart, score_part

#: characters of the reasons on a record
REASONS_LENGTH = 1000
_INSTANT = pa.timestamp("us", "UTC")
_NOTHING_DONE = pa.schema(
    [
        *((name, pa.string()) for name in ("person_id", "identity", "type")),
        *((name, _INSTANT) for name in ("occurred_at", "landed_at")),
    ]
).empty_table()


@dataclass(frozen=True, slots=True)
class PopulationPart:
    """Some people, in order of person_id: one row per living person.

    ``people``: identity (``subject record crm_object crm_id crm_deleted in_review erased baseline``), facts, mirrored
    CRM fields that somebody asks for (``crm.FIELD``), ``opt_out.*``, match (``account account_id account_owner_id
    account.*``), results (``score.* grade verdict role reasons_key top_reason``), stage (``stage stage_since
    stage_entry cool_off_until entered``), ``disposition``, ``may_create`` and memory (``shown``).
    ``scores`` and ``lines`` are as in ``connector.scoring.score.Scored``.
    """

    number: int
    people: pa.Table
    staged: Staged
    scores: pa.Table
    lines: pa.Table


def records_of(system: str, object_: str) -> str:
    """Name what is spread of one kind of record."""
    return f"records-{system}-{object_}"


class Passes:
    """The two passes over the parts, and what they share."""

    def __init__(
        self,
        census: Census,
        holdings: Holdings,
        scratch: Scratch,
        signals: Signals,
        accounts: pa.Table,
        marks: Mapping[str, datetime],
        now: datetime,
        hits: HitStore | None = None,
    ) -> None:
        """Take what the passes work with; without ``hits`` what people did was spread to the scratch."""
        self._census = census
        self._hits = hits
        self._holdings = holdings
        self._scratch = scratch
        self._signals = signals.people
        self._answers = signals.answers
        self._accounts = accounts
        self._marks = marks
        self._now = now
        self.methods: Counter[str] = Counter()
        #: all questions about accounts: id → the person asked about
        self.asked: dict[str, str] = {}
        #: those that the store does not hold
        self.reviews: list[Review] = []
        #: what people are compared by, part by part, where the mappings ask for it
        self._looks: list[pa.Table] = []
        self._waiting = pa.array([], pa.string())
        self._buried = census.store.knowledge.tombstones()
        #: who was erased and is there again, under further names
        self.came_back: list[Named] = []

    def first(self, number: int, accounts: Matching) -> pa.Table:
        """Gather, match and score one part and set it aside; give the standings of its people."""
        census, now, mappings = self._census, self._now, self._census.mappings
        people = self._gathered(number)
        matches = accounts.match(columns.to_match(people))
        asked = ask(matches, now=now)
        self.asked.update((review.id, review.person_id) for review in asked)
        self.reviews += self._census.store.knowledge.unasked(asked)
        self._count(matches)
        people = columns.with_accounts(people, matches, self._accounts)
        if "name_account" in mappings.matching.person.keys:
            self._looks.append(looks(people))
        people = with_evidence(columns.with_bants(people, mappings), self._answers)
        people = with_said(people, mappings)
        scored_by = self._scored_by(number)
        scored = scored_by(mappings.scoring, people)
        whole = Scored(scored.scores, scored.lines, self._accounts)
        reasons = top_reasons(whole, mappings.scoring, longest=REASONS_LENGTH, engine=census.scoring)
        today = now.astimezone(ZoneInfo(census.time_zone)).date()
        people = columns.with_scores(people, scored.scores, reasons, today=today)
        people = with_side_results(people, mappings, whole, scored_by, now=now, engine=census.scoring)
        people = with_unsure(people, mappings.scoring, census.lost, now=now)
        for name, table in (("people", people), ("scores", scored.scores), ("lines", scored.lines)):
            self._scratch.put(name, number, table)
        self._scratch.drop("activities", number)
        return scored.standings

    def _scored_by(self, number: int) -> ScoredBy:
        """Give what scores the people of one part: by hits that are kept, or by all of what they did."""
        census, accounts, now = self._census, self._accounts, self._now
        zone, engine = census.time_zone, census.scoring
        if self._hits is not None:
            references = self._scratch.take("references", number)
            return scored_by_hits(self._hits, references, accounts, as_of=now, time_zone=zone, engine=engine)
        spread = self._scratch.spread("activities", number)
        deeds = _NOTHING_DONE if spread is None else spread

        def one(model: ScoringModel, people: pa.Table) -> ScoredPart:
            return score_part(model, people, deeds, accounts, as_of=now, time_zone=zone, engine=engine)

        return one

    def _gathered(self, number: int) -> pa.Table:
        """Put together who the people of one part are, what is known of them, and what the CRM holds."""
        census, scratch = self._census, self._scratch
        persons, references = scratch.take("persons", number), scratch.take("references", number)
        tables = {}
        for place in census.of_people():
            table = scratch.spread(records_of(*place), number)
            if table is not None:
                tables[place] = table
            scratch.drop(records_of(*place), number)
        here = self._holdings.with_people(tables)
        gatherer = Gatherer(here, census.mappings.fields, census.traits, census.crm.system)
        facts = with_domain(gatherer.person_facts(references))
        people = columns.living(persons, references, facts, self._marks)
        if self._buried:
            addresses = zip(people.column("person_id").to_pylist(), people.column("email").to_pylist(), strict=True)
            erased = erased_persons(census.install, self._buried, references, addresses)
            people = columns.with_erased(people, erased)
            self.came_back += [_named(people, references, person_id) for person_id in sorted(erased)]
        people = with_opt_outs(people, references, here, census.mappings, list(census.traits))
        people = columns.with_mirror(people, here, census.crm)
        return columns.with_signals(people, self._signals)

    def _count(self, matches: pa.Table) -> None:
        for method, review in zip(
            matches.column("method").to_pylist(), matches.column("review").to_pylist(), strict=True
        ):
            self.methods["review" if review else method or "none"] += 1

    def likely(self, answered: Collection[str]) -> list[Review]:
        """Ask about persons who look like one, over all parts; ``answered`` are ids of answered questions."""
        if not self._looks:
            return []
        found = likely_doubles(pa.concat_tables(self._looks), now=self._now, answered=answered)
        self._looks.clear()
        self._waiting = found.waiting
        return found.reviews

    def prepare(
        self,
        scores: pa.Table,
        aliases: pa.Table,
        fast_lane: pa.Table,
        tasks: list[dict[str, Any]],
        pending: Pending,
    ) -> None:
        """Take what the second pass needs beside the first: the accounts' scores and what waits for whom."""
        self._account_scores = scores
        self._aliases = aliases
        self._fresh = columns.unacted(fast_lane, self._marks)
        self._called = columns.called_soon(self._census.mappings, tasks, pending)
        self._undone = pending.undone

    def gathered(self, number: int) -> pa.Table:
        """Give what the first pass set aside of one part."""
        return self._scratch.take("people", number)

    def second(self, number: int) -> PopulationPart:
        """Remember, stage and dispose of one part that was set aside."""
        census, now, scratch = self._census, self._now, self._scratch
        people = columns.with_account_scores(self.gathered(number), self._account_scores)
        people = with_unsure_accounts(people, census.mappings.scoring)
        if len(self._waiting):
            people = columns.with_waiting(people, self._waiting)
        memory = self._memory(people)
        people = columns.with_memory(people, memory, self._aliases, census.mappings, census.crm)
        staged = advance(census.mappings.lifecycle, people.append_column("undone", self._held_back(people)), now=now)
        people = columns.with_stages(people, staged)
        before = people.column("disposition")
        people = with_touch_due(people, census.mappings.routing)
        people = columns.with_disposition(people, self._fresh, self._called, census.mappings, now=now)
        people = keep_in_review(people, before)
        return PopulationPart(number, people, staged, scratch.take("scores", number), scratch.take("lines", number))

    def _held_back(self, people: pa.Table) -> pa.Array:
        """List for each of these people the stages that an undo keeps them from."""
        mappings, system = self._census.mappings, self._census.crm.system
        here = pc.is_in(self._fresh.column("person_id"), value_set=people.column("person_id").combine_chunks())
        asking = self._fresh.filter(here).to_pylist()
        step, digest = mappings.scoring.write_step, mappings.digest
        return held_back(people, self._undone, system=system, mappings=digest, step=step, asking=asking)

    def _memory(self, people: pa.Table) -> pa.Table:
        """Read the memory of these people, and of those who became one of them."""
        mine = pc.is_in(self._aliases.column("into"), value_set=people.column("person_id").combine_chunks())
        ids = [*people.column("person_id").to_pylist(), *self._aliases.filter(mine).column("person_id").to_pylist()]
        return self._census.store.knowledge.persons(ids)


def _named(people: pa.Table, references: pa.Table, person_id: str) -> Named:
    mine = references.filter(pc.equal(references.column("person_id"), person_id)).to_pylist()
    address = people.filter(pc.equal(people.column("person_id"), person_id)).column("email")[0].as_py()
    names = tuple(f"{row['system']}:{row['object']}:{row['id']}" for row in mine)
    return Named((person_id,), names, (address,) if address else ())
