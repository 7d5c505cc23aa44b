"""What a client may put into a field, and the form in which the org keeps it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from sandbox.salesforce.errors import ApiError, bad_json
from sandbox.salesforce.objects.schema import NUMBER_TYPES, TEXT_TYPES, Field

EMAIL = re.compile(
    r"[^@\s,;<>()\[\]\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def stamp_text(instant: datetime) -> str:
    """Return an instant as the API prints it: UTC, milliseconds, no colon in the offset."""
    # isoformat is ten times as quick as strftime, and a page prints thousands of these.
    return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat()[:19] + ".000+0000"


def parse_datetime(text: str) -> datetime:
    """Read an instant in any form the API takes; without an offset it is UTC; cut to the second.

    Raises: ValueError.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(microsecond=0)


def _wrong(kind: str, raw: Any) -> ApiError:
    shape = {str: "VALUE_STRING", bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}.get(
        type(raw), "START_OBJECT"
    )
    return bad_json(
        f"Cannot deserialize instance of {kind} from {shape} value {raw} or request may be missing a required field "
        "at [line:1, column:1]"
    )


def _text(field: Field, raw: Any) -> str | None:
    if not isinstance(raw, str):
        raise _wrong("string", raw)
    # The platform trims text on save; an empty text is null (reference: Ids, types, text).
    value = raw.strip()
    if not value:
        return None
    if field.length and len(value) > field.length:
        shown = value if len(value) <= 255 else value[:252] + "..."
        words = f"{field.label}: data value too large: {shown} (max length={field.length})"
        raise ApiError("STRING_TOO_LONG", words, (field.name,))
    if field.type == "email" and not EMAIL.fullmatch(value):
        raise ApiError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", (field.name,))
    if field.type == "email":
        # Recorded orgs give back in small letters what was written in any.
        return value.lower()
    if field.restricted and field.type == "picklist" and value not in field.values:
        words = f"{field.label}: bad value for restricted picklist field: {value}"
        raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, (field.name,))
    if field.restricted and field.type == "multipicklist":
        for part in value.split(";"):
            if part not in field.values:
                words = f"{field.label}: bad value for restricted picklist field: {part}"
                raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, (field.name,))
    return value


def _number(field: Field, raw: Any) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise _wrong("double" if field.type != "int" else "int", raw)
    try:
        number = float(raw)
    except ValueError as error:
        raise _wrong("double" if field.type != "int" else "int", raw) from error
    limit = 10 ** (field.digits or 9) if field.type == "int" else 10 ** ((field.precision or 18) - field.scale)
    if number != number or abs(number) >= limit:  # noqa: PLR0124 - a NaN differs from itself
        words = f"{field.label}: value outside of valid range on numeric field: {raw}"
        raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", words, (field.name,))
    if field.type == "int":
        if number != int(number):
            raise _wrong("int", raw)
        return int(number)
    return round(number, field.scale)


def _moment(field: Field, raw: Any) -> str:
    if not isinstance(raw, str):
        raise _wrong(field.type, raw)
    try:
        if field.type == "date":
            if DATE.fullmatch(raw[:10]) is None:
                raise _wrong("date", raw)
            if len(raw) > 10:
                parse_datetime(raw)
            return date.fromisoformat(raw[:10]).isoformat()
        return stamp_text(parse_datetime(raw))
    except ValueError as error:
        raise _wrong(field.type, raw) from error


def coerce(field: Field, raw: Any) -> Any:
    """Return the value as the org keeps it; None clears the field. Ids are checked elsewhere.

    Raises: ApiError.
    """
    if field.type == "boolean":
        if raw is None:
            return False
        if isinstance(raw, str) and raw.lower() in ("true", "false"):
            return raw.lower() == "true"
        if not isinstance(raw, bool):
            raise _wrong("boolean", raw)
        return raw
    if raw is None or raw == "":
        return None
    if field.type in TEXT_TYPES:
        return _text(field, raw)
    if field.type in NUMBER_TYPES:
        return _number(field, raw)
    if field.type in ("date", "datetime"):
        return _moment(field, raw)
    return raw
