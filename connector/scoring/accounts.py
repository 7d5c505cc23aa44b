"""Accounts: people roll up to the account they belong to; a junior crowd is not intent."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.sql_text import literal
from connector.mapping.evaluate import evaluate
from connector.scoring.compile import OTHER_QUARTERS, ROLE_QUARTERS, TENTH, CompiledModel
from connector.scoring.engine import Runner, rounded
from connector.scoring.fit import fields_of, fit_flags, points_sql
from connector.scoring.grades import clamped, letter_sql, number_sql

#: weights ½, ¼ … are carried as whole 2^-32ths; whoever comes after the 33rd adds less than a hundredth of a
#: micropoint and counts nothing
_MOST_PEOPLE = 33
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
    ]
)


def score_accounts(runner: Runner, model: CompiledModel, accounts: pa.Table | None, *, now: datetime) -> pa.Table:
    """Score every account that is listed or that a person belongs to, sorted by id; columns: ``ACCOUNTS``.

    Reads ``standings`` (account_id, role, fit, interest; tenths): one row per person with an account. ``roles`` is
    JSON text such as ``{"decider": "engaged", "influencer": "missing"}``; ``known`` = somebody has the role and is
    not engaged.
    """
    facts = _facts(runner, accounts)
    runner.register("account_rows", facts.select(["account_id"]).append_column("account", _numbers(facts)))
    own = model.account.rules
    flags, _ = fit_flags(own or (), facts, now=now)
    runner.register("account_flags", flags.rename_columns({"person": "account"}))
    _create_rolled_up(runner, model)
    fit = "best_fit" if own is None else clamped(points_sql(own, "{}"))
    reasons = [rule for rule in own or () if rule.disqualify is not None]
    because = " ".join(f"WHEN h{rule.number} THEN {literal(str(rule.disqualify))}" for rule in reasons)
    roles = " || ', ' || ".join(f"""'"{role}": "' || {role} || '"'""" for role in model.roles) or "''"
    scored = runner.fetch(
        f"""
        WITH fitted AS (
            SELECT r.*, {fit}::BIGINT AS fit, {f"CASE {because} END" if because else "NULL::VARCHAR"} AS because
            FROM rolled_up r JOIN account_flags USING (account)
        )
        SELECT account_id, fit / 10.0::DOUBLE AS fit, score / 10.0::DOUBLE AS score,
               {letter_sql(model, "fit")} || {number_sql(model, "score")} AS grade, engaged_people,
               '{{' || {roles} || '}}' AS roles, {letter_sql(model, "fit")} AS fit_letter,
               coalesce(buyer_engaged, false) AND because IS NULL AS ready, because AS disqualified_because
        FROM fitted ORDER BY account_id""",
        ACCOUNTS,
    )
    return _with_readiness(scored, facts, model, now)


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
    quarters = " ".join(f"WHEN {literal(role)} THEN {factor}" for role, factor in ROLE_QUARTERS.items())
    given = f"least(coalesce(interest, 0) * {TENTH}, {rules.cap}) * CASE role {quarters} ELSE {OTHER_QUARTERS} END // 4"
    # nobody beyond the last has a weight, and what has none is not summed
    halves = " ".join(f"WHEN {place} THEN {1 << (_MOST_PEOPLE - place)}" for place in range(1, _MOST_PEOPLE + 1))
    coverage = ", ".join(
        f"CASE WHEN bool_or(engaged AND role = {literal(role)}) THEN 'engaged'"
        f" WHEN bool_or(role = {literal(role)}) THEN 'known' ELSE 'missing' END AS {role}"
        for role in model.roles
    )
    runner.table(
        "rolled_up",
        f"""
        WITH members AS (
            SELECT a.account, a.account_id, s.role, s.fit, s.interest * {TENTH} >= {rules.engaged} AS engaged,
                   {given} AS given, row_number() OVER (PARTITION BY a.account ORDER BY {given} DESC) AS place
            FROM account_rows a LEFT JOIN standings s USING (account_id)
        ), summed AS (
            SELECT account, account_id,
                   coalesce(sum(given * CASE place {halves} END), 0)::BIGINT AS weighted,
                   count(*) FILTER (WHERE engaged) AS engaged_people,
                   coalesce(max(fit), 0) AS best_fit,
                   bool_or(engaged AND role IN ('decider', 'influencer')) AS buyer_engaged
                   {", " + coverage if coverage else ""}
            FROM members GROUP BY account, account_id
        )
        SELECT *, {clamped(rounded(_score(rules.breadth), str(TENTH << (_MOST_PEOPLE - 1))))} AS score
        FROM summed""",
    )


def _score(breadth: int) -> str:
    return f"weighted + least(greatest(engaged_people - 1, 0) * {breadth}, 100000000) * {1 << (_MOST_PEOPLE - 1)}"


def _with_readiness(scored: pa.Table, facts: pa.Table, model: CompiledModel, now: datetime) -> pa.Table:
    """Answer ``ready_when``; ready needs an engaged decider or influencer besides, and no condition means not ready."""
    condition = model.account.ready_when
    ready = scored.column("ready")
    if condition is None:
        ready = pa.repeat(pa.scalar(False), scored.num_rows)
    else:
        seen = facts
        for name, source in {
            "score": "score",
            "fit": "fit",
            "grade": "grade",
            "engaged_people": "engaged_people",
            "account.score": "score",
            "account.fit": "fit_letter",
            "account.grade": "grade",
            "account.engaged_people": "engaged_people",
        }.items():
            if name in seen.column_names:
                seen = seen.drop_columns([name])
            seen = seen.append_column(name, scored.column(source))
        answer = evaluate(
            condition, seen.select([n for n in fields_of([condition]) if n in seen.column_names]), now=now
        )
        ready = pc.and_(ready, pc.fill_null(answer, False))
    return scored.set_column(scored.schema.get_field_index("ready"), ACCOUNTS.field("ready"), ready)
