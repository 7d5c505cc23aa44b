"""The population's table grows to the right: one function per room's answer, each keyed and ordered by person_id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.lake.layout import FIELD, LINK
from connector.lifecycle.disposition import dispositions
from connector.lifecycle.machine import Staged
from connector.mapping.bundle import Mappings
from connector.mapping.evaluate import evaluate, holds
from connector.matching import PERSONS_IN
from connector.pipeline.people.deals import deals, with_deals
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.tables import beside, row_hashes, sql
from connector.ports.traits import AdapterTraits

_NO_TEXT = pa.scalar(None, pa.string())
#: results of accounts that fields of theirs can show, beside numbers and roles
_TOLD_OF_ACCOUNTS = (
    *("buying_stage", "deciding_fact", "too_hot", "too_hot_since", "early_alert", "early_alert_since"),
    *("open_opportunity", "customer", "news"),
)
#: results of an account that its people see → column of the roll-up
ACCOUNT_STANDING: Mapping[str, str] = {
    "account.score": "score",
    "account.fit": "fit_letter",
    **{f"account.{name}": name for name in ("grade", "engaged_people", "ready", "buying_stage", "news")},
    **{f"account.{name}": name for name in ("too_hot", "early_alert")},
    **dict.fromkeys(("account.decider", "account.influencer"), "roles"),
}
#: columns of the scores that facts and fields call ``score.NAME``
_FLAGS = (
    *("too_hot", "too_hot_since", "too_hot_rules"),
    *("early_alert", "early_alert_since", "early_alert_rules"),
)
_SCORED = ("fit", "fit_low", "fit_high", "interest", "qualification", "total", "grade", "verdict", "buying_stage")


def living(persons: pa.Table, identities: pa.Table, facts: pa.Table, marks: Mapping[str, datetime]) -> pa.Table:
    """Begin with everybody who still stands in some system, and their facts.

    Args:
        persons: schema ``connector.identity.PEOPLE``.
        identities: schema ``IDENTITIES``: the references of at least these persons.
        facts: what ``Gatherer.person_facts`` gives.
        marks: of the baseline, by name.

    ``baseline`` is true for people whom no system with a baseline mark knows: what is true of them now was true before
    we came, and opens nothing.
    """
    marked = [name.removeprefix("baseline:") for name in marks if name.startswith("baseline:")]
    return sql(
        """
        SELECT p.person_id, p.subject, p.crm_object, p.crm_id, p.crm_object || ':' || p.crm_id AS record,
            p.crm_state = 'several' AS person_review, p.crm_state = 'gone' AS crm_deleted, false AS erased,
            NOT coalesce(m.marked, false) AS baseline, f.* EXCLUDE (person_id)
        FROM persons p LEFT JOIN facts f USING (person_id) LEFT JOIN (
            SELECT person_id, bool_or(system IN (SELECT name FROM marked)) AS marked FROM identities GROUP BY person_id
        ) m USING (person_id)
        WHERE p.living ORDER BY p.person_id
        """,
        persons=persons,
        facts=facts,
        identities=identities,
        marked=pa.table({"name": pa.array(marked, pa.string())}),
    )


def with_mirror(people: pa.Table, holdings: Holdings, crm: AdapterTraits) -> pa.Table:
    """Set beside each person what their CRM record held at the last pull: owner, account, every field."""
    parts, tables = [], {"people": people.select(["person_id", "record"])}
    for object_ in crm.people:
        table = holdings.get(crm.system, object_)
        tables[object_] = table
        links = {
            name: f'"{LINK}{name}"' if LINK + name in table.column_names else "NULL" for name in ("owner", "account")
        }
        fields = "".join(
            f', "{name}" AS "crm.{name.removeprefix(FIELD)}"' for name in table.column_names if name.startswith(FIELD)
        )
        parts.append(
            f"SELECT '{object_}:' || id AS record, {links['owner']}::VARCHAR AS owner_id, "
            f"{links['account']}::VARCHAR AS link_account_id{fields} FROM {object_}"
        )
    if not parts:
        nothing = pa.nulls(people.num_rows, pa.string())
        return people.append_column("owner_id", nothing).append_column("link_account_id", nothing)
    mirrored = f"SELECT * FROM people LEFT JOIN ({' UNION ALL BY NAME '.join(parts)}) USING (record) ORDER BY person_id"
    return beside(people, sql(mirrored, **tables).drop_columns(["record"]))


def with_signals(people: pa.Table, signals: pa.Table) -> pa.Table:
    """Set beside each person what people in sales did, and the deals."""
    query = "SELECT * FROM people LEFT JOIN signals USING (person_id) ORDER BY person_id"
    return beside(people, sql(query, people=people.select(["person_id"]), signals=signals))


def linked(persons: pa.Table, holdings: Holdings, crm: AdapterTraits, signals: pa.Table) -> pa.Table:
    """Give what accounts need of the people whose CRM record names one.

    Columns: person_id, link_account_id, open_opportunity, human_last.
    """
    parts = [
        f"SELECT '{object_}:' || id AS record, \"{LINK}account\" AS link_account_id FROM {object_}"
        for object_ in crm.people
        if LINK + "account" in holdings.get(crm.system, object_).column_names
    ]
    nobody = "SELECT '' AS record, NULL::VARCHAR AS link_account_id WHERE false"
    return sql(
        f"""
        SELECT p.person_id, link_account_id, s.open_opportunity, s.human_last
        FROM persons p JOIN ({" UNION ALL ".join(parts) or nobody}) r ON r.record = p.crm_object || ':' || p.crm_id
        LEFT JOIN signals s USING (person_id) WHERE p.living AND link_account_id IS NOT NULL
        """,
        persons=persons,
        signals=signals,
        **{object_: holdings.get(crm.system, object_) for object_ in crm.people},
    )


def accounts_with_ties(facts: pa.Table, holdings: Holdings, crm: AdapterTraits, people: pa.Table) -> pa.Table:
    """Give accounts what ties are broken by: an active owner, an open opportunity, the latest human activity."""
    users = holdings.get(crm.system, "user")
    active = FIELD + crm.native.get("user", {}).get("active", "")
    known = active in users.column_names
    owners = f"SELECT id, \"{active}\" = 'true' AS active FROM users" if known else "SELECT '' AS id, false AS active"
    here = with_deals(facts, deals(holdings, crm))
    return sql(
        f"""
        SELECT a.* EXCLUDE (open_opportunity),
            CASE WHEN a.owner_id IS NULL THEN 'none' WHEN u.active THEN 'active' ELSE 'inactive' END AS owner,
            coalesce(u.active, false) AS owner_active,
            a.open_opportunity OR coalesce(p.open, false) AS open_opportunity,
            p.latest AS latest_activity
        FROM accounts a LEFT JOIN ({owners}) u ON u.id = a.owner_id LEFT JOIN (
            SELECT link_account_id AS account_id, bool_or(open_opportunity) AS open, max(human_last) AS latest
            FROM people WHERE link_account_id IS NOT NULL GROUP BY ALL
        ) p USING (account_id) ORDER BY account_id
        """,
        accounts=here,
        users=users,
        people=people.select(["link_account_id", "open_opportunity", "human_last"]),
    )


def to_match(people: pa.Table) -> pa.Table:
    """Give matching what it looks at."""
    return people.select([name for name in PERSONS_IN.names if name in people.column_names])


def with_accounts(people: pa.Table, matches: pa.Table, accounts: pa.Table) -> pa.Table:
    """Set the match beside each person, and the account's facts where the match is sure."""
    named = ", ".join(f'a."{name}" AS "account.{name}"' for name in accounts.column_names if name != "account_id")
    matched = sql(
        f"""
        SELECT p.person_id, CASE WHEN m.review THEN NULL ELSE nullif(m.account_id, '') END AS account_id,
            m.account_id AS match_account_id, m.method AS match_method, m.confidence AS match_confidence,
            m.evidence AS match_evidence, m.runner_up,
            coalesce(m.review, false) AS match_review,
            CASE WHEN m.review THEN 'review' WHEN nullif(m.account_id, '') IS NULL THEN 'none'
                ELSE 'matched' END AS account,
            {named}, a.owner_id AS account_owner_id
        FROM people p LEFT JOIN matches m USING (person_id)
        LEFT JOIN accounts a ON a.account_id = m.account_id AND NOT m.review ORDER BY person_id
        """,
        people=people.select(["person_id"]),
        matches=matches,
        accounts=accounts,
    )
    return beside(people, matched)


