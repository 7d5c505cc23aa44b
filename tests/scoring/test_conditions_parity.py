"""The one evaluator of conditions against the slow reference: every operator, on every kind of fact, nested."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from reference_conditions import truth, unknown
from scoring_effort import worlds_for
from scoring_models import PERSON_TESTS, condition
from scoring_worlds import PEOPLE, PLACES, random_people

from connector.mapping import columns
from connector.mapping.conditions import parse_condition
from connector.mapping.evaluate import evaluate

TEXTS = ("title", "country", "domain", "headcount", "campaigns", "declared.employees")
NUMBERS = ("employees", "revenue", "headcount", "declared.employees", "declared.budget_said")


def people_of(rnd: random.Random) -> tuple[list[dict[str, Any]], datetime]:
    as_of = datetime.fromisoformat(rnd.choice(rnd.choice(PLACES)[1])).replace(tzinfo=UTC)
    rows = random_people(rnd, as_of) or [{"person_id": "alone"}]
    return rows, as_of


def about_texts(rnd: random.Random, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A test with an operand that lies in, or nearly in, the texts that are there."""
    field = rnd.choice(TEXTS)
    there = [row[field] for row in rows if not unknown(row.get(field))] or ["nothing"]
    some = [rnd.choice([str.upper, str.casefold, str])(rnd.choice(there)) for _ in range(3)]
    first = rnd.randint(0, len(some[0]) - 1)
    part = some[0][first : first + rnd.randint(1, 6)]
    operator = rnd.choice(["is", "is_not", "in", "not_in", "contains", "starts_with", "known"])
    operand = {"in": some, "not_in": some, "contains": part, "starts_with": some[0][: first + 1], "known": first == 0}
    return {field: {operator: operand.get(operator, some[0])}} if part.strip() else {field: {"known": True}}


def about_numbers(rnd: random.Random, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A test with an operand that lies on, or beside, the numbers that are there."""
    field = rnd.choice(NUMBERS)
    near = sorted(rnd.choice([0, 9, 10, 199.5, 200, 0.3, 0.30000000000000004, -1.5, 5000, 1e6, 9.5]) for _ in range(2))
    operator = rnd.choice(["is", "is_not", "in", "not_in", "gt", "gte", "lt", "lte", "between"])
    return {field: {operator: near if operator in ("in", "not_in", "between") else near[0]}}


def random_condition(rnd: random.Random, rows: list[dict[str, Any]]) -> dict[str, Any]:
    pool = tuple(make(rnd, rows) for make in (about_texts, about_texts, about_numbers, about_numbers))
    return condition(rnd, (*pool, rnd.choice(PERSON_TESTS)))


def disagreements(count: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Conditions and people about whom evaluator and reference disagree."""
    found = []
    for seed in range(count):
        rnd = random.Random(seed)
        rows, as_of = people_of(rnd)
        table = pa.Table.from_pylist(rows, PEOPLE)
        for _ in range(20):
            asked = random_condition(rnd, rows)
            answers = evaluate(parse_condition(asked), table, now=as_of).to_pylist()
            found += [
                (asked, row) for row, one in zip(rows, answers, strict=True) if truth(asked, row, as_of) is not one
            ]
    return found


def test_the_evaluator_answers_as_the_reference_does():
    assert disagreements(worlds_for(40)) == []


@pytest.mark.parametrize("name", ["fold", "number_of"])
def test_a_wrong_evaluator_is_told(monkeypatch, name):
    right = getattr(columns, name)
    monkeypatch.setattr(columns, name, lambda text: right(text[1:]) if text[1:] else right(text))
    assert disagreements(10) != []
