"""What an answer's headers tell besides: when it was given, when to come again, and by which name support knows it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

import requests


def retry_after_seconds(response: requests.Response) -> float | None:
    """Read Retry-After, seconds or date (against the answer's own Date); None when absent or unreadable."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        until = _parse_date(text)
        seen = date_of(response)
        return max(0.0, (until - seen).total_seconds()) if until and seen else None


def date_of(response: requests.Response) -> datetime | None:
    """Read the vendor's clock (UTC, whole seconds); None when absent or unreadable."""
    return _parse_date(response.headers.get("Date", ""))


@lru_cache(maxsize=16)
def _parse_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def request_id_of(response: requests.Response | None) -> str:
    """Read the name the vendor gave to the request; empty where it gave none."""
    if response is None:
        return ""
    names = ("X-Request-Id", "X-HubSpot-Correlation-Id", "X-SFDC-Request-Id")
    return next((response.headers[name] for name in names if name in response.headers), "")
