"""Interest: hits become one line per person and rule, in integers. Score often; nothing is matched again."""

from __future__ import annotations

import pyarrow as pa

from connector.scoring.compile import TENTH, CompiledModel, earnings
from connector.scoring.engine import Runner, rounded, signed


def create_interest_lines(runner: Runner, model: CompiledModel, *, today: int | str) -> None:
    """Make the table ``interest_lines`` (person, rule, tenths, count, first_day, last_day) from the table ``daily``.

    ``daily`` (person, rule, day, hits) holds at most one row per person, rule and local day; ``today`` is the local
    day, in days since 1970, on which ages end, or SQL that says it for each ``person``. Days after it count as today:
    where clocks go back at midnight, an earlier instant can carry a later date.
    """
    oldest = runner.fetch(f"SELECT coalesce(max({today} - day), 0) AS days FROM daily").column("days")[0].as_py()
    runner.register("earnings", earnings(model.interest, max(0, oldest)))
    runner.register("interest_rules", _rules(model))
    _create_kept(runner)
    runner.table(
        "earned",
        f"""
        SELECT k.person, k.rule, sum(k.kept)::BIGINT AS count, min(k.day) AS first_day, max(k.day) AS last_day,
               coalesce(sum(
                   list_extract(e.first, (least(k.before + k.kept, r.steps) + 1)::INTEGER)
                 - list_extract(e.first, (least(k.before, r.steps) + 1)::INTEGER)
                 + (greatest(k.before + k.kept, r.steps) - greatest(k.before, r.steps)) * e.each
               ), 0)::BIGINT AS micro
        FROM kept_daily k
        JOIN interest_rules r USING (rule)
        LEFT JOIN earnings e
          ON e.rule = k.rule
         AND e.age = CASE WHEN r.decays THEN greatest({today} - k.day, 0) ELSE -1 END
         AND {today} - k.day <= r.expires
        GROUP BY k.person, k.rule""",
    )
    _create_bounded(runner)


def _rules(model: CompiledModel) -> pa.Table:
    groups = model.groups
    rows = [
        {
            "rule": rule.number,
            "id": rule.id,
            "steps": len(rule.points) - 1,
            "at_most": rule.at_most,
            "window_days": rule.window_days,
            "decays": rule.half_life is not None,
            "expires": 2**31 - 1 if rule.expires_days is None else rule.expires_days,
            "line_limit": rule.limit,
            "group_number": rule.group,
            "cap": None if rule.group is None else groups[rule.group].cap,
            "depth": None if rule.group is None else groups[rule.group].depth,
        }
        for rule in model.interest
    ]
    numbers = ("steps", "at_most", "window_days", "expires", "line_limit", "cap", "depth")
    schema = pa.schema(
        [
            ("rule", pa.int32()),
            ("id", pa.string()),
            ("decays", pa.bool_()),
            ("group_number", pa.int32()),
            *((name, pa.int64()) for name in numbers),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _create_kept(runner: Runner) -> None:
    """Keep the first n of each window, and say how many were kept before each day: that is the rank."""
    runner.table(
        "kept_daily",
        """
        WITH placed AS (
            SELECT d.person, d.rule, d.day, d.hits, r.at_most,
                   CASE WHEN r.window_days IS NULL THEN 0
                        ELSE d.day - ((d.day % r.window_days + r.window_days) % r.window_days) END AS opens
            FROM daily d JOIN interest_rules r USING (rule)
        ), first_of_window AS (
            SELECT person, rule, day,
                   CASE WHEN at_most IS NULL THEN hits
                        ELSE least(hits, greatest(0, at_most + hits - (sum(hits) OVER (
                            PARTITION BY person, rule, opens ORDER BY day))::BIGINT)) END AS kept
            FROM placed
        )
        SELECT person, rule, day, kept,
               (sum(kept) OVER (PARTITION BY person, rule ORDER BY day))::BIGINT - kept AS before
        FROM first_of_window WHERE kept > 0""",
    )


def _create_bounded(runner: Runner) -> None:
    """Clamp each line to its rule, scale each side of a group into its bound, and round once.

    The lines of one side of a group (its positives, its negatives) add up to the side's own rounded sum: what rounding
    leaves over goes to the longest line, then to the first id.
    """
    scaled = rounded("micro * bound", f"side_sum * {TENTH}")
    runner.table(
        "interest_lines",
        f"""
        WITH clamped AS (
            SELECT e.person, e.rule, e.count, e.first_day, e.last_day, r.id, r.group_number,
                   greatest(least(e.micro, r.line_limit), -r.line_limit)::BIGINT AS micro,
                   CASE WHEN e.micro > 0 THEN r.cap ELSE r.depth END AS bound, {signed("e.micro")} AS way
            FROM earned e JOIN interest_rules r USING (rule)
        ), summed AS (
            SELECT *, CASE WHEN group_number IS NULL OR micro = 0 THEN NULL
                      ELSE (sum(abs(micro)) OVER side)::BIGINT END AS side_sum
            FROM clamped WINDOW side AS (PARTITION BY person, group_number, way)
        ), each_rounded AS (
            SELECT *, CASE WHEN side_sum > bound THEN {scaled} ELSE {rounded("micro", str(TENTH))} END AS tenths
            FROM summed
        )
        SELECT person, rule,
               (CASE WHEN side_sum IS NOT NULL AND row_number() OVER longest = 1
                     THEN tenths + way * {rounded("least(side_sum, coalesce(bound, side_sum))", str(TENTH))}
                          - sum(tenths) OVER side
                     ELSE tenths END)::BIGINT AS tenths,
               count, first_day, last_day
        FROM each_rounded
        WINDOW side AS (PARTITION BY person, group_number, way),
               longest AS (PARTITION BY person, group_number, way ORDER BY abs(micro) DESC, id)""",
    )
