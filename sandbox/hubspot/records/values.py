"""Which values a property takes, and the answer to the others."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import PORTAL_ID, Refusal, invalid, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.core.records import Record
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal

EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
LONGEST_VALUE = 65_536
Problem = tuple[str, str, str]  # code, property, message


def clean(portal: Portal, kind: ObjectType, wished: Any, record: Record | None = None) -> dict[str, str | None]:
    """Return the values to store; None clears. ``record`` is the one to be changed, None on creation.

    Raises:
        Refusal: 400 with every property that cannot be written (contacts, companies, deals), or a bad value.
    """
    if not isinstance(wished, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    values: dict[str, str | None] = {}
    problems: list[Problem] = []
    for name, given in wished.items():
        definition = portal.property(kind, name)
        if definition is None or definition["readOnly"]:
            if kind.strict:
                problems.append(_unwritable(name, known=definition is not None))
            continue  # the engagement guides say: such values are ignored
        text = _text(given)
        if text is None or not text.strip():
            values[name] = None
            continue
        stored = _fitting(portal, kind, definition, text, record)
        if isinstance(stored, str):
            values[name] = stored
        else:
            problems.append(stored)
    if problems:
        raise refused(problems)
    return values


def refused(problems: list[Problem]) -> Refusal:
    """Return the 400 that names every bad property."""
    listed = [
        {
            "isValid": False,
            "message": message,
            "error": code,
            "name": name,
            "localizedErrorMessage": message,
            "portalId": PORTAL_ID,
        }
        for code, name, message in problems
    ]
    errors = [
        {"message": message, "code": code, "context": {"propertyName": [name]}} for code, name, message in problems
    ]
    text = json.dumps(listed, separators=(",", ":"), ensure_ascii=False)
    return invalid(f"Property values were not valid: {text}", errors=errors)


def _unwritable(name: str, *, known: bool) -> Problem:
    if known:
        return "READ_ONLY_VALUE", name, f'"{name}" is a read only property; its value cannot be set.'
    return "PROPERTY_DOESNT_EXIST", name, f'Property "{name}" does not exist'


def _text(given: Any) -> str | None:
    if given is None:
        return None
    if isinstance(given, bool):
        return "true" if given else "false"
    return given if isinstance(given, str) else json.dumps(given)


def _fitting(
    portal: Portal, kind: ObjectType, definition: Mapping[str, Any], text: str, record: Record | None
) -> str | Problem:
    """Return the value in the form it is stored in, or why it does not fit."""
    name, sort = definition["name"], definition["type"]
    if (kind.name, name) == ("contacts", "email"):
        return _email(text)
    if sort == "number":
        return _number(name, text)
    if sort == "bool":
        return text.lower() if text.lower() in {"true", "false"} else ("INVALID_OPTION", name, f"{name} was not a bool")
    if sort in {"date", "datetime"}:
        return _time(name, sort, text)
    if sort == "enumeration":
        return _option(portal, definition, text, record)
    if len(text) > LONGEST_VALUE:
        return "PROPERTY_VALUE_TOO_LONG", name, f"{name} is longer than {LONGEST_VALUE} characters"
    return text


def _email(text: str) -> str | Problem:
    address = text.strip().lower()
    if EMAIL.fullmatch(address) is None:
        return "INVALID_EMAIL", "email", f"Email address {text[:80]} is invalid"
    return address


def _number(name: str, text: str) -> str | Problem:
    try:
        number = float(text)
    except ValueError:
        return "INVALID_INTEGER", name, f"{text[:80]} was not a valid number."
    if not math.isfinite(number):
        return "INVALID_INTEGER", name, f"{text[:80]} was not a valid number."
    return text.strip() if "e" not in text.lower() else str(number)


def _time(name: str, sort: str, text: str) -> str | Problem:
    moment = parse_time(text)
    if moment is None:
        return "INVALID_DATE", name, f"{text[:80]} is not a valid {sort}."
    if sort == "datetime":
        return iso(moment)
    if moment != datetime(moment.year, moment.month, moment.day, tzinfo=UTC):
        return "INVALID_DATE", name, f"{text[:80]} is at {moment:%H:%M:%S} UTC, not midnight!"
    return f"{moment:%Y-%m-%d}"


def _option(portal: Portal, definition: Mapping[str, Any], text: str, record: Record | None) -> str | Problem:
    name = definition["name"]
    if definition["flag"] == "owner":
        owner = portal.row("owner", text)
        if owner is None:
            return "INVALID_OPTION", name, f"{text[:40]} was not one of the allowed options: owners of this account"
        return text
    allowed = {option["value"] for option in definition["options"]}
    if definition["fieldType"] == "checkbox":
        return _checked(definition, allowed, text, record)
    if text not in allowed and definition["options"]:
        return "INVALID_OPTION", name, f"{text[:80]} was not one of the allowed options: {sorted(allowed)}"
    return text


def _checked(definition: Mapping[str, Any], allowed: set[str], text: str, record: Record | None) -> str | Problem:
    """Read ``a;b``; a leading semicolon adds to what is there."""
    name = definition["name"]
    parts = [part for part in text.split(";") if part]
    wrong = [part for part in parts if part not in allowed] if definition["options"] else []
    if wrong:
        return "INVALID_OPTION", name, f"{wrong[0][:80]} was not one of the allowed options: {sorted(allowed)}"
    if text.startswith(";") and record is not None:
        parts = [*(part for part in str(record.get(name, "")).split(";") if part), *parts]
    return ";".join(dict.fromkeys(parts))
