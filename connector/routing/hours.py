"""Working hours as people write them: ``Mon-Fri 09:00-17:00 Europe/Berlin``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHAPE = re.compile(
    r"(?P<first>\w{3})(?:-(?P<last>\w{3}))?\s+(?P<open>\d{1,2}:\d{2})-(?P<close>\d{1,2}:\d{2})(?:\s+(?P<zone>\S+))?"
)
#: how far ahead a due time may be pushed before something is wrong with the hours
_HORIZON_DAYS = 400


@dataclass(frozen=True, slots=True)
class Hours:
    """When a pool works, on its own clock."""

    days: frozenset[int]
    opens: time
    closes: time
    zone: ZoneInfo

    def due(self, start: datetime, span: timedelta) -> datetime:
        """Add ``span`` of working time to ``start``; outside the hours the clock stands still. UTC in and out."""
        moment, left = start.astimezone(self.zone), span
        for _ in range(_HORIZON_DAYS):
            opening = datetime.combine(moment.date(), self.opens, self.zone)
            closing = datetime.combine(moment.date(), self.closes, self.zone)
            if moment.weekday() in self.days and moment < closing:
                moment = max(moment, opening)
                room = closing.astimezone(start.tzinfo) - moment.astimezone(start.tzinfo)
                if left <= room:
                    return moment.astimezone(start.tzinfo) + left
                left -= room
            moment = datetime.combine(moment.date() + timedelta(days=1), time(), self.zone)
        return start + span


def parse_hours(text: str) -> Hours:
    """Read days, a span and a zone (UTC when left out).

    Raises:
        ValueError: the words are off; the message says how to write them.
    """
    match = _SHAPE.fullmatch(text.strip())
    first = match["first"].lower() if match else ""
    last = (match["last"] or match["first"]).lower() if match else ""
    if match is None or first not in _DAYS or last not in _DAYS:
        raise ValueError(f"{text!r} are no hours: write for example Mon-Fri 09:00-17:00 Europe/Berlin")
    start, end = _DAYS.index(first), _DAYS.index(last)
    days = {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    try:
        zone = ZoneInfo(match["zone"] or "UTC")
        opens, closes = time.fromisoformat(match["open"].zfill(5)), time.fromisoformat(match["close"].zfill(5))
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"{text!r}: {error}") from error
    if opens >= closes:
        raise ValueError(f"{text!r}: the end lies before the beginning")
    return Hours(frozenset(days), opens, closes, zone)
