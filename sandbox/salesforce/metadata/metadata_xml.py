"""Metadata as XML and as the JSON of the Tooling API: custom fields and permission sets."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.soap.envelopes import KIND, Plain, every, first, yes

NUMBERS = frozenset({"length", "precision", "scale", "visibleLines"})
TRUTHS = frozenset(
    {"externalId", "unique", "caseSensitive", "required", "trackHistory", "trackFeedHistory", "trackTrending"}
    | {"restricted", "sorted", "default", "isActive", "writeRequiresMasterRead"}
)
#: Elements that may stand several times, where the JSON has a list.
LISTS = frozenset({"value", "values"})


def field_json(element: Plain) -> dict[str, Any]:
    """Return a custom field's definition as the Tooling API would take it, without its name."""
    found: dict[str, Any] = _json(element)
    found.pop("fullName", None)
    return found


def _json(value: Plain) -> Any:
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, entries in value.items():
        if name == KIND:
            continue
        found = [_leaf(name, entry) for entry in entries]
        shown[name] = found if name in LISTS else found[0]
    return shown


def _leaf(name: str, value: Plain) -> Any:
    if isinstance(value, dict):
        return _json(value)
    if name in TRUTHS:
        return yes(value)
    if name in NUMBERS and isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return value


def field_element(full_name: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return a custom field as ``readMetadata`` shows it."""
    return {KIND: "CustomField", "fullName": full_name, **{name: metadata[name] for name in sorted(metadata)}}


def grants(element: Plain) -> list[tuple[str, bool, bool]]:
    """Return (field, readable, editable) of a permission set; who may edit may read."""
    found = []
    for entry in every(element, "fieldPermissions"):
        edit = yes(first(entry, "editable"))
        found.append((str(first(entry, "field")), edit or yes(first(entry, "readable")), edit))
    return found


#: Element of an object's rights, and the field of ObjectPermissions.
OBJECT_RIGHTS = {
    "allowRead": "PermissionsRead",
    "allowCreate": "PermissionsCreate",
    "allowEdit": "PermissionsEdit",
    "allowDelete": "PermissionsDelete",
    "viewAllRecords": "PermissionsViewAllRecords",
    "modifyAllRecords": "PermissionsModifyAllRecords",
}


def object_rights(element: Plain) -> list[tuple[str, dict[str, bool]]]:
    """Return (object, rights) of a permission set."""
    return [
        (str(first(entry, "object")), {right: yes(first(entry, name)) for name, right in OBJECT_RIGHTS.items()})
        for entry in every(element, "objectPermissions")
    ]
