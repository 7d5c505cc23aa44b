"""Interest: hits become one line per person and rule, in integers. Score often; nothing is matched again.

Each kind of rule does only what its own kind needs: of most rules every hit of a day earns the same, whatever came
before, and no row of theirs is ever sorted.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import pyarrow as pa

from connector.scoring.compile import TENTH, CompiledModel, InterestRuleC, earnings
from connector.scoring.engines.runner import Runner, rounded

#: tables of what an age is worth are made for ages up to a multiple of this, so that few of them are ever made
_AGES_AT_ONCE = 128
_EARNED = "person, rule, count, first_day, last_day, micro"


def create_interest_lines(runner: Runner, model: CompiledModel, *, today: int | str) -> None:
    """Make the table ``interest_lines`` (person, rule, tenths, count, first_day, last_day) from the table ``daily``.

    ``daily`` (person, rule, day, hits) holds at most one row per person, rule and local day; ``today`` is the local
    day, in days since 1970, on which ages end, or SQL that says it for each ``person``. Days after it count as today:
    where clocks go back at midnight, an earlier instant can carry a later date. Makes ``kept_daily`` (person, rule,
    day, kept, before) besides, of rules with a window, falling returns or a buying stage: what was kept of each day.
    """
    oldest = runner.fetch(f"SELECT coalesce(max({today} - day), 0) AS days FROM daily").column("days")[0].as_py()
    ages = _AGES_AT_ONCE * (1 + max(0, oldest) // _AGES_AT_ONCE)
    runner.register("interest_rules", _rules(model))
    runner.register("worth", _worth(model.interest, ages))
    slot = f"rule * {ages} + greatest({today} - day, 0)::BIGINT"
    kept = [rule for rule in model.interest if rule.at_most is not None or len(rule.points) > 1 or rule.stage]
    _create_kept(runner, kept)
    parts = []
    plain = [rule for rule in model.interest if rule not in kept]
    if plain:
        parts.append(_alike("daily", "hits", plain, slot))
    alike = [rule for rule in kept if len(rule.points) == 1]
    if alike:
        parts.append(_alike("kept_daily", "kept", alike, slot))
    falling = [rule for rule in kept if len(rule.points) > 1]
    if falling:
        parts.append(_falling(falling, slot))
    nobody = (
        "SELECT person, rule, hits AS count, day AS first_day, day AS last_day, hits AS micro FROM daily WHERE false"
    )
    runner.table("earned", " UNION ALL ".join(parts) or nobody)
    _create_bounded(runner, model)


def _alike(source: str, hits: str, rules: Iterable[InterestRuleC], slot: str) -> str:
    """Write what rules earn of which each kept activity earns the same."""
    return f"""
        SELECT d.person, d.rule, sum(d.{hits})::BIGINT AS count, min(d.day) AS first_day, max(d.day) AS last_day,
               sum(d.{hits} * w.each)::BIGINT AS micro
        FROM (SELECT person, rule, day, {hits}, {slot} AS slot FROM {source} WHERE rule IN ({_numbers(rules)})) d
        JOIN worth w ON w.slot = d.slot
        GROUP BY d.person, d.rule"""


def _falling(rules: Iterable[InterestRuleC], slot: str) -> str:
    """Write what rules earn of which each kept activity earns by its rank."""
    return f"""
        SELECT k.person, k.rule, sum(k.kept)::BIGINT AS count, min(k.day) AS first_day, max(k.day) AS last_day,
               sum(
                   list_extract(w.first, (least(k.before + k.kept, w.steps) + 1)::INTEGER)
                 - list_extract(w.first, (least(k.before, w.steps) + 1)::INTEGER)
                 + (greatest(k.before + k.kept, w.steps) - greatest(k.before, w.steps)) * w.each
               )::BIGINT AS micro
        FROM (SELECT person, rule, day, kept, before, {slot} AS slot FROM kept_daily
              WHERE rule IN ({_numbers(rules)})) k
        JOIN worth w ON w.slot = k.slot
        GROUP BY k.person, k.rule"""


def _numbers(rules: Iterable[InterestRuleC]) -> str:
    return ", ".join(str(rule.number) for rule in rules) or "-1"


def _rules(model: CompiledModel) -> pa.Table:
    groups = model.groups
    by_id = {rule.number: place for place, rule in enumerate(sorted(model.interest, key=lambda rule: rule.id))}
    rows = [
        {
            "rule": rule.number,
            "id": rule.id,
            "place": by_id[rule.number],
            "at_most": rule.at_most,
            "window_days": rule.window_days,
            "line_limit": rule.limit,
            "group_number": rule.group,
            "cap": None if rule.group is None else groups[rule.group].cap,
            "depth": None if rule.group is None else groups[rule.group].depth,
        }
        for rule in model.interest
    ]
    numbers = ("place", "at_most", "window_days", "line_limit", "cap", "depth")
    schema = pa.schema(
        [
            ("rule", pa.int32()),
            ("id", pa.string()),
            ("group_number", pa.int32()),
            *((name, pa.int64()) for name in numbers),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


@lru_cache(maxsize=4)
def _worth(rules: tuple[InterestRuleC, ...], ages: int) -> pa.Table:
    """Tabulate what activities earn: one row per rule and age below ``ages``, so that a search is a look into a list.

    ``slot`` is rule x ages + age; ``each`` and ``first`` are as in ``earnings``, ``steps`` is the place in ``first`` up
    to which points change. What has decayed to nothing or expired earns 0.
    """
    known = {(row["rule"], row["age"]): row for row in earnings(rules, ages - 1).to_pylist()}
    rows = []
    for rule in rules:
        steps = len(rule.points) - 1
        nothing = {"first": [0] * (steps + 1), "each": 0}
        for age in range(ages):
            earned = known.get((rule.number, -1 if rule.half_life is None else age), nothing)
            if rule.expires_days is not None and age > rule.expires_days:
                earned = nothing
            rows.append((rule.number * ages + age, earned["each"], steps, earned["first"]))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (pa.int64(), pa.int64(), pa.int64(), pa.list_(pa.int64()))
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["slot", "each", "steps", "first"])


def _create_kept(runner: Runner, rules: list[InterestRuleC]) -> None:
    """Keep the first n of each window, and say how many were kept before each day: that is the rank.

    Only days of a window that holds more than n are put in order, and only those of a rule with falling returns.
    """
    limited = [rule for rule in rules if rule.at_most is not None]
    free = [rule for rule in rules if rule.at_most is None]
    opens = "d.day - ((d.day % r.window_days + r.window_days) % r.window_days)"
    runner.table(
        "placed",
        f"""
        SELECT d.person, d.rule, d.day, d.hits, r.at_most, {opens} AS opens
        FROM daily d JOIN interest_rules r ON r.rule = d.rule WHERE d.rule IN ({_numbers(limited)})""",
    )
    runner.table(
        "crowded",
        """SELECT person, rule, opens FROM placed
           GROUP BY person, rule, opens HAVING sum(hits)::BIGINT > max(at_most)""",
    )
    ranked = _numbers(rule for rule in rules if len(rule.points) > 1)
    runner.table(
        "first_of_window",
        f"""
        SELECT person, rule, day, hits AS kept FROM daily WHERE rule IN ({_numbers(free)})
        UNION ALL
        SELECT p.person, p.rule, p.day, p.hits AS kept
        FROM placed p LEFT JOIN crowded c ON c.person = p.person AND c.rule = p.rule AND c.opens = p.opens
        WHERE c.person IS NULL
        UNION ALL
        SELECT person, rule, day, kept FROM (
            SELECT p.person, p.rule, p.day,
                   least(p.hits, greatest(0, p.at_most + p.hits - (sum(p.hits) OVER (
                       PARTITION BY p.person, p.rule, p.opens ORDER BY p.day))::BIGINT)) AS kept
            FROM placed p JOIN crowded c ON c.person = p.person AND c.rule = p.rule AND c.opens = p.opens
        ) o WHERE kept > 0""",
    )
    runner.table(
        "kept_daily",
        f"""
        SELECT person, rule, day, kept, 0::BIGINT AS before FROM first_of_window WHERE rule NOT IN ({ranked})
        UNION ALL
        SELECT person, rule, day, kept,
               (sum(kept) OVER (PARTITION BY person, rule ORDER BY day))::BIGINT - kept AS before
        FROM first_of_window WHERE rule IN ({ranked})""",
    )


def _create_bounded(runner: Runner, model: CompiledModel) -> None:
    """Clamp each line to its rule, scale each side of a group into its bound, and round once.

    The lines of one side of a group (its positives, its negatives) add up to the side's own rounded sum: what rounding
    leaves over goes to the longest line, then to the first id.
    """
    alone = _numbers(rule for rule in model.interest if rule.group is None)
    grouped = _numbers(rule for rule in model.interest if rule.group is not None)
    clamped = "greatest(least(e.micro, r.line_limit), -r.line_limit)::BIGINT"
    runner.table(
        "sided",
        f"""
        SELECT e.person, e.rule, e.count, e.first_day, e.last_day, {clamped} AS micro, r.place,
               r.group_number * 2 + CASE WHEN e.micro > 0 THEN 1 ELSE 0 END AS side,
               CASE WHEN e.micro > 0 THEN r.cap ELSE r.depth END AS bound
        FROM earned e JOIN interest_rules r ON r.rule = e.rule WHERE e.rule IN ({grouped}) AND e.micro <> 0
          AND r.line_limit > 0""",
    )
    places = max(1, len(model.interest))
    runner.table(
        "sides",
        f"""
        SELECT person, side, sum(abs(micro))::BIGINT AS side_sum, max(bound) AS bound,
               max(abs(micro) * {places} + {places - 1} - place) AS longest
        FROM sided GROUP BY person, side""",
    )
    scaled = rounded("s.micro * t.bound", f"t.side_sum * {TENTH}")
    runner.table(
        "scaled",
        f"""
        SELECT s.person, s.rule, s.count, s.first_day, s.last_day, s.side,
               (CASE WHEN t.side_sum > t.bound THEN {scaled} ELSE {rounded("s.micro", str(TENTH))} END)::BIGINT
               AS tenths,
               CASE WHEN abs(s.micro) * {places} + {places - 1} - s.place = t.longest
                    THEN {rounded("least(t.side_sum, coalesce(t.bound, t.side_sum))", str(TENTH))} END AS whole
        FROM sided s JOIN sides t ON t.person = s.person AND t.side = s.side""",
    )
    runner.table(
        "left_over",
        "SELECT person, side, sum(tenths)::BIGINT AS tenths FROM scaled GROUP BY person, side HAVING count(*) > 1",
    )
    spare = "(CASE WHEN s.side % 2 = 1 THEN s.whole ELSE -s.whole END) - o.tenths"
    runner.table(
        "interest_lines",
        f"""
        SELECT e.person, e.rule, {rounded("e.micro", str(TENTH))}::BIGINT AS tenths, e.count, e.first_day, e.last_day
        FROM (SELECT e.person, e.rule, e.count, e.first_day, e.last_day, {clamped} AS micro
              FROM earned e JOIN interest_rules r ON r.rule = e.rule
              WHERE e.rule IN ({alone}) OR e.micro = 0 OR r.line_limit = 0) e
        UNION ALL
        SELECT s.person, s.rule, (s.tenths + coalesce({spare}, 0))::BIGINT AS tenths, s.count, s.first_day, s.last_day
        FROM scaled s LEFT JOIN left_over o ON o.person = s.person AND o.side = s.side AND s.whole IS NOT NULL""",
    )
