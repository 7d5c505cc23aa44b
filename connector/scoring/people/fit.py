"""Fit: which rules hold, which cannot be answered yet, who plays which role. Unknown is neither zero nor no."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.conditions import Condition, Test, tests_of
from connector.mapping.evaluate import Evaluator
from connector.scoring.compile import CompiledModel, FitRuleC


def fields_of(conditions: Iterable[Condition]) -> list[str]:
    """List the fields that conditions ask about, sorted."""
    return sorted({test.field for condition in conditions for test in tests_of(condition)})


def join_account_facts(people: pa.Table, accounts: pa.Table | None, fields: Sequence[str]) -> pa.Table:
    """Give people the ``account.*`` columns that are asked about and that they do not carry themselves."""
    if accounts is None or "account_id" not in people.column_names:
        return people
    wanted = [
        field
        for field in fields
        if field.startswith("account.")
        and field not in people.column_names
        and field.removeprefix("account.") in accounts.column_names
    ]
    if not wanted:
        return people
    rows = pc.index_in(people.column("account_id").cast(pa.string()), accounts.column("account_id").cast(pa.string()))
    for field in wanted:
        people = people.append_column(field, accounts.column(field.removeprefix("account.")).take(rows))
    return people


def fit_flags(rules: Sequence[FitRuleC], facts: pa.Table, *, now: datetime) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Answer every rule for every row.

    Returns a table with a column ``h<number>`` per rule (true, false, null = cannot be answered), in the rows' order,
    and columns ``m<i>`` saying where the i-th pair of the returned list, (rule, field), stands for a rule that cannot
    be answered and a field of it that is to blame.
    """
    evaluator = Evaluator(facts, now=now)
    columns: dict[str, pa.Array] = {"person": _numbers(facts.num_rows)}
    blamed: list[tuple[int, str]] = []
    for rule in rules:
        answer = evaluator.evaluate(rule.condition)
        columns[f"h{rule.number}"] = answer
        if answer.null_count == 0:
            continue
        tests = list(tests_of(rule.condition))
        for field in sorted({test.field for test in tests}):
            columns[f"m{len(blamed)}"] = _blames(evaluator, answer, [test for test in tests if test.field == field])
            blamed.append((rule.number, field))
    return pa.table(columns), blamed


def _blames(evaluator: Evaluator, answer: pa.BooleanArray, tests: list[Test]) -> pa.BooleanArray:
    unanswered = pc.is_null(evaluator.evaluate(tests[0]))
    for test in tests[1:]:
        unanswered = pc.or_(unanswered, pc.is_null(evaluator.evaluate(test)))
    return pc.and_(pc.is_null(answer), unanswered)


def _numbers(rows: int) -> pa.Array:
    return pa.array(range(rows), pa.int32())


def roles(model: CompiledModel, facts: pa.Table, *, now: datetime) -> pa.Array:
    """Give each person's role: decider, else influencer, else other; null where a missing fact could make them one."""
    evaluator = Evaluator(facts, now=now)
    role: pa.Array = pa.repeat(pa.scalar("other", pa.string()), facts.num_rows)
    nobody = pa.scalar(None, pa.string())
    for name in ("influencer", "decider"):
        if name not in model.roles:
            continue
        answer = evaluator.evaluate(model.roles[name])
        unclear = pc.and_(pc.is_null(answer), pc.fill_null(pc.equal(role, "other"), False))
        role = pc.if_else(pc.fill_null(answer, False), name, pc.if_else(unclear, nobody, role))
    return role


def held_sql(rules: Sequence[FitRuleC], declared: Container[str], flags: str = "") -> str:
    """Write Σ tenths over the rules that hold; ``flags`` is the table's alias with its point."""
    terms = [f"({rule_sql(rule, declared, flags)})" for rule in rules if rule.tenths or rule.declared]
    return "(" + " + ".join(terms or ["0"]) + ")::BIGINT"


def rule_sql(rule: FitRuleC, declared: Container[str], flags: str = "") -> str:
    """Write what one rule gives: its tenths where it holds, or those of a declared answer."""
    worth = str(rule.tenths)
    if f"d{rule.number}" in declared:
        worth = f"CASE WHEN {flags}d{rule.number} THEN {rule.declared} ELSE {rule.tenths} END"
    return f"CASE WHEN {flags}h{rule.number} THEN {worth} ELSE 0 END"


def points_sql(rules: Sequence[FitRuleC], condition: str, side: str = "") -> str:
    """Write Σ tenths over the rules whose flag fulfils ``condition`` (``{}`` is the flag's column).

    ``side`` ``+`` or ``-`` takes only rules whose points have that sign.
    """
    terms = [
        f"CASE WHEN {condition.format(f'h{rule.number}')} THEN {rule.tenths} ELSE 0 END"
        for rule in rules
        if rule.tenths and (not side or (rule.tenths > 0) == (side == "+"))
    ]
    return "(" + " + ".join(terms or ["0"]) + ")::BIGINT"
