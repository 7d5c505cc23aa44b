"""Accounts: people roll up to the account they belong to; a junior crowd is not intent."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.sql_text import literal
from connector.scoring.accounts.hierarchy import lineage
from connector.scoring.accounts.readiness import with_readiness
from connector.scoring.compile import (
    OTHER_QUARTERS,
    ROLE_QUARTERS,
    STAGES,
    TENTH,
    AccountC,
    CompiledModel,
    HierarchyC,
)
from connector.scoring.engines.runner import Runner, rounded
from connector.scoring.grades import clamped, letter_sql, number_sql
from connector.scoring.people.fit import fit_flags, points_sql
from connector.scoring.people.totals import deciding_sql

#: weights ½, ¼ … are carried as whole 2^-32ths; whoever comes after the 33rd adds less than a hundredth of a
#: micropoint and counts nothing
_MOST_PEOPLE = 33
#: what accounts need of a person: tenths, the place of the buying stage in ``STAGES``, days since 1970
STANDINGS = pa.schema(
    [
        ("person_id", pa.string()),
        ("account_id", pa.string()),
        ("role", pa.string()),
        ("fit", pa.int64()),
        ("interest", pa.int64()),
        ("stage", pa.int32()),
        ("too_hot_since", pa.int32()),
        ("early_first", pa.int32()),
        ("late_first", pa.int32()),
    ]
)
ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("fit", pa.float64()),
        ("score", pa.float64()),
        ("grade", pa.string()),
        ("engaged_people", pa.int64()),
        ("roles", pa.string()),
        ("fit_letter", pa.string()),
        ("ready", pa.bool_()),
        ("disqualified_because", pa.string()),
        ("fit_low", pa.float64()),
        ("fit_high", pa.float64()),
        ("deciding_fact", pa.string()),
        ("buying_stage", pa.string()),
        ("too_hot", pa.bool_()),
        ("too_hot_since", pa.date32()),
        ("early_alert", pa.bool_()),
        ("early_alert_since", pa.date32()),
        ("open_opportunity", pa.bool_()),
        ("customer", pa.bool_()),
        ("news", pa.bool_()),
    ]
)
#: columns that ``connector.scoring.accounts.readiness`` fills
_LATER = ("open_opportunity", "customer", "news")


def standings_sql() -> str:
    """Write the query for what accounts need of the people in ``scored`` and ``persons``: ``STANDINGS``."""
    stages = " ".join(f"WHEN {literal(name)} THEN {place}" for place, name in enumerate(STAGES))
    return f"""
        SELECT p.person_id, p.account_id, s.role, s.fit, s.interest, CASE s.buying_stage {stages} END AS stage,
               s.too_hot_since, s.early_first, s.late_first
        FROM scored s JOIN persons p USING (person) WHERE p.account_id <> ''"""


def score_accounts(
    runner: Runner, model: CompiledModel, accounts: pa.Table | None, *, now: datetime, today: int
) -> pa.Table:
    """Score every account that is listed or that a person belongs to, sorted by id; columns: ``ACCOUNTS``.

    Reads ``standings`` (``STANDINGS``): one row per person with an account; ``today`` is the local day, in days since
    1970. ``roles`` is JSON text such as ``{"decider": "engaged", "influencer": "missing"}``; ``known`` = somebody has
    the role and is not engaged.
    """
    facts = _facts(runner, accounts)
    runner.register("account_rows", facts.select(["account_id"]).append_column("account", _numbers(facts)))
    own = model.account.rules
    flags, blamed = fit_flags(own or (), facts, now=now)
    runner.register("account_flags", flags.rename_columns(["account", *flags.column_names[1:]]))
    hierarchy = model.account.hierarchy
    if hierarchy is not None:
        runner.register("lineage", lineage(hierarchy, facts, now=now))
    _create_rolled_up(runner, model)
    _create_graded(runner, model)
    runner.table(
        "account_deciding", deciding_sql(model, own or (), blamed, "account", "account_flags", "account_graded")
    )
    roles = " || ', ' || ".join(f"""'"{role}": "' || {role} || '"'""" for role in model.roles) or "''"
    numbers = ", ".join(f"g.{name} / 10.0::DOUBLE AS {name}" for name in ("fit", "score", "fit_low", "fit_high"))
    alert = model.early_alert
    alerted = "false"
    if alert is not None:
        alerted = (
            f"coalesce(letter IN ({', '.join(map(literal, alert.letters))}) AND disqualified_because IS NULL"
            f" AND {today} - early_first < {alert.lasts_days}"
            " AND (late_first IS NULL OR late_first > early_first), false)"
        )
    hot = "coalesce(hot_since IS NOT NULL AND (early_first IS NULL OR early_first >= hot_since), false)"
    scored = runner.fetch(
        f"""
        SELECT g.account_id, {numbers}, g.letter || g.number AS grade, g.engaged_people,
               '{{' || {roles} || '}}' AS roles, g.letter AS fit_letter,
               coalesce(g.buyer_engaged, false) AND g.disqualified_because IS NULL AS ready,
               g.disqualified_because, d.field AS deciding_fact, g.buying_stage, {hot} AS too_hot,
               CASE WHEN {hot} THEN g.hot_since END AS too_hot_since, {alerted} AS early_alert,
               CASE WHEN {alerted} THEN g.early_first END AS early_alert_since
        FROM account_graded g LEFT JOIN account_deciding d ON d.account = g.account ORDER BY g.account_id""",
    )
    for name in _LATER:
        scored = scored.append_column(name, pa.nulls(scored.num_rows, pa.bool_()))
    return with_readiness(scored.select(ACCOUNTS.names).cast(ACCOUNTS), facts, model, now)


def _create_graded(runner: Runner, model: CompiledModel) -> None:
    """Make ``account_graded``: what rolled up, with fit, its range, letter and number; in tenths."""
    own = model.account.rules
    reasons = [rule for rule in own or () if rule.disqualify is not None]
    because = " ".join(f"WHEN h{rule.number} THEN {literal(str(rule.disqualify))}" for rule in reasons)
    held = "best_fit" if own is None else points_sql(own, "{}")
    low, high = "0", "0"
    if own is not None:
        low, high = points_sql(own, "{} IS NULL", "-"), points_sql(own, "{} IS NULL", "+")
    runner.table(
        "account_graded",
        f"""
        WITH fitted AS (
            SELECT r.*, {held}::BIGINT AS fit_sum, ({held} + {low})::BIGINT AS low_sum,
                   ({held} + {high})::BIGINT AS high_sum,
                   {f"CASE {because} END" if because else "NULL::VARCHAR"} AS disqualified_because
            FROM rolled_up r JOIN account_flags USING (account)
        ), ranged AS (
            SELECT *, {clamped("fit_sum")} AS fit, {clamped("low_sum")} AS fit_low, {clamped("high_sum")} AS fit_high
            FROM fitted
        )
        SELECT *, {letter_sql(model, "fit")} AS letter, {number_sql(model, "score")} AS number FROM ranged""",
    )


def _facts(runner: Runner, accounts: pa.Table | None) -> pa.Table:
    """List all accounts, sorted by id, with what is known of them as ``account.<column>``."""
    members = runner.fetch("SELECT DISTINCT account_id FROM standings").column("account_id").cast(pa.string())
    listed = pa.chunked_array([[]], pa.string())
    if accounts is not None:
        listed = accounts.column("account_id").cast(pa.string())
    ids = pc.drop_null(pc.unique(pa.chunked_array([*listed.chunks, *members.chunks], pa.string())))
    ids = ids.take(pc.array_sort_indices(ids))
    columns: dict[str, pa.Array] = {"account_id": ids}
    if accounts is not None:
        rows = pc.index_in(ids, value_set=listed.combine_chunks())
        for name in accounts.column_names:
            columns[f"account.{name}"] = accounts.column(name).take(rows)
    return pa.table(columns)


def _numbers(rows: pa.Table) -> pa.Array:
    return pa.array(range(rows.num_rows), pa.int32())


def _create_rolled_up(runner: Runner, model: CompiledModel) -> None:
    rules = model.account
    # nobody beyond the last has a weight, and what has none is not summed
    halves = " ".join(f"WHEN {place} THEN {1 << (_MOST_PEOPLE - place)}" for place in range(1, _MOST_PEOPLE + 1))
    coverage = "".join(
        f", CASE WHEN bool_or(engaged AND role = {literal(role)}) THEN 'engaged'"
        f" WHEN bool_or(role = {literal(role)}) THEN 'known' ELSE 'missing' END AS {role}"
        for role in model.roles
    )
    runner.table(
        "rolled_up",
        f"""
        WITH members AS ({_members(rules, rules.hierarchy)}
        ), placed AS (
            SELECT *, row_number() OVER (PARTITION BY account ORDER BY given DESC) AS place FROM members
        ), summed AS (
            SELECT account, account_id,
                   coalesce(sum(given * CASE place {halves} END), 0)::BIGINT AS weighted,
                   count(*) FILTER (WHERE engaged) AS engaged_people,
                   coalesce(max(fit), 0) AS best_fit,
                   bool_or(engaged AND role IN ('decider', 'influencer')) AS buyer_engaged,
                   min(too_hot_since) AS hot_since, min(early_first) AS early_first, min(late_first) AS late_first,
                   {_buying_stage(rules)} AS buying_stage
                   {coverage}
            FROM placed GROUP BY account, account_id
        )
        SELECT *, {clamped(rounded(_score(rules.breadth), str(TENTH << (_MOST_PEOPLE - 1))))} AS score
        FROM summed""",
    )


def _members(rules: AccountC, hierarchy: HierarchyC | None) -> str:
    """Write the query for who counts at which account, and the micropoints that each gives."""
    quarters = " ".join(f"WHEN {literal(role)} THEN {factor}" for role, factor in ROLE_QUARTERS.items())
    given = (
        f"least(coalesce(s.interest, 0) * {TENTH}, {rules.cap}) * CASE s.role {quarters} ELSE {OTHER_QUARTERS} END // 4"
    )
    columns = f"""
        s.role, s.fit, s.interest * {TENTH} >= {rules.engaged} AS engaged, s.stage, s.too_hot_since, s.early_first,
        s.late_first"""
    if hierarchy is None:
        return f"""
            SELECT a.account, a.account_id, {columns}, {given} AS given
            FROM account_rows a LEFT JOIN standings s USING (account_id)"""
    taken = rounded(f"({given}) * {hierarchy.hundredths}", "100")
    return f"""
        SELECT a.account, a.account_id, {columns}, CASE WHEN l.own THEN {given} ELSE {taken} END AS given
        FROM lineage l JOIN account_rows a ON a.account = l.account JOIN account_rows b ON b.account = l.member
        LEFT JOIN standings s ON s.account_id = b.account_id"""


def _buying_stage(rules: AccountC) -> str:
    """Write the latest stage that enough people have reached; who is in a later one has reached the earlier ones."""
    cases = " ".join(
        f"WHEN count(*) FILTER (WHERE stage >= {place}) >= {rules.stage_people[place]} THEN {literal(STAGES[place])}"
        for place in reversed(range(len(STAGES)))
    )
    return f"CASE {cases} END"


def _score(breadth: int) -> str:
    return f"weighted + least(greatest(engaged_people - 1, 0) * {breadth}, 100000000) * {1 << (_MOST_PEOPLE - 1)}"
