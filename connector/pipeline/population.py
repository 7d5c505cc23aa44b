"""Everybody, once: identity, facts, match, scores, stage and disposition in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.writes import RowState
from connector.identity.identify import identify
from connector.identity.tables import Identified, undecided
from connector.lake.layout import FIELD, LINK
from connector.lake.reading import Lake
from connector.lifecycle.disposition import dispositions
from connector.lifecycle.machine import Staged, advance
from connector.mapping.bundle import Mappings
from connector.mapping.evaluate import evaluate, holds
from connector.matching.match import match
from connector.matching.tables import ANSWERS
from connector.pipeline.gathering import Gatherer, Holdings
from connector.pipeline.signals import Signals, read_signals
from connector.pipeline.tables import sql
from connector.pipeline.workplace import open_tasks
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits
from connector.scoring.files import with_domain
from connector.scoring.reasons import top_reasons
from connector.scoring.score import Scored, score


@dataclass(frozen=True, slots=True)
class Population:
    """The population as of one instant.

    ``people`` has one row per living person, in order of person_id: identity (``subject record crm_object crm_id
    crm_deleted in_review erased baseline``), facts, mirrored CRM fields (``crm.FIELD``), match (``account account_id
    account_owner_id account.*``), results (``score.* grade verdict role reasons_key top_reason``), stage (``stage
    stage_since stage_entry cool_off_until entered``), ``disposition``, ``may_create`` and memory (``shown``).
    ``accounts`` has one row per CRM account with results and mirrored fields.
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
    """What is needed to take stock: rules, systems, memory, clock."""

    lake: Lake
    store: Store
    mappings: Mappings
    traits: Sequence[AdapterTraits]
    crm: AdapterTraits
    install: str
    time_zone: str
    automation: Sequence[str]


def take_census(census: Census, holdings: Holdings, *, now: datetime) -> Population:
    """Resolve, match, score and stage everybody from what the lake holds and memory remembers. Writes nothing."""
    mappings, store = census.mappings, census.store
    gatherer = Gatherer(holdings, mappings.fields, census.traits, census.crm.system)
    identified = identify(
        gatherer.people_records(),
        store.knowledge.identities(),
        keys=mappings.matching.person.keys,
        install=census.install,
        decided=undecided(),
        crm=census.crm.system,
        now=now,
    )
    people = _living(identified, with_domain(gatherer.person_facts(identified.identities)), store.knowledge.marks())
    people = _mirror(people, holdings, census.crm)
    signals = read_signals(census.lake, holdings, identified.identities, census.crm, mappings, census.automation)
    people = _join(people, signals.people)
    accounts = _accounts(gatherer.account_facts(), holdings, census.crm, people)
    matches = match(_to_match(people), accounts, matching=mappings.matching.account, decided=ANSWERS.empty_table())
    people = _with_accounts(people, matches, accounts)
    people = _with_bants(people, mappings)
    scored = score(
        mappings.scoring,
        people,
        signals.activities,
        accounts,
        as_of=now,
        time_zone=census.time_zone,
    )
    reasons = top_reasons(scored, mappings.scoring)
    people = _with_scores(people, scored, reasons)
    people = _with_memory(people, store.knowledge.persons(), identified.aliases, mappings)
    staged = advance(mappings.lifecycle, people, now=now)
    people = _with_stages(people, staged)
    tasks = open_tasks(holdings, census.crm, identified.identities)
    people = _with_disposition(people, signals, _called_soon(census, tasks), census, now)
    scores = _with_account_scores(accounts, scored, store)
    return Population(identified, matches, scored, signals, staged, people, scores, tasks)


def _join(people: pa.Table, more: pa.Table) -> pa.Table:
    return sql("SELECT * FROM people LEFT JOIN more USING (person_id) ORDER BY person_id", people=people, more=more)


