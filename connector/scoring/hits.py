"""Match once: which activities count for which rule, kept as a number of hits per identity, rule and local day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.conditions import AllOf, tests_of
from connector.mapping.evaluate import Evaluator, holds
from connector.scoring.compile import CompiledModel, InterestRuleC
from connector.scoring.engine import engine, fetch
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
_MATCHED = pa.schema(
    [("rule", pa.int32()), ("person", pa.int32()), ("identity", pa.int32()), ("instant_us", pa.int64())]
)


def match_hits(
    model: CompiledModel,
    activities: pa.Table,
    *,
    time_zone: str,
    as_of: datetime,
    threads: int | None = None,
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
        _count(_between(matched, first, first + size), model.interest, zone, as_of, threads)
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
    matched: pa.Table, rules: Iterable[InterestRuleC], zone: ZoneInfo, as_of: datetime, threads: int | None
) -> pa.Table:
    """Debounce and count what some people did, sorted by person, identity, rule and day."""
    last = microseconds(as_of)
    earliest = pc.min(matched.column("instant_us")).as_py()
    day = day_sql("instant_us", zone, last if earliest is None else earliest, last)
    with engine(threads) as connection:
        connection.register("matched", matched)
        _debounce(connection, rules)
        return fetch(
            connection,
            f"""SELECT person, identity, rule, ({day})::INTEGER AS day, count(*)::BIGINT AS hits,
                       min(instant_us) AS first_at, max(instant_us) AS last_at
                FROM kept GROUP BY ALL ORDER BY person, identity, rule, day""",
        )


def _debounce(connection: duckdb.DuckDBPyConnection, rules: Iterable[InterestRuleC]) -> None:
    """Make ``kept``: of every identity's activities, those at least the rule's span after the last kept one.

    What follows its predecessor by the span or more is kept for certain and opens a burst. Inside a burst the kept ones
    are a chain: from each to the first one a span later. The chain is found for all bursts at once by doubling: after
    n rounds every burst has its first 2^n kept ones.
    """
    spans = [(rule.number, rule.debounce_us) for rule in rules if rule.debounce_us]
    if not spans:
        connection.execute("CREATE TEMP VIEW kept AS SELECT * FROM matched")
        return
    values = ", ".join(f"({number}, {span}::BIGINT)" for number, span in spans)
    connection.execute(f"""
        CREATE TEMP TABLE placed AS
        SELECT m.*, s.span, row_number() OVER (ORDER BY m.rule, m.identity, m.person, m.instant_us) AS id
        FROM matched m JOIN (VALUES {values}) AS s(rule, span) USING (rule)""")
    connection.execute("""
        CREATE TEMP TABLE spaced AS
        SELECT id, coalesce(instant_us - lag(instant_us) OVER line >= span, true) AS opens,
               first_value(id) OVER (line RANGE BETWEEN span FOLLOWING AND UNBOUNDED FOLLOWING) AS target
        FROM placed WINDOW line AS (PARTITION BY rule, identity, person ORDER BY instant_us)""")
    connection.execute("CREATE TEMP TABLE chosen AS SELECT id FROM spaced WHERE opens")
    connection.execute("""
        CREATE TEMP TABLE hops AS
        SELECT a.id, a.target FROM spaced a JOIN spaced b ON a.target = b.id WHERE NOT b.opens""")
    while connection.sql("SELECT count(*) FROM hops").fetchall() != [(0,)]:
        connection.execute("INSERT INTO chosen SELECT DISTINCT target FROM hops SEMI JOIN chosen USING (id)")
        connection.execute("""
            CREATE OR REPLACE TEMP TABLE hops AS
            SELECT a.id, b.target FROM hops a JOIN hops b ON a.target = b.id""")
    numbers = ", ".join(str(number) for number, _ in spans)
    connection.execute(f"""
        CREATE TEMP VIEW kept AS
        SELECT rule, person, identity, instant_us FROM matched WHERE rule NOT IN ({numbers})
        UNION ALL SELECT rule, person, identity, instant_us FROM placed SEMI JOIN chosen USING (id)""")


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
