"""The whole engine: people, activities and accounts in; scores, the lines behind them, and accounts out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.scoring import ScoringModel
from connector.scoring.accounts.roll_up import STANDINGS, score_accounts, standings_sql
from connector.scoring.compile import QUESTIONS, CompiledModel, compile_model
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine, Runner
from connector.scoring.hits.match import match_hits
from connector.scoring.local_days import local_day, zone_of
from connector.scoring.people.declared import DIFFERS, declared_flags, with_declared
from connector.scoring.people.fit import fields_of, fit_flags, join_account_facts, roles
from connector.scoring.people.interest import create_interest_lines
from connector.scoring.people.interest_columns import interest_lines
from connector.scoring.people.qualification import answers
from connector.scoring.people.totals import DIMENSIONS, LIMIT_PLACE, create_lines, create_scores

#: people scored in one go: this bounds memory, not the result
BUCKET_PEOPLE = 250_000
SCORES = pa.schema(
    [
        ("person_id", pa.string()),
        ("fit", pa.float64()),
        ("fit_low", pa.float64()),
        ("fit_high", pa.float64()),
        ("interest", pa.float64()),
        ("qualification", pa.float64()),
        ("total", pa.float64()),
        ("grade", pa.string()),
        ("verdict", pa.string()),
        ("buying_stage", pa.string()),
        ("role", pa.string()),
        ("disqualified_because", pa.string()),
        ("deciding_fact", pa.string()),
        ("fit_part", pa.float64()),
        ("interest_part", pa.float64()),
        ("qualification_part", pa.float64()),
        ("too_hot", pa.bool_()),
        ("too_hot_since", pa.date32()),
        ("too_hot_count", pa.int64()),
        ("too_hot_rules", pa.string()),
        ("early_alert", pa.bool_()),
        ("early_alert_since", pa.date32()),
        ("early_alert_rules", pa.string()),
        ("declared_differs", pa.string()),
    ]
)
LINES = pa.schema(
    [
        ("person_id", pa.string()),
        ("dimension", pa.string()),
        ("rule", pa.string()),
        ("points", pa.float64()),
        ("count", pa.int64()),
        ("first_on", pa.date32()),
        ("last_on", pa.date32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of a population; points are multiples of 0.1.

    Attributes:
        scores: one row per person, sorted by ``person_id``; columns: ``SCORES``. The three ``_part`` columns add up to
            ``total``; ``role`` and ``deciding_fact`` are null where unknown and where none would decide. Flags carry
            their evidence: since which local day, how many signals, of which rules.
        lines: sorted by person, dimension and the model's order, ``limit`` last; columns: ``LINES``. Dates are local.
            The lines of a dimension add up to its number.
        accounts: one row per account, sorted by ``account_id``; columns: ``accounts.roll_up.ACCOUNTS``.
    """

    scores: pa.Table
    lines: pa.Table
    accounts: pa.Table


