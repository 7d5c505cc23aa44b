"""The error envelope and the forms of times in answers ("Error handling" guide)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.core.http import Response

PORTAL_ID = 62515
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Refusal(Exception):
    """The account answers a request with an error envelope."""

    def __init__(self, status: int, message: str, category: str | None = None, /, **members: Any) -> None:
        """Hold the status and the members of the envelope; correlationId is added when it is answered."""
        super().__init__(category or str(status))
        self.status, self.message, self.category, self.members = status, message, category, members
        self.headers: dict[str, str] = {}

    def body(self, correlation_id: str) -> dict[str, Any]:
        """Return the envelope."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        body.update(self.members)
        if self.category is not None:
            body["category"] = self.category
        return body

    def response(self, correlation_id: str) -> Response:
        """Return the answer."""
        return Response(self.status, self.body(correlation_id), dict(self.headers))


def invalid(message: str, **members: Any) -> Refusal:
    """Return a 400 VALIDATION_ERROR."""
    return Refusal(400, message, "VALIDATION_ERROR", **members)


def not_found() -> Refusal:
    """Return the 404 of an unknown record."""
    return Refusal(404, "resource not found", "OBJECT_NOT_FOUND")


def not_emulated(what: str, name: str | None = None) -> Refusal:
    """Return the 501 of something HubSpot has and the sandbox has not, by its name."""
    return Refusal(501, f"The sandbox does not emulate: {what}", "NOT_EMULATED", context={"operation": [name or what]})


def iso(moment: datetime) -> str:
    """Write a time as HubSpot does: UTC with milliseconds and a Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def ms(moment: datetime) -> int:
    """Count milliseconds since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(number: float) -> datetime:
    """Return the instant of a count of milliseconds."""
    return EPOCH + timedelta(milliseconds=number)


def parse_time(text: str) -> datetime | None:
    """Read epoch milliseconds or ISO 8601 (UTC where it has no zone); None when it is neither."""
    word = text.strip()
    try:
        if word.lstrip("-").isdigit():
            return from_ms(int(word))
        moment = datetime.fromisoformat(word)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
