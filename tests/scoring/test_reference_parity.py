from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from unittest.mock import patch

import pyarrow as pa
import scoring_reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.scoring import ScoringModel
from connector.scoring import hits as hits_module
from connector.scoring import score as score_module
from connector.scoring.on_duckdb import DuckDb
from connector.scoring.score import Scored, roll_up, score, score_part

NOW = datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
INSTANT = pa.timestamp("us", "UTC")
PEOPLE = pa.schema(
    [("person_id", pa.string()), ("account_id", pa.string()), ("title", pa.string()), ("country", pa.string())]
    + [("employees", pa.int64())]
    + [(f"bants.{q}", pa.string()) for q in QUESTIONS]
)
ACTIVITIES = pa.schema(
    [("occurred_at", INSTANT), ("landed_at", INSTANT)]
    + [(name, pa.string()) for name in ("activity_id", "person_id", "identity", "type", "path", "asset")]
)
ACCOUNTS = pa.schema([("account_id", pa.string()), ("employees", pa.int64()), ("industry", pa.string())])

points = st.one_of(
    st.integers(-10, 40),
    st.sampled_from([0, 5, 10, 25, 40, -10]),
    st.decimals(-20, 40, places=3, allow_nan=False).map(lambda d: d.normalize()).map(lambda d: d + 0),
)
spans = st.sampled_from(["1d", "2d", "7d", "30d", "36h"])


def optional(**choices):
    return st.fixed_dictionaries({}, optional=choices)


person_test = st.sampled_from(
    [
        {"title": {"matches": r"\b(chief|vp)\b"}},
        {"title": {"matches": "manager"}},
        {"country": {"in": ["DE", "AT"]}},
        {"country": "us"},
        {"employees": {"gte": 200}},
        {"employees": {"lt": 50}},
        {"account.employees": {"gte": 100}},
        {"account.industry": {"is_not": "Software"}},
        {"title": {"known": False}},
        {"title": {"matches": "vp"}, "employees": {"gte": 200}},
    ]
)
person_condition = st.one_of(
    person_test,
    st.lists(person_test, min_size=1, max_size=2).map(lambda parts: {"any": parts}),
    st.lists(person_test, min_size=1, max_size=2).map(lambda parts: {"all": parts}),
    person_test.map(lambda part: {"not": part}),
)
account_condition = st.sampled_from(
    [{"account.employees": {"gte": 100}}, {"account.industry": "Software"}, {"account.industry": {"known": True}}]
)
where = st.sampled_from(
    [{}, {}, {"path": {"starts_with": "/pricing"}}, {"asset": {"is": "Guide"}}, {"path": {"known": False}}]
)


def numbered(rules, prefix):
    return [{"id": f"{prefix}{number}", **rule} for number, rule in enumerate(rules)]


def fit_rules(condition, prefix):
    rule = st.fixed_dictionaries({"when": condition}, optional={"points": points})
    out = st.fixed_dictionaries({"when": condition, "disqualify": st.sampled_from(["competitor", "student"])})
    return st.lists(st.one_of(rule, rule, rule, rule, rule, rule, out), min_size=1, max_size=5).map(
        lambda rules: numbered(rules, prefix)
    )


interest_rule = st.fixed_dictionaries(
    {
        "on": st.sampled_from(["page_view", "asset_download"]),
        "points": st.one_of(points, st.lists(points, min_size=1, max_size=4)),
    },
    optional={
        "where": where,
        "half_life": st.one_of(spans, st.just("none")),
        "expires_after": spans,
        "at_most": st.fixed_dictionaries({"count": st.integers(1, 3), "per": st.sampled_from(["1d", "2d", "7d"])}),
        "debounce": st.sampled_from(["30m", "2h", "3d"]),
        "cap": st.sampled_from([0, 5, 12.5, 60]),
        "group": st.sampled_from(["content", "other"]),
        "stage": st.sampled_from(["awareness", "consideration", "decision"]),
    },
)
interest = st.fixed_dictionaries(
    {
        "groups": st.fixed_dictionaries(
            {
                name: optional(cap=st.sampled_from([0, 10, 30, 33.333]), floor=st.sampled_from([0, -5, -10.5]))
                for name in ("content", "other")
            }
        ),
        "rules": st.lists(interest_rule, min_size=2, max_size=7).map(lambda rules: numbered(rules, "i")),
    },
    optional={
        "half_life": st.one_of(spans, st.just("none")),
        "weight": st.sampled_from([1, 2, 0.5, 1.25]),
        "stages": optional(decision=st.sampled_from([5, 10, -3]), awareness=st.sampled_from([0, 2])),
    },
)
models = st.fixed_dictionaries(
    {
        "name": st.just("generated"),
        "dimensions": st.fixed_dictionaries(
            {
                "fit": st.fixed_dictionaries(
                    {"rules": fit_rules(person_condition, "f")}, optional={"weight": st.sampled_from([1, 3, 0.1])}
                ),
                "interest": interest,
            }
        ),
        "roles": st.sampled_from(
            [{}, {"decider": {"title": {"matches": "chief|vp"}}, "influencer": {"country": "DE"}}]
        ),
        "account": st.fixed_dictionaries(
            {},
            optional={
                "cap": st.sampled_from([60, 12.345]),
                "breadth": st.sampled_from([0, 5, 0.25]),
                "engaged": st.sampled_from([1, 10]),
                "fit": st.fixed_dictionaries({"rules": fit_rules(account_condition, "a")}),
                "ready_when": st.sampled_from(
                    [{"score": {"gte": 10}}, {"engaged_people": {"gte": 2}, "account.employees": {"gte": 1}}]
                ),
            },
        ),
        "grades": st.just({"fit": {"A": 40, "B": 25, "C": 10, "D": 0}, "interest": {1: 20, 2: 10, 3: 5, 4: 0}}),
        "matrix": st.just(
            {"A": ["sales", "sales", "review", "nurture"], "B": ["sales", "review", "review", "nurture"]}
            | {"C": ["review", "nurture", "nurture", "nurture"], "D": ["nurture"] * 4}
        ),
    }
)


