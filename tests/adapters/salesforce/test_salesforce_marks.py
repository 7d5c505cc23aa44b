"""Cursors: what could not be read is looked at again, ever more rarely, and in the end no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.salesforce.cursors import Mark, read_mark
from connector.domain.second_look import MOST_LOOKS

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
_OVERLAP = timedelta(minutes=5)
_OLD = NOW - timedelta(days=30)


def test_an_unread_row_is_begun_from_when_its_time_has_come_and_the_mark_never_falls_back():
    mark = Mark(NOW).missed(_OLD).rested(NOW)
    for looks in range(1, MOST_LOOKS + 1):
        mark = read_mark(mark.text(), at="here")
        assert (mark.high, mark.unread, mark.looks) == (NOW, _OLD, looks)
        assert mark.due is not None
        wait = mark.due - NOW
        assert wait == timedelta(hours=2 ** (looks - 2)) if looks > 1 else wait == timedelta()
        if wait:
            assert mark.begins(_OVERLAP, NOW) == (mark, NOW - _OVERLAP)
        going, low = mark.begins(_OVERLAP, mark.due)
        assert (low, going.unread, going.high) == (_OLD, None, NOW)
        mark = going.missed(_OLD).rested(NOW)
    assert (mark.unread, mark.looks) == (None, 0)


def test_once_it_can_be_read_it_is_forgotten():
    mark, low = Mark(NOW).missed(_OLD).rested(NOW).begins(_OVERLAP, NOW)
    assert low == _OLD
    assert mark.rested(NOW) == Mark(NOW)
    assert Mark(NOW).missed(None).begins(_OVERLAP, NOW)[1] is not None


def test_a_cursor_of_before_is_still_read():
    assert read_mark('{"high": "2026-11-17T09:00:00.000Z"}', at="here") == Mark(NOW)