def with_erased(people: pa.Table, erased: Collection[str]) -> pa.Table:
    """Mark those who were erased and came back: nothing is decided about them until their tombstone is lifted."""
    mark = pc.is_in(people.column("person_id"), value_set=pa.array(sorted(erased), pa.string()))
    return people.set_column(people.column_names.index("erased"), "erased", mark)


def with_waiting(people: pa.Table, waiting: pa.Array) -> pa.Table:
    """Mark those who may be somebody the CRM knows already: a person must say before anything is created for them."""
    review = pc.or_(people.column("person_review"), pc.is_in(people.column("person_id"), value_set=waiting))
    return people.set_column(people.column_names.index("person_review"), "person_review", review)


def with_bants(people: pa.Table, mappings: Mappings) -> pa.Table:
    """Read what people in sales have confirmed: yes, no, or null while nobody knows; and count the yes."""
    confirmed = pa.array([0] * people.num_rows, pa.int64())
    for question, field in mappings.scoring.dimensions.qualification.bants.items():
        held = "crm." + field
        answer = people.column(held) if held in people.column_names else pa.nulls(people.num_rows, pa.string())
        answer = pc.utf8_lower(answer)
        answer = pc.if_else(pc.is_in(answer, pa.array(["yes", "no"])), answer, _NO_TEXT)
        people = people.append_column(f"bants.{question}", answer)
        confirmed = pc.add(confirmed, pc.cast(pc.fill_null(pc.equal(answer, "yes"), False), pa.int64()))
    return people.append_column("bants.confirmed", confirmed)


