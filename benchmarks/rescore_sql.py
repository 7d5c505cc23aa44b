"""The same scores by DuckDB SQL written by hand: over raw Parquet, with a URL dictionary and a decay table, over hits.

What a good engineer would write who knows the rules and needs no exact decimals: floating-point points, one pass over
the activities, windows only for the rules that have one, ranks only for falling returns. Left out is what the engine
says besides: ranges of fit, the deciding fact, flags, reasons for disqualification.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb

from benchmarks.rescore_data import ACCOUNT_CAP, FIT, GROUPS, NOW, RULES, SPAN_DAYS, model

#: people of one bucket of the variant over hits
BUCKET_PEOPLE = 100_000
TODAY = (NOW.date() - NOW.date().fromordinal(719163)).days
_NUMBERED = list(enumerate(RULES))
_WINDOWED = [n for n, rule in _NUMBERED if rule.at_most]
_FALLING = [n for n, rule in _NUMBERED if len(rule.points) > 1]
_GROUPED = [n for n, rule in _NUMBERED if rule.group]


def raw(connection: duckdb.DuckDBPyConnection, folder: Path, out: Path) -> None:
    """Score from raw Parquet; every predicate is answered per activity, decay is computed per day."""
    by_type = _by_type({rule.on for rule in RULES})
    connection.execute(f"""
        CREATE TABLE hits AS
        SELECT person, rule, day, count(*) AS n FROM (
            SELECT person_id::INTEGER AS person, {_day()} AS day, unnest(CASE type {by_type} END) AS rule
            FROM {_activities(folder)}
        ) WHERE rule IS NOT NULL GROUP BY ALL""")
    _score(connection, folder, out, "pow(0.5, (%(age)s) / r.half_life)", whole=True)


def with_dictionary(connection: duckdb.DuckDBPyConnection, folder: Path, out: Path) -> None:
    """Score from raw Parquet; predicates on paths are answered once per path, decay is looked up."""
    pages = ", ".join(f"CASE WHEN {rule.sql} THEN {n} END" for n, rule in _NUMBERED if rule.on == "page_view")
    connection.execute(f"""
        CREATE TABLE urls AS
        SELECT path, list_filter([{pages}], lambda x: x IS NOT NULL) AS rules
        FROM (SELECT DISTINCT path FROM {_activities(folder)} WHERE path IS NOT NULL)""")
    by_type = _by_type({rule.on for rule in RULES} - {"page_view"})
    connection.execute(f"""
        CREATE TABLE hits AS
        SELECT person, rule, day, count(*) AS n FROM (
            SELECT person_id::INTEGER AS person, {_day()} AS day, unnest(u.rules) AS rule
            FROM {_activities(folder)} a JOIN urls u ON u.path = a.path WHERE type = 'page_view' AND len(u.rules) > 0
            UNION ALL
            SELECT person_id::INTEGER AS person, {_day()} AS day, unnest(CASE type {by_type} END) AS rule
            FROM {_activities(folder)} WHERE type <> 'page_view'
        ) WHERE rule IS NOT NULL GROUP BY ALL""")
    _decay(connection)
    _score(connection, folder, out, "w.factor", whole=True)


def over_hits(connection: duckdb.DuckDBPyConnection, folder: Path, out: Path) -> None:
    """Score from hits in Parquet (person, rule, day, n; in order of people), bucket by bucket."""
    _decay(connection)
    people = connection.sql(f"SELECT count(*) FROM '{folder}/people.parquet'").fetchall()[0][0]
    for first in range(0, people, BUCKET_PEOPLE):
        connection.execute(f"""
            CREATE OR REPLACE TABLE hits AS SELECT person, rule, day, n FROM '{folder}/hits.parquet'
            WHERE person BETWEEN {first} AND {first + BUCKET_PEOPLE - 1}""")
        _score(connection, folder, out, "w.factor", first=first)
    _accounts(connection, out)


def _by_type(kinds: Iterable[str]) -> str:
    """Write the rules that hold for an activity, by its type."""
    cases = []
    for kind in sorted(kinds):
        tests = ", ".join(f"CASE WHEN {rule.sql} THEN {n} END" for n, rule in _NUMBERED if rule.on == kind)
        cases.append(f"WHEN '{kind}' THEN [{tests}]")
    return " ".join(cases)


def _activities(folder: Path) -> str:
    return f"read_parquet('{folder}/lake/activities/web/*.parquet')"


def _day() -> str:
    return "date_diff('day', DATE '1970-01-01', occurred_at::DATE)::INTEGER"


def _decay(connection: duckdb.DuckDBPyConnection) -> None:
    rows = ", ".join(f"({n}, {rule.half_life or 1e9})" for n, rule in _NUMBERED)
    connection.execute(f"""
        CREATE TABLE decay AS SELECT rule, age::INTEGER AS age, pow(0.5, age / half_life) AS factor
        FROM (VALUES {rows}) r(rule, half_life), range({SPAN_DAYS + 3}) t(age)""")


def _in(rules: Sequence[int]) -> str:
    return ", ".join(map(str, rules))


def _score(
    connection: duckdb.DuckDBPyConnection, folder: Path, out: Path, factor: str, *, first: int = 0, whole: bool = False
) -> None:
    """Write scores and lines of whoever is in ``hits``, or of everybody, and keep what accounts need."""
    if not first:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
    bucket = "" if whole else f"WHERE person BETWEEN {first} AND {first + BUCKET_PEOPLE - 1}"
    rules = ", ".join(
        f"({n}, {rule.half_life or 1e9}, {float(rule.points[-1])}, {len(rule.points) - 1}, "
        f"{[float(sum(rule.points[:k])) for k in range(len(rule.points))]}, {rule.cap or 1e9}, "
        f"{'NULL' if rule.group is None else list(GROUPS).index(rule.group)}, "
        f"{rule.at_most[0] if rule.at_most else 'NULL'}, {rule.at_most[1] if rule.at_most else 'NULL'})"
        for n, rule in _NUMBERED
    )
    connection.execute(f"""
        CREATE OR REPLACE TABLE rules AS SELECT * FROM (VALUES {rules})
        r(rule, half_life, points, steps, sums, cap, grp, most, per)""")
    caps = ", ".join(
        f"({n}, {cap}, {-1e9 if floor is None else floor})" for n, (cap, floor) in enumerate(GROUPS.values())
    )
    connection.execute(f"CREATE OR REPLACE TABLE groups AS SELECT * FROM (VALUES {caps}) g(grp, most, least)")
    connection.execute(f"""
        CREATE OR REPLACE TABLE kept AS
        SELECT person, rule, day, n FROM hits WHERE rule NOT IN ({_in(_WINDOWED)})
        UNION ALL
        SELECT person, rule, day, least(n, most + n - so_far)::BIGINT AS n FROM (
            SELECT person, h.rule, day, n, most,
                   sum(n) OVER (PARTITION BY person, h.rule, day // per ORDER BY day) AS so_far
            FROM hits h JOIN rules r ON r.rule = h.rule WHERE h.rule IN ({_in(_WINDOWED)})
        ) WHERE so_far - n < most""")
    age = f"{TODAY} - k.day"
    join = f"JOIN decay w ON w.rule = k.rule AND w.age = {age}" if "w." in factor else ""
    worth = factor % {"age": age} if "%" in factor else factor
    _lines(connection, worth, join)
    fit = " + ".join(f"CASE WHEN {test} THEN {points} ELSE 0 END" for _, _, test, points in FIT)
    connection.execute(f"""
        CREATE OR REPLACE TABLE persons AS
        SELECT *, least(100, greatest(0, fit_sum)) AS fit FROM (
            SELECT substr(person_id, 2)::INTEGER AS person, account_id, title, employees, country,
                   "bants.need" AS need, {fit} AS fit_sum,
                   CASE WHEN regexp_matches(lower(title), '\\b(chief|vp)\\b') THEN 'decider'
                        WHEN contains(lower(title), 'manager') THEN 'influencer' ELSE 'other' END AS role
            FROM '{folder}/people.parquet') {bucket}""")
    _write(connection, out, first)


def _lines(connection: duckdb.DuckDBPyConnection, worth: str, join: str) -> None:
    connection.execute(f"""
        CREATE OR REPLACE TABLE interest AS
        WITH earned AS (
            SELECT person, k.rule, sum(n * r.points * {worth}) AS points, sum(n) AS n, min(day) AS a, max(day) AS z
            FROM kept k JOIN rules r ON r.rule = k.rule {join} WHERE k.rule NOT IN ({_in(_FALLING)}) GROUP BY ALL
            UNION ALL
            SELECT person, k.rule, sum((
                       sums[least(before + n, steps) + 1] - sums[least(before, steps) + 1]
                       + (greatest(before + n, steps) - greatest(before, steps)) * points) * {worth}) AS points,
                   sum(n) AS n, min(day) AS a, max(day) AS z
            FROM (SELECT *, (sum(n) OVER (PARTITION BY person, rule ORDER BY day) - n)::BIGINT AS before FROM kept
                  WHERE rule IN ({_in(_FALLING)})) k
            JOIN rules r ON r.rule = k.rule {join} GROUP BY ALL
        ), capped AS (
            SELECT person, e.rule, greatest(-cap, least(cap, e.points)) AS points, n, a, z, grp
            FROM earned e JOIN rules r ON r.rule = e.rule
        )
        SELECT person, rule, round(points, 1) AS points, n, a, z FROM capped WHERE grp IS NULL
        UNION ALL
        SELECT person, rule, round(CASE WHEN c.points > 0 THEN c.points * least(1, g.most / s.up)
                                        WHEN c.points < 0 THEN c.points * least(1, g.least / s.down)
                                        ELSE 0 END, 1) AS points, n, a, z
        FROM capped c
        JOIN (SELECT person, grp, sum(points) FILTER (points > 0) AS up, sum(points) FILTER (points < 0) AS down
              FROM capped WHERE grp IS NOT NULL GROUP BY ALL) s USING (person, grp)
        JOIN groups g USING (grp)""")


def _write(connection: duckdb.DuckDBPyConnection, out: Path, first: int) -> None:
    letter, number = (
        f"CASE WHEN {column} >= 75 THEN '{one}' WHEN {column} >= 50 THEN '{two}' WHEN {column} >= 25 THEN '{three}' "
        f"ELSE '{four}' END"
        for column, (one, two, three, four) in (("fit", "ABCD"), ("interest", "1234"))
    )
    connection.execute(f"""
        CREATE OR REPLACE TABLE scored AS
        SELECT *, CASE WHEN grade IN ('A1', 'A2', 'B1') THEN 'sales'
                       WHEN grade IN ('A3', 'B2', 'B3', 'C1') THEN 'review' ELSE 'nurture' END AS verdict
        FROM (SELECT *, round((fit + interest + qualification) / 3, 1) AS total, {letter} || {number} AS grade
              FROM (SELECT p.person, p.account_id, p.role, p.fit, p.fit_sum, coalesce(i.points, 0) AS interest_sum,
                           least(100, greatest(0, coalesce(i.points, 0))) AS interest,
                           CASE WHEN need = 'Yes' THEN 20 ELSE 0 END AS qualification
                    FROM persons p LEFT JOIN (SELECT person, sum(points) AS points FROM interest GROUP BY person) i
                    USING (person)))""")
    fit = " UNION ALL ".join(
        f"SELECT person, 0 AS dimension, {place} AS place, '{id_}' AS rule, {points} AS points, 1 AS n,"
        f" NULL AS a, NULL AS z"
        f" FROM persons WHERE {test}"
        for place, (id_, _, test, points) in enumerate(FIT)
    )
    connection.execute(f"""
        COPY (SELECT person, ['fit', 'interest', 'qualification'][dimension + 1] AS dimension, rule, points, n AS count,
                     DATE '1970-01-01' + a AS first_on, DATE '1970-01-01' + z AS last_on
              FROM ({fit}
                    UNION ALL SELECT person, 1, rule, printf('r%02d', rule), points, n, a, z FROM interest
                    UNION ALL SELECT person, 2, 0, 'need', CASE WHEN need = 'Yes' THEN 20 ELSE 0 END, 1, NULL, NULL
                              FROM persons WHERE need IS NOT NULL
                    UNION ALL SELECT person, 0, 99, 'limit', fit - fit_sum, 0, NULL, NULL FROM scored
                              WHERE fit <> fit_sum
                    UNION ALL SELECT person, 1, 99, 'limit', interest - interest_sum, 0, NULL, NULL FROM scored
                              WHERE interest <> interest_sum)
              ORDER BY person, dimension, place) TO '{out}/lines-{first}.parquet'""")
    connection.execute(f"""
        COPY (SELECT person, fit, interest, qualification, total, grade, verdict, role FROM scored ORDER BY person)
        TO '{out}/scores-{first}.parquet'""")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS standings (account_id VARCHAR, role VARCHAR, fit DOUBLE, interest DOUBLE)"
    )
    connection.execute("""
        INSERT INTO standings SELECT account_id, role, fit, interest FROM scored WHERE account_id IS NOT NULL""")


def _accounts(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    account = model().account
    connection.execute(f"""
        COPY (SELECT account_id, best_fit AS fit, least(100, weighted + {account.breadth}
                     * greatest(0, engaged - 1)) AS score,
                     engaged, deciders, influencers
              FROM (SELECT account_id, max(fit) AS best_fit, sum(given * pow(0.5, place - 1)) AS weighted,
                           count(*) FILTER (interest >= {account.engaged}) AS engaged,
                           count(*) FILTER (role = 'decider') AS deciders,
                           count(*) FILTER (role = 'influencer') AS influencers
                    FROM (SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY given DESC) AS place
                          FROM (SELECT *, least(interest, {ACCOUNT_CAP})
                                          * CASE role WHEN 'decider' THEN 1 WHEN 'influencer' THEN 0.75 ELSE 0.5 END
                                          AS given FROM standings))
                    GROUP BY account_id) ORDER BY account_id) TO '{out}/accounts.parquet'""")


def contenders() -> Iterator[str]:
    """Name the variants."""
    yield from ("raw", "dictionary", "hits")


def run(variant: str, folder: Path, out: Path, threads: int) -> None:
    """Run one variant to its end, all written."""
    with duckdb.connect(":memory:", config={"threads": threads, "preserve_insertion_order": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if variant == "hits":
            over_hits(connection, folder, out)
            return
        (raw if variant == "raw" else with_dictionary)(connection, folder, out)
        _accounts(connection, out)
