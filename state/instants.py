"""Instants as the database keeps them: whole microseconds since 1970-01-01 UTC, the same number on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@overload
def to_us(instant: datetime) -> int: ...
@overload
def to_us(instant: None) -> None: ...
def to_us(instant: datetime | None) -> int | None:
    """Count microseconds since 1970; an instant without a zone is refused, for it would be read as something else.

    Raises:
        ValueError: ``instant`` has no time zone.
    """
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - EPOCH) // _MICROSECOND


@overload
def from_us(microseconds: int) -> datetime: ...
@overload
def from_us(microseconds: None) -> None: ...
def from_us(microseconds: int | None) -> datetime | None:
    """Give the aware UTC instant of a stored number."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)
