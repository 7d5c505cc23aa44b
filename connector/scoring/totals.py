"""Totals: lines add up to dimensions, dimensions to a total, a grade, a verdict and a place in the buying process."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from connector.domain.sql_text import literal
from connector.scoring.compile import QUESTIONS, SCALE_TENTHS, STAGES, TENTH, CompiledModel
from connector.scoring.engine import rounded
from connector.scoring.fit import points_sql
from connector.scoring.grades import DISQUALIFIED_RANK, clamped, letter_sql, number_sql, rank_sql, verdict_sql
from connector.scoring.qualification import YES_TENTHS

DIMENSIONS = ("fit", "interest", "qualification")
#: the place of the line ``limit`` among the lines of its dimension: last
LIMIT_PLACE = 1_000_000


def create_lines(connection: duckdb.DuckDBPyConnection, model: CompiledModel) -> None:
    """Make ``lines`` (person, dimension, place, rule, tenths, count, first_day, last_day) with the ``limit`` lines.

    Reads ``flags``, ``interest_lines`` and ``answers``. ``dimension`` counts from 0 in the order of ``DIMENSIONS``,
    ``place`` is the rule's place in its dimension. Every fit rule that holds, every rule that kept an activity and
    every answered question has a line, be it of 0 points.
    """
    nothing = "NULL::INTEGER AS first_day, NULL::INTEGER AS last_day"
    parts = [
        f"SELECT person, 0 AS dimension, {rule.number} AS place, {literal(rule.id)} AS rule, {rule.tenths} AS tenths,"
        f" 1 AS count, {nothing} FROM flags WHERE h{rule.number}"
        for rule in model.fit
    ]
    parts.append(
        "SELECT person, 1, rule, r.id, tenths, count, first_day, last_day"
        " FROM interest_lines JOIN interest_rules r USING (rule)"
    )
    parts += [
        f"SELECT person, 2, {place}, {literal(question)},"
        f" CASE WHEN {question} THEN {YES_TENTHS} ELSE 0 END, 1, {nothing} FROM answers WHERE {question} IS NOT NULL"
        for place, question in enumerate(QUESTIONS)
    ]
    connection.execute("""
        CREATE TEMP TABLE lines (person INTEGER, dimension INTEGER, place INTEGER, rule VARCHAR, tenths BIGINT,
                                 count BIGINT, first_day INTEGER, last_day INTEGER)""")
    for part in parts:
        connection.execute(f"INSERT INTO lines {part}")
    sums = ", ".join(
        f"coalesce(sum(tenths) FILTER (dimension = {number}), 0)::BIGINT AS {name}"
        for number, name in enumerate(DIMENSIONS)
    )
    connection.execute(f"""
        CREATE TEMP TABLE sums AS
        SELECT p.person, {", ".join(f"coalesce(s.{name}, 0)::BIGINT AS {name}" for name in DIMENSIONS)}
        FROM persons p LEFT JOIN (SELECT person, {sums} FROM lines GROUP BY person) s USING (person)""")
    for number, name in enumerate(DIMENSIONS):
        connection.execute(f"""
            INSERT INTO lines
            SELECT person, {number}, {LIMIT_PLACE}, 'limit', {clamped(name)} - {name}, 0, NULL, NULL
            FROM sums WHERE {name} <> {clamped(name)}""")


def create_scores(
    connection: duckdb.DuckDBPyConnection, model: CompiledModel, blamed: Sequence[tuple[int, str]]
) -> None:
    """Make ``scored``: dimensions, range of fit, total with its contributions, grade, verdict, stage; in tenths.

    Reads ``persons`` (person, role), ``flags``, ``sums`` and ``lines``. The contributions of the dimensions to the
    total are rounded so that they add up to it: what is left over goes to the largest, then to the first.
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
    connection.execute(f"""
        CREATE TEMP TABLE ranged AS
        SELECT p.person, p.role, s.fit AS fit_sum, {clamped("s.fit")} AS fit,
               {clamped(low)} AS fit_low, {clamped(high)} AS fit_high,
               {clamped("s.interest")} AS interest, {clamped("s.qualification")} AS qualification,
               {rounded(f"({exact})", str(weight))} AS total, {parts},
               {f"CASE {because} END" if because else "NULL::VARCHAR"} AS disqualified_because
        FROM persons p JOIN sums s USING (person) JOIN flags USING (person)""")
    connection.execute(f"""
        CREATE TEMP TABLE graded AS
        WITH lettered AS (
            SELECT * REPLACE ({_with_remainder()}),
                   {letter_sql(model, "fit")} AS letter, {number_sql(model, "interest")} AS number
            FROM ranged
        ), placed AS (SELECT *, letter || number AS cell FROM lettered)
        SELECT *, CASE WHEN disqualified_because IS NULL THEN {verdict_sql(model, "cell")} ELSE 'disqualified' END
                  AS verdict
        FROM placed""")
    _create_buying_stages(connection, model)
    _create_deciding_facts(connection, model, blamed)
    connection.execute("""
        CREATE TEMP TABLE scored AS
        SELECT g.*, b.buying_stage, d.field AS deciding_fact
        FROM graded g LEFT JOIN buying_stages b USING (person) LEFT JOIN deciding d USING (person)""")