def _living(identified: Identified, facts: pa.Table, marks: Mapping[str, datetime]) -> pa.Table:
    marked = [name.removeprefix("baseline:") for name in marks if name.startswith("baseline:")]
    return sql(
        "SELECT p.person_id, p.subject, p.crm_object, p.crm_id, p.crm_object || ':' || p.crm_id AS record, "
        "p.crm_state = 'several' AS person_review, p.crm_state = 'gone' AS crm_deleted, false AS erased, "
        "NOT coalesce(m.marked, false) AS baseline, f.* EXCLUDE (person_id) "
        "FROM persons p LEFT JOIN facts f USING (person_id) LEFT JOIN ("
        "  SELECT person_id, bool_or(system IN (SELECT name FROM marked)) AS marked FROM identities GROUP BY person_id"
        ") m USING (person_id) WHERE p.living ORDER BY p.person_id",
        persons=identified.persons,
        facts=facts,
        identities=identified.identities,
        marked=pa.table({"name": pa.array(marked, pa.string())}),
    )


def _mirror(people: pa.Table, holdings: Holdings, crm: AdapterTraits) -> pa.Table:
    """Set beside each person what their CRM record held at the last pull."""
    parts, tables = [], {"people": people}
    for object_ in crm.people:
        table = holdings.get(crm.system, object_)
        owner = f'"{LINK}owner"' if LINK + "owner" in table.column_names else "NULL::VARCHAR"
        account = f'"{LINK}account"' if LINK + "account" in table.column_names else "NULL::VARCHAR"
        fields = "".join(
            f', "{name}" AS "crm.{name.removeprefix(FIELD)}"' for name in table.column_names if name.startswith(FIELD)
        )
        tables[object_] = table
        parts.append(
            f"SELECT '{object_}:' || id AS record, {owner} AS owner_id, {account} AS link_account_id{fields} FROM {object_}"
        )
    if not parts:
        nothing = pa.nulls(people.num_rows, pa.string())
        return people.append_column("owner_id", nothing).append_column("link_account_id", nothing)
    return sql(
        f"SELECT * FROM people LEFT JOIN ({' UNION ALL BY NAME '.join(parts)}) USING (record) ORDER BY person_id",
        **tables,
    )


def _accounts(facts: pa.Table, holdings: Holdings, crm: AdapterTraits, people: pa.Table) -> pa.Table:
    """Give accounts with what ties are broken by: an active owner, an open opportunity, the latest activity."""
    users = holdings.get(crm.system, "user")
    active = FIELD + crm.native.get("user", {}).get("active", "")
    owners = (
        f"(SELECT id, \"{active}\" = 'true' AS active FROM users)"
        if active in users.column_names
        else ("(SELECT NULL::VARCHAR AS id, NULL::BOOLEAN AS active)")
    )
    return sql(
        "SELECT a.*, CASE WHEN a.owner_id IS NULL THEN 'none' WHEN u.active THEN 'active' ELSE 'inactive' END AS owner, "
        "coalesce(u.active, false) AS owner_active, coalesce(p.open, false) AS open_opportunity, p.latest AS "
        f"latest_activity FROM accounts a LEFT JOIN {owners} u ON u.id = a.owner_id LEFT JOIN ("
        "SELECT link_account_id AS account_id, bool_or(open_opportunity) AS open, max(human_last) AS latest FROM people "
        "WHERE link_account_id IS NOT NULL GROUP BY ALL) p USING (account_id) ORDER BY account_id",
        accounts=facts,
        users=users,
        people=people,
    )


def _to_match(people: pa.Table) -> pa.Table:
    names = ("person_id", "link_account_id", "email", "company", "website", "country", "state", "city", "phone")
    return people.select([name for name in names if name in people.column_names])


def _with_accounts(people: pa.Table, matches: pa.Table, accounts: pa.Table) -> pa.Table:
    named = ", ".join(f'a."{name}" AS "account.{name}"' for name in accounts.column_names if name != "account_id")
    return sql(
        "SELECT p.*, CASE WHEN m.review THEN NULL ELSE nullif(m.account_id, '') END AS account_id, m.method AS "
        "match_method, m.confidence AS match_confidence, m.evidence AS match_evidence, m.runner_up, "
        "coalesce(m.review, false) AS match_review, CASE WHEN m.review THEN 'review' WHEN nullif(m.account_id, '') IS NULL "
        f"THEN 'none' ELSE 'matched' END AS account, {named}, a.owner_id AS account_owner_id FROM people p LEFT JOIN "
        "matches m USING (person_id) LEFT JOIN accounts a ON a.account_id = m.account_id AND NOT m.review "
        "ORDER BY person_id",
        people=people,
        matches=matches,
        accounts=accounts,
    )