def with_scores(people: pa.Table, numbers: pa.Table, reasons: pa.Table, *, today: date) -> pa.Table:
    """Set numbers, grade, verdict, role and reasons beside each person.

    ``score.date`` is the local day ``today``: "as of" on every number.
    """
    grade, verdict = numbers.column("grade"), numbers.column("verdict")
    people = people.append_column("score.date", pa.repeat(pa.scalar(today.isoformat()), people.num_rows))
    named = {"buying_stage": numbers.column("buying_stage")}
    named |= {"score." + name: numbers.column(name) for name in _SCORED}
    named |= {"grade": grade, "verdict": verdict, "role": pc.fill_null(numbers.column("role"), "other")}
    named |= {"fit": pc.utf8_slice_codeunits(grade, 0, 1), "interest": numbers.column("interest")}
    named |= {name: numbers.column(name) for name in ("disqualified_because", "deciding_fact", *_FLAGS)}
    people = beside(people, pa.table({"person_id": numbers.column("person_id"), **named}))
    texts = reasons.select(["person_id", "reasons", "reasons_key", "top_reason"])
    return beside(people, texts.rename_columns(["person_id", "score.reasons", "reasons_key", "top_reason"]))


def _standing(name: str, column: str) -> str:
    """Write one result of an account; of its roles the one that the name says."""
    return f"json_extract_string(a.roles, '$.{name.removeprefix('account.')}')" if column == "roles" else f"a.{column}"


def with_account_scores(people: pa.Table, scores: pa.Table) -> pa.Table:
    """Set the account's standing beside each person (``scores``: what ``connector.scoring.score.roll_up`` gives)."""
    named = ", ".join(f'{_standing(name, column)} AS "{name}"' for name, column in ACCOUNT_STANDING.items())
    rolled_up = sql(
        f"""
        SELECT p.person_id, {named}
        FROM people p LEFT JOIN account_scores a ON a.account_id = p.account_id ORDER BY p.person_id
        """,
        people=people.select(["person_id", "account_id"]),
        account_scores=scores,
    )
    return beside(people, rolled_up)


