"""Conditions name facts that exist, with operators and values those facts can have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connector.mapping.agreement.report import Report, unknown
from connector.mapping.conditions import Condition, Test, tests_of
from connector.mapping.facts import OPERATORS_OF, Fact
from connector.mapping.places import Path
from connector.mapping.text import fold

_CRM_FIELD = re.compile(r"crm\.[A-Za-z][A-Za-z0-9_]*")


def written_tests(value: object, path: Path) -> Iterator[tuple[Path, str, str | None]]:
    """Walk a condition as written: path of each test, its field, and its operator (None for a bare value)."""
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in ("any", "all") and isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from written_tests(item, (*path, key, index))
        elif key == "not":
            yield from written_tests(inner, (*path, key))
        elif isinstance(inner, dict):
            for operator in inner:
                yield (*path, key, operator), key, operator
        else:
            yield (*path, key), key, None


def placed_tests(condition: Condition, written: object, path: Path) -> Iterator[tuple[Path, Test]]:
    """Walk the tests of a condition with the paths at which they were written."""
    places = [place for place, _, _ in written_tests(written, path)]
    yield from zip(places, tests_of(condition), strict=True)


def check_condition(
    report: Report, file: str, path: Path, condition: Condition, written: object, facts: Mapping[str, Fact], seen: str
) -> None:
    """Note every test that names an unknown fact, or asks of a fact what it cannot answer.

    ``seen`` says in words what conditions at this place see; a fact ``crm.*`` lets every CRM field be named.
    """
    for place, test in placed_tests(condition, written, path):
        fact = facts.get(test.field)
        if fact is None and "crm.*" in facts and _CRM_FIELD.fullmatch(test.field):
            fact = facts["crm.*"]
        if fact is None:
            names = [name for name in facts if name != "crm.*"]
            report.add(file, _up_to_field(place, test), f"{unknown('fact', test.field, names)}; {seen}", key=True)
            continue
        if test.operator not in OPERATORS_OF[fact.kind]:
            report.add(file, place, _wrong_operator(test, fact), key=True)
        elif fact.words and test.operator != "known":
            _check_words(report, file, place, test, fact)


def _up_to_field(place: Path, test: Test) -> Path:
    return place if place[-1] == test.field else place[:-1]


_KIND_WORDS = {
    "number": "is a number",
    "truth": "is true or false",
    "instant": "is a date",
    "word": "is one of a few words",
    "letter": "is a letter",
    "text": "is text",
    "crm": "is a CRM field",
}


def _wrong_operator(test: Test, fact: Fact) -> str:
    takes = ", ".join(sorted(OPERATORS_OF[fact.kind]))
    return f"{test.operator} cannot be asked of {test.field}, which {_KIND_WORDS[fact.kind]}; it takes {takes}"


def _check_words(report: Report, file: str, place: Path, test: Test, fact: Fact) -> None:
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    for index, operand in enumerate(operands):
        if isinstance(operand, str) and fold(operand) in map(fold, fact.words):
            continue
        at = (*place, index) if isinstance(test.operand, tuple) else place
        shown = str(operand).lower() if isinstance(operand, bool) else str(operand)
        cure = "; put yes and no in quotes" if isinstance(operand, bool) and "yes" in fact.words else ""
        message = unknown(f"value of {test.field}", shown, fact.words) + cure
        report.add(file, at, message)