def _with_bants(people: pa.Table, mappings: Mappings) -> pa.Table:
    confirmed = pa.array([0] * people.num_rows, pa.int64())
    for question, field in mappings.scoring.dimensions.qualification.bants.items():
        held = "crm." + field
        answer = people.column(held) if held in people.column_names else pa.nulls(people.num_rows, pa.string())
        answer = pc.utf8_lower(answer)
        answer = pc.if_else(pc.is_in(answer, pa.array(["yes", "no"])), answer, pa.scalar(None, pa.string()))
        people = people.append_column(f"bants.{question}", answer)
        confirmed = pc.add(confirmed, pc.cast(pc.fill_null(pc.equal(answer, "yes"), False), pa.int64()))
    return people.append_column("bants.confirmed", confirmed)


def _with_scores(people: pa.Table, scored: Scored, reasons: pa.Table) -> pa.Table:
    return sql(
        'SELECT p.*, s.fit AS "score.fit", s.fit_low AS "score.fit_low", s.fit_high AS "score.fit_high", '
        's.interest AS "score.interest", s.qualification AS "score.qualification", s.total AS "score.total", '
        's.grade AS "score.grade", s.verdict AS "score.verdict", s.buying_stage AS "score.buying_stage", '
        "s.grade, s.verdict, coalesce(s.role, 'other') AS role, s.grade[1:1] AS fit, s.interest, s.disqualified_because, "
        's.deciding_fact, r.reasons AS "score.reasons", r.reasons_key, r.top_reason, '
        'a.score AS "account.score", a.fit_letter AS "account.fit" FROM people p JOIN scores s USING (person_id) '
        "LEFT JOIN reasons r USING (person_id) LEFT JOIN account_scores a ON a.account_id = p.account_id "
        "ORDER BY p.person_id",
        people=people,
        scores=scored.scores,
        reasons=reasons,
        account_scores=scored.accounts,
    )


def _with_memory(people: pa.Table, memory: pa.Table, aliases: pa.Table, mappings: Mappings) -> pa.Table:
    """Set memory beside each person; where there is none, take over the stage that the CRM record shows."""
    names = {field.source: name for name, field in mappings.fields.crm.person.items()}
    stage, entry = "crm." + names.get("stage", ""), "crm.Handoff_Stage_Entry__c"
    stages = ", ".join(f"'{name}'" for name in mappings.lifecycle.stages)
    held = f'CASE WHEN "{stage}" IN ({stages}) THEN "{stage}" END' if stage in people.column_names else "NULL::VARCHAR"
    number = f'TRY_CAST("{entry}" AS BIGINT)' if entry in people.column_names else "NULL::BIGINT"
    human = (
        "p.human_last > coalesce(m.stage_since, '1970-01-01'::TIMESTAMPTZ)",
        "p.rejected_at > coalesce(m.stage_since, '1970-01-01'::TIMESTAMPTZ)",
        "p.lost_at > coalesce(m.stage_since, '1970-01-01'::TIMESTAMPTZ)",
    )
    return sql(
        f"SELECT p.*, coalesce(m.stage, {held}) AS stage, m.stage_since, coalesce(m.stage_entry, {number}, 0) AS "
        "stage_entry, m.cool_off_until, m.disposition AS disposition, m.shown, coalesce(m.subject, p.subject) AS "
        f'kept_subject, coalesce({human[0]}, false) AS "human.touched", p.human_last IS NOT NULL AS "human.ever", '
        f'coalesce({human[1]}, false) AS rejected, coalesce(p.open_opportunity, false) AS "crm.open_opportunity", '
        'coalesce(p.won_opportunity, false) AS "crm.opportunity_won", coalesce('
        f'{human[2]} AND NOT p.open_opportunity AND NOT p.won_opportunity, false) AS "crm.opportunity_lost" '
        "FROM people p LEFT JOIN (SELECT coalesce(a.into, m.person_id) AS person_id, m.* EXCLUDE (person_id) FROM memory m "
        "LEFT JOIN aliases a USING (person_id) QUALIFY row_number() OVER (PARTITION BY coalesce(a.into, m.person_id) "
        "ORDER BY a.into IS NOT NULL, m.person_id) = 1) m USING (person_id) ORDER BY p.person_id",
        people=people,
        memory=memory,
        aliases=aliases,
    )


