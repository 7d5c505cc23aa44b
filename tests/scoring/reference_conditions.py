"""Conditions once more, slowly: one fact of one person at a time. Written from docs/mapping/conditions.md.

Conditions are the plain dictionaries that YAML gives. Answers are True, False or None (unknown).
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from fractions import Fraction

SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


def span(text):
    return int(text[:-1]) * SPANS[text[-1]]


def exact(number):
    """The number as it is written: 0.3 is three tenths."""
    return Fraction(str(number))


def unknown(value):
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, float) and math.isnan(value)


def folded(text):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def number(value):
    """A number, or None where the value is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return exact(value.strip()) if PLAIN_NUMBER.fullmatch(value.strip()) else None
    return exact(value) if isinstance(value, (int, float)) else None


def truth(condition, facts, now):
    answers = []
    for field, wanted in condition.items():
        if field in ("any", "all"):
            parts = [truth(part, facts, now) for part in wanted]
            decisive = field == "any"
            answers.append(decisive if decisive in parts else None if None in parts else not decisive)
        elif field == "not":
            answers.append(opposite(truth(wanted, facts, now)))
        else:
            tests = wanted if isinstance(wanted, dict) else {"is": wanted}
            answers += [answer(operator, operand, facts.get(field), now) for operator, operand in tests.items()]
    return False if False in answers else None if None in answers else True


def opposite(found):
    return None if found is None else not found


def answer(operator, operand, value, now):
    """One test of one fact."""
    if operator == "known":
        return unknown(value) != operand
    if unknown(value):
        return None
    if operator == "is":
        return equal(value, operand)
    if operator == "is_not":
        return not equal(value, operand)
    if operator in ("in", "not_in"):
        return any(equal(value, one) for one in operand) == (operator == "in")
    if operator in ("contains", "starts_with", "matches"):
        return found_in(operator, operand, value)
    if operator == "within":
        return timedelta(0) <= now - value <= span(operand) if isinstance(value, datetime) else None
    measured = number(value)
    if measured is None:
        return None
    if operator == "between":
        return exact(operand[0]) <= measured <= exact(operand[1])
    bound = exact(operand)
    return {"gt": measured > bound, "gte": measured >= bound, "lt": measured < bound, "lte": measured <= bound}[
        operator
    ]


def equal(value, operand):
    if isinstance(value, bool) or isinstance(operand, bool):
        return str(value).casefold() == str(operand).casefold()
    if isinstance(value, str) and isinstance(operand, str):
        return folded(value) == folded(operand)
    if isinstance(value, datetime):
        day = datetime.fromisoformat(str(operand)).replace(tzinfo=UTC)
        return day <= value < day + timedelta(days=1)
    return number(value) is not None and number(value) == number(operand)


def found_in(operator, operand, value):
    if not isinstance(value, str):
        return None
    text = folded(value)
    if operator == "matches":
        # what \b, \d and \w mean is plain ASCII in RE2
        return re.search(operand, text, re.IGNORECASE | re.ASCII) is not None
    return folded(operand) in text if operator == "contains" else text.startswith(folded(operand))


def tests(condition):
    """Every test a condition asks: field, operator, operand."""
    for field, wanted in condition.items():
        if field in ("any", "all"):
            for part in wanted:
                yield from tests(part)
        elif field == "not":
            yield from tests(wanted)
        else:
            asked = wanted if isinstance(wanted, dict) else {"is": wanted}
            yield from ((field, operator, operand) for operator, operand in asked.items())
