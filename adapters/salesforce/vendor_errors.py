"""What the vendor says when it does not do what was asked, as data."""

from __future__ import annotations

from typing import Any, NamedTuple


class VendorError(NamedTuple):
    """One entry of an error list; ``message`` may quote people's data and never goes to a log."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


class ApiError(Exception):
    """A request was answered with a refusal. Stays inside this room.

    ``errors`` is empty when the answer held no error list: then nobody knows what the vendor did.
    """

    def __init__(self, status: int, errors: list[VendorError]) -> None:
        super().__init__(f"status {status}: {', '.join(error.code for error in errors)}")
        self.status = status
        self.errors = errors

    @property
    def code(self) -> str:
        """The first code, or ``HTTP_503`` where the answer had none."""
        return self.errors[0].code if self.errors else f"HTTP_{self.status}"

    def has(self, *codes: str) -> bool:
        """Say whether one of these codes is in the list."""
        return any(error.code in codes for error in self.errors)


def read_errors(body: Any) -> list[VendorError]:
    """Read an error body: a list, a bare object, or the token endpoint's object; anything else gives an empty list.

    Rows of collections say ``statusCode`` where everything else says ``errorCode`` (REST62 Status Codes, Collections).
    """
    entries = body if isinstance(body, list) else [body]
    found = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        code = entry.get("statusCode") or entry.get("errorCode") or entry.get("error")
        if isinstance(code, str):
            message = entry.get("message") or entry.get("error_description") or ""
            fields = entry.get("fields") or ()
            named = tuple(str(name) for name in fields) if isinstance(fields, (list, tuple)) else ()
            found.append(VendorError(code, str(message), named))
    return found
