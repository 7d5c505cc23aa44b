"""Random worlds: a model, people, what they did, their accounts, an instant, a zone, all from one ``random.Random``.

Hypothesis hands in one of its own and shrinks what it draws; ``seeded_worlds`` needs no Hypothesis. Models are the
plain dictionaries that YAML gives, rows are plain too, so that the slow reference reads the very same thing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from scoring_models import random_model

from connector.mapping.scoring import ScoringModel
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.engines.runner import Engine
from connector.scoring.score import Scored, score

INSTANT = pa.timestamp("us", "UTC")
QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
TEXTS = ("person_id", "account_id", "title", "country", "domain", "headcount", "campaigns")
PEOPLE = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [("employees", pa.int64()), ("revenue", pa.float64()), ("created_at", INSTANT), ("opted", pa.bool_())]
    + [(f"bants.{question}", pa.string()) for question in QUESTIONS]
    + [("bants.need.on", pa.string()), ("bants.budget.on", INSTANT)]
    + [(f"declared.{name}", pa.string()) for name in ("title", "country", "employees", "budget_said")]
)
ACTIVITIES = pa.schema(
    [("occurred_at", INSTANT), ("landed_at", INSTANT)]
    + [(name, pa.string()) for name in ("activity_id", "person_id", "identity", "type", "path", "asset", "value")]
)
ACCOUNTS = pa.schema(
    [(name, pa.string()) for name in ("account_id", "industry", "parent_id", "customer")]
    + [("employees", pa.int64()), ("created_at", INSTANT), ("open_opportunity", pa.bool_())]
)
#: (time zone, instants worth standing at: clock changes, a skipped day, month and year ends, a leap day)
PLACES = (
    ("UTC", ("2026-04-02T09:30", "2024-02-29T23:59", "2026-01-01T00:00")),
    ("Europe/Berlin", ("2026-03-29T01:30", "2026-10-25T00:59", "2025-12-31T23:30")),
    ("Pacific/Kiritimati", ("2026-04-02T10:00", "2026-04-02T09:59")),
    ("Pacific/Apia", ("2011-12-31T12:00", "2011-12-30T10:00")),
    ("America/St_Johns", ("2010-11-07T02:45", "2010-11-07T04:00", "2026-03-08T06:00")),
    ("Australia/Lord_Howe", ("2026-04-04T15:30", "2026-10-03T16:00")),
    ("Asia/Kathmandu", ("2026-02-28T18:15", "2026-02-28T18:14")),
    ("Asia/Beirut", ("2026-10-24T21:30", "2026-03-28T22:15")),
)
ONE_THREAD = DuckDb(1)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class World:
    """Everything that scoring is given, as plain rows; ``landed_at`` of None means that hindsight is asked for."""

    model: dict[str, Any]
    people: list[dict[str, Any]]
    activities: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    as_of: datetime
    zone: str

    def but(self, **changed: Any) -> World:
        return replace(self, **changed)

    def people_table(self) -> pa.Table:
        return pa.Table.from_pylist(self.people, PEOPLE)

    def activities_table(self) -> pa.Table:
        table = pa.Table.from_pylist(self.activities, ACTIVITIES)
        hindsight = any("landed_at" not in row for row in self.activities)
        return table.drop_columns(["landed_at"]) if hindsight else table

    def accounts_table(self) -> pa.Table | None:
        return pa.Table.from_pylist(self.accounts, ACCOUNTS) if self.accounts else None

    def scored(self, engine: Engine = ONE_THREAD) -> Scored:
        return score(
            ScoringModel.model_validate(self.model),
            self.people_table(),
            self.activities_table(),
            self.accounts_table(),
            as_of=self.as_of,
            time_zone=self.zone,
            engine=engine,
        )


def seeded_worlds(count: int, seed: int = 0, **wanted: Any) -> Iterator[World]:
    """Give so many random worlds, the same for the same seed."""
    for number in range(count):
        yield random_world(random.Random(f"{seed}/{number}"), **wanted)


def random_world(rnd: random.Random, model: dict[str, Any] | None = None) -> World:
    zone, instants = rnd.choice(PLACES)
    as_of = datetime.fromisoformat(rnd.choice(instants)).replace(tzinfo=UTC)
    if rnd.random() < 0.3:
        as_of += timedelta(microseconds=rnd.randint(-40_000_000_000, 40_000_000_000))
    accounts = random_accounts(rnd, as_of)
    people = random_people(rnd, as_of)
    activities = random_activities(rnd, as_of, max(1, len(people)))
    return World(random_model(rnd) if model is None else model, people, activities, accounts, as_of, zone)


def random_accounts(rnd: random.Random, as_of: datetime) -> list[dict[str, Any]]:
    if rnd.random() < 0.08:
        return []
    ids = rnd.choice(["xyw", "xyw", "xywuvtsrqponm"])
    # somebody's child, an own child, a circle, a parent nobody knows
    parents = rnd.choice([[], list(ids[:3]), list(ids[:3]), [*ids, "gone"]])
    dealt = rnd.random() < 0.5
    return [
        {
            "account_id": id_,
            "employees": maybe(rnd, 5, 100, 900),
            "industry": maybe(rnd, "Software", "Retail", " "),
            "created_at": maybe(rnd, as_of - DAY, as_of - 30 * DAY, as_of - 31 * DAY),
            "parent_id": maybe(rnd, *parents),
            "open_opportunity": maybe(rnd, True, False) if dealt else None,
            "customer": maybe(rnd, "true", "FALSE", "perhaps") if dealt else None,
        }
        for id_ in ids
    ]


def random_people(rnd: random.Random, as_of: datetime) -> list[dict[str, Any]]:
    crowd = rnd.random() < 0.1
    count = rnd.randint(36, 60) if crowd else rnd.choice([0, 1, 2, 4, 9, 14, 14, 20])
    said = rnd.random() < 0.4
    return [
        {
            "person_id": f"p{number}",
            "account_id": "x" if crowd and rnd.random() < 0.9 else maybe(rnd, "x", "x", "y", "w", "z", "u"),
            "title": maybe(rnd, "VP Sales", "Chief Änderung", "Office Manager", "\uff36\uff30 Straße", "", "  "),
            "country": maybe(rnd, "DE", "US", "at"),
            "domain": maybe(rnd, "rival.example", "a.example", "b.example", "b.example"),
            "headcount": maybe(rnd, "200", "199.5", "many", "+10", "-3", "1,000"),
            "campaigns": maybe(rnd, "spring; fair", "fair", "none"),
            "employees": maybe(rnd, 10, 200, 5000, 0),
            "revenue": maybe(rnd, 0.3, 1e6, 0.1 + 0.2, float("nan"), -1.5),
            "created_at": maybe(rnd, as_of - DAY, as_of - 7 * DAY, as_of, as_of + MINUTE, as_of - 400 * DAY),
            "opted": maybe(rnd, True, False),
        }
        | {f"bants.{question}": maybe(rnd, "yes", "no", "Yes", " NO ", "perhaps", "yes") for question in QUESTIONS}
        | {
            "bants.need.on": maybe(rnd, "2026-01-31", " 2024-02-29 ", " "),
            "bants.budget.on": maybe(rnd, as_of, as_of - DAY),
        }
        | (random_declared(rnd) if said else {})
        for number in range(count)
    ]


def random_declared(rnd: random.Random) -> dict[str, Any]:
    return {
        "declared.title": maybe(rnd, "vp sales", "Intern", "office manager", " "),
        "declared.country": maybe(rnd, "DE", "us", "AT"),
        "declared.employees": maybe(rnd, "200", "200.0", "5000", "lots"),
        "declared.budget_said": maybe(rnd, "50000", "9"),
    }


def random_activities(rnd: random.Random, as_of: datetime, people: int) -> list[dict[str, Any]]:
    count = rnd.choice([0, 3, 40, 160, 160, 400])
    fast = random.Random(rnd.getrandbits(32))  # hundreds of deeds from one draw
    busy = fast.random() < 0.4  # one person does nearly everything
    hindsight = fast.random() < 0.15
    gap = recent_gap if fast.random() < 0.3 else random_gap
    types = fast.choice([["page_view"], ["page_view", "page_view", "asset_download", "asset_download", "chat"]])
    rows = []
    for number in range(count):
        who = "p0" if busy and fast.random() < 0.9 else f"p{fast.randint(0, people)}"
        occurred = as_of + gap(fast)
        rows.append(
            {
                "activity_id": f"e{number}",
                "person_id": who,
                "identity": fast.choice([None, f"{who}-0", f"{who}-1", f"{who}-1"]),
                "type": fast.choice(types),
                "occurred_at": occurred,
                "path": maybe(fast, "/pricing", "/PRICING/eu", "/careers"),
                "asset": maybe(fast, "guide", "Sheet", "\uff27UID\uff25", ""),
                "value": maybe(fast, "10", "9.99", "ten"),
            }
            | ({} if hindsight else {"landed_at": occurred + fast.choice([0, 0, 0, 1, 1800]) * MINUTE})
        )
    if fast.random() < 0.5:
        fast.shuffle(rows)
    return rows


def recent_gap(rnd: random.Random) -> timedelta:
    """How far from now in a history of a few days."""
    return MINUTE * rnd.randint(-rnd.choice([60, 1440, 5 * 1440]), 30)


def random_gap(rnd: random.Random) -> timedelta:
    """How far from now: within the hour and the day, around midnights, weeks, years, a day before 1970, the future."""
    return rnd.choice(
        [
            lambda: MINUTE * rnd.randint(-60 * 24 * 60, 120),
            lambda: 15 * MINUTE * rnd.randint(-20, 4),
            lambda: DAY * rnd.randint(-40, 0),
            lambda: DAY * rnd.randint(-3000, 0) if rnd.random() < 0.5 else timedelta(0),
            lambda: MINUTE * rnd.randint(-3000, 0),
            lambda: timedelta(microseconds=rnd.randint(-90_000_000_000, 0)),
            lambda: DAY * rnd.choice([-365 * 57, -365 * 60, 0, 0, 0, 0, 0, 0]) + MINUTE * rnd.randint(-1500, 1500),
        ]
    )()


def maybe(rnd: random.Random, *values: Any) -> Any:
    return rnd.choice([None, *values])