def _with_remainder() -> str:
    """Write the three parts, the largest of them (then the first) taking what rounding left over."""
    spare = "(total - fit_part - interest_part - qualification_part)"
    largest = {
        "fit_part": "fit_part >= interest_part AND fit_part >= qualification_part",
        "interest_part": "interest_part > fit_part AND interest_part >= qualification_part",
        "qualification_part": "qualification_part > fit_part AND qualification_part > interest_part",
    }
    return ", ".join(f"{part} + CASE WHEN {test} THEN {spare} ELSE 0 END AS {part}" for part, test in largest.items())


def _create_buying_stages(connection: duckdb.DuckDBPyConnection, model: CompiledModel) -> None:
    """Find each person's latest stage with at least its minimum of points, counted over the lines of its rules."""
    carried = [(rule.number, STAGES.index(rule.stage)) for rule in model.interest if rule.stage is not None]
    if not carried:
        connection.execute("CREATE TEMP TABLE buying_stages (person INTEGER, buying_stage VARCHAR)")
        return
    places = ", ".join(f"({rule}, {stage})" for rule, stage in carried)
    minima = " ".join(f"WHEN {STAGES.index(name)} THEN {least}" for name, least in model.stages.items())
    names = " ".join(f"WHEN {place} THEN {literal(name)}" for place, name in enumerate(STAGES))
    connection.execute(f"""
        CREATE TEMP TABLE buying_stages AS
        SELECT person, CASE max(stage) {names} END AS buying_stage
        FROM (SELECT person, stage FROM interest_lines JOIN (VALUES {places}) AS s(rule, stage) USING (rule)
              GROUP BY person, stage HAVING sum(tenths) * {TENTH} >= CASE stage {minima} END)
        GROUP BY person""")


def _create_deciding_facts(
    connection: duckdb.DuckDBPyConnection, model: CompiledModel, blamed: Sequence[tuple[int, str]]
) -> None:
    """Find the one missing fact that would decide the verdict.

    A fact that alone could raise the verdict comes first, the further the better; then the one with most points at
    stake among all that are missing while the range of fit leaves the verdict open; then one that could lower it.
    """
    if not blamed:
        connection.execute("CREATE TEMP TABLE deciding (person INTEGER, field VARCHAR)")
        return
    numbered = {rule.number: rule for rule in model.fit}
    missing = " UNION ALL ".join(
        f"SELECT person, {literal(field)} AS field, {max(0, numbered[rule].tenths)} AS up,"
        f" {min(0, numbered[rule].tenths)} AS down, {str(numbered[rule].disqualify is not None).lower()} AS out"
        f" FROM flags WHERE m{place}"
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
    connection.execute(f"""
        CREATE TEMP TABLE deciding AS
        WITH missing AS (
            SELECT person, field, sum(up)::BIGINT AS up, sum(down)::BIGINT AS down, bool_or(out) AS out
            FROM ({missing}) GROUP BY person, field
        ), lettered AS (
            SELECT m.person, m.field, m.up - m.down AS at_stake, m.out, g.number::VARCHAR AS number, {letters}
            FROM missing m JOIN graded g USING (person) WHERE g.disqualified_because IS NULL
        ), placed AS (SELECT person, field, at_stake, out, {cells} FROM lettered
        ), ranked AS (SELECT person, field, at_stake, out, {ranks} FROM placed
        ), weighed AS (SELECT * REPLACE (CASE WHEN out THEN {DISQUALIFIED_RANK} ELSE worst END AS worst) FROM ranked)
        SELECT person, field FROM weighed
        WHERE best > now OR worst < now OR highest > now OR lowest < now
        QUALIFY row_number() OVER (
            PARTITION BY person
            ORDER BY greatest(best - now, 0) DESC, highest > now DESC, at_stake DESC, worst, field) = 1""")


assert SCALE_TENTHS == 1000
