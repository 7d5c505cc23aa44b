"""Pages of a log in the order of what happened, from either end, and the marks to go on from."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from sandbox.hubspot.answers import invalid, ms, parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.core.http import Request
    from sandbox.core.records import Record

Mark = tuple[int, str]  # time in ms and id of the last row handed out


def _key(row: Record) -> Mark:
    return int(row.values["ms"]), row.id


def between(rows: Sequence[Record], low: int | None, high: int | None) -> Sequence[Record]:
    """Return the rows of a time range, both ends included; ``rows`` are in order."""
    start = 0 if low is None else bisect_left(rows, (low, ""), key=_key)
    stop = len(rows) if high is None else bisect_left(rows, (high + 1, ""), key=_key)
    return rows[start:stop]


def backward(rows: Sequence[Record], mark: Mark | None, limit: int) -> tuple[Sequence[Record], Mark | None]:
    """Return up to ``limit`` rows before a mark, newest first, and the mark to go on from."""
    stop = len(rows) if mark is None else bisect_left(rows, mark, key=_key)
    page = rows[max(0, stop - limit) : stop][::-1]
    return page, _key(page[-1]) if stop > limit else None


def forward(rows: Sequence[Record], mark: Mark | None, limit: int) -> tuple[Sequence[Record], Mark | None]:
    """Return up to ``limit`` rows behind a mark, oldest first, and the mark to go on from."""
    start = 0 if mark is None else bisect_right(rows, mark, key=_key)
    page = rows[start : start + limit]
    return page, _key(page[-1]) if start + limit < len(rows) else None


def packed(mark: Mark) -> str:
    """Return a mark as a cursor."""
    return base64.urlsafe_b64encode(f"{mark[0]}|{mark[1]}".encode()).decode()


def unpacked(token: str | None) -> Mark | None:
    """Return the mark of a cursor; None without one.

    Raises:
        Refusal: 400 for something that is none.
    """
    if not token:
        return None
    try:
        stamp, _, row_id = base64.urlsafe_b64decode(token).decode().partition("|")
        return int(stamp), row_id
    except (ValueError, binascii.Error):
        raise invalid("Cursor was invalid for this endpoint") from None


def millis(request: Request, name: str) -> int | None:
    """Read a time in milliseconds.

    Raises:
        Refusal: 400 when it is none.
    """
    text = request.arg(name)
    if text is None:
        return None
    if not text.lstrip("-").isdigit():
        raise invalid(f"{name} must be a time in milliseconds")
    return int(text)


def instant(request: Request, name: str) -> int | None:
    """Read a time in ISO 8601 as milliseconds.

    Raises:
        Refusal: 400 when it is none.
    """
    text = request.arg(name)
    if text is None:
        return None
    moment = parse_time(text.replace(" ", "+"))
    if moment is None:
        raise invalid(f"{name} must be an ISO 8601 time")
    return ms(moment)
