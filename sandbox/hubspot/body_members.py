"""Read members of a JSON body, and answer 400 where they are not what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import Refusal, invalid

if TYPE_CHECKING:
    from sandbox.core.http import Request


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        Refusal: 400 when it is something else, 415 when the content type is another one.
    """
    body = json_of(request)
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object is needed")
    return body


def json_of(request: Request) -> Any:
    """Return the JSON value of a body.

    Raises:
        BadBody: it is no JSON.
        Refusal: 415 when the content type is another one.
    """
    sort = request.headers.get("content-type", "application/json")
    if "json" not in sort:
        raise Refusal(415, f"Content type {sort[:60]} is not supported", None)
    return request.json()


def entry_of(value: Any, name: str) -> dict[str, Any]:
    """Return an object inside a body; an absent one is empty.

    Raises:
        Refusal: 400 when it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid input JSON: {name} must be an object")
    return value


def entries_of(value: Any, name: str) -> list[Any]:
    """Return a list inside a body; an absent one is empty.

    Raises:
        Refusal: 400 when it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"Invalid input JSON: {name} must be a list")
    return value


def words_of(value: Any, name: str) -> list[str]:
    """Return a list of texts; numbers are taken as texts.

    Raises:
        Refusal: 400 when it is no list.
    """
    return [str(entry) for entry in entries_of(value, name)]


def whole_of(value: Any, name: str, default: int) -> int:
    """Return a whole number, also one written as text; an absent or empty one is the default.

    Raises:
        Refusal: 400 when it is something else.
    """
    if value is None or value == "":
        return default
    text = str(value)
    if isinstance(value, bool) or not text.removeprefix("-").isdecimal() or len(text) > 12:
        raise invalid(f"Invalid input JSON: {name} must be an integer")
    return int(text)
