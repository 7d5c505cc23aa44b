"""Date literals and date functions, in the time zone and by the week of the user who asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MONTHS = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}
UNIT = r"(day|week|month|quarter|year|fiscal_quarter|fiscal_year)"
ONE = re.compile(rf"(this|last|next)_{UNIT}")
MANY = re.compile(rf"(last|next)_n_{UNIT}s:(\d+)")
AGO = re.compile(rf"n_{UNIT}s_ago:(\d+)")
NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
#: Locales whose week begins on Sunday; elsewhere it is Monday.
SUNDAY_FIRST = frozenset({"en_US", "ja", "ja_JP", "pt_BR", "es_MX", "ko", "zh_TW", "he", "en_CA"})


@dataclass(slots=True, frozen=True)
class Calendar:
    """How a user's days, weeks and years run."""

    zone: ZoneInfo
    sunday_first: bool = True
    #: First month of the fiscal year.
    fiscal_month: int = 1

    @classmethod
    def of(cls, zone: str | None, locale: str | None, fiscal_month: int | None) -> Calendar:
        """Build a calendar from what a user's and the org's record say."""
        return cls(ZoneInfo(zone or "UTC"), (locale or "en_US") in SUNDAY_FIRST, fiscal_month or 1)

    def midnight(self, day: date) -> datetime:
        """Return the instant at which a day begins here, aware UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def today(self, now: datetime) -> date:
        """Return the day it is here."""
        return now.astimezone(self.zone).date()

    def begin(self, unit: str, day: date, shift: int) -> date:
        """Return the first day of the unit that is ``shift`` after the one holding the day."""
        if unit == "day":
            return day + shift * DAY
        if unit == "week":
            into = (day.weekday() + 1) % 7 if self.sunday_first else day.weekday()
            return day - into * DAY + 7 * shift * DAY
        length = MONTHS[unit]
        origin = self.fiscal_month - 1 if unit.startswith("fiscal") else 0
        months = day.year * 12 + day.month - 1 - origin
        months = (months // length + shift) * length + origin
        return date(months // 12, months % 12 + 1, 1)

    def span(self, literal: str, today: date) -> tuple[date, date] | None:
        """Return the first day of a date literal and the first day behind it; None when it is none.

        Raises: OverflowError, ValueError when the days lie outside the calendar.
        """
        word = literal.lower()
        if word in NEAR:
            start = today + NEAR[word] * DAY
            return start, start + DAY
        if word in ("last_90_days", "next_90_days"):
            word = word.replace("90_days", "n_days:90")
        if found := ONE.fullmatch(word):
            shift = {"this": 0, "last": -1, "next": 1}[found[1]]
            if found[2] == "day":
                return None
            return self.begin(found[2], today, shift), self.begin(found[2], today, shift + 1)
        if found := AGO.fullmatch(word):
            shift = -int(found[2])
            return self.begin(found[1], today, shift), self.begin(found[1], today, shift + 1)
        if found := MANY.fullmatch(word):
            unit, number = found[2], int(found[3])
            if found[1] == "next":
                return self.begin(unit, today, 1), self.begin(unit, today, number + 1)
            # The days before today and today itself; of longer units only whole ones before the present.
            return self.begin(unit, today, -number), self.begin(unit, today, 1 if unit == "day" else 0)
        return None


def _fiscal(calendar: Calendar, moment: datetime) -> int:
    """Return the month of the fiscal year, from 0."""
    return (moment.month - calendar.fiscal_month) % 12


def _fiscal_year(calendar: Calendar, moment: datetime) -> int:
    return moment.year + (calendar.fiscal_month > 1 and moment.month >= calendar.fiscal_month)


Function = Callable[[Calendar, datetime], int | str]
FUNCTIONS: dict[str, Function] = {
    "calendar_month": lambda _, moment: moment.month,
    "calendar_quarter": lambda _, moment: (moment.month - 1) // 3 + 1,
    "calendar_year": lambda _, moment: moment.year,
    "day_in_month": lambda _, moment: moment.day,
    "day_in_week": lambda _, moment: moment.isoweekday() % 7 + 1,
    "day_in_year": lambda _, moment: moment.timetuple().tm_yday,
    "day_only": lambda _, moment: moment.date().isoformat(),
    "fiscal_month": lambda calendar, moment: _fiscal(calendar, moment) + 1,
    "fiscal_quarter": lambda calendar, moment: _fiscal(calendar, moment) // 3 + 1,
    "fiscal_year": _fiscal_year,
    "hour_in_day": lambda _, moment: moment.hour,
    "week_in_month": lambda _, moment: (moment.day - 1) // 7 + 1,
    "week_in_year": lambda _, moment: (moment.timetuple().tm_yday - 1) // 7 + 1,
}
#: These need the time of day.
ON_DATETIME_ONLY = frozenset({"day_only", "hour_in_day"})


def applied(name: str, calendar: Calendar, value: str, *, local: bool) -> int | str:
    """Return a date function of a kept date or datetime; ``local`` reads it in the user's zone."""
    if len(value) == 10:
        moment = datetime.combine(date.fromisoformat(value), time(), UTC)
    else:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(calendar.zone) if local else moment
    return FUNCTIONS[name](calendar, moment)