def score(
    model: ScoringModel,
    people: pa.Table,
    activities: pa.Table | Iterable[pa.Table],
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> Scored:
    """Match and score everybody as of an instant. The answer depends on nothing but the arguments' content.

    Activities of nobody in ``people`` are left out, as is what occurred (or landed) after ``as_of``. They may come in
    parts, read one at a time; all of one identity are then in one part.

    Raises:
        ConfigError: the model or the time zone cannot be used.
    """
    compiled = compile_model(model)
    parts = [activities] if isinstance(activities, pa.Table) else activities
    hits = (match_hits(compiled, part, time_zone=time_zone, as_of=as_of, engine=engine) for part in parts)
    return score_hits(compiled, people, hits, accounts, as_of=as_of, time_zone=time_zone, engine=engine)


def score_hits(
    model: CompiledModel,
    people: pa.Table,
    hits: pa.Table | Iterable[pa.Table],
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> Scored:
    """Score everybody from hits already matched (``connector.scoring.hits.match.HITS``); otherwise as ``score``.

    Raises:
        ConfigError: there is no such time zone.
    """
    today = local_day(as_of, zone_of(time_zone))
    people = _sorted(people)
    ids = people.column("person_id").cast(pa.string()).combine_chunks()
    daily = pa.concat_tables([_numbered(part, ids, model) for part in ([hits] if isinstance(hits, pa.Table) else hits)])
    parts = [
        _score_bucket(
            model,
            people.slice(first, BUCKET_PEOPLE),
            daily,
            first,
            accounts,
            as_of=as_of,
            time_zone=time_zone,
            engine=engine,
        )
        for first in range(0, max(1, people.num_rows), BUCKET_PEOPLE)
    ]
    standings = pa.concat_tables([part.standings for part in parts])
    rolled_up = _rolled_up(model, standings, accounts, as_of, today, engine)
    scores, lines = (pa.concat_tables(tables) for tables in ([p.scores for p in parts], [p.lines for p in parts]))
    return Scored(scores, lines, rolled_up)


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """What came of some people: scores and lines as in ``Scored``; ``standings`` is what accounts need of them."""

    scores: pa.Table
    lines: pa.Table
    standings: pa.Table


def score_part(
    model: ScoringModel,
    people: pa.Table,
    activities: pa.Table,
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> ScoredPart:
    """Score some people by all of what they did; the rest as in ``score``, whose scores and lines of them these are.

    Raises:
        ConfigError: the model or the time zone cannot be used.
    """
    compiled = compile_model(model)
    people = _sorted(people)
    hits = match_hits(compiled, activities, time_zone=time_zone, as_of=as_of, engine=engine)
    daily = _numbered(hits, people.column("person_id").cast(pa.string()).combine_chunks(), compiled)
    return _score_bucket(compiled, people, daily, 0, accounts, as_of=as_of, time_zone=time_zone, engine=engine)


def score_daily(
    model: CompiledModel,
    people: pa.Table,
    daily: pa.Table,
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
    coded: bool = False,
) -> ScoredPart:
    """Score some people by the hits that were kept of them: what ``score`` says of them, and nothing is matched.

    ``people`` stand in order of their ids. ``daily`` has a row per person, rule and local day (``HitStore.hits``):
    ``person`` is the place in ``people``, ``rule`` the place in the model, ``day`` the days since 1970, ``hits``.
    ``coded`` leaves the names in ``lines`` as dictionaries, which are written faster.

    Raises:
        ConfigError: there is no such time zone.
    """
    return _score_bucket(
        model, people, daily, None, accounts, as_of=as_of, time_zone=time_zone, engine=engine, coded=coded
    )


def roll_up(
    model: ScoringModel,
    standings: pa.Table,
    accounts: pa.Table | None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> pa.Table:
    """Score the accounts by the ``standings`` of all parts, in any order: ``Scored.accounts``."""
    return _rolled_up(compile_model(model), standings, accounts, as_of, local_day(as_of, zone_of(time_zone)), engine)


def _rolled_up(
    model: CompiledModel, standings: pa.Table, accounts: pa.Table | None, as_of: datetime, today: int, engine: Engine
) -> pa.Table:
    with engine.runner() as runner:
        runner.register("standings", standings)
        return score_accounts(runner, model, accounts, now=as_of, today=today)


def _sorted(people: pa.Table) -> pa.Table:
    """Put people in order of their ids; those that are are not copied."""
    ids = people.column("person_id").cast(pa.string())
    if len(ids) < 2 or pc.all(pc.greater(ids[1:], ids[:-1])).as_py():
        return people
    return people.take(pc.sort_indices(ids))


def _score_bucket(
    model: CompiledModel,
    people: pa.Table,
    daily: pa.Table,
    first: int | None,
    accounts: pa.Table | None,
    *,
    as_of: datetime,
    time_zone: str,
    engine: Engine,
    coded: bool = False,
) -> ScoredPart:
    """Score some people, from place ``first`` on in the order of all; None = ``daily`` is theirs alone, added up."""
    zone = zone_of(time_zone)
    today = local_day(as_of, zone)
    fields = fields_of([rule.condition for rule in model.fit] + list(model.roles.values()))
    people = with_declared(people)
    facts = join_account_facts(people, accounts, fields)
    declared = declared_flags(model.fit, people)
    with engine.runner() as runner:
        flags, blamed = fit_flags(model.fit, facts, now=as_of)
        for name, flag in declared.items():
            flags = flags.append_column(name, flag)
        runner.register("flags", flags)
        given = answers(people, zone).append_column("person", flags.column("person"))
        runner.register("answers", given)
        _register_persons(runner, people, flags.column("person"), roles(model, facts, now=as_of))
        lines = None
        if first is None:
            interest = interest_lines(model, daily, today=today)
            lines = interest.lines
            runner.register("interest_lines", lines)
            runner.register("kept_daily", interest.kept)
        else:
            runner.register("all_daily", daily)
            runner.table(
                "daily",
                f"""
                SELECT (person - {first})::INTEGER AS person, rule, day, sum(hits)::BIGINT AS hits
                FROM all_daily WHERE person >= {first} AND person < {first + people.num_rows}
                GROUP BY person, rule, day""",
            )
            create_interest_lines(runner, model, today=today)
        create_lines(runner, model, declared, interest=lines is None)
        create_scores(runner, model, blamed, today=today)
        standings = runner.fetch(standings_sql(), STANDINGS)
        return ScoredPart(_scores(runner), _lines(runner, model, people, lines, coded=coded), standings)


def _register_persons(runner: Runner, people: pa.Table, numbers: pa.Array, role: pa.Array) -> None:
    account = pa.nulls(people.num_rows, pa.string())
    if "account_id" in people.column_names:
        account = people.column("account_id").cast(pa.string())
    ids = people.column("person_id").cast(pa.string())
    columns = {"person": numbers, "person_id": ids, "role": role, "account_id": account}
    runner.register("persons", pa.table(columns | {DIFFERS: people.column(DIFFERS)}))


def _numbered(hits: pa.Table, person_ids: pa.Array, model: CompiledModel) -> pa.Table:
    """Put numbers for names: the person's place in ``person_ids``, the rule's in the model, days since 1970.

    Hits of nobody and of rules that are gone are left out.
    """
    rules = pa.array([rule.id for rule in model.interest], pa.string())
    table = pa.table(
        {
            "person": _places(hits.column("person_id"), person_ids),
            "rule": _places(hits.column("rule"), rules),
            "day": hits.column("day").cast(pa.int32()),
            "hits": hits.column("count"),
        }
    )
    return table.filter(pc.and_(pc.is_valid(table.column("person")), pc.is_valid(table.column("rule"))))


def _places(names: pa.ChunkedArray, known: pa.Array) -> pa.ChunkedArray:
    """Look names up, each distinct one once where they come as a dictionary."""
    if not pa.types.is_dictionary(names.type):
        return pc.index_in(names.cast(pa.string()), value_set=known)
    chunks = [pc.index_in(chunk.dictionary, value_set=known).take(chunk.indices) for chunk in names.chunks]
    return pa.chunked_array(chunks, pa.int32())


def _scores(runner: Runner) -> pa.Table:
    points = ("fit", "fit_low", "fit_high", "interest", "qualification", "total")
    parts = ("fit_part", "interest_part", "qualification_part")
    return runner.fetch(
        f"""SELECT p.person_id, {", ".join(f"s.{name} / 10.0::DOUBLE AS {name}" for name in points)},
                   s.cell AS grade, s.verdict, s.buying_stage, s.role, s.disqualified_because,
                   s.deciding_fact, {", ".join(f"s.{name} / 10.0::DOUBLE AS {name}" for name in parts)},
                   s.too_hot_since IS NOT NULL AS too_hot, s.too_hot_since, s.too_hot_count, s.too_hot_rules,
                   s.early_alert_since IS NOT NULL AS early_alert, s.early_alert_since, s.early_alert_rules,
                   p.{DIFFERS}
            FROM scored s JOIN persons p USING (person) ORDER BY person""",
        SCORES,
    )


def _lines(
    runner: Runner, model: CompiledModel, people: pa.Table, interest: pa.Table | None, *, coded: bool
) -> pa.Table:
    """Name what the engine knows by numbers: people, dimensions and rules."""
    rows = runner.fetch(
        """SELECT person, dimension, place, tenths, count, first_day, last_day
           FROM lines ORDER BY person::BIGINT * 8388608 + dimension * 2097152 + place"""
    )
    if interest is not None:
        rows = _merged(rows, interest)
    names = [rule.id for rule in model.fit] + [rule.id for rule in model.interest] + list(QUESTIONS) + ["limit"]
    begins = pa.array([0, len(model.fit), len(model.fit) + len(model.interest)], pa.int32())
    dimension, place = rows.column("dimension").cast(pa.int32()), rows.column("place").cast(pa.int32())
    rule = pc.if_else(pc.equal(place, LIMIT_PLACE), len(names) - 1, pc.add(place, begins.take(dimension)))
    named = [
        _named(people.column("person_id").cast(pa.string()).combine_chunks(), rows.column("person"), coded=coded),
        _named(pa.array(DIMENSIONS, pa.string()), dimension, coded=coded),
        _named(pa.array(names, pa.string()), rule, coded=coded),
    ]
    columns = [
        *named,
        pc.divide(rows.column("tenths").cast(pa.float64()), 10.0),
        rows.column("count").cast(pa.int64()),
        rows.column("first_day").cast(pa.int32()).cast(pa.date32()),
        rows.column("last_day").cast(pa.int32()).cast(pa.date32()),
    ]
    return pa.table(columns, names=LINES.names)


def _merged(rows: pa.Table, interest: pa.Table) -> pa.Table:
    """Put lines of interest among the others; both are in order."""
    place = {"dimension": np.ones(interest.num_rows, np.int64), "place": interest.column("rule").to_numpy()}
    ours = [place[n] if n in place else interest.column(n).to_numpy() for n in rows.column_names]
    unknown = rows.column("first_day").is_null().to_numpy()
    theirs = [rows.column(n).fill_null(0).to_numpy() for n in rows.column_names]
    at = np.searchsorted(_order(*ours[:3]), _order(*theirs[:3])) + np.arange(rows.num_rows)
    mine = np.ones(interest.num_rows + rows.num_rows, np.bool_)
    mine[at] = False
    columns = {}
    for name, our, their in zip(rows.column_names, ours, theirs, strict=True):
        both = np.empty(len(mine), np.int64 if name in ("tenths", "count") else np.int32)
        both[mine], both[at] = our, their
        columns[name] = both
    undated = np.zeros(len(mine), np.bool_)
    undated[at] = unknown
    return pa.table(
        {n: pa.array(column, mask=undated if n.endswith("_day") else None) for n, column in columns.items()}
    )


def _order(person: npt.NDArray[Any], dimension: npt.NDArray[Any], place: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Number lines in the order in which they are shown."""
    order: npt.NDArray[np.int64] = person.astype(np.int64) * 8388608 + dimension * 2097152 + place
    return order


def _named(names: pa.Array, places: pa.ChunkedArray, *, coded: bool) -> pa.Array | pa.ChunkedArray:
    """Put names for places, or a dictionary of them."""
    if not coded:
        return names.take(places)
    return pa.DictionaryArray.from_arrays(places.cast(pa.int32()).combine_chunks(), names)
