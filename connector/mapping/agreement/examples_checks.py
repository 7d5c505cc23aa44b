"""Examples in scoring files: facts and deeds that can be given, expectations that can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.records import ACTIVITY_TYPES
from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.conditions import ConditionError, parse_condition
from connector.mapping.facts import (
    ACTIVITY_FACTS,
    EXPECTED_FACTS,
    Fact,
    account_facts,
    facts_of_rules,
    further_facts,
    person_facts,
)
from connector.mapping.places import Path
from connector.mapping.scoring import ScoringModel

#: what a deed of an example says besides its type and what the activity carries
_DEED_NUMBERS = ("days_ago", "times")
_DECLARED = "declared."
_DEALS = ("account.open_opportunity", "account.customer")


def expected_facts(shaped: Shaped, file: str, model: ScoringModel) -> dict[str, Fact]:
    """List what an example of a model may expect: its own results, and in scoring.yaml those of further models."""
    facts = EXPECTED_FACTS | facts_of_rules(model.rule_ids())
    if file == "scoring":
        return facts | further_facts(further.name for further in shaped.further.values())
    return {name: fact for name, fact in facts.items() if not name.startswith(("account.", "too_hot", "early_alert"))}


def check_examples(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    """Note facts that nobody has, deeds that nobody does, and expectations of what scoring does not say."""
    expected_of = expected_facts(shaped, file, model)
    for index, example in enumerate(model.examples):
        base: Path = ("examples", index)
        if shaped.fields is not None:
            known = person_facts(shaped.fields.person) | account_facts(shaped.fields.account)
            known |= {_DECLARED + name: fact for name, fact in person_facts(shaped.fields.person).items()}
            for name in example.given:
                if name not in known and name not in _DEALS and not name.startswith("bants."):
                    report.add(file, (*base, "given", name), unknown("fact", name, known), key=True)
        for number, deed in enumerate(example.did):
            _check_deed(report, file, (*base, "did", number), deed)
        if not example.expect:
            report.add(file, (*base, "expect"), "expects nothing; name a verdict, a grade or a number")
        _check_expected(report, file, (*base, "expect"), example.expect, expected_of)


def _check_deed(report: Report, file: str, path: Path, deed: Mapping[str, Any]) -> None:
    types = [key for key in deed if key in ACTIVITY_TYPES]
    known = {*ACTIVITY_TYPES, *ACTIVITY_FACTS, *_DEED_NUMBERS}
    others = [key for key in deed if key not in known]
    for key in others:
        report.add(file, (*path, key), unknown("activity type or fact", key, known), key=True)
    if len(types) != 1 and not others:
        report.add(file, path, "names one activity type, for example {page_view: /pricing, days_ago: 1}")
    for key in _DEED_NUMBERS:
        value = deed.get(key, 0)
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if not numbers or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in numbers):
            report.add(file, (*path, key), f"{key} must be a whole number, 0 or more, or a list of them")
    times, days = deed.get("times", 1), deed.get("days_ago", 0)
    if isinstance(times, (list, tuple)) and (not isinstance(days, (list, tuple)) or len(days) != len(times)):
        report.add(file, (*path, "times"), "a list of times goes with a list of days_ago of the same length")


def _check_expected(
    report: Report, file: str, path: Path, expected: Mapping[str, Any], facts: Mapping[str, Fact]
) -> None:
    try:
        condition = parse_condition(dict(expected))
    except ConditionError as error:
        for inner, message in error.faults:
            report.add(file, (*path, *inner), message)
        return
    sees = "examples expect what scoring says of a person and the account"
    check_condition(report, file, path, condition, dict(expected), facts, sees)
