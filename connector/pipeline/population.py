"""Everybody, once: identity, facts, match, scores, stage and disposition in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from connector.identity import Identified, identify
from connector.identity import answers as identity_answers
from connector.lake.reading import Lake
from connector.lifecycle.machine import Staged, advance
from connector.mapping.bundle import Mappings
from connector.matching import answers as match_answers
from connector.matching import match
from connector.pipeline import columns, steps
from connector.pipeline.gathering import Gatherer, Holdings
from connector.pipeline.signals import Signals, read_signals
from connector.pipeline.workplace import open_tasks
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits
from connector.scoring.company_domain import with_domain
from connector.scoring.reasons import top_reasons
from connector.scoring.score import Scored, score

#: characters of the reasons on a record
REASONS_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Population:
    """The population as of one instant.

    ``people`` has one row per living person, in order of person_id: identity (``subject record crm_object crm_id
    crm_deleted in_review erased baseline``), facts, mirrored CRM fields (``crm.FIELD``), match (``account account_id
    account_owner_id account.*``), results (``score.* grade verdict role reasons_key top_reason``), stage (``stage
    stage_since stage_entry cool_off_until entered``), ``disposition``, ``may_create`` and memory (``shown``).
    ``accounts`` has one row per CRM account with results and mirrored fields. ``tasks`` are our open tasks.
    """

    identified: Identified
    matches: pa.Table
    scored: Scored
    signals: Signals
    staged: Staged
    people: pa.Table
    accounts: pa.Table
    tasks: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Census:
    """What is needed to take stock: rules, systems, memory, clock. ``automation`` are user ids that are programs."""

    lake: Lake
    store: Store
    mappings: Mappings
    traits: Sequence[AdapterTraits]
    crm: AdapterTraits
    install: str
    time_zone: str
    automation: Sequence[str]


def take_census(
    census: Census,
    holdings: Holdings,
    *,
    now: datetime,
    told: Callable[[steps.Step, Mapping[str, int]], None] = lambda _step, _counts: None,
) -> Population:
    """Resolve, match, score and stage everybody from what the lake holds and memory remembers. Writes nothing.

    ``told`` hears of each step when it ends, with its counts.
    """
    mappings, crm, knowledge = census.mappings, census.crm, census.store.knowledge
    gatherer = Gatherer(holdings, mappings.fields, census.traits, crm.system)
    answered = knowledge.reviews()
    identified = identify(
        gatherer.people_records(),
        knowledge.identities(),
        keys=mappings.matching.person.keys,
        install=census.install,
        decided=identity_answers(answered),
        crm=crm.system,
        now=now,
    )
    told(steps.IDENTIFY, {"merged": identified.merged, "review": len(identified.reviews)})
    marks = knowledge.marks()
    people = columns.living(identified, with_domain(gatherer.person_facts(identified.identities)), marks)
    people = columns.with_mirror(people, holdings, crm)
    signals = read_signals(census.lake, holdings, identified.identities, crm, mappings, census.automation)
    people = columns.with_signals(people, signals.people)
    accounts = columns.accounts_with_ties(gatherer.account_facts(), holdings, crm, people)
    matching = mappings.matching.account
    matches = match(columns.to_match(people), accounts, matching=matching, decided=match_answers(answered))
    told(steps.MATCH, {"persons": matches.num_rows, "accounts": accounts.num_rows})
    people = columns.with_accounts(people, matches, accounts)
    people = columns.with_bants(people, mappings)
    activities = signals.activities.scored(mappings.scoring)
    scored = score(mappings.scoring, people, activities, accounts, as_of=now, time_zone=census.time_zone)
    told(steps.SCORE, {"persons": scored.scores.num_rows, "accounts": scored.accounts.num_rows})
    reasons = top_reasons(scored, mappings.scoring, longest=REASONS_LENGTH)
    people = columns.with_scores(people, scored, reasons, today=now.astimezone(ZoneInfo(census.time_zone)).date())
    people = columns.with_memory(people, knowledge.persons(), identified.aliases, mappings, crm)
    staged = advance(mappings.lifecycle, people, now=now)
    people = columns.with_stages(people, staged)
    tasks = open_tasks(holdings, crm, identified.identities)
    called = columns.called_soon(mappings, tasks, census.store.outbox.unsettled())
    people = columns.with_disposition(people, columns.unacted(signals.fast_lane, marks), called, mappings, now=now)
    mirror = holdings.get(crm.system, "account")
    scores = columns.accounts_with_scores(accounts, scored, knowledge.accounts(), mirror)
    told(steps.STAGE, {"persons": people.num_rows, "moves": staged.moves.num_rows})
    return Population(identified, matches, scored, signals, staged, people, scores, tasks)
