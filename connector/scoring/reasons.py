"""Reasons beside the number: what counted most, what is missing, and how to open the talk, as text for a CRM field."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.scoring import ScoringModel
from connector.scoring.compile import QUESTIONS, compile_model
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.people.totals import DIMENSIONS
from connector.scoring.score import BUCKET_PEOPLE, Scored

REASONS = pa.schema(
    [
        ("person_id", pa.string()),
        ("reasons", pa.string()),
        ("reasons_key", pa.string()),
        ("top_reason", pa.string()),
        ("missing", pa.string()),
        ("opening", pa.string()),
    ]
)
_SHOWN = {"fit": "fit", "interest": "interest", "qualification": "confirmed"}
#: what is no number: a burst without a history, a first sign of ideal fit, what was said otherwise than known
_FLAGS = """
    CASE WHEN s.too_hot THEN '. Too hot, perhaps only a benchmark: ' || replace(s.too_hot_rules, '-', ' ')
        || ' since ' || s.too_hot_since::VARCHAR || ', nothing earlier' ELSE '' END
    || CASE WHEN s.early_alert THEN '. Early alert: ' || replace(s.early_alert_rules, '-', ' ')
        || ' on ' || s.early_alert_since::VARCHAR || ', the first sign' ELSE '' END
    || coalesce('. Said otherwise than found: ' || s.declared_differs, '')"""
#: a qualification line reads as what the person confirmed
_CONFIRMED = "'confirmed: ' || replace(rule, '_', ' ')"
#: Since when something is confirmed is told by `explain` alone: a CRM dates records, not fields, so our own next write
#: would move the day for whoever reads the record only then, and every record would be written again.
_DATED = "CASE WHEN dimension = 'qualification' THEN NULL ELSE last_on END"


def top_reasons(
    scored: Scored, model: ScoringModel, *, longest: int = 255, count: int = 3, engine: Engine = EMBEDDED
) -> pa.Table:
    """Say why each person has their number, sorted by person; columns: ``REASONS``.

    ``reasons`` has at most ``longest`` characters: the three dimensions, the ``count`` lines that move the total most
    (the strongest deed always among them) with dates, what all other lines add to each dimension (so that it adds up),
    flags, the missing fact and an opening; what does not fit is left out from the end. ``reasons_key`` changes only
    when another set of lines leads, a leading line has a new last date, or a disqualification or flag comes or goes;
    never because points decay. ``top_reason`` is the strongest deed, else the first reason, without points; empty where
    there is none. Dates are local days, as in the lines.
    """
    weights = compile_model(model).weights
    scores = scored.scores
    place = pc.index_in(scored.lines.column("person_id"), value_set=scores.column("person_id").combine_chunks())
    lines = scored.lines.drop_columns(["person_id"]).append_column("person", place)
    return pa.concat_tables(
        [REASONS.empty_table()]
        + [
            _tell(scores.slice(first, BUCKET_PEOPLE), _between(lines, first), first, weights, longest, count, engine)
            for first in range(0, scores.num_rows, BUCKET_PEOPLE)
        ]
    )


def _between(lines: pa.Table, first: int) -> pa.Table:
    person = lines.column("person")
    return lines.filter(pc.and_(pc.greater_equal(person, first), pc.less(person, first + BUCKET_PEOPLE)))


def _tell(
    scores: pa.Table,
    lines: pa.Table,
    first: int,
    weights: Sequence[int],
    longest: int,
    count: int,
    engine: Engine,
) -> pa.Table:
    """Tell the reasons of some people, who stand from place ``first`` on."""
    persons = pa.array(range(first, first + scores.num_rows), pa.int32())
    with engine.runner() as runner:
        runner.register("scores", scores.append_column("person", persons))
        runner.register("lines", lines)
        runner.table(
            "leaders",
            f"""
            WITH placed AS (
                SELECT person, dimension, rule, count, last_on, tenths,
                       row_number() OVER (PARTITION BY person ORDER BY abs(tenths) * {_by_dimension(weights)} DESC,
                           last_on DESC NULLS LAST, {_by_dimension(range(len(DIMENSIONS)))}, rule) AS place
                FROM (SELECT person, dimension, rule, count, {_DATED} AS last_on, round(points * 10)::BIGINT AS tenths
                      FROM lines WHERE rule <> 'limit' AND points <> 0)
            ), seated AS (
                SELECT *, coalesce(min(CASE WHEN dimension = 'interest' AND tenths > 0 THEN place END)
                                   OVER (PARTITION BY person), 1) AS deed
                FROM placed
            )
            SELECT *, least(place, {count}) AS seat, {_phrase()} AS phrase FROM seated
            WHERE place < {count} OR place = deed OR (place = {count} AND deed <= {count})""",
        )
        seats = ", ".join(f"max(said) FILTER (WHERE seat = {seat})" for seat in range(1, count + 1))
        runner.table(
            "told",
            f"""
            SELECT person, concat_ws('; ', {seats}) AS told, array_to_string(list_sort(list(name)), '|') AS key,
                   coalesce(max(phrase) FILTER (WHERE place = deed AND dimension = 'interest'),
                            max(phrase) FILTER (WHERE place = 1)) AS top_reason,
                   arg_max(replace(rule, '-', ' ') || ' of ' || last_on::VARCHAR, (last_on, -place))
                       FILTER (WHERE dimension = 'interest' AND tenths > 0) AS latest,
                   {", ".join(_told(name) for name in DIMENSIONS)}
            FROM (SELECT *, phrase || ' (' || {_signed("tenths")} || ')' AS said,
                         dimension || '.' || rule || coalesce('@' || last_on::VARCHAR, '') AS name FROM leaders)
            GROUP BY person""",
        )
        runner.table(
            "asked",
            f"""
            SELECT person, {_first_unanswered()} AS question
            FROM scores LEFT JOIN (
                SELECT person, list(rule) AS known FROM lines
                WHERE dimension = 'qualification' AND rule <> 'limit' GROUP BY person) USING (person)""",
        )
        return runner.fetch(_texts(longest), REASONS)


def _texts(longest: int) -> str:
    """Write the query that puts the parts together, the longest choice that fits first."""
    others = " || ".join(
        f"CASE WHEN {rest} <> 0 THEN '; other {_SHOWN[name]} ' || {_signed(rest)} ELSE '' END"
        for name, rest in ((name, f"(round({name} * 10)::BIGINT - coalesce({name}_told, 0))") for name in DIMENSIONS)
    )
    most = "head || told || others"
    choices = (f"{most} || flags || gap || open", f"{most} || flags || gap", f"{most} || flags", most)
    fitting = " ".join(f"WHEN length({choice}) <= {longest} THEN {choice}" for choice in choices)
    return f"""
        WITH parts AS (
            SELECT s.person_id, t.top_reason, s.deciding_fact, t.latest, a.question,
                   concat_ws('|', 'disqualified:' || s.disqualified_because, CASE WHEN s.too_hot THEN 'too_hot' END,
                             CASE WHEN s.early_alert THEN 'early_alert' END, t.key) AS key,
                   coalesce('Disqualified: ' || s.disqualified_because || '. ', '')
                   || 'Fit ' || {_plain("fit")} || ', interest ' || {_plain("interest")}
                   || ', confirmed ' || {_plain("qualification")} || '. ' AS head,
                   coalesce(t.told, 'nothing counts yet') AS told, {others} AS others,
                   {_FLAGS} AS flags, coalesce('. Missing: ' || s.deciding_fact, '') AS gap
            FROM scores s LEFT JOIN told t USING (person) LEFT JOIN asked a USING (person)
        ), opened AS (
            SELECT *, CASE WHEN latest IS NOT NULL THEN 'start from ' || latest
                           WHEN question IS NOT NULL THEN 'ask about ' || question END AS opening
            FROM parts
        ), whole AS (SELECT *, coalesce('. Opening: ' || opening, '') AS open FROM opened)
        SELECT person_id,
               CASE {fitting} ELSE left(head || told, {longest - 1}) || '…' END AS reasons,
               key AS reasons_key, coalesce(top_reason, '') AS top_reason, deciding_fact AS missing, opening
        FROM whole ORDER BY person_id"""


def _phrase() -> str:
    """Write a line in words: ``pricing page 3x, last 2026-04-01``, ``decider``, ``confirmed: need``."""
    words = "replace(rule, '-', ' ')"
    times = "CASE WHEN count > 1 THEN ' ' || count::VARCHAR || 'x' ELSE '' END"
    dated = f"{words} || {times} || coalesce(', last ' || last_on::VARCHAR, '')"
    return f"CASE dimension WHEN 'qualification' THEN {_CONFIRMED} ELSE {dated} END"


def _told(dimension: str) -> str:
    return f"(sum(tenths) FILTER (WHERE dimension = '{dimension}'))::BIGINT AS {dimension}_told"


def _first_unanswered() -> str:
    """Write the first question nobody has answered yet; null when all five are."""
    cases = " ".join(
        f"WHEN known IS NULL OR NOT list_contains(known, '{question}') THEN '{question.replace('_', ' ')}'"
        for question in ("need", *(other for other in QUESTIONS if other != "need"))
    )
    return f"CASE {cases} END"


def _by_dimension(values: Sequence[int]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {value}" for name, value in zip(DIMENSIONS, values, strict=True))
    return f"CASE dimension {cases} END"


def _plain(points: str) -> str:
    return _tenths(f"round({points} * 10)::BIGINT")


def _signed(tenths: str) -> str:
    return f"(CASE WHEN {tenths} < 0 THEN '-' ELSE '+' END || {_tenths(f'abs({tenths})')})"


def _tenths(tenths: str) -> str:
    """Write tenths, never negative, as a short decimal: 12.5, 40."""
    part = f"({tenths}) % 10"
    return f"((({tenths}) // 10)::VARCHAR || CASE WHEN {part} = 0 THEN '' ELSE '.' || ({part})::VARCHAR END)"
