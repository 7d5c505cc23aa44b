"""What the account says of itself: its fields, and whether we are let in everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from adapters.hubspot.engagements import ENGAGEMENTS
from adapters.hubspot.reading import read_json
from adapters.hubspot.records import COMPANIES, CONTACTS, Kind
from adapters.hubspot.wire import Wire
from connector.errors import AccessError, AdapterFault, RateLimited
from connector.ports.traits import FieldInfo, Finding

FieldType = Literal["text", "integer", "number", "boolean", "date", "datetime", "picklist", "reference", "other"]
#: The vendor's types (hubspot.md section 7).
_TYPES: dict[str, FieldType] = {
    "string": "text",
    "phone_number": "text",
    "number": "number",
    "enumeration": "picklist",
    "bool": "boolean",
    "date": "date",
    "datetime": "datetime",
}


def read_fields(wire: Wire, kind: Kind) -> list[FieldInfo]:
    """Describe the properties of one type of record in the vendor's order; archived ones are left out."""
    return read_properties(wire, kind.path, kind.object)


def read_properties(wire: Wire, path: str, object_: str) -> list[FieldInfo]:
    """Describe the properties of the vendor's type ``path`` under our word for it."""
    answer = wire.get(wire.paths.properties(path), {"archived": "false"}, read_json)
    rows = answer.get("results") if isinstance(answer, dict) else None
    return [_field(object_, row) for row in rows or [] if isinstance(row, dict) and isinstance(row.get("name"), str)]


def _field(object_: str, row: dict[str, Any]) -> FieldInfo:
    options = row.get("options")
    read_only = (row.get("modificationMetadata") or {}).get("readOnlyValue") is True or row.get("calculated") is True
    type_ = _TYPES.get(str(row.get("type")), "other")
    values = (
        tuple(str(option.get("value")) for option in options if isinstance(option, dict) and not option.get("hidden"))
        if isinstance(options, list) and type_ == "picklist"
        else ()
    )
    return FieldInfo(
        object_,
        row["name"],
        "reference" if row.get("referencedObjectType") else type_,
        label=str(row.get("label") or ""),
        createable=not read_only,
        updateable=not read_only,
        unique=row.get("hasUniqueValue") is True,
        values=values,
        restricted=bool(values),
    )


def findings(wire: Wire, *kinds: str, behaviour: bool = True) -> list[Finding]:
    """Try one small read per right the pulls need; ``kinds`` are further types, ``behaviour`` the logs of events.

    Raises:
        TransientError: the account cannot be reached.
    """
    paths = wire.paths
    tests: list[tuple[str, Callable[[], Any]]] = [
        ("account and credentials", lambda: wire.get(paths.account, {}, read_json))
    ]
    read = (CONTACTS.path, COMPANIES.path, *(engagement.path for engagement in ENGAGEMENTS), *kinds)
    tests += [(f"read {kind}", _search_of(wire, kind)) for kind in read]
    logs: list[tuple[str, Callable[[], Any]]] = [
        ("read forms", lambda: wire.get(paths.forms, {"limit": 1}, read_json)),
        ("read e-mail events", lambda: wire.get(paths.email_events, {"limit": 1}, read_json)),
        (
            "read page views",
            lambda: wire.get(
                paths.events, {"eventType": "e_visited_page", "objectType": "contact", "limit": 1}, read_json
            ),
        ),
    ]
    found: list[Finding] = []
    for subject, test in [*tests, *(logs if behaviour else [])]:
        finding = _tried(subject, test)
        if not found and not finding.ok:
            return [finding]  # without credentials every other line would say the same
        found.append(replace(finding, shut=""))
    return found


def _search_of(wire: Wire, kind: str) -> Callable[[], Any]:
    return lambda: wire.search(kind, {"filterGroups": [], "limit": 1, "properties": []}, read_json)


def _tried(subject: str, test: Callable[[], Any]) -> Finding:
    try:
        test()
    except (AccessError, AdapterFault, RateLimited) as error:
        shut = "" if isinstance(error, AdapterFault) else error.code
        return Finding(subject, ok=False, message=error.message, cure=error.cure, shut=shut)
    return Finding(subject, ok=True, message="works")
