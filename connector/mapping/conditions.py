"""Conditions as ops people write them: ``field: {operator: value}``, several are *and*; ``any``, ``all``, ``not``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import PlainValidator, WithJsonSchema

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
_LISTS = frozenset({"in", "not_in"})
_TEXTS = frozenset({"contains", "starts_with", "matches"})
_ORDERS = frozenset({"gt", "gte", "lt", "lte"})

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
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float, Decimal)):
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    raise ValueError(f"{value!r} is no text, number or truth")


def _number(operator: str, value: object) -> Decimal:
    scalar = _scalar(value)
    if isinstance(scalar, Decimal):
        return scalar
    raise ValueError(f"{operator} compares numbers; {value!r} is none")


def _operand(operator: str, value: object) -> Operand:
    if operator in _LISTS:
        if not isinstance(value, list) or not value:
            raise ValueError(f"{operator} takes a list of at least one value, for example [DE, AT]")
        return tuple(_scalar(item) for item in value)
    if operator == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError("between takes a list of two numbers, both included, for example [10, 20]")
        return tuple(_number(operator, item) for item in value)
    if operator in _ORDERS:
        return _number(operator, value)
    if operator in _TEXTS:
        if not isinstance(value, str) or not value:
            raise ValueError(f"{operator} takes a text")
        return value
    if operator == "known":
        if not isinstance(value, bool):
            raise ValueError("known takes true or false")
        return value
    if operator == "within":
        return parse_duration(value)
    return _scalar(value)


def _tests(field: str, value: object) -> Condition:
    if not isinstance(value, dict):
        return Test(field, "is", _scalar(value)) if not isinstance(value, list) else _bad_list(field)
    if not value:
        raise ValueError(f"{field} names no operator; write {field}: {{is: …}}")
    tests: list[Condition] = []
    for operator, operand in value.items():
        if operator not in OPERATORS:
            raise ValueError(f"{operator!r} is no operator; use one of {', '.join(get_args(Operator))}")
        tests.append(Test(field, operator, _operand(operator, operand)))
    return tests[0] if len(tests) == 1 else AllOf(tuple(tests))


def _bad_list(field: str) -> Condition:
    raise ValueError(f"{field} is compared with a list; write {field}: {{in: […]}}")


def _parts(word: str, value: object) -> tuple[Condition, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{word} takes a list of conditions")
    return tuple(parse_condition(item) for item in value)


def parse_condition(value: object) -> Condition:
    """Read a condition from what YAML gave.

    Raises:
        ValueError: the shape is wrong; the message names the field, the operator and the cure.
    """
    if isinstance(value, (Test, AllOf, AnyOf, Not)):
        return value
    if not isinstance(value, dict):
        raise ValueError("a condition is a mapping of fields to what they must be, for example {country: DE}")
    parts: list[Condition] = []
    for key, inner in value.items():
        match key:
            case "any":
                parts.append(AnyOf(_parts("any", inner)))
            case "all":
                parts.append(AllOf(_parts("all", inner)))
            case "not":
                parts.append(Not(parse_condition(inner)))
            case str():
                parts.append(_tests(key, inner))
            case _:
                raise ValueError(f"{key!r} is no field name")
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "field: value, or field: {operator: value}; several are and; any:, all:, not: combine conditions",
}
When = Annotated[Condition, PlainValidator(parse_condition), WithJsonSchema(_SCHEMA)]
