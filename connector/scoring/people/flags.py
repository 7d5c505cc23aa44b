"""Flags that are no numbers: too hot (a burst without a history) and the early alert (ideal fit, a first signal).

Both are functions of what was kept as of one day. *Late* signals are those of rules of the stage decision, *early* ones
those of the stages before. docs/mapping/scoring-rules.md says it in words.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.domain.sql_text import literal
from connector.scoring.compile import CompiledModel, EarlyAlertC, InterestRuleC, TooHotC
from connector.scoring.engines.runner import Runner

#: what ``flagged`` holds beside the person; days since 1970
COLUMNS = (
    *("too_hot_since", "too_hot_count", "too_hot_rules"),
    *("early_alert_since", "early_alert_rules", "early_first", "late_first"),
)
_NOBODY = """SELECT person, NULL::INTEGER AS too_hot_since, NULL::BIGINT AS too_hot_count,
    NULL::VARCHAR AS too_hot_rules, NULL::INTEGER AS early_alert_since, NULL::VARCHAR AS early_alert_rules,
    NULL::INTEGER AS early_first, NULL::INTEGER AS late_first FROM persons WHERE false"""


def create_flags(runner: Runner, model: CompiledModel, *, today: int) -> None:
    """Make ``flagged`` (person and ``COLUMNS``) for whoever showed a signal; ``…_since`` is null where no flag stands.

    Reads ``persons``, ``kept_daily`` (person, rule, day, kept) and ``graded`` (person, letter, disqualified_because).
    ``early_first`` and ``late_first`` are the days of the first signal of either kind.
    """
    early = [rule for rule in model.interest if rule.stage in ("awareness", "consideration")]
    late = [rule for rule in model.interest if rule.stage == "decision"]
    if not early and not late:
        runner.table("flagged", _NOBODY)
        return
    numbers = ", ".join(str(rule.number) for rule in (*early, *late))
    runner.table(
        "signal_days",
        f"""
        SELECT person, least(day, {today})::INTEGER AS day, {_kept(early)} AS early, {_kept(late)} AS late
        FROM kept_daily WHERE rule IN ({numbers}) GROUP BY person, least(day, {today})""",
    )
    runner.table(
        "first_signals",
        """
        SELECT person, min(CASE WHEN early > 0 THEN day END) AS early_first,
               min(CASE WHEN late > 0 THEN day END) AS late_first
        FROM signal_days GROUP BY person""",
    )
    _create_hot(runner, model.too_hot, late, today)
    _create_alerts(runner, model.early_alert, early, today)
    runner.table(
        "flagged",
        """
        SELECT f.person, h.since AS too_hot_since, h.signals AS too_hot_count, h.rules AS too_hot_rules,
               a.since AS early_alert_since, a.rules AS early_alert_rules, f.early_first, f.late_first
        FROM first_signals f LEFT JOIN hot h ON h.person = f.person LEFT JOIN alerts a ON a.person = f.person""",
    )


def _create_hot(runner: Runner, flag: TooHotC | None, late: Sequence[InterestRuleC], today: int) -> None:
    """Make ``hot`` (person, since, signals, rules): the earliest burst that still stands."""
    if flag is None or not late:
        runner.table("hot", _none("since", "signals"))
        return
    back = "UNBOUNDED" if flag.history_days is None else str(flag.history_days)
    runner.table(
        "bursts",
        f"""
        WITH counted AS (
            SELECT s.person, s.day, s.late,
                   (sum(s.late) OVER (PARTITION BY s.person ORDER BY s.day
                        RANGE BETWEEN CURRENT ROW AND {flag.within_days - 1} FOLLOWING))::BIGINT AS signals,
                   (sum(s.early) OVER (PARTITION BY s.person ORDER BY s.day
                        RANGE BETWEEN {back} PRECEDING AND 1 PRECEDING))::BIGINT AS before
            FROM signal_days s JOIN (
                SELECT DISTINCT person FROM signal_days WHERE late > 0 AND {today} - day < {flag.lasts_days}
            ) r ON r.person = s.person
        )
        SELECT person, min(day) AS since FROM counted
        WHERE late > 0 AND signals >= {flag.signals} AND coalesce(before, 0) = 0 AND {today} - day < {flag.lasts_days}
        GROUP BY person""",
    )
    runner.table(
        "hot",
        f"""
        SELECT b.person, b.since, sum(k.kept)::BIGINT AS signals, {_named(late)} AS rules
        FROM bursts b JOIN kept_daily k ON k.person = b.person
        WHERE k.rule IN ({_numbers(late)})
          AND least(k.day, {today}) BETWEEN b.since AND b.since + {flag.within_days - 1}
        GROUP BY b.person, b.since""",
    )


def _create_alerts(runner: Runner, flag: EarlyAlertC | None, early: Sequence[InterestRuleC], today: int) -> None:
    """Make ``alerts`` (person, since, rules)."""
    if flag is None or not early:
        runner.table("alerts", _none("since"))
        return
    runner.table(
        "alerts",
        f"""
        SELECT f.person, f.early_first AS since, {_named(early)} AS rules
        FROM first_signals f JOIN graded g ON g.person = f.person JOIN kept_daily k ON k.person = f.person
        WHERE {today} - f.early_first < {flag.lasts_days} AND (f.late_first IS NULL OR f.late_first > f.early_first)
          AND g.letter IN ({", ".join(map(literal, flag.letters))}) AND g.disqualified_because IS NULL
          AND k.rule IN ({_numbers(early)}) AND least(k.day, {today}) = f.early_first
        GROUP BY f.person, f.early_first""",
    )


def _kept(rules: Sequence[InterestRuleC]) -> str:
    if not rules:
        return "0::BIGINT"
    return f"sum(CASE WHEN rule IN ({_numbers(rules)}) THEN kept ELSE 0 END)::BIGINT"


def _numbers(rules: Sequence[InterestRuleC]) -> str:
    return ", ".join(str(rule.number) for rule in rules)


def _named(rules: Sequence[InterestRuleC]) -> str:
    """Write the rules of the rows of ``k`` with how often each, in the model's order: ``pricing-page 2x``."""
    parts = []
    for rule in rules:
        times = f"sum(CASE WHEN k.rule = {rule.number} THEN k.kept ELSE 0 END)::BIGINT"
        parts.append(f"CASE WHEN {times} > 0 THEN {literal(rule.id + ' ')} || ({times})::VARCHAR || 'x' END")
    return f"concat_ws(', ', {', '.join(parts)})"


def _none(*numbers: str) -> str:
    columns = ", ".join(f"NULL::{'INTEGER' if name == 'since' else 'BIGINT'} AS {name}" for name in numbers)
    return f"SELECT person, {columns}, NULL::VARCHAR AS rules FROM persons WHERE false"
