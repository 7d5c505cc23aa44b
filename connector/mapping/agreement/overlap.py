"""Can one activity satisfy two conditions? Does a condition pick out pages?

Both are answered by cases: a condition is taken apart into alternatives, each a list of tests that must all hold. What
cannot be ruled out counts as possible, so an overlap is never missed; the cure is to make the conditions exclude each
other in so many words.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import product

import pyarrow as pa

from connector.mapping.conditions import AllOf, AnyOf, Condition, Not, Test
from connector.mapping.evaluate import evaluate
from connector.mapping.text import fold

#: a test, and whether it must be true (False: its opposite must)
Literal = tuple[Test, bool]
_MOST_ALTERNATIVES = 500
_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_POSITIVE = frozenset({"is", "in", "contains", "starts_with", "matches"})
_PAGE_FIELDS = ("path", "url")
#: a page that no site has: a condition that holds for it holds for every page
_NOWHERE = ("/q7zx4-nowhere", "https://www.q7zx4.example/q7zx4-nowhere?q7zx4=q7zx4")


def alternatives(condition: Condition) -> list[tuple[Literal, ...]] | None:
    """Take a condition apart; None when there are too many alternatives to look at."""
    return _alternatives(condition, wanted=True)


def _alternatives(condition: Condition, *, wanted: bool) -> list[tuple[Literal, ...]] | None:
    match condition:
        case Test():
            return [((condition, wanted),)]
        case Not(part):
            return _alternatives(part, wanted=not wanted)
        case AllOf(parts) | AnyOf(parts):
            inner = [_alternatives(part, wanted=wanted) for part in parts]
            known = [one for one in inner if one is not None]
            if len(known) != len(inner):
                return None
            if isinstance(condition, AllOf) == wanted:
                return _product(known)
            together = [alternative for one in known for alternative in one]
            return together if len(together) <= _MOST_ALTERNATIVES else None


def _product(inner: list[list[tuple[Literal, ...]]]) -> list[tuple[Literal, ...]] | None:
    count = 1
    for one in inner:
        count *= len(one)
        if count > _MOST_ALTERNATIVES:
            return None
    return [tuple(literal for part in chosen for literal in part) for chosen in product(*inner)]


def may_both_hold(first: Condition, second: Condition) -> bool:
    """Say whether one activity could satisfy both; true unless every combination of cases contradicts itself.

    A case contradicts itself when a field would have to be one of some stated values and none of them passes the other
    tests on that field, when it would have to begin with two different texts, or be both empty and not.
    """
    cases = alternatives(AllOf((first, second)))
    return cases is None or any(not _contradicts_itself(case) for case in cases)


def _contradicts_itself(case: tuple[Literal, ...]) -> bool:
    by_field: dict[str, list[Literal]] = {}
    for literal in case:
        by_field.setdefault(literal[0].field, []).append(literal)
    return any(_impossible(literals) for literals in by_field.values())


def _impossible(literals: list[Literal]) -> bool:
    values = [_stated(literal) for literal in literals]
    for stated in values:
        if stated is not None and not _passing(stated, literals):
            return True
    needs_value = any(test.operator != "known" for test, _ in literals)
    known = {bool(test.operand) == wanted for test, wanted in literals if test.operator == "known"}
    if len(known) == 2 or (False in known and needs_value):
        return True
    begins = [
        fold(test.operand)
        for test, wanted in literals
        if wanted and test.operator == "starts_with" and isinstance(test.operand, str)
    ]
    return any(not a.startswith(b) and not b.startswith(a) for a in begins for b in begins)


def _stated(literal: Literal) -> list[str] | None:
    """Give the only values that satisfy a test, or None when it leaves more open."""
    test, wanted = literal
    equality = ("is", "in") if wanted else ("is_not", "not_in")
    if test.operator not in equality:
        return None
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    # numbers and truths stand for several spellings (200, 2e2), which are not listed here
    return [operand for operand in operands if isinstance(operand, str)] if all_text(operands) else None


def all_text(operands: Iterable[object]) -> bool:
    """Say whether every operand is text."""
    return all(isinstance(operand, str) for operand in operands)


def _passing(values: list[str], literals: list[Literal]) -> bool:
    """Say whether one of the values satisfies every test on the field."""
    facts = pa.table({literals[0][0].field: pa.array(values, pa.string())})
    passed = [True] * len(values)
    for test, wanted in literals:
        answers = evaluate(test, facts, now=_NOW).to_pylist()
        passed = [before and answer is wanted for before, answer in zip(passed, answers, strict=True)]
    return any(passed)


def picks_pages(condition: Condition) -> bool:
    """Say whether every case of a condition names pages: a path or an address that is one of some, not merely not."""
    cases = alternatives(condition)
    return cases is not None and all(any(_picks(literal) for literal in case) for case in cases)


def _picks(literal: Literal) -> bool:
    test, wanted = literal
    if not wanted or test.field not in _PAGE_FIELDS or test.operator not in _POSITIVE:
        return False
    facts = pa.table({test.field: pa.array(_NOWHERE, pa.string())})
    return True not in evaluate(test, facts, now=_NOW).to_pylist()
