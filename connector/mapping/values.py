"""Small values of the mapping files: durations, points, names."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?P<count>\d+)(?P<unit>[smhd])", re.ASCII)


def parse_duration(text: object) -> timedelta:
    """Read ``30d``, ``4h``, ``5m`` or ``60s``.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration: write a whole number and s, m, h or d, for example 30d")
    return timedelta(**{_UNITS[match["unit"]]: int(match["count"])})


def _exact(value: object) -> object:
    """Take numbers as written: 0.1 is one tenth, not the nearest binary fraction."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _as_list(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


#: ``30d``, ``4h``, ``5m``, ``60s``
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
#: points, caps, bands and minima lie in [-100, 100], at most three decimals
Points = Annotated[Decimal, BeforeValidator(_exact), Field(ge=-100, le=100, decimal_places=3)]
#: the id of a rule: stable for ever, it is part of keys and of history
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Name = Annotated[str, Field(min_length=1, max_length=120)]


_T = TypeVar("_T")
#: one item or a list of items, read as a tuple
OneOrMany = Annotated[tuple[_T, ...], BeforeValidator(_as_list)]


class Part(BaseModel):
    """A part of a mapping file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)
