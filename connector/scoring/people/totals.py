"""Totals: lines add up to dimensions, dimensions to a total, a grade, a verdict and a place in the buying process."""

from __future__ import annotations

from collections.abc import Container, Sequence

from connector.domain.sql_text import literal
from connector.scoring.compile import QUESTIONS, SCALE_TENTHS, STAGES, TENTH, CompiledModel, FitRuleC
from connector.scoring.engines.runner import Runner, rounded
from connector.scoring.grades import DISQUALIFIED_RANK, clamped, letter_sql, number_sql, rank_sql, verdict_sql
from connector.scoring.people.fit import held_sql, points_sql, rule_sql
from connector.scoring.people.flags import COLUMNS, create_flags
from connector.scoring.people.qualification import YES_TENTHS

DIMENSIONS = ("fit", "interest", "qualification")
#: the place of the line ``limit`` among the lines of its dimension: last
LIMIT_PLACE = 1_000_000


def create_lines(runner: Runner, model: CompiledModel, declared: Container[str] = (), *, interest: bool = True) -> None:
    """Make ``sums`` (person and its dimensions before clamping) and ``lines``, the ``limit`` lines among them.

    ``lines`` has person, dimension, place, rule, tenths, count, first_day and last_day. Reads ``persons``, ``flags``,
    ``interest_lines`` and ``answers``. ``dimension`` counts from 0 in the order of ``DIMENSIONS``, ``place`` is the
    rule's place in its dimension. Every fit rule that holds, every rule that kept an activity and every answered
    question has a line, be it of 0 points. ``declared`` names the columns of ``flags`` that say where a rule rests on
    declared answers. ``answers`` has ``<question>_day`` where it is known when an answer was given.
    Without ``interest`` its rules' lines are left out: they are a table already, and many.
    """
    confirmed = " + ".join(f"CASE WHEN a.{question} THEN {YES_TENTHS} ELSE 0 END" for question in QUESTIONS)
    runner.table(
        "sums",
        f"""
        SELECT p.person, {held_sql(model.fit, declared, "f.")} AS fit, coalesce(i.tenths, 0)::BIGINT AS interest,
               ({confirmed})::BIGINT AS qualification
        FROM persons p JOIN flags f ON p.person = f.person JOIN answers a ON p.person = a.person
        LEFT JOIN (SELECT person, sum(tenths)::BIGINT AS tenths FROM interest_lines GROUP BY person) i
          ON p.person = i.person""",
    )
    nothing = "NULL::INTEGER AS first_day, NULL::INTEGER AS last_day"
    parts = [
        """SELECT l.person, 1 AS dimension, l.rule AS place, r.id AS rule, l.tenths, l.count, l.first_day, l.last_day
           FROM interest_lines l JOIN interest_rules r ON l.rule = r.rule"""
    ] * interest
    parts += [
        f"SELECT person, 0 AS dimension, {rule.number} AS place, {literal(rule.id)} AS rule,"
        f" ({rule_sql(rule, declared)})::BIGINT AS tenths, 1::BIGINT AS count, {nothing}"
        f" FROM flags WHERE h{rule.number}"
        for rule in model.fit
    ]
    parts += [
        f"SELECT person, 2 AS dimension, {place} AS place, {literal(question)} AS rule,"
        f" (CASE WHEN {question} THEN {YES_TENTHS} ELSE 0 END)::BIGINT AS tenths, 1::BIGINT AS count,"
        f" {question}_day AS first_day, {question}_day AS last_day FROM answers WHERE {question} IS NOT NULL"
        for place, question in enumerate(QUESTIONS)
    ]
    parts += [
        f"SELECT person, {number} AS dimension, {LIMIT_PLACE} AS place, 'limit' AS rule,"
        f" ({clamped(name)} - {name})::BIGINT AS tenths, 0::BIGINT AS count, {nothing}"
        f" FROM sums WHERE {name} <> {clamped(name)}"
        for number, name in enumerate(DIMENSIONS)
    ]
    runner.table("lines", " UNION ALL ".join(parts))


