"""The clock of a task runs in working hours: compared with counting minutes one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.hours import Span, check_hours
from connector.routing.hours import working_due

_HOURS = [
    "Mon-Fri 09:00-17:00 Europe/Berlin",
    "Sun 01:00-05:00 Europe/Berlin",  # the clock changes inside these hours
    "Sat-Mon 00:00-03:30 America/New_York",
    "Tue 22:15-23:45 Pacific/Auckland",
    "Mon-Sun 00:00-23:59",
    "Mon-Fri 09:00-17:00 Asia/Kolkata",
]
_QUARTER = timedelta(minutes=1)


def _open(hours: Span, instant: datetime) -> bool:
    local = instant.astimezone(hours.zone)
    return local.weekday() in hours.days and hours.opens <= local.time() < hours.closes


def _counted(hours: Span, start: datetime, span: timedelta) -> datetime:
    """Walk minute by minute; the answer is the end of the last minute that was worked."""
    at, left = start, span
    while not _open(hours, at):
        at += _QUARTER
    while left:
        if _open(hours, at):
            left -= _QUARTER
        at += _QUARTER
    return at


#: around both changes of the clock in Europe, America and New Zealand, and in an ordinary week
_starts = st.sampled_from([(2026, 3, 6), (2026, 3, 27), (2026, 4, 3), (2026, 9, 25), (2026, 10, 23), (2026, 10, 30)])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(_HOURS), _starts, st.integers(0, 3 * 1440), st.integers(0, 600))
def test_like_counting_minutes(text: str, day: tuple[int, int, int], after: int, minutes: int) -> None:
    hours = check_hours(text)
    start = datetime(*day, tzinfo=UTC) + timedelta(minutes=after)
    span = timedelta(minutes=minutes)
    due = working_due(hours, start, span)
    assert due == _counted(hours, start, span)
    assert due.utcoffset() == timedelta(0)


BERLIN = "Mon-Fri 09:00-17:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("start", "span", "due"),
    [
        # Friday evening plus five minutes is Monday morning
        ("2026-03-06T18:00+00:00", timedelta(minutes=5), "2026-03-09T08:05+00:00"),
        # the same on the weekend on which summer time begins: nine o'clock is an hour earlier in UTC
        ("2026-03-27T17:00+00:00", timedelta(minutes=5), "2026-03-30T07:05+00:00"),
        ("2026-10-23T16:00+00:00", timedelta(minutes=5), "2026-10-26T08:05+00:00"),
        # twenty hours are two and a half days
        ("2026-03-02T08:00+00:00", timedelta(hours=20), "2026-03-04T12:00+00:00"),
        # exactly a day's hours end with the day
        ("2026-03-02T08:00+00:00", timedelta(hours=8), "2026-03-02T16:00+00:00"),
        ("2026-03-02T10:00+00:00", timedelta(0), "2026-03-02T10:00+00:00"),
        # at closing time the next work is tomorrow's
        ("2026-03-02T16:00+00:00", timedelta(0), "2026-03-03T08:00+00:00"),
    ],
)
def test_by_hand(start: str, span: timedelta, due: str) -> None:
    found = working_due(check_hours(BERLIN), datetime.fromisoformat(start), span)
    assert found == datetime.fromisoformat(due)


@given(st.integers(0, 20000), st.integers(0, 3000), st.integers(0, 3000))
def test_more_work_is_never_due_earlier(start: int, one: int, other: int) -> None:
    hours = check_hours(BERLIN)
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    shorter, longer = sorted((timedelta(minutes=one), timedelta(minutes=other)))
    assert at <= working_due(hours, at, shorter) <= working_due(hours, at, longer)
