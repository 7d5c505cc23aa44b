"""Small values of the mapping files: durations, points, names, days."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?P<count>\d{1,9})(?P<unit>[smhd])", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST = timedelta(days=36_500)
#: points, caps, bands and minima lie between minus this and this
SCALE = 100
_DURATION_SCHEMA: dict[str, Any] = {"type": "string", "pattern": r"^\d{1,9}[smhd]$", "examples": ["30d", "4h", "5m"]}


def parse_duration(text: object) -> timedelta:
    """Read ``30d``, ``4h``, ``5m`` or ``60s``; at most a hundred years.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{_shown(text)} is no duration: write a whole number and s, m, h or d, for example 30d")
    duration = timedelta(**{_UNITS[match["unit"]]: int(match["count"])})
    if duration > _LONGEST:
        raise ValueError(f"{_shown(text)} is longer than a hundred years; write at most 36500d")
    return duration


def _parse_span(text: object) -> timedelta:
    duration = parse_duration(text)
    if not duration:
        raise ValueError("a span of nothing has no effect; write at least 1s")
    return duration


def _parse_half_life(text: object) -> timedelta | Literal["none"]:
    if text == "none":
        return "none"
    if isinstance(text, str) and not _DURATION.fullmatch(text):
        raise ValueError(f"{_shown(text)} is no half-life: write a duration such as 30d, or none for no decay")
    return _parse_span(text)


def _shown(value: object) -> str:
    """Quote a value as the reader wrote it, cut to a readable length."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _whole_days(span: timedelta) -> timedelta:
    if span % timedelta(days=1):
        raise ValueError(f"{span.total_seconds() / 3600:g}h is no whole number of days; write for example 3d")
    return span


def _exact(value: object) -> object:
    """Take numbers as written: 0.1 is one tenth, not the nearest binary fraction."""
    if isinstance(value, (bool, str)):
        raise ValueError(f"{_shown(value)} is no number; write it without quotes, for example 10")
    return Decimal(repr(value)) if isinstance(value, float) else value


def _on_scale(value: object) -> object:
    exact = _exact(value)
    if isinstance(exact, (int, Decimal)) and not -SCALE <= exact <= SCALE:
        raise ValueError(
            f"{_shown(value)} mixes scales: points, caps and bands lie between -{SCALE} and {SCALE}; "
            "make something more important with a dimension's weight"
        )
    return exact


def _parse_day(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{_shown(value)} is no day; write year-month-day, for example 2026-01-31")


def _as_list(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


#: ``30d``, ``4h``, ``5m``, ``60s``
Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
#: a duration longer than nothing
Span = Annotated[timedelta, BeforeValidator(_parse_span), WithJsonSchema(_DURATION_SCHEMA)]
#: a span of whole days
Days = Annotated[Span, AfterValidator(_whole_days)]
#: a span, or ``none`` for no decay
HalfLife = Annotated[
    timedelta | Literal["none"],
    BeforeValidator(_parse_half_life),
    WithJsonSchema({"anyOf": [_DURATION_SCHEMA, {"const": "none"}]}),
]
#: a number taken as written
Exact = Annotated[Decimal, BeforeValidator(_exact)]
#: points, caps, bands and minima lie in [-100, 100], at most three decimals
Points = Annotated[Decimal, BeforeValidator(_on_scale), Field(ge=-SCALE, le=SCALE, decimal_places=3)]
#: a confidence or a share of one
Share = Annotated[float, BeforeValidator(_exact), Field(ge=0, le=1)]
#: a whole number; a truth is none
Whole = Annotated[int, Strict()]
#: true or false; ``yes`` and ``on`` are text
Truth = Annotated[bool, Strict()]
#: a calendar day
Day = Annotated[date, BeforeValidator(_parse_day), WithJsonSchema({"type": "string", "format": "date"})]
#: the id of a rule: stable for ever, it is part of keys and of history
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Name = Annotated[str, Field(min_length=1, max_length=120)]


_T = TypeVar("_T")


class _OneOrManySchema:
    """Let a schema say that one item may stand without its list."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


#: one item or a list of items, read as a tuple
OneOrMany = Annotated[tuple[_T, ...], BeforeValidator(_as_list), _OneOrManySchema()]


def _none(value: object) -> object:
    if value is None:
        raise ValueError("null says nothing; write none to switch it off, or leave the key out")
    return None if value == "none" else value


class _OrNoneSchema:
    """Let a schema say ``none`` where Python has nothing."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options = handler(schema)["anyOf"]
        return {"anyOf": [{"const": "none"} if option == {"type": "null"} else option for option in options]}


#: a part, or the word ``none``, read as None
OrNone = Annotated[_T | None, BeforeValidator(_none), _OrNoneSchema()]


class Part(BaseModel):
    """A part of a mapping file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)
