"""When people act: weekdays, hours, holidays and summers of the place they live in.

Every country has a calendar of daily weights (1 is an ordinary Wednesday) and a curve of hours in its own time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.people.cast import HISTORY

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY = 86_400
#: Monday to Sunday; where the weekend is Saturday and Sunday.
WEEK = (0.95, 1.08, 1.0, 0.98, 0.72, 0.13, 0.10)
#: Local hours 0 to 23: two humps with lunch between them, a little in the evening, next to nothing at night.
HOURS = (1, 0.5, 0.3, 0.3, 0.5, 1, 3, 8, 22, 38, 42, 38, 26, 30, 40, 38, 32, 22, 12, 9, 9, 8, 5, 2)
#: Months of the year for northern Europe and the rest: July and August are slow, December ends early.
SUMMER = {"FR": (0.75, 0.45), "ES": (0.7, 0.45), "SE": (0.45, 0.7), "NO": (0.5, 0.75), "DE": (0.8, 0.72)}
SUMMER_ELSEWHERE = (0.86, 0.82)
HOLIDAY = 0.08
#: Day and month; those everybody has, then those of a country.
EVERYWHERE = ((1, 1), (25, 12), (26, 12))
OWN_DAYS: dict[str, tuple[tuple[int, int], ...]] = {
    "US": ((4, 7), (11, 11), (27, 11), (28, 11)),
    "CA": ((1, 7), (12, 10)),
    "GB": ((5, 5), (25, 8)),
    "IE": ((17, 3), (5, 5)),
    "DE": ((1, 5), (3, 10), (24, 12), (31, 12)),
    "AT": ((1, 5), (26, 10), (24, 12)),
    "CH": ((1, 8), (24, 12)),
    "FR": ((1, 5), (8, 5), (14, 7), (15, 8), (11, 11)),
    "ES": ((6, 1), (1, 5), (15, 8), (12, 10), (6, 12)),
    "SE": ((6, 1), (6, 6), (24, 12)),
    "NO": ((1, 5), (17, 5), (24, 12)),
    "PL": ((3, 5), (15, 8), (11, 11)),
    "JP": ((2, 1), (3, 1), (29, 4), (3, 5), (4, 5), (5, 5), (3, 11)),
    "CN": ((1, 5), (1, 10), (2, 10), (3, 10)),
    "IN": ((26, 1), (15, 8), (2, 10)),
    "AU": ((26, 1), (25, 4)),
    "MX": ((16, 9), (20, 11)),
}
ZONES: dict[str, str] = {
    "US": "America/New_York", "CA": "America/Toronto", "GB": "Europe/London", "IE": "Europe/Dublin",
    "AU": "Australia/Sydney", "DE": "Europe/Berlin", "CH": "Europe/Zurich", "AT": "Europe/Vienna",
    "FR": "Europe/Paris", "ES": "Europe/Madrid", "MX": "America/Mexico_City", "SE": "Europe/Stockholm",
    "NO": "Europe/Oslo", "PL": "Europe/Warsaw", "JP": "Asia/Tokyo", "CN": "Asia/Shanghai", "UA": "Europe/Kyiv",
    "AE": "Asia/Dubai", "IN": "Asia/Kolkata",
}  # fmt: skip
COUNTRIES: tuple[str, ...] = tuple(ZONES)
PLACE_OF: dict[str, int] = {country: place for place, country in enumerate(COUNTRIES)}


def day_weight(country: str, day: date) -> float:
    """Return how much happens in a country on a day, 1 being an ordinary Wednesday."""
    weight = WEEK[day.weekday()]
    if (day.day, day.month) in EVERYWHERE or (day.day, day.month) in OWN_DAYS.get(country, ()):
        return min(weight, HOLIDAY)
    if day.month in {7, 8} and country != "AU":
        weight *= SUMMER.get(country, SUMMER_ELSEWHERE)[day.month - 7]
    if (day.month == 12 and day.day >= 20) or (day.month == 1 and day.day <= 3):
        weight *= 0.3
    return weight


class Seasons:
    """The calendars of two years and a little around them; instants are whole seconds since 1970, UTC."""

    def __init__(self, at: datetime) -> None:
        """Lay the calendars so that they end the day after ``at``."""
        first = (at - HISTORY - timedelta(days=3)).date()
        self._first = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
        days = [first + timedelta(days=number) for number in range(HISTORY.days + 8)]
        weights = np.array([[day_weight(country, day) for day in days] for country in COUNTRIES])
        self._cumulated = np.concatenate([np.zeros((len(COUNTRIES), 1)), np.cumsum(weights, axis=1)], axis=1)
        self._offsets = np.array([[_offset(ZONES[country], day) for day in days] for country in COUNTRIES])
        hours = np.cumsum(np.array(HOURS, dtype=np.float64))
        self._hours = hours / hours[-1]

    def moments(
        self, rng: np.random.Generator, country: NDArray[Any], start: NDArray[Any], end: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Return one instant in [start, end) for each row, by the habits of its country (a place in COUNTRIES)."""
        size = len(country)
        low, high = self._mass(country, start), self._mass(country, np.maximum(end, start + 1))
        target = low + rng.random(size) * (high - low)
        day = np.zeros(size, dtype=np.int64)
        for place in np.unique(country):
            mine = country == place
            day[mine] = np.searchsorted(self._cumulated[place], target[mine], side="right") - 1
        day = np.clip(day, 0, self._offsets.shape[1] - 1)
        hour = np.searchsorted(self._hours, rng.random(size), side="right")
        within = hour * 3600 + rng.integers(0, 3600, size)
        found = self._first + day * DAY + within - self._offsets[country, day]
        inside = (found >= start) & (found < end)
        anywhen = start + (rng.random(size) * np.maximum(end - start, 1)).astype(np.int64)
        return np.asarray(np.where(inside, found, anywhen), dtype=np.int64)

    def _mass(self, country: NDArray[Any], instants: NDArray[Any]) -> NDArray[np.float64]:
        """Return how much of the calendar lies before each instant."""
        position = np.clip((instants - self._first) / DAY, 0, self._offsets.shape[1] - 1e-6)
        whole = position.astype(np.int64)
        before = self._cumulated[country, whole]
        within = self._cumulated[country, whole + 1] - before
        return np.asarray(before + (position - whole) * within, dtype=np.float64)

    def local(self, country: NDArray[Any], instants: NDArray[Any]) -> NDArray[np.int64]:
        """Return the instants as seconds of the local clock."""
        day = np.clip((instants - self._first) // DAY, 0, self._offsets.shape[1] - 1)
        return np.asarray(instants + self._offsets[country, day], dtype=np.int64)


def _offset(zone: str, day: date) -> int:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    span = noon.utcoffset()
    return 0 if span is None else int(span.total_seconds())