def _with_stages(people: pa.Table, staged: Staged) -> pa.Table:
    entries = people.column("stage_entry")
    for name in ("stage", "stage_since", "stage_entry", "cool_off_until"):
        people = people.set_column(people.column_names.index(name), name, staged.people.column(name))
    return people.append_column("entered", pc.not_equal(entries, staged.people.column("stage_entry")))


def _called_soon(census: Census, tasks: Sequence[Mapping[str, Any]]) -> pa.Table:
    """List the people with a fast-lane task that is open in the CRM or on its way there."""
    rules = {rule.id for rule in census.mappings.routing.fast_lane}
    people = {str(task["person_id"]) for task in tasks if task["rule"] in rules and task["person_id"]}
    waiting = {RowState.TODO, RowState.DOING, RowState.UNKNOWN, RowState.HELD}
    people |= {row.person_id for row in census.store.outbox.unsettled() if row.rule in rules and row.state in waiting}
    return pa.table({"person_id": pa.array(sorted(people), pa.string())})


def _with_disposition(people: pa.Table, signals: Signals, called: pa.Table, census: Census, now: datetime) -> pa.Table:
    mappings = census.mappings
    fast = _waiting(people, unacted(signals.fast_lane, census.store.knowledge.marks()), called)
    people = people.append_column("fast_lane", fast).append_column("in_review", people.column("person_review"))
    asked = people.set_column(
        people.column_names.index("in_review"),
        "in_review",
        pc.or_(people.column("person_review"), people.column("match_review")),
    )
    answer = dispositions(mappings.lifecycle, asked)
    people = people.set_column(people.column_names.index("disposition"), "disposition", answer)
    creation = mappings.fields.create
    nobody = pa.array([False] * people.num_rows)
    may = nobody if creation is None else holds(evaluate(creation.when, people, now=now))
    return people.append_column("may_create", may)


def unacted(events: pa.Table, marks: Mapping[str, datetime]) -> pa.Table:
    """Keep fast-lane events that happened after the baseline mark, or in the day before it and were not known then."""
    mark = marks.get("baseline")
    if mark is None:
        return events.slice(0, 0)
    return sql(
        "SELECT * FROM events WHERE landed_at > $mark AND occurred_at > $mark - INTERVAL 24 HOURS ORDER BY occurred_at, id",
        {"mark": mark},
        events=events,
    )


def _waiting(people: pa.Table, events: pa.Table, open_tasks: pa.Table) -> pa.ChunkedArray:
    """Say who has asked for sales and not been called: an event nobody has acted on, or a task that is still open."""
    return sql(
        """
        SELECT person_id, person_id IN (SELECT person_id FROM tasks WHERE person_id IS NOT NULL) OR person_id IN (
            SELECT e.person_id FROM events e JOIN people q USING (person_id) WHERE e.occurred_at > coalesce(
                TRY_CAST(json_extract_string(q.shown, '$.fast."' || e.rule || '"') AS TIMESTAMPTZ), '1970-01-01'::TIMESTAMPTZ)
        ) AS waiting FROM people ORDER BY person_id
        """,
        people=people.select(["person_id", "shown"]),
        events=events,
        tasks=open_tasks,
    ).column("waiting")


def _with_account_scores(accounts: pa.Table, scored: Scored, store: Store) -> pa.Table:
    memory = store.knowledge.accounts()
    shown = pa.table(
        {"account_id": pa.array(list(memory), pa.string()), "shown": pa.array(list(memory.values()), pa.string())}
    )
    return sql(
        'SELECT a.*, s.score AS "account.score", s.score AS "score.total", s.fit_letter AS "account.fit", s.grade, '
        's.grade AS "account.grade", s.roles AS "account.roles", h.shown, \'account:\' || a.account_id AS record '
        "FROM accounts a JOIN scores s USING (account_id) LEFT JOIN shown h USING (account_id) ORDER BY account_id",
        accounts=accounts,
        scores=scored.accounts,
        shown=shown,
    )
