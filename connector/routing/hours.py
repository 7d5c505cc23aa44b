"""When work is due: the clock of a task runs in its pool's working hours and stands still outside them."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from connector.mapping.hours import Span

#: how far ahead a due time may be pushed before something is wrong with the hours
_HORIZON_DAYS = 400


def working_due(hours: Span, start: datetime, span: timedelta) -> datetime:
    """Add ``span`` of working time to ``start``; aware UTC in and out, right across changes of the clock."""
    moment, left = start.astimezone(hours.zone), span
    for _ in range(_HORIZON_DAYS):
        opening = datetime.combine(moment.date(), hours.opens, hours.zone)
        closing = datetime.combine(moment.date(), hours.closes, hours.zone)
        if moment.weekday() in hours.days and moment < closing:
            moment = max(moment, opening)
            room = closing.astimezone(start.tzinfo) - moment.astimezone(start.tzinfo)
            if left <= room:
                return moment.astimezone(start.tzinfo) + left
            left -= room
        moment = datetime.combine(moment.date() + timedelta(days=1), time(), hours.zone)
    return start + span