def create_scores(runner: Runner, model: CompiledModel, blamed: Sequence[tuple[int, str]], *, today: int) -> None:
    """Make ``scored``: dimensions, range of fit, total with its contributions, grade, verdict, stage, flags; in tenths.

    Reads ``persons`` (person, role), ``flags``, ``sums`` and ``interest_lines``. The contributions of the dimensions
    to the total are rounded so that they add up to it: what is left over goes to the largest, then to the first.
    """
    reasons = [rule for rule in model.fit if rule.disqualify is not None]
    because = " ".join(f"WHEN h{rule.number} THEN {literal(str(rule.disqualify))}" for rule in reasons)
    low = f"fit + {points_sql(model.fit, '{} IS NULL', '-')}"
    high = f"fit + {points_sql(model.fit, '{} IS NULL', '+')}"
    weight = sum(model.weights)
    exact = " + ".join(f"{factor} * {clamped(name)}" for name, factor in zip(DIMENSIONS, model.weights, strict=True))
    parts = ", ".join(
        f"{rounded(f'{factor} * {clamped(name)}', str(weight))} AS {name}_part"
        for name, factor in zip(DIMENSIONS, model.weights, strict=True)
    )
    runner.table(
        "ranged",
        f"""
        SELECT p.person, p.role, s.fit AS fit_sum, {clamped("s.fit")} AS fit,
               {clamped(low)} AS fit_low, {clamped(high)} AS fit_high,
               {clamped("s.interest")} AS interest, {clamped("s.qualification")} AS qualification,
               {rounded(f"({exact})", str(weight))} AS total, {parts},
               {f"CASE {because} END" if because else "NULL::VARCHAR"} AS disqualified_because
        FROM persons p JOIN sums s USING (person) JOIN flags USING (person)""",
    )
    kept = "person, role, fit_sum, fit, fit_low, fit_high, interest, qualification, total, disqualified_because"
    runner.table(
        "graded",
        f"""
        WITH lettered AS (
            SELECT {kept}, {_with_remainder()},
                   {letter_sql(model, "fit")} AS letter, {number_sql(model, "interest")} AS number
            FROM ranged
        ), placed AS (SELECT *, letter || number AS cell FROM lettered)
        SELECT *, CASE WHEN disqualified_because IS NULL THEN {verdict_sql(model, "cell")} ELSE 'disqualified' END
                  AS verdict
        FROM placed""",
    )
    _create_buying_stages(runner, model)
    runner.table("deciding", deciding_sql(model, model.fit, blamed, "person", "flags", "graded"))
    create_flags(runner, model, today=today)
    runner.table(
        "scored",
        f"""
        SELECT g.*, b.buying_stage, d.field AS deciding_fact, {", ".join(f"f.{name}" for name in COLUMNS)}
        FROM graded g LEFT JOIN buying_stages b USING (person) LEFT JOIN deciding d USING (person)
        LEFT JOIN flagged f USING (person)""",
    )


def _with_remainder() -> str:
    """Write the three parts, the largest of them (then the first) taking what rounding left over."""
    spare = "(total - fit_part - interest_part - qualification_part)"
    largest = {
        "fit_part": "fit_part >= interest_part AND fit_part >= qualification_part",
        "interest_part": "interest_part > fit_part AND interest_part >= qualification_part",
        "qualification_part": "qualification_part > fit_part AND qualification_part > interest_part",
    }
    return ", ".join(f"{part} + CASE WHEN {test} THEN {spare} ELSE 0 END AS {part}" for part, test in largest.items())


