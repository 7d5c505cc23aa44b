"""When to look again at rows that could not be read: they may be whole the next time, and must not be lost."""

from __future__ import annotations

from datetime import timedelta

#: looks at the same unreadable rows, the first pull's not counted; after the last they stay refused
MOST_LOOKS = 6
_HOUR = timedelta(hours=1)


def rest_before(look: int) -> timedelta:
    """Give the rest before a look (from 1): the next pull, then after one hour, two, four and so on."""
    return timedelta() if look <= 1 else _HOUR * 2 ** (look - 2)
