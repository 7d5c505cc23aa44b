"""Whether it is time to look again at what costs calls."""

from __future__ import annotations

from datetime import datetime, timedelta


def has_rested(last: str | None, rest: timedelta, *, now: datetime) -> bool:
    """Say whether so much time has passed since an instant (ISO 8601), or there was none.

    A clock that was set back says nothing of how long that is ago: then it has.
    """
    return not last or not timedelta() <= now - datetime.fromisoformat(last) < rest
