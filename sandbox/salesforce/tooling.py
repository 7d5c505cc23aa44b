"""Custom fields through the Tooling API (reference: custom fields, field-level security, permission sets)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError, bad_json, missing, not_found
from sandbox.salesforce.ids import full_id, make_id
from sandbox.salesforce.schema import Field

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api

BASE = "/services/data/{version}/tooling"
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
}
FIXED_LENGTHS = {"Email": 80, "Phone": 40, "Url": 255, "Picklist": 255, "MultiselectPicklist": 4099, "TextArea": 255}
KEY_TYPES = frozenset({"Text", "Number", "Email"})


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    tooling = Tooling(api)
    router.add("POST", BASE + "/sobjects/CustomField", tooling.create)
    router.add("GET", BASE + "/sobjects/CustomField/{id}", tooling.read)
    router.add("PATCH", BASE + "/sobjects/CustomField/{id}", tooling.update)
    router.add("DELETE", BASE + "/sobjects/CustomField/{id}", tooling.delete)


def build_field(name: str, metadata: dict[str, Any]) -> Field:
    """Return the field that a Metadata object defines.

    Raises: ApiError.
    """
    kind = str(metadata.get("type"))
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
    return Field(
        name,
        described,
        str(metadata["label"]),
        length=length,
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
    )


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


class Tooling:
    """The CustomField resource of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    def create(self, request: Request, _: dict[str, str]) -> Response:
        """Answer POST: a new field, seen by nobody until it is granted."""
        api, state = self._api, self._api.state
        body = api.body(request)
        api.trace.apart("provision")
        base, name = self._name(body.get("FullName"))
        metadata = body.get("Metadata")
        if not isinstance(metadata, dict):
            raise missing(["Metadata"])
        field = build_field(name, metadata)
        self._check_key(base, field)
        if any(state.schema.objects[obj.lower()].field_of(name) for obj in CUSTOMIZABLE[base]):
            words = f"There is already a field named {name.removesuffix('__c')} on {base}."
            raise ApiError("DUPLICATE_DEVELOPER_NAME", words, ("DeveloperName",))
        row_id = self.define(base, field, metadata)
        shown = {"id": row_id, "success": True, "errors": [], "warnings": [], "infos": []}
        return Response(201, shown, {"Location": f"{request.path.rstrip('/')}/{row_id}"})

    def define(self, base: str, field: Field, metadata: dict[str, Any]) -> str:
        """Add the field to its object, or to both kinds of activity, and return its id."""
        state = self._api.state
        number = int(state.records.kept("field_number", 0)) + 1
        state.records.keep("field_number", number)
        row_id = make_id("00N", number)
        for obj in CUSTOMIZABLE[base]:
            state.add_field(obj, field, entry={"id": row_id, "base": base, "metadata": metadata})
        values = {
            "DeveloperName": field.name.removesuffix("__c"),
            "TableEnumOrId": base,
            "FullName": f"{base}.{field.name}",
            "ManageableState": "unmanaged",
        }
        state.records.insert("CustomField", row_id, values, at=state.stamp(), by=state.me)
        return row_id

    def _name(self, full_name: Any) -> tuple[str, str]:
        if not isinstance(full_name, str) or "." not in full_name:
            raise missing(["FullName"])
        base, _, name = full_name.partition(".")
        if base not in CUSTOMIZABLE:
            words = f"Entity Enumeration Or ID: bad value for restricted picklist field: {base}"
            raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, ("TableEnumOrId",))
        if NAME.fullmatch(name) is None or len(name) > 43:
            words = (
                "Field Name: The Custom Field Name can only contain alphanumeric characters, must begin with a letter, "
                f"cannot end with an underscore or contain two consecutive underscore characters: {name}"
            )
            raise ApiError("INVALID_FIELD", words, ("DeveloperName",))
        return base, name

    def _check_key(self, base: str, field: Field) -> None:
        if base == "Activity" and field.unique and not self._api.options.unique_task_key:
            raise _integrity("Can not specify 'unique' for a CustomField on Activity", "Unique")

    def _entry(self, row_id: str) -> tuple[str, Field, dict[str, Any], str]:
        full = full_id(row_id)
        for obj, field, entry in self._api.state.custom_fields():
            if entry.get("id") == full and full is not None:
                return entry["base"], field, entry, obj
        raise not_found()

    def read(self, _: Request, params: dict[str, str]) -> Response:
        """Answer GET by id, with the definition."""
        base, field, entry, _obj = self._entry(params["id"])
        self._api.trace.apart("describe")
        url = f"/services/data/{params['version']}/tooling/sobjects/CustomField/{entry['id']}"
        shown = {
            "attributes": {"type": "CustomField", "url": url},
            "Id": entry["id"],
            "DeveloperName": field.name.removesuffix("__c"),
            "TableEnumOrId": base,
            "FullName": f"{base}.{field.name}",
            "Metadata": entry["metadata"],
        }
        return Response(200, shown)

    def update(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH by id: another definition for the same field."""
        base, field, entry, _obj = self._entry(params["id"])
        self._api.trace.apart("provision")
        metadata = self._api.body(request).get("Metadata")
        if not isinstance(metadata, dict):
            raise missing(["Metadata"])
        changed = build_field(field.name, metadata)
        self._check_key(base, changed)
        for obj in CUSTOMIZABLE[base]:
            self._api.state.add_field(obj, changed, entry={"id": entry["id"], "base": base, "metadata": metadata})
        return Response(204)

    def delete(self, _: Request, params: dict[str, str]) -> Response:
        """Answer DELETE by id."""
        base, field, entry, _obj = self._entry(params["id"])
        self._api.trace.apart("provision")
        for obj in CUSTOMIZABLE[base]:
            self._api.state.drop_field(obj, field.name)
        state = self._api.state
        state.records.remove("CustomField", entry["id"], at=state.stamp(), by=state.me)
        return Response(204)
