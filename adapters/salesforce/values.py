"""Values on the wire and values as ports know them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connector.domain.records import Value


def instant(text: Any) -> datetime:
    """Read ``2021-11-06T17:38:40.000+0000`` as an aware UTC datetime.

    Raises:
        ValueError: it is no date and time with a zone.
    """
    if not isinstance(text, str):
        raise ValueError("no date and time")
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a time without its zone")
    return value.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Write an instant as ISO 8601 UTC, milliseconds only where there are any."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def soql_instant(moment: datetime) -> str:
    """Write an instant as an unquoted SOQL literal, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def port_value(value: Any, kind: str) -> Value:
    """Give a field's value as ports know it: instants in one form, compound values (address, location) left out.

    A value that does not fit the type is kept as it came: someone may just have changed the field.
    """
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return int(value) if kind == "int" else value
    text = storable(str(value))
    if kind == "datetime" and text:
        try:
            return iso(instant(text))
        except ValueError:
            return text
    return text


def storable(text: str) -> str:
    """Replace what no database takes: NUL and halves of surrogate pairs."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def same(left: Value, right: Value) -> bool:
    """Compare two values the way the vendor stores them.

    Empty text is null, numbers compare as numbers, instants as instants, text without the white space at its ends.
    """
    return _comparable(left) == _comparable(right)


def blank(value: Value) -> bool:
    """Say whether the vendor holds nothing there."""
    return _comparable(value) is None


def wire_value(value: Value) -> Value:
    """Give a value as it is sent: empty text as null, which is how the vendor keeps it."""
    return None if value == "" else value


def wire_values(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Give values as they are sent; mostly they are that already."""
    return {name: wire_value(value) for name, value in values.items()} if "" in values.values() else values


def same_fields(wanted: Mapping[str, Value], held: Mapping[str, Value]) -> bool:
    """Say whether every wanted value is held."""
    return all(same(value, held.get(name)) for name, value in wanted.items())


def _comparable(value: Value) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    text = value.replace("\r\n", "\n").strip()
    if not text:
        return None
    if len(text) >= 16 and text[4:5] == "-" and text[10:11] == "T":
        try:
            return instant(text)
        except ValueError:
            return text
    return text