def with_memory(
    people: pa.Table, memory: pa.Table, aliases: pa.Table, mappings: Mappings, crm: AdapterTraits
) -> pa.Table:
    """Set memory beside each person; where there is none, take over the stage and entry that the CRM record shows.

    ``memory_hash`` tells whether memory changes. A person merged into another hands its memory on where the survivor
    has none. Signals count from the entry into the
    stage; the CRM does not say when that was, so that of a stage taken over nothing counts that is known by now: it was
    weighed by whoever set the stage.
    """
    names = {field.source: name for name, field in mappings.fields.crm.person.items()}
    stage, entry = "crm." + names.get("stage", ""), "crm." + crm.native.get("lead", {}).get("stage_entry", "")
    stages = ", ".join(f"'{name}'" for name in mappings.lifecycle.stages)
    held = f'CASE WHEN "{stage}" IN ({stages}) THEN "{stage}" END' if stage in people.column_names else "NULL::VARCHAR"
    number = f'TRY_CAST("{entry}" AS BIGINT)' if entry in people.column_names else "NULL::BIGINT"
    looked_at = ["person_id", "subject", "human_last", "rejected_at", "open_opportunity", "won_opportunity", "lost_at"]
    looked_at += [name for name in (stage, entry) if name in people.column_names]
    since = f"coalesce(m.stage_since, CASE WHEN {held} IS NULL THEN '1970-01-01' ELSE 'infinity' END::TIMESTAMPTZ)"
    remembered = sql(
        f"""
        WITH own AS (SELECT person_id, h AS memory_hash FROM memory), kept AS (
            SELECT coalesce(a.into, m.person_id) AS person_id, m.* EXCLUDE (person_id)
            FROM memory m LEFT JOIN aliases a USING (person_id)
            QUALIFY row_number() OVER (
                PARTITION BY coalesce(a.into, m.person_id) ORDER BY a.into IS NOT NULL, m.person_id) = 1
        )
        SELECT p.person_id, coalesce(m.stage, {held}) AS stage, m.stage_since,
            coalesce(m.stage_entry, {number}, 0) AS stage_entry, m.cool_off_until, m.disposition, m.shown,
            coalesce(m.subject, p.subject) AS kept_subject, m.person_id IS NOT NULL AS remembered,
            m.account_id AS kept_account,
            coalesce(p.human_last > {since}, false) AS "human.touched",
            p.human_last IS NOT NULL AS "human.ever",
            coalesce(p.rejected_at > {since}, false) AS rejected,
            coalesce(p.open_opportunity, false) AS "crm.open_opportunity",
            coalesce(p.won_opportunity, false) AS "crm.opportunity_won",
            coalesce(p.lost_at > {since}
                AND NOT p.open_opportunity AND NOT p.won_opportunity, false) AS "crm.opportunity_lost",
            o.memory_hash
        FROM people p LEFT JOIN kept m USING (person_id) LEFT JOIN own o USING (person_id) ORDER BY p.person_id
        """,
        people=people.select(looked_at),
        memory=memory.append_column("h", row_hashes(memory)),
        aliases=aliases,
    )
    return beside(people, remembered)


def with_stages(people: pa.Table, staged: Staged) -> pa.Table:
    """Put everybody where the state machine left them; ``entered`` marks who moved in this cycle."""
    entries = people.column("stage_entry")
    for name in ("stage", "stage_since", "stage_entry", "cool_off_until"):
        people = people.set_column(people.column_names.index(name), name, staged.people.column(name))
    return people.append_column("entered", pc.not_equal(entries, staged.people.column("stage_entry")))


def called_soon(mappings: Mappings, tasks: Sequence[Mapping[str, Any]], pending: Pending) -> pa.Table:
    """List the people with a fast-lane task that is open in the CRM or on its way there (``person_id``)."""
    rules = {rule.id for rule in mappings.routing.fast_lane}
    people = {str(task["person_id"]) for task in tasks if task["rule"] in rules and task["person_id"]}
    people |= {person_id for rule, person_id in pending.called if rule in rules}
    return pa.table({"person_id": pa.array(sorted(people), pa.string())})


def unacted(events: pa.Table, marks: Mapping[str, datetime]) -> pa.Table:
    """Keep fast-lane events after their system's baseline mark, or of the day before it that were not known then.

    A system that was added later has a mark of its own, and none in its first cycle: what it tells then was before us.
    """
    names = [name for name in marks if name.startswith("baseline:")]
    marked = {
        "system": pa.array([name.removeprefix("baseline:") for name in names], pa.string()),
        "mark": pa.array([marks[name] for name in names], pa.timestamp("us", "UTC")),
    }
    return sql(
        """
        SELECT e.* FROM events e JOIN marked m USING (system)
        WHERE e.landed_at > m.mark AND e.occurred_at > m.mark - INTERVAL 24 HOURS
        ORDER BY e.occurred_at, e.id
        """,
        events=events,
        marked=pa.table(marked),
    )


