"""Everybody, part by part: identity, facts, match, scores, stage and disposition; memory never holds them all.

Who is who is found out for all at once, over a few narrow columns. Then people go through in parts, in order of their
ids: a first pass gathers, matches and scores them and sets them aside on the disk; accounts are scored by what came of
it; a second pass reads each part back, stages it and hands it to whoever decides. No answer depends on the size of the
parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.domain.engine_memory import give_back
from connector.identity import Identified, identify
from connector.identity import answers as identity_answers
from connector.identity.keys import person_keys
from connector.matching import Matcher, kept_matcher
from connector.matching import answers as match_answers
from connector.pipeline import steps
from connector.pipeline.incremental.kept import TIES
from connector.pipeline.incremental.kept_writing import Keeping
from connector.pipeline.incremental.news import Grown
from connector.pipeline.incremental.others import Others, others_than
from connector.pipeline.incremental.touched import Touched
from connector.pipeline.intake.wanted import told_by
from connector.pipeline.people import columns
from connector.pipeline.people.account_marks import account_marks, met_by_others, with_gathering, with_score_marks
from connector.pipeline.people.activities import Activities
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import Gatherer, Holdings
from connector.pipeline.people.machines import looked_through
from connector.pipeline.people.matched import Matching
from connector.pipeline.people.passes import Passes, PopulationPart, records_of
from connector.pipeline.people.signals import Signals, read_signals
from connector.pipeline.people.unsure import as_shown, with_unsure_accounts
from connector.pipeline.people.workplace import open_tasks
from connector.pipeline.scratch import Scratch
from connector.pipeline.tables import changed
from connector.ports.store import IDENTITIES, Review, Store
from connector.scoring.accounts.roll_up import STANDINGS
from connector.scoring.further import looked_at_by
from connector.scoring.hits.store import HitStore
from connector.scoring.score import roll_up

#: what later steps ask of ``Identified.persons``
_NARROW = ["person_id", "subject", "crm_state", "crm_object", "crm_id", "living"]


@dataclass(slots=True)
class Population:
    """The population as of one instant.

    Attributes:
        parts: how many parts it goes through in.
        identified: who is who; its tables hold only what a reader of one person asked for (``explained``).
        signals: of those who have some; the fast lane of all.
        accounts: one row per CRM account with results and mirrored fields.
        tasks: our open tasks.
        pending: what waits in the outbox.
        living: how many people there are.
        scored_accounts: how many accounts there are, those that only people name among them.
        methods: how they were matched: method (``review`` and ``none`` among them) → people.
        reviews: questions about accounts that the store does not hold.
        passes: who goes through the parts.
        others: people who are not worked in this cycle; they are counted in all the numbers above.
    """

    parts: int
    identified: Identified
    signals: Signals
    accounts: pa.Table
    tasks: list[dict[str, Any]]
    pending: Pending
    living: int
    scored_accounts: int
    methods: Counter[str]
    reviews: list[Review]
    passes: Passes
    others: Others

    def each(self) -> Iterator[PopulationPart]:
        """Go through all parts, in order of person_id."""
        return (self.part(number) for number in range(self.parts))

    def part_of(self, person_id: str) -> int | None:
        """Find the part in which a living person is; None for anybody else."""
        for number in range(self.parts):
            ids = self.passes.gathered(number).column("person_id")
            if ids[0].as_py() <= person_id <= ids[-1].as_py():
                return number if pc.index(ids, person_id).as_py() >= 0 else None
        return None

    def part(self, number: int) -> PopulationPart:
        """Stage one part; the same whenever it is asked for."""
        return self.passes.second(number)


def take_census(
    census: Census,
    holdings: Holdings,
    scratch: Scratch,
    *,
    now: datetime,
    explained: bool = False,
    told: Callable[[steps.Step, Mapping[str, int]], None] = lambda _step, _counts: None,
    answered: list[Review] | None = None,
    pending: Pending | None = None,
    touched: Touched | None = None,
    keeping: Keeping | None = None,
) -> Population:
    """Resolve, match and score everybody from what the lake holds and memory remembers. Writes no decision.

    Args:
        census: see there.
        holdings: what ``hold`` gives for ``census.asked()``; its people are forgotten on the way.
        scratch: where parts are set aside; ``identities`` are those that are news to the store.
        now: the cycle's clock.
        explained: keep who is who as a whole, with its reasons.
        told: hears of each step when it ends; people are matched and scored in turns, told with the former.
        answered: what ``answered_questions`` gives, where it has been read.
        pending: what waits in the outbox, where it has been read.
        touched: work these alone; ``census.lake`` and ``holdings`` hold nobody else's records.
        keeping: takes down what the next cycle asks of this one.

    Raises:
        Grown: others than the ``touched`` are concerned as well.
    """
    store = census.store
    answered = answered_questions(store) if answered is None else answered
    laid = _lay_out(census, holdings, scratch, answered, touched, keeping, now=now, explained=explained)
    signals, accounts = laid.signals, laid.accounts
    told(steps.IDENTIFY, {"merged": laid.identified.merged, "review": len(laid.identified.reviews)})
    told(steps.QUARANTINE, laid.apart)
    passes = Passes(census, holdings, scratch, signals, accounts, store.knowledge.marks(), now, laid.hits)
    standings = _first_passes(census, passes, laid, answered, touched, keeping)
    identified = _with_likely(laid.identified, passes, answered)
    told(steps.MATCH, {"persons": laid.living, "accounts": accounts.num_rows, "review": len(passes.asked)})
    scores = _rolled_up(census, laid, standings, touched, keeping, now=now)
    pending = Pending(store.outbox.each_unsettled()) if pending is None else pending
    passes.prepare(scores, identified.aliases, signals.fast_lane, laid.tasks, pending)
    table = _accounts(census, laid, scores, holdings)
    told(steps.SCORE, {"persons": laid.living, "accounts": scores.num_rows})
    others = others_than(touched)
    return Population(
        parts=laid.parts,
        identified=identified,
        signals=signals,
        accounts=table,
        tasks=laid.tasks,
        pending=pending,
        living=laid.living + others.living,
        scored_accounts=scores.num_rows,
        methods=passes.methods + others.methods,
        reviews=passes.reviews,
        passes=passes,
        others=others,
    )


def answered_questions(store: Store) -> list[Review]:
    """List the questions with an answer, or with one that was taken back."""
    return [review for state in ("accepted", "rejected", "withdrawn") for review in store.knowledge.reviews(state)]


def _with_likely(identified: Identified, passes: Passes, answered: list[Review]) -> Identified:
    """Add the questions about persons who look like one."""
    likely = passes.likely({review.id for review in answered if review.state != "open"})
    return replace(identified, reviews=[*identified.reviews, *likely])


def _accounts(census: Census, laid: _LaidOut, scores: pa.Table, holdings: Holdings) -> pa.Table:
    """Set beside the accounts what came of them, what was shown last and what the CRM holds."""
    give_back()
    shown, mirror = census.store.knowledge.accounts(), holdings.get(census.crm.system, "account")
    table = columns.accounts_with_scores(laid.accounts, scores, shown, mirror)
    table = with_unsure_accounts(table, census.mappings.scoring)
    return table if laid.marks is None else as_shown(table, laid.marks.filter(laid.marks.column("gathers").is_valid()))


def _first_passes(
    census: Census,
    passes: Passes,
    laid: _LaidOut,
    answered: list[Review],
    touched: Touched | None,
    keeping: Keeping | None,
) -> list[pa.Table]:
    """Match and score all parts; give the standings of their people."""
    matching = census.mappings.matching.account
    with ExitStack() as stack:

        def laid_out() -> Matcher:
            return stack.enter_context(kept_matcher(laid.accounts, matching=matching, decided=match_answers(answered)))

        one = Matching(laid_out, touched if laid.same_words else None, keeping)
        return [passes.first(number, one) for number in range(laid.parts)]


def _rolled_up(
    census: Census,
    laid: _LaidOut,
    standings: list[pa.Table],
    touched: Touched | None,
    keeping: Keeping | None,
    *,
    now: datetime,
) -> pa.Table:
    """Score all accounts by those who were worked and, as they stood, by those who were not."""
    everybody = pa.concat_tables([STANDINGS.empty_table(), *standings])
    if keeping is not None:
        keeping.put("standings", everybody)
    if touched is not None:
        everybody = pa.concat_tables([everybody, touched.others("standings").select(STANDINGS.names).cast(STANDINGS)])
    mappings, zone = census.mappings, census.time_zone
    scores = roll_up(mappings.scoring, everybody, laid.accounts, as_of=now, time_zone=zone, engine=census.scoring)
    if laid.marks is not None:
        marks = with_score_marks(laid.marks, scores, mappings)
        if touched is not None and laid.same_words:
            met_by_others(touched, marks, mappings)
        if keeping is not None:
            keeping.put("accounts", marks)
    return scores


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """What all parts share once they lie in the scratch; who is who is only there where somebody is explained."""

    identified: Identified
    signals: Signals
    accounts: pa.Table
    tasks: list[dict[str, Any]]
    living: int
    parts: int
    apart: Mapping[str, int]
    marks: pa.Table | None
    #: accounts are known by the same words as when people were matched
    same_words: bool
    hits: HitStore | None


def _lay_out(
    census: Census,
    holdings: Holdings,
    scratch: Scratch,
    answered: list[Review],
    touched: Touched | None,
    keeping: Keeping | None,
    *,
    now: datetime,
    explained: bool,
) -> _LaidOut:
    """Find out who is who, over all at once, and spread people, their records and what they did into parts."""
    crm = census.crm
    gatherer = Gatherer(holdings, census.mappings.fields, census.traits, crm.system)
    identified = _identify(census, gatherer, answered, scratch, touched, keeping, now=now, brief=not explained)
    give_back()
    identities = identified.identities
    apart = looked_through(census, holdings, identities, touched, look_only=explained)
    if apart.grown:
        raise Grown(everybody="machines")
    held = apart.held
    hits = _hits(census, holdings, held if touched is None else census.store.quarantine.held())
    signals = read_signals(census.lake, holdings, identities, crm, census.mappings, census.automation, held=held)
    signals = replace(signals, people=_some(signals.people))
    tasks = open_tasks(holdings, crm, identities)
    ties = columns.linked(identified.persons, holdings, crm, signals.people)
    if keeping is not None:
        keeping.put("ties", ties)
    if touched is not None:
        ties = pa.concat_tables([ties.select(TIES.names).cast(TIES), touched.others("ties").cast(TIES)])
    accounts = columns.accounts_with_ties(gatherer.account_facts(), holdings, crm, ties)
    marks = None if keeping is None and touched is None else account_marks(accounts, census.mappings)
    same_words = touched is None or marks is None or met_by_others(touched, marks, census.mappings)
    marks = None if marks is None else with_gathering(touched, marks)
    holdings.forget(census.of_people())
    living = identified.persons.select(_NARROW).filter(identified.persons.column("living"))
    deeds = signals.activities if hits is None else None
    _spread(census, identities, living, deeds, scratch, as_of=holdings.as_of)
    if not explained:
        identified = _forgotten(identified)
        signals.activities.forget()
    parts = -(-living.num_rows // census.at_once)
    give_back()
    return _LaidOut(identified, signals, accounts, tasks, living.num_rows, parts, apart.counts, marks, same_words, hits)


def _hits(census: Census, holdings: Holdings, held: pa.Table) -> HitStore | None:
    """Turn into hits what is new in the lake, without all events that are ``held``; None where all is matched now."""
    if census.hits is None:
        return None
    as_of, zone = holdings.as_of, census.time_zone
    return census.hits.caught_up(census.mappings, holdings.systems, held, as_of=as_of, time_zone=zone)


def _some(signals: pa.Table) -> pa.Table:
    """Keep the people of whom there is any signal: they are few."""
    said = pc.or_(signals.column("open_opportunity"), signals.column("won_opportunity"))
    for name in ("human_last", "rejected_at", "lost_at"):
        said = pc.or_(said, pc.is_valid(signals.column(name)))
    return signals.filter(said)


def _identify(
    census: Census,
    gatherer: Gatherer,
    answered: list[Review],
    scratch: Scratch,
    touched: Touched | None,
    keeping: Keeping | None,
    *,
    now: datetime,
    brief: bool,
) -> Identified:
    known = census.store.knowledge.identities() if touched is None else touched.known
    decided = pa.concat_tables([identity_answers(answered), gatherer.parted()])
    identified = identify(
        gatherer.people_records(),
        known,
        keys=census.mappings.matching.person.keys,
        install=census.install,
        decided=decided,
        crm=census.crm.system,
        now=now,
        retired=census.store.knowledge.retired() if touched is None else touched.kept.head.retired,
        brief=brief,
    )
    if keeping is not None:
        for keys in person_keys(gatherer.stated(), identified.identities, decided):
            keeping.put("keys", keys)
        keeping.put("links", gatherer.companies(identified.identities))
    news = changed(identified.identities, known, IDENTITIES)
    for number, first in enumerate(range(0, news.num_rows, census.at_once)):
        scratch.put("identities", number, news.slice(first, census.at_once))
    return identified


def _spread(
    census: Census,
    identities: pa.Table,
    living: pa.Table,
    deeds: Activities | None,
    scratch: Scratch,
    *,
    as_of: datetime,
) -> None:
    """Set aside, part by part, who people are, and spread their records and, where they are to be matched, deeds."""
    ids = living.column("person_id").combine_chunks()
    for number, first in enumerate(range(0, len(ids), census.at_once)):
        scratch.put("persons", number, living.slice(first, census.at_once))
    place = pc.index_in(identities.column("person_id"), value_set=ids)
    part = pc.divide(place.cast(pa.int64()), census.at_once).cast(pa.int32())
    places = identities.append_column("part", part).filter(pc.is_valid(part))
    numbers = places.column("part").to_numpy()
    order = np.argsort(numbers, kind="stable")
    edges = np.searchsorted(numbers[order], np.arange(-(-len(ids) // census.at_once) + 1))
    for number, (first, end) in enumerate(pairwise(edges)):
        mine = places.take(pa.array(order[first:end])).drop_columns(["part"])
        scratch.put("references", number, mine)
    for one in census.traits:
        for object_ in one.people:
            these = pc.and_(pc.equal(places.column("system"), one.system), pc.equal(places.column("object"), object_))
            census.lake.spread_records(
                one.system,
                object_,
                places.filter(these).select(["id", "part"]),
                scratch.folder(records_of(one.system, object_)),
                as_of=as_of,
                columns=told_by(census.mappings, one, object_, is_crm=one.system == census.crm.system),
            )
    if deeds is not None:
        models = looked_at_by([census.mappings.scoring, *census.mappings.further])
        deeds.spread(models, places, scratch.folder("activities"))


def _forgotten(identified: Identified) -> Identified:
    """Keep of who is who what the second pass asks for."""
    return Identified(
        identities=identified.identities.schema.empty_table(),
        persons=identified.persons.schema.empty_table(),
        why=identified.why,
        aliases=identified.aliases,
        reviews=identified.reviews,
        merged=identified.merged,
    )
