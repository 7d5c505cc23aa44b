"""Run the examples that ops people write into scoring.yaml: given these facts and deeds, expect this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.records import ACTIVITY_TYPES
from connector.mapping.conditions import parse_condition, tests_of
from connector.mapping.evaluate import evaluate
from connector.mapping.fields import FactLine
from connector.mapping.scoring import Example, ScoringModel
from connector.scoring.accounts.readiness import role_states
from connector.scoring.facts import rule_facts
from connector.scoring.further import further_facts, score_further
from connector.scoring.people.declared import marked_declared
from connector.scoring.score import Scored, score

#: examples say ``days_ago``, so any instant does; this one is fixed, so that they never fail on a later day
EXAMPLES_NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
#: the column that ``{page_view: /pricing}`` means; ``subject`` for types that are not listed
_MAIN_COLUMN: Mapping[str, str] = {
    "page_view": "path",
    "form_submit": "form",
    "asset_download": "asset",
    "email_sent": "campaign",
    "email_delivered": "campaign",
    "email_open": "campaign",
    "email_click": "campaign",
    "email_bounce": "campaign",
    "email_unsubscribe": "campaign",
    "webinar_registered": "campaign",
    "webinar_attended": "campaign",
    "event_attended": "campaign",
    "ad_click": "campaign",
    "campaign_response": "campaign",
    "product_use": "value",
    "spam_report": "campaign",
    "other": "value",
}
_ACCOUNT = "account."
_HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ExampleFailure:
    """One expectation that did not come true.

    Attributes:
        index: the example's place in the file, from 0.
        key: the expectation, e.g. ``fit``.
        message: what was expected and what came.
    """

    index: int
    key: str
    message: str


def run_examples(
    model: ScoringModel,
    *,
    further: Sequence[ScoringModel] = (),
    lines: Mapping[str, FactLine] | None = None,
    now: datetime = EXAMPLES_NOW,
) -> list[ExampleFailure]:
    """Score every example as if it were alone and compare; empty when all expectations hold.

    A deed is ``{<activity type>: <main value>, days_ago: n, times: n}`` and any further column of activities; a list of
    days stands for a deed on each, a list of times for how many on each. What further models say can be expected as
    ``score.NAME.total``; ``lines`` of fields.yaml say which given facts are declared.

    Raises:
        ConfigError: the model cannot be used.
    """
    found: list[list[ExampleFailure]] = [[] for _ in model.examples]
    alike: dict[str, list[_World]] = {}
    for index, example in enumerate(model.examples):
        try:
            world = _world(index, example, lines or {}, now)
        except ValueError as error:
            found[index].append(ExampleFailure(index, "did", str(error)))
        else:
            alike.setdefault(f"{world.people.schema}\n{world.account.schema}", []).append(world)
    # Scoring costs the same for one person as for many. Whose facts are not the same ones is scored apart, because a
    # column that only others have is not the same as none.
    for worlds in alike.values():
        for world, facts in _scored(model, further, worlds, now):
            found[world.index] += _compared(world, facts, now)
    return [failure for failures in found for failure in failures]


@dataclass(frozen=True, slots=True)
class _World:
    """An example's one person, what they did, and their account; the ids are the example's own."""

    index: int
    example: Example
    people: pa.Table
    account: pa.Table
    activities: pa.Table

    @property
    def person(self) -> str:
        return f"example {self.index}"


def _world(index: int, example: Example, lines: Mapping[str, FactLine], now: datetime) -> _World:
    """Lay an example out.

    Raises:
        ValueError: a deed says something that cannot be done.
    """
    of_account = {key: value for key, value in example.given.items() if key.startswith(_ACCOUNT)}
    given = {key: [value] for key, value in example.given.items() if key not in of_account}
    account = {key.removeprefix(_ACCOUNT): [value] for key, value in of_account.items()}
    ids = {"person_id": [f"example {index}"], "account_id": [f"account of {index}"]}
    people = marked_declared(pa.table(given | ids), lines)
    accounts = pa.table(account | {"account_id": ids["account_id"]})
    return _World(index, example, people, accounts, _activities(example, ids["person_id"][0], now))


def _scored(
    model: ScoringModel, further: Sequence[ScoringModel], worlds: Sequence[_World], now: datetime
) -> Iterator[tuple[_World, pa.Table]]:
    """Score people of whom the same is known at once, and give what expectations see of each."""
    people = pa.concat_tables([world.people for world in worlds])
    accounts = pa.concat_tables([world.account for world in worlds])
    activities = pa.concat_tables([world.activities for world in worlds], promote_options="default")
    scored = score(model, people, activities, accounts, as_of=now)
    others = further_facts(score_further(further, people, activities, accounts, as_of=now), people["person_id"])
    for place, world in enumerate(worlds):
        one = Scored(
            scored.scores.filter(pc.equal(scored.scores["person_id"], world.person)),
            scored.lines.filter(pc.equal(scored.lines["person_id"], world.person)),
            scored.accounts.filter(pc.equal(scored.accounts["account_id"], world.account["account_id"][0])),
        )
        facts = _facts(one, world.example)
        for name in others.column_names[1:]:
            facts = facts.append_column(name, others.column(name).slice(place, 1))
        yield world, facts


def _compared(world: _World, facts: pa.Table, now: datetime) -> list[ExampleFailure]:
    failures = []
    for key, wanted in world.example.expect.items():
        row = facts.to_pylist()[0]
        if key not in row and key not in ("any", "all", "not"):
            failures.append(ExampleFailure(world.index, key, f"there is no {key} to expect; use {', '.join(row)}"))
        elif evaluate(parse_condition({key: wanted}), facts, now=now).to_pylist() != [True]:
            came = f"{key} is {row[key]}" if key in row else f"{key} does not hold"
            failures.append(ExampleFailure(world.index, key, f"{came}, expected {_words(wanted)}"))
    return failures


def _activities(example: Example, person: str, now: datetime) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for deed in example.did:
        kinds = [key for key in deed if key in ACTIVITY_TYPES]
        if len(kinds) != 1:
            raise ValueError("a deed names one activity type, for example {page_view: /pricing, days_ago: 1}")
        kind = kinds[0]
        others = {key: value for key, value in deed.items() if key not in (kind, "days_ago", "times")}
        for days_ago, times in _repeats(deed):
            # repeats keep to their day, and as far apart as they can, so that a debounce means what it means in life
            apart = min(timedelta(hours=1), _HALF_DAY / max(1, times))
            rows += [
                {
                    "activity_id": f"{person}: {len(rows) + number}",
                    "person_id": person,
                    "type": kind,
                    "occurred_at": now - timedelta(days=days_ago) - number * apart,
                    _MAIN_COLUMN.get(kind, "subject"): deed[kind],
                    **others,
                }
                for number in range(times)
            ]
    names = sorted({name for row in rows for name in row} | {"activity_id", "person_id", "type", "occurred_at"})
    columns = {name: [row.get(name) for row in rows] for name in names if name != "occurred_at"}
    texts = {
        name: pa.array([None if v is None else str(v) for v in values], pa.string()) for name, values in columns.items()
    }
    instants = pa.array([row["occurred_at"] for row in rows], pa.timestamp("us", "UTC"))
    return pa.table(texts | {"occurred_at": instants})


def _repeats(deed: Mapping[str, Any]) -> list[tuple[int, int]]:
    """List on which days before now a deed was done, and how often on each."""
    days, times = _whole(deed, "days_ago", 0), _whole(deed, "times", 1)
    if len(times) == 1:
        times *= len(days)
    if len(times) != len(days):
        raise ValueError("a list of times goes with a list of days_ago of the same length")
    return list(zip(days, times, strict=True))


def _whole(deed: Mapping[str, Any], key: str, default: int) -> list[int]:
    value = deed.get(key, default)
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if not values or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in values):
        raise ValueError(f"{key} is a whole number, 0 or more, or a list of them")
    return values


def _facts(scored: Scored, example: Example) -> pa.Table:
    """Set the one person's results, those of their account and of single rules side by side."""
    people = scored.scores.drop_columns(["person_id"])
    account = scored.accounts.set_column(1, "fit", scored.accounts.column("fit_letter"))
    for name in account.column_names:
        if name not in ("account_id", "fit_letter", "roles"):
            people = people.append_column(_ACCOUNT + name, account.column(name))
    for role in ("decider", "influencer"):
        people = people.append_column(_ACCOUNT + role, role_states(account.column("roles"), role))
    asked = {test.field for test in tests_of(parse_condition(dict(example.expect)))}
    rules = {name.partition(".")[2] for name in asked if name.startswith(("points.", "count."))}
    if rules:
        single = rule_facts(scored, rules)
        for name in single.column_names[1:]:
            people = people.append_column(name, single.column(name))
    for name in ("total", "fit", "interest", "qualification"):
        people = people.append_column(f"score.{name}", people.column(name))
    return people


def _words(wanted: object) -> str:
    if isinstance(wanted, dict):
        return ", ".join(f"{operator} {operand}" for operator, operand in wanted.items())
    return str(wanted)
