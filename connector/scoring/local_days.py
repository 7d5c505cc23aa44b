"""Local calendar days of instants: exact across daylight saving, and the same on every engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.errors import ConfigError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
DAY_US = 86_400_000_000


def zone_of(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        ConfigError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            "time_zone.unknown",
            f"there is no time zone {name!r}",
            cure="use a name of the IANA list, for example Europe/Berlin",
        ) from error


def local_day(instant: datetime, zone: ZoneInfo) -> int:
    """Number the local day of an instant, in days since 1970-01-01."""
    return (instant.astimezone(zone).date() - EPOCH_DAY).days


def microseconds(instant: datetime) -> int:
    """Count microseconds since 1970-01-01 UTC."""
    return (instant - EPOCH) // _MICROSECOND


def day_sql(column: str, zone: ZoneInfo, first_us: int, last_us: int) -> str:
    """Write the local day number of a column of microseconds that all lie between the two bounds, both included.

    Offsets are looked up here, so that engines need no time-zone data of their own.
    """
    pieces = offsets(zone, first_us, last_us)
    offset = str(pieces[-1][1])
    if len(pieces) > 1:
        cases = " ".join(f"WHEN {column} < {pieces[i + 1][0]} THEN {pieces[i][1]}" for i in range(len(pieces) - 1))
        offset = f"(CASE {cases} ELSE {offset} END)"
    local = f"({column} + {offset})"
    # integer division cuts towards zero; the remainder is brought above zero first, for days before 1970
    return f"(({local} - (({local} % {DAY_US} + {DAY_US}) % {DAY_US})) // {DAY_US})"


def offsets(zone: ZoneInfo, first_us: int, last_us: int) -> list[tuple[int, int]]:
    """List (from this instant on, offset) in microseconds; the first holds for everything before the second."""
    pieces = [(first_us, _offset(zone, first_us))]
    at = first_us
    while at < last_us:
        following = min(at + DAY_US, last_us)
        if _offset(zone, following) != pieces[-1][1]:
            change = _change(zone, at, following)
            pieces.append((change, _offset(zone, change)))
        at = following
    return pieces


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """Find the first microsecond with another offset than ``before``, at or before ``after``."""
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at_us: int) -> int:
    offset = (EPOCH + timedelta(microseconds=at_us)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MICROSECOND