def population(rnd: random.Random) -> tuple[list, list, list]:
    """People, activities and accounts from a seed: dense enough that windows, groups and ranks all bite."""

    def maybe(*values):
        return rnd.choice([None, *values])

    accounts = [
        {"account_id": id_, "employees": maybe(5, 100, 900), "industry": maybe("Software", "Retail")} for id_ in "xyw"
    ]
    people = [
        {
            "person_id": f"p{number}",
            "account_id": maybe("x", "x", "y", "z"),
            "title": maybe("VP Sales", "Chief Änderung", "Office Manager"),
            "country": maybe("DE", "US", "at"),
            "employees": maybe(10, 200, 5000),
        }
        | {f"bants.{question}": maybe("yes", "no") for question in QUESTIONS}
        for number in range(rnd.randint(1, 14))
    ]
    activities = []
    for number in range(rnd.randint(0, 160)):
        who = f"p{rnd.randint(0, 14)}"
        minutes = rnd.choice(
            [
                rnd.randint(-60 * 24 * 60, 120),
                15 * rnd.randint(-20, 4),
                1440 * rnd.randint(-3000, 0),
                rnd.randint(-3000, 0),
            ]
        )
        occurred = NOW + timedelta(minutes=minutes)
        activities.append(
            {
                "activity_id": f"e{number}",
                "person_id": who,
                "identity": f"{who}-{rnd.randint(0, 1)}",
                "type": rnd.choice(["page_view", "page_view", "asset_download", "asset_download", "chat"]),
                "occurred_at": occurred,
                "landed_at": occurred + timedelta(hours=rnd.choice([0, 0, 0, 30])),
                "path": maybe("/pricing", "/PRICING/eu", "/careers"),
                "asset": maybe("guide", "Sheet"),
            }
        )
    return people, activities, accounts


worlds = st.tuples(
    models,
    st.integers(0, 2**32).map(lambda seed: population(random.Random(seed))),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
)


def plain(scored: Scored) -> tuple[list, list, list]:
    return scored.scores.to_pylist(), scored.lines.to_pylist(), scored.accounts.to_pylist()


def shown(value: object) -> object:
    """A reference figure as the engine shows it."""
    return float(Decimal(value.numerator) / Decimal(value.denominator)) if isinstance(value, Fraction) else value


def run(world, *, threads, shuffle=lambda rows: rows):
    model, (people, activities, accounts), zone = world
    return score(
        ScoringModel.model_validate(model),
        pa.Table.from_pylist(shuffle(people), PEOPLE),
        pa.Table.from_pylist(shuffle(activities), ACTIVITIES),
        pa.Table.from_pylist(shuffle(accounts), ACCOUNTS),
        as_of=NOW,
        time_zone=zone,
        engine=DuckDb(threads),
    )


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, seed=st.integers(0, 99))
def test_the_engine_says_exactly_what_the_slow_reference_says(world, seed):
    model, (people, activities, accounts), zone = world
    scores, lines, rolled_up = scoring_reference.score(model, people, activities, accounts, NOW, zone)
    found = plain(run(world, threads=1))

    wanted_scores = [
        {
            "person_id": id_,
            **{name: shown(Fraction(v) if isinstance(v, (int, Fraction)) else v) for name, v in scores[id_].items()},
        }
        for id_ in sorted(scores)
    ]
    assert found[0] == wanted_scores
    assert [
        (r["person_id"], r["dimension"], r["rule"], r["points"], r["count"], r["first_on"], r["last_on"])
        for r in found[1]
    ] == [(id_, line[0], line[1], shown(Fraction(line[2])), *line[3:]) for id_ in sorted(lines) for line in lines[id_]]
    assert [row["account_id"] for row in found[2]] == sorted(rolled_up)
    for row in found[2]:
        wanted = rolled_up[row["account_id"]]
        assert row["roles"] == json.dumps(wanted.pop("roles"))
        assert {name: row[name] for name in wanted} == {
            name: shown(Fraction(v)) if name in ("fit", "score") else v for name, v in wanted.items()
        }

    def shuffled(rows):
        rows = list(rows)
        random.Random(seed).shuffle(rows)
        return rows

    with patch.object(score_module, "BUCKET_PEOPLE", 3), patch.object(hits_module, "_SLICE_ROWS", 7):
        assert plain(run(world, threads=4, shuffle=shuffled)) == found


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, size=st.integers(1, 6))
def test_people_in_parts_have_the_scores_of_all_at_once(world, size):
    model, (people, activities, accounts), zone = world
    read, books = ScoringModel.model_validate(model), pa.Table.from_pylist(accounts, ACCOUNTS)
    people = sorted(people, key=lambda row: row["person_id"])
    parts = []
    for first in range(0, len(people), size):
        some = people[first : first + size]
        theirs = [row for row in activities if row["person_id"] in {person["person_id"] for person in some}]
        tables = pa.Table.from_pylist(some, PEOPLE), pa.Table.from_pylist(theirs, ACTIVITIES)
        parts.append(score_part(read, *tables, books, as_of=NOW, time_zone=zone))
    found = Scored(
        pa.concat_tables([part.scores for part in parts]),
        pa.concat_tables([part.lines for part in parts]),
        roll_up(read, pa.concat_tables([part.standings for part in reversed(parts)]), books, as_of=NOW),
    )
    assert plain(found) == plain(run(world, threads=1))
