"""Working hours as people write them: ``Mon-Fri 09:00-17:00 Europe/Berlin``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHAPE = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<open>\d{1,2}:\d{2})-(?P<close>\d{1,2}:\d{2})(?:\s+(?P<zone>\S+))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of some days of the week, on the clock of one place; 0 is Monday."""

    days: frozenset[int]
    opens: time
    closes: time
    zone: ZoneInfo


def zone_named(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        ValueError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # directories and odd names raise what the file system says
        raise ValueError(f"{name!r} is no time zone; write UTC or a name such as Europe/Berlin") from error


def check_hours(text: str, *, overnight: bool = False) -> Span:
    """Read days, a span and a zone (UTC when left out); with ``overnight`` days may be left out and midnight crossed.

    Raises:
        ValueError: the words are off; the message says how to write them.
    """
    match = _SHAPE.fullmatch(text.strip())
    example = "20:00-07:00 Europe/Berlin" if overnight else "Mon-Fri 09:00-17:00 Europe/Berlin"
    if match is None or (match["first"] is None and not overnight):
        raise ValueError(f"{text!r} are no hours; write for example {example}")
    opens, closes = _clock(match["open"]), _clock(match["close"])
    if opens == closes or (opens > closes and not overnight):
        raise ValueError(f"{text!r} ends before it begins; write for example {example}")
    return Span(_days(match["first"], match["last"]), opens, closes, zone_named(match["zone"] or "UTC"))


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text.zfill(5))
    except ValueError as error:
        raise ValueError(f"{text} is no time of day; write 00:00 to 23:59") from error


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(len(_DAYS)))
    names = [name.casefold() for name in (first, last or first)]
    for name in names:
        if name not in _DAYS:
            raise ValueError(f"{name} is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")
    start, end = map(_DAYS.index, names)
    return frozenset((start + step) % 7 for step in range((end - start) % 7 + 1))
