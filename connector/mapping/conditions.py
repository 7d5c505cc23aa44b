"""Conditions as ops people write them: ``field: {operator: value}``, several are *and*; ``any``, ``all``, ``not``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import pyarrow as pa
from pydantic import PlainValidator, WithJsonSchema

from connector.mapping.columns import search
from connector.mapping.values import parse_duration

Operator = Literal[
    "is",
    "is_not",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "matches",
    "gt",
    "gte",
    "lt",
    "lte",
    "between",
    "known",
    "within",
]
OPERATORS: frozenset[str] = frozenset(get_args(Operator))
#: words that combine conditions, and so cannot name a fact
COMBINERS: frozenset[str] = frozenset({"any", "all", "not"})
_LISTS = frozenset({"in", "not_in"})
_TEXTS = frozenset({"contains", "starts_with", "matches"})
_ORDERS = frozenset({"gt", "gte", "lt", "lte"})
_DEEPEST = 30
_MOST_DIGITS = 100

#: What a test compares with: text, number, truth, a list of them, or a span.
Operand = str | Decimal | bool | tuple[str | Decimal | bool, ...] | timedelta


@dataclass(frozen=True, slots=True)
class Test:
    """One field compared with one operand. Unknown stays unknown: neither the test nor its opposite holds."""

    field: str
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; an empty one always holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; unknown stays unknown."""

    part: Condition


Condition = Test | AllOf | AnyOf | Not


class ConditionError(ValueError):
    """A condition has the wrong shape.

    Attributes:
        faults: every fault as the path within the condition and what is wrong there.
    """

    def __init__(self, faults: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(message for _, message in faults))
        self.faults = faults


def tests_of(condition: Condition) -> Iterator[Test]:
    """Walk every test of a condition, in the order written."""
    match condition:
        case Test():
            yield condition
        case Not(part):
            yield from tests_of(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_of(part)


def _scalar(value: object) -> str | Decimal | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("blank text is unknown; write {known: false} for an empty field")
        return value
    if isinstance(value, (int, float, Decimal)):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if (
            not number.is_finite()
            or len(number.as_tuple().digits) > _MOST_DIGITS
            or abs(number.adjusted()) > _MOST_DIGITS
        ):
            raise ValueError("the number has too many digits")
        return number
    if value is None:
        raise ValueError("nothing is compared with; write {known: false} for an empty field")
    raise ValueError("a list or mapping stands where one text, number or truth belongs")


def _number(operator: str, value: object) -> Decimal:
    scalar = _scalar(value)
    if isinstance(scalar, Decimal):
        return scalar
    raise ValueError(f"{operator} compares numbers; {value!r} is none")


def _pattern(pattern: str) -> str:
    try:
        search(pa.array([""]), "matches", pattern)
    except pa.ArrowInvalid as error:
        words = str(error).removeprefix("Invalid regular expression: ")
        raise ValueError(
            f"RE2 does not take this pattern ({words}); look-around and back-references are not in it"
        ) from error
    return pattern


def _operand(operator: str, value: object) -> Operand:
    if operator in _LISTS:
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError(f"{operator} takes a list of at least one value, for example [DE, AT]")
        return tuple(_scalar(item) for item in value)
    if operator == "between":
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError("between takes a list of two numbers, both included, for example [10, 20]")
        low, high = (_number(operator, item) for item in value)
        if low > high:
            raise ValueError(f"between {low} and {high} holds nothing; write the smaller number first")
        return low, high
    if operator in _ORDERS:
        return _number(operator, value)
    if operator in _TEXTS:
        if not isinstance(value, str) or not value:
            raise ValueError(f"{operator} takes a text; put it in quotes")
        return _pattern(value) if operator == "matches" else value
    if operator == "known":
        if not isinstance(value, bool):
            raise ValueError("known takes true or false")
        return value
    if operator == "within":
        return parse_duration(value)
    return _scalar(value)


_Path = tuple[str | int, ...]


class _Reader:
    """Read a condition to its end and collect every fault on the way."""

    def __init__(self) -> None:
        self.faults: list[tuple[_Path, str]] = []

    def condition(self, value: object, path: _Path) -> list[Condition]:
        if isinstance(value, (Test, AllOf, AnyOf, Not)):
            return [value]
        if not isinstance(value, dict):
            message = "a condition is a mapping of fields to what they must be, for example {country: DE}"
            return self._fault(path, message)
        if len(path) > _DEEPEST:
            return self._fault(path, "the condition is nested too deeply")
        parts: list[Condition] = []
        for key, inner in value.items():
            below = (*path, key)
            match key:
                case "any":
                    parts.append(AnyOf(self._parts(key, inner, below)))
                case "all":
                    parts.append(AllOf(self._parts(key, inner, below)))
                case "not":
                    parts.extend(Not(part) for part in self.condition(inner, below))
                case str():
                    parts.extend(self._tests(key, inner, below))
                case _:
                    self._fault(below, f"{key!r} is no field name; put it in quotes if it is one")
        return parts if len(parts) == 1 else [AllOf(tuple(parts))]

    def _parts(self, word: str, value: object, path: _Path) -> tuple[Condition, ...]:
        if not isinstance(value, (list, tuple)) or not value:
            self._fault(
                path, f"{word} takes a list of conditions, for example {word}: [{{country: DE}}, {{city: Wien}}]"
            )
            return ()
        return tuple(part for index, item in enumerate(value) for part in self.condition(item, (*path, index)))

    def _tests(self, field: str, value: object, path: _Path) -> list[Condition]:
        if isinstance(value, (list, tuple)):
            return self._fault(path, f"{field} is compared with a list; write {field}: {{in: […]}}")
        if not isinstance(value, dict):
            return self._test(field, "is", value, path)
        if not value:
            return self._fault(path, f"{field} names no operator; write {field}: {{is: …}}")
        tests = [
            test
            for operator, operand in value.items()
            for test in self._test(field, operator, operand, (*path, operator))
        ]
        return tests if len(tests) == 1 else [AllOf(tuple(tests))]

    def _test(self, field: str, operator: Any, value: object, path: _Path) -> list[Condition]:
        if operator not in OPERATORS:
            return self._fault(path, f"{operator!r} is no operator; use one of {', '.join(get_args(Operator))}")
        try:
            return [Test(field, operator, _operand(operator, value))]
        except ValueError as error:
            return self._fault(path, str(error))

    def _fault(self, path: _Path, message: str) -> list[Condition]:
        self.faults.append((path, message))
        return []


def parse_condition(value: object) -> Condition:
    """Read a condition from what YAML gave.

    Raises:
        ConditionError: the shape is wrong; every fault names its place within the condition and the cure.
    """
    reader = _Reader()
    parts = reader.condition(value, ())
    if reader.faults:
        raise ConditionError(reader.faults)
    return parts[0]


#: replaced by the full schema of conditions, which refers to itself
_SCHEMA: dict[str, Any] = {"x-condition": True}
When = Annotated[Condition, PlainValidator(parse_condition), WithJsonSchema(_SCHEMA)]
