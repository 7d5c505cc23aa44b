"""Values on the wire, which are texts or nothing, and whether two values are one to the vendor."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.domain.records import Value


def wire_value(value: Value) -> str:
    """Give a value as it is sent; an empty text clears the property (hubspot.md section 4)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def same(left: Value, right: Value) -> bool:
    """Compare two values the way the vendor stores them.

    Nothing and empty text are one; so are a number and its text, a truth and its word, two spellings of an instant.
    """
    first, second = wire_value(left).strip(), wire_value(right).strip()
    if first == second or not first or not second:
        return first == second
    if _number_like(left) or _number_like(right):
        return _number(first) is not None and _number(first) == _number(second)
    moment = _instant(first)
    return moment is not None and moment == _instant(second)


def _number_like(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    """Read ISO 8601 with a zone; a day has none and is compared as the text it is."""
    if len(text) < 16 or text[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None
