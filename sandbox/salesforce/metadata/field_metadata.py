"""What a custom field's Metadata says, and the field it defines (reference: custom fields)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.salesforce.errors import ApiError, bad_json, missing
from sandbox.salesforce.objects.absent import not_built
from sandbox.salesforce.objects.schema import Field

#: With its ending ``__c``.
LONGEST_NAME = 43
#: Objects that take custom fields; both kinds of activity share theirs.
CUSTOMIZABLE = {
    **{name: (name,) for name in ("Account", "Lead", "Contact", "Opportunity", "Campaign", "CampaignMember", "User")},
    "Activity": ("Task", "Event"),
}
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?!_))*__c")
#: Metadata type: type in describe, longest length (0 where none is given).
TYPES = {
    "Text": ("string", 255),
    "TextArea": ("textarea", 255),
    "LongTextArea": ("textarea", 131_072),
    "Html": ("textarea", 131_072),
    "Number": ("double", 0),
    "Currency": ("currency", 0),
    "Percent": ("percent", 0),
    "Checkbox": ("boolean", 0),
    "Date": ("date", 0),
    "DateTime": ("datetime", 0),
    "Picklist": ("picklist", 0),
    "MultiselectPicklist": ("multipicklist", 0),
    "Email": ("email", 0),
    "Phone": ("phone", 0),
    "Url": ("url", 0),
    "Lookup": ("reference", 0),
}
#: Types of the vendor that are not built.
TYPES_NOT_BUILT = frozenset(
    {"AutoNumber", "Summary", "MasterDetail", "Hierarchy", "ExternalLookup", "IndirectLookup", "MetadataRelationship"}
    | {"EncryptedText", "Time", "Location", "File", "ArrayField"}
)
#: Objects that a look-up of ours may lead to.
LOOKED_UP = ("Account", "Campaign", "Contact", "Lead", "Opportunity", "User")
FIXED_LENGTHS = {"Email": 80, "Phone": 40, "Url": 255, "Picklist": 255, "MultiselectPicklist": 4099, "TextArea": 255}
KEY_TYPES = frozenset({"Text", "Number", "Email"})


def build_field(name: str, metadata: dict[str, Any]) -> Field:
    """Return the field that a Metadata object defines.

    Raises: ApiError.
    """
    kind = str(metadata.get("type"))
    if metadata.get("formula") is not None:
        raise not_built("formula fields")
    if kind in TYPES_NOT_BUILT:
        raise not_built(f"custom fields of type {kind}")
    if kind not in TYPES:
        raise _integrity(f"Invalid field type: {kind}", "Type")
    described, longest = TYPES[kind]
    if not metadata.get("label"):
        raise missing(["Label"])
    length = FIXED_LENGTHS.get(kind, 0)
    if longest and kind not in FIXED_LENGTHS:
        length = _whole(metadata, "length", 0)
        if not 0 < length <= longest:
            raise _integrity(f"Invalid length for {kind} field: {length}", "Length")
    precision, scale = _whole(metadata, "precision", 18), _whole(metadata, "scale", 0)
    values, default, restricted = _values(metadata)
    keyed = bool(metadata.get("externalId")), bool(metadata.get("unique"))
    if any(keyed) and kind not in KEY_TYPES:
        raise _integrity(f"Can not specify 'externalId' or 'unique' for a CustomField of type {kind}", "Type")
    if kind == "Checkbox":
        default = str(metadata.get("defaultValue", "false")).lower() == "true"
    required = bool(metadata.get("required"))
    target, path = _target(kind, name, metadata)
    return Field(
        name,
        described,
        str(metadata["label"]),
        length=18 if kind == "Lookup" else length,
        precision=precision if described in ("double", "currency", "percent") else 0,
        scale=scale if described in ("double", "currency", "percent") else 0,
        createable=True,
        updateable=True,
        nillable=not required and kind != "Checkbox",
        defaulted=kind == "Checkbox" or default is not None,
        default=default,
        filterable=kind not in ("LongTextArea", "Html"),
        restricted=restricted,
        values=values,
        unique=keyed[1],
        external_id=keyed[0],
        case_sensitive=bool(metadata.get("caseSensitive")),
        custom=True,
        refers_to=target,
        relationship=path,
        html=kind == "Html",
        help_text=metadata.get("inlineHelpText") or None,
    )


def _target(kind: str, name: str, metadata: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """Return what a look-up leads to and the path through it, nothing for any other field."""
    if kind != "Lookup":
        return (), None
    target = metadata.get("referenceTo")
    if target not in LOOKED_UP:
        raise _integrity(f"referenceTo value of '{target}' does not resolve to a valid sObject type", "ReferenceTo")
    return (str(target),), name.removesuffix("__c") + "__r"


def _whole(metadata: dict[str, Any], key: str, default: int) -> int:
    value = metadata.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_json(f"{key} must be a whole number")
    return value


def _values(metadata: dict[str, Any]) -> tuple[tuple[str, ...], Any, bool]:
    chosen = metadata.get("valueSet") or {}
    definition = chosen.get("valueSetDefinition") or {} if isinstance(chosen, dict) else None
    entries = definition.get("value") or [] if isinstance(definition, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad_json("valueSet must hold a valueSetDefinition with a list of values")
    names = tuple(str(entry.get("fullName") or entry.get("valueName") or entry.get("label")) for entry in entries)
    default = next((name for name, entry in zip(names, entries, strict=True) if entry.get("default")), None)
    return names, default, bool(chosen.get("restricted"))


def _integrity(words: str, name: str) -> ApiError:
    return ApiError("FIELD_INTEGRITY_EXCEPTION", words, (name,))


def split_name(full_name: Any) -> tuple[str, str]:
    """Return the object and the name of a field that is to be made.

    Raises: ApiError.
    """
    if not isinstance(full_name, str) or "." not in full_name:
        raise missing(["FullName"])
    base, _, name = full_name.partition(".")
    if base not in CUSTOMIZABLE:
        words = f"Entity Enumeration Or ID: bad value for restricted picklist field: {base}"
        raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, ("TableEnumOrId",))
    if NAME.fullmatch(name) is None or len(name) > LONGEST_NAME:
        words = (
            "Field Name: The Custom Field Name can only contain alphanumeric characters, must begin with a letter, "
            f"cannot end with an underscore or contain two consecutive underscore characters: {name}"
        )
        raise ApiError("INVALID_FIELD", words, ("DeveloperName",))
    return base, name