def with_disposition(
    people: pa.Table, fresh: pa.Table, called: pa.Table, mappings: Mappings, *, now: datetime
) -> pa.Table:
    """Say where everybody is now, and whom the mappings allow to be created.

    Args:
        people: the table so far.
        fresh: fast-lane events after the mark (``unacted``).
        called: people with an open fast-lane task (``called_soon``).
        mappings: the five files.
        now: the cycle's clock.
    """
    people = people.append_column("fast_lane", _waiting(people, fresh, called))
    people = people.append_column("in_review", people.column("person_review"))
    in_review = pc.or_(people.column("person_review"), people.column("match_review"))
    asked = people.set_column(people.column_names.index("in_review"), "in_review", in_review)
    answer = dispositions(mappings.lifecycle, asked)
    people = people.set_column(people.column_names.index("disposition"), "disposition", answer)
    creation = mappings.fields.create
    nobody = pa.array([False] * people.num_rows, pa.bool_())
    may = nobody if creation is None else holds(evaluate(creation.when, people, now=now))
    return people.append_column("may_create", may)


def _waiting(people: pa.Table, events: pa.Table, called: pa.Table) -> pa.ChunkedArray:
    """Say who has asked for sales and not been called: an event nobody has acted on, or a task that is still open."""
    return sql(
        """
        WITH acted AS (SELECT person_id, shown FROM people), waiting AS (
            SELECT person_id FROM called
            UNION SELECT e.person_id FROM events e JOIN acted q USING (person_id)
            WHERE e.occurred_at > coalesce(
                TRY_CAST(json_extract_string(q.shown, '$.owed."' || e.rule || '"') AS TIMESTAMPTZ),
                TRY_CAST(json_extract_string(q.shown, '$.fast."' || e.rule || '"') AS TIMESTAMPTZ), '1970-01-01')
        )
        SELECT person_id IN (SELECT person_id FROM waiting) AS waiting FROM people ORDER BY person_id
        """,
        people=people.select(["person_id", "shown"]),
        events=events,
        called=called,
    ).column("waiting")


def accounts_with_scores(accounts: pa.Table, scores: pa.Table, memory: Mapping[str, str], mirror: pa.Table) -> pa.Table:
    """Give every CRM account its score, what was shown last, and what the CRM holds in each field (``crm.FIELD``).

    ``scores`` and ``mirror`` have at most one row for each. In order of account; they are thousands in every cycle, so
    columns are put side by side.
    """
    accounts = accounts.filter(pc.is_in(accounts.column("account_id"), value_set=scores.column("account_id")))
    accounts = accounts.take(pc.sort_indices(accounts, [("account_id", "ascending")]))
    ids = accounts.column("account_id").cast(pa.string())
    found = scores.take(pc.index_in(ids, value_set=scores.column("account_id").cast(pa.string())))
    shown = pa.array([memory.get(id_) for id_ in ids.to_pylist()], pa.string())
    named = {"score": ("account.score", "score.total"), "fit_letter": ("account.fit",)}
    named |= {"grade": ("grade", "account.grade"), "roles": ("account.roles",)}
    named |= {"engaged_people": ("account.engaged_people",), "ready": ("account.ready",)}
    told = {name: found.column(column) for column, names in named.items() for name in names} | {"shown": shown}
    told |= {f"account.{name}": found.column(name) for name in _TOLD_OF_ACCOUNTS}
    reasons = ("ready", "news", "too_hot", "early_alert", "buying_stage", "roles")
    texts = [found.column(name).cast(pa.string()) for name in reasons]
    told["reasons_key"] = pc.binary_join_element_wise(*texts, "|", null_handling="skip")
    told["record"] = pc.binary_join_element_wise("account", ids, ":")
    fields = [name for name in mirror.column_names if name.startswith(FIELD)]
    there = mirror.select(fields).take(pc.index_in(ids, value_set=mirror.column("id").cast(pa.string())))
    told |= {f"crm.{name.removeprefix(FIELD)}": there.column(name) for name in fields}
    return pa.table({**dict(zip(accounts.column_names, accounts.columns, strict=True)), **told})