def _create_buying_stages(runner: Runner, model: CompiledModel) -> None:
    """Find each person's latest stage with at least its minimum of points, counted over the lines of its rules."""
    carried = [(rule.number, STAGES.index(rule.stage)) for rule in model.interest if rule.stage is not None]
    if not carried:
        runner.table("buying_stages", "SELECT person, NULL::VARCHAR AS buying_stage FROM persons WHERE false")
        return
    places = ", ".join(f"({rule}, {stage})" for rule, stage in carried)
    minima = " ".join(f"WHEN {STAGES.index(name)} THEN {least}" for name, least in model.stages.items())
    names = " ".join(f"WHEN {place} THEN {literal(name)}" for place, name in enumerate(STAGES))
    runner.table(
        "buying_stages",
        f"""
        SELECT person, CASE max(stage) {names} END AS buying_stage
        FROM (SELECT person, stage FROM interest_lines JOIN (VALUES {places}) AS s(rule, stage) USING (rule)
              GROUP BY person, stage HAVING sum(tenths) * {TENTH} >= CASE stage {minima} END)
        GROUP BY person""",
    )


def deciding_sql(
    model: CompiledModel,
    rules: Sequence[FitRuleC],
    blamed: Sequence[tuple[int, str]],
    key: str,
    flags: str,
    graded: str,
) -> str:
    """Write the query (``key``, field) for the one missing fact that would decide the verdict of each ``key``.

    A fact that alone could raise the verdict comes first, the further the better; then the one with most points at
    stake among all that are missing while the range of fit leaves the verdict open; then one that could lower it.
    Reads ``flags`` (``m<place>`` for each pair of ``blamed``) and ``graded`` (``key``, fit_sum, fit_low, fit_high,
    number, disqualified_because).
    """
    if not blamed:
        return f"SELECT {key}, NULL::VARCHAR AS field FROM {graded} WHERE false"
    numbered = {rule.number: rule for rule in rules}
    missing = " UNION ALL ".join(
        f"SELECT {key}, {literal(field)} AS field, {max(0, numbered[rule].tenths)} AS up,"
        f" {min(0, numbered[rule].tenths)} AS down, {str(numbered[rule].disqualify is not None).lower()} AS out"
        f" FROM {flags} WHERE m{place}"
        for place, (rule, field) in enumerate(blamed)
    )
    sums = {
        "now": "g.fit_sum",
        "best": "g.fit_sum + m.up",
        "worst": "g.fit_sum + m.down",
        "highest": "g.fit_high",
        "lowest": "g.fit_low",
    }
    letters = ", ".join(f"{letter_sql(model, clamped(sum_))} AS {name}" for name, sum_ in sums.items())
    cells = ", ".join(f"{name} || number AS {name}" for name in sums)
    ranks = ", ".join(f"{rank_sql(model, name)} AS {name}" for name in sums)
    return f"""
        WITH missing AS (
            SELECT {key}, field, sum(up)::BIGINT AS up, sum(down)::BIGINT AS down, bool_or(out) AS out
            FROM ({missing}) GROUP BY {key}, field
        ), lettered AS (
            SELECT m.{key}, m.field, m.up - m.down AS at_stake, m.out, g.number::VARCHAR AS number, {letters}
            FROM missing m JOIN {graded} g USING ({key}) WHERE g.disqualified_because IS NULL
        ), placed AS (SELECT {key}, field, at_stake, out, {cells} FROM lettered
        ), ranked AS (SELECT {key}, field, at_stake, out, {ranks} FROM placed
        ), weighed AS (
            SELECT {key}, field, at_stake, best, now, highest, lowest,
                   CASE WHEN out THEN {DISQUALIFIED_RANK} ELSE worst END AS worst
            FROM ranked)
        SELECT {key}, field FROM weighed
        WHERE best > now OR worst < now OR highest > now OR lowest < now
        QUALIFY row_number() OVER (
            PARTITION BY {key}
            ORDER BY greatest(best - now, 0) DESC, highest > now DESC, at_stake DESC, worst, field) = 1"""


assert SCALE_TENTHS == 1000
