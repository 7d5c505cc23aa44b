"""Match once: which activities count for which rule, kept as a number of hits per identity, rule and local day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.conditions import AllOf, tests_of
from connector.mapping.evaluate import Evaluator, holds
from connector.scoring.compile import CompiledModel, InterestRuleC
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine, Runner
from connector.scoring.local_days import day_sql, microseconds, zone_of

_INSTANT = pa.timestamp("us", "UTC")
#: rows worked on in one go: this bounds memory, not the result
_SLICE_ROWS = 2_000_000
_KEY = pa.dictionary(pa.int32(), pa.string())
HITS = pa.schema(
    [
        ("person_id", _KEY),
        ("identity", _KEY),
        ("rule", pa.string()),
        ("day", pa.date32()),
        ("count", pa.int64()),
        ("first_at", _INSTANT),
        ("last_at", _INSTANT),
    ]
)
#: what names an activity here, for of several at one instant a rule with debounce keeps one
_KEY_COLUMNS = "rule, person, identity, instant_us"
_MATCHED = pa.schema(
    [("rule", pa.int32()), ("person", pa.int32()), ("identity", pa.int32()), ("instant_us", pa.int64())]
)


def match_hits(
    model: CompiledModel,
    activities: pa.Table,
    *,
    time_zone: str,
    as_of: datetime,
    engine: Engine = EMBEDDED,
) -> pa.Table:
    """Count, per source identity, rule and local day, the activities that a rule keeps after debounce.

    Only what occurred, and landed where the table says when, by ``as_of`` counts. An identity is a person where the
    column ``identity`` is missing or empty. Columns and types: ``HITS``; the ``day`` is local to ``time_zone``, first
    and last instants are UTC; sorted by person, identity, rule and day, whatever the order of the input.

    Raises:
        ConfigError: there is no such time zone.
    """
    zone = zone_of(time_zone)
    persons = _coded(activities.column("person_id"))
    identities = _identities(activities, persons)
    rows = _needed(model.interest, activities).append_column("person", persons.indices)
    rows = rows.append_column("identity_code", identities.indices)
    matched = pa.concat_tables(
        [_MATCHED.empty_table()]
        + [
            table
            for first in range(0, rows.num_rows, _SLICE_ROWS)
            for table in _matches(model.interest, rows.slice(first, _SLICE_ROWS), as_of)
        ]
    )
    buckets = 1 + matched.num_rows // _SLICE_ROWS
    size = 1 + len(persons.dictionary) // buckets
    counted = [
        _count(_between(matched, first, first + size), model.interest, zone, as_of, engine)
        for first in range(0, max(1, len(persons.dictionary)), size)
    ]
    return _named(pa.concat_tables(counted), model, persons, identities)


def _coded(texts: pa.ChunkedArray) -> pa.DictionaryArray:
    """Number texts in their sorted order, so that sorting by number sorts by text."""
    plain = texts.cast(texts.type.value_type) if pa.types.is_dictionary(texts.type) else texts
    encoded = plain.cast(pa.string()).dictionary_encode().combine_chunks()
    assert isinstance(encoded, pa.DictionaryArray)
    order = pc.array_sort_indices(encoded.dictionary)
    rank = pc.array_sort_indices(order).cast(pa.int32())
    return pa.DictionaryArray.from_arrays(rank.take(encoded.indices), encoded.dictionary.take(order))


def _identities(activities: pa.Table, persons: pa.DictionaryArray) -> pa.DictionaryArray:
    if "identity" not in activities.column_names:
        return persons
    stated = activities.column("identity").cast(pa.string())
    return _coded(pc.coalesce(stated, activities.column("person_id").cast(pa.string())))


def _needed(rules: Iterable[InterestRuleC], activities: pa.Table) -> pa.Table:
    """Take the columns that some rule looks at; the others are never touched."""
    wanted = {"type", "occurred_at", "landed_at"} | {test.field for rule in rules for test in tests_of(rule.condition)}
    return activities.select([name for name in activities.column_names if name in wanted])


def _by(activities: pa.Table, as_of: datetime) -> pa.ChunkedArray:
    """Say which activities were known at ``as_of`` and belong to somebody."""
    instant = pa.scalar(as_of, type=_INSTANT)
    mask = pc.and_(
        pc.is_valid(activities.column("person")),
        pc.less_equal(activities.column("occurred_at").cast(_INSTANT), instant),
    )
    if "landed_at" in activities.column_names:
        mask = pc.and_(mask, pc.less_equal(activities.column("landed_at").cast(_INSTANT), instant))
    return pc.fill_null(mask, False)


def _matches(rules: Iterable[InterestRuleC], activities: pa.Table, now: datetime) -> Iterable[pa.Table]:
    """Answer every rule on the activities of its type; text predicates are answered once per distinct value."""
    known = activities.filter(_by(activities, now))
    coded = known.select(["person", "identity_code"]).append_column(
        "instant_us", known.column("occurred_at").cast(_INSTANT).cast(pa.int64())
    )
    by_type: dict[str, list[InterestRuleC]] = {}
    for rule in rules:
        by_type.setdefault(rule.on, []).append(rule)
    for name, wanted in by_type.items():
        of_type = pc.fill_null(pc.equal(known.column("type"), name), False)
        fields = {test.field for rule in wanted for test in tests_of(rule.condition)}
        facts = known.select([field for field in known.column_names if field in fields]).filter(of_type)
        rows = coded.filter(of_type)
        evaluator = Evaluator(facts, now=now)
        for rule in wanted:
            kept = rows if rule.condition == AllOf(()) else rows.filter(holds(evaluator.evaluate(rule.condition)))
            number = pa.repeat(pa.scalar(rule.number, pa.int32()), kept.num_rows)
            yield pa.table([number, *kept.columns], schema=_MATCHED)


def _between(matched: pa.Table, first: int, last: int) -> pa.Table:
    person = matched.column("person")
    return matched.filter(pc.and_(pc.greater_equal(person, first), pc.less(person, last)))


def _count(
    matched: pa.Table, rules: Iterable[InterestRuleC], zone: ZoneInfo, as_of: datetime, engine: Engine
) -> pa.Table:
    """Debounce and count what some people did, sorted by person, identity, rule and day."""
    last = microseconds(as_of)
    earliest = pc.min(matched.column("instant_us")).as_py()
    day = day_sql("instant_us", zone, last if earliest is None else earliest, last)
    with engine.runner() as runner:
        runner.register("matched", matched)
        kept = _debounced(runner, rules)
        return runner.fetch(
            f"""SELECT person, identity, rule, day, count(*)::BIGINT AS hits,
                       min(instant_us) AS first_at, max(instant_us) AS last_at
                FROM (SELECT person, identity, rule, instant_us, ({day})::INTEGER AS day FROM ({kept}) AS kept) AS dated
                GROUP BY person, identity, rule, day ORDER BY person, identity, rule, day"""
        )


def _debounced(runner: Runner, rules: Iterable[InterestRuleC]) -> str:
    """Write the query for what is kept: of every identity's activities those at least the span after the last kept one.

    What follows its predecessor by the span or more is kept for certain and opens a burst. Inside a burst the kept ones
    are a chain: from each to the first one a span later. The chain is found for all bursts at once by doubling: after
    n rounds every burst has its first 2^n kept ones. Of several at the same instant one is kept: a span is never zero.
    """
    spans = [(rule.number, rule.debounce_us) for rule in rules if rule.debounce_us]
    if not spans:
        return "SELECT rule, person, identity, instant_us FROM matched"
    runner.table("spaced", " UNION ALL ".join(_spaced(number, span) for number, span in spans))
    runner.table("chosen_0", f"SELECT {_KEY_COLUMNS} FROM spaced WHERE opens")
    runner.table(
        "hops_0",
        """
        SELECT a.rule, a.person, a.identity, a.instant_us, a.target
        FROM spaced a JOIN spaced b
          ON a.rule = b.rule AND a.person = b.person AND a.identity = b.identity AND a.target = b.instant_us
        WHERE NOT b.opens""",
    )
    done = 0
    while runner.fetch(f"SELECT count(*) AS left_over FROM hops_{done}").column("left_over")[0].as_py():
        runner.table(
            f"chosen_{done + 1}",
            f"""
            SELECT {_KEY_COLUMNS} FROM chosen_{done}
            UNION
            SELECT a.rule, a.person, a.identity, a.target AS instant_us
            FROM hops_{done} a SEMI JOIN chosen_{done} USING ({_KEY_COLUMNS})""",
        )
        runner.table(
            f"hops_{done + 1}",
            f"""
            SELECT a.rule, a.person, a.identity, a.instant_us, b.target
            FROM hops_{done} a JOIN hops_{done} b
              ON a.rule = b.rule AND a.person = b.person AND a.identity = b.identity AND a.target = b.instant_us""",
        )
        done += 1
    numbers = ", ".join(str(number) for number, _ in spans)
    return f"""
        SELECT {_KEY_COLUMNS} FROM matched WHERE rule NOT IN ({numbers})
        UNION ALL SELECT {_KEY_COLUMNS} FROM chosen_{done}"""


def _spaced(rule: int, span_us: int) -> str:
    """Write which instants of one rule open a burst, and where the next kept one after each would be."""
    return f"""
        SELECT {_KEY_COLUMNS}, coalesce(instant_us - lag(instant_us) OVER line >= {span_us}, true) AS opens,
               min(instant_us) OVER (PARTITION BY rule, person, identity ORDER BY instant_us
                                     RANGE BETWEEN {span_us} FOLLOWING AND UNBOUNDED FOLLOWING) AS target
        FROM (SELECT DISTINCT {_KEY_COLUMNS} FROM matched WHERE rule = {rule}) AS instants
        WINDOW line AS (PARTITION BY rule, person, identity ORDER BY instant_us)"""


def _named(
    counted: pa.Table, model: CompiledModel, persons: pa.DictionaryArray, identities: pa.DictionaryArray
) -> pa.Table:
    """Put names back for numbers."""
    rules = pa.array([rule.id for rule in model.interest], pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(_whole(counted, "person"), persons.dictionary),
        pa.DictionaryArray.from_arrays(_whole(counted, "identity"), identities.dictionary),
        rules.take(_whole(counted, "rule")),
        _whole(counted, "day").cast(pa.date32()),
        _whole(counted, "hits"),
        _whole(counted, "first_at").cast(_INSTANT),
        _whole(counted, "last_at").cast(_INSTANT),
    ]
    return pa.table(columns, schema=HITS)


def _whole(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()
