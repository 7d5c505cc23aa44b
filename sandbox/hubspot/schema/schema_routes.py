"""Property definitions and their groups ("Properties" guide)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_found
from sandbox.hubspot.body_members import body_of, entries_of, whole_of
from sandbox.hubspot.records.record_answers import flag
from sandbox.hubspot.records.record_routes import kind_of

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.batch_routes import BatchRoutes

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
FIELD_TYPES: dict[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "html", "phonenumber", "file", "calculation_equation"}),
    "number": frozenset({"number", "calculation_equation"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox"}),
    "bool": frozenset({"booleancheckbox"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
    "phone_number": frozenset({"phonenumber"}),
}
UNIQUE_ALLOWED = frozenset({"contacts", "companies", "deals"})
MOST_UNIQUE = 10


class SchemaRoutes:
    """Answer the calls on properties and groups."""

    def __init__(self, portal: Portal, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._batches = portal, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/properties/{type}"
        router.add("GET", f"{base}/groups", self.groups)
        router.add("POST", f"{base}/groups", self.create_group)
        router.add("GET", f"{base}/groups/{{name}}", self.group)
        router.add("PATCH", f"{base}/groups/{{name}}", self.change_group)
        router.add("DELETE", f"{base}/groups/{{name}}", self.archive_group)
        router.add("POST", f"{base}/batch/create", self.create_batch)
        router.add("POST", f"{base}/batch/read", self.read_batch)
        router.add("POST", f"{base}/batch/archive", self.archive_batch)
        router.add("GET", base, self.properties)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/{{name}}", self.read)
        router.add("PATCH", f"{base}/{{name}}", self.change)
        router.add("DELETE", f"{base}/{{name}}", self.archive)

    # -- properties ----------------------------------------------------------------------------

    def properties(self, request: Request, params: dict[str, str]) -> Response:
        """List the properties of a type."""
        self._portal.apart("describe")
        rows = self._portal.properties(kind_of(params), archived=flag(request, "archived"))
        return Response(200, {"results": [_property(row) for row in rows]})

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one property."""
        self._portal.apart("describe")
        row = self._row(kind_of(params), params["name"], archived=flag(request, "archived"))
        return Response(200, _property(row))

    def _row(self, kind: ObjectType, name: str, *, archived: bool = False) -> Record:
        row = self._portal.row("property", f"{kind.name}.{name}", archived=archived)
        if row is None:
            raise not_found()
        return row

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Create one property; an archived one of that name comes back."""
        self._portal.apart("provision")
        return Response(201, _property(self._create(kind_of(params), body_of(request))))

    def _create(self, kind: ObjectType, wish: dict[str, Any]) -> Record:
        name, sort = str(wish.get("name") or ""), str(wish.get("type") or "")
        missing = [key for key in ("name", "label", "type", "fieldType", "groupName") if not wish.get(key)]
        if missing:
            raise invalid(f"Invalid input JSON: required fields were not set: {missing}")
        if NAME.fullmatch(name) is None:
            raise invalid(f"Property name {name[:60]} must be lower case letters, digits and underscores")
        if str(wish["fieldType"]) not in FIELD_TYPES.get(sort, frozenset()):
            raise invalid(f"fieldType {wish['fieldType']} does not go with type {sort[:40]}")
        self._check_group(kind, str(wish["groupName"]))
        if wish.get("hasUniqueValue"):
            self._check_unique(kind)
        known = self._portal.records.get("property", f"{kind.name}.{name}")
        if known is not None and not known.deleted:
            message = f'A property named "{name}" already exists.'
            sub = "Properties.PROPERTY_WITH_NAME_EXISTS"
            raise Refusal(409, message, "OBJECT_ALREADY_EXISTS", subCategory=sub)
        values = {
            "objectType": kind.name,
            "name": name,
            "label": str(wish["label"]),
            "type": sort,
            "fieldType": str(wish["fieldType"]),
            "groupName": str(wish["groupName"]),
            "description": str(wish.get("description") or ""),
            "options": options(wish.get("options")),
            "hasUniqueValue": bool(wish.get("hasUniqueValue")),
            "hidden": bool(wish.get("hidden")),
            "formField": bool(wish.get("formField")),
            "displayOrder": whole_of(wish.get("displayOrder"), "displayOrder", -1),
            "readOnly": False,
            "hubspotDefined": False,
            "flag": "",
        }
        if known is None:
            return self._portal.insert("property", f"{kind.name}.{name}", values)
        return self._portal.revive(known, values)

    def _check_group(self, kind: ObjectType, name: str) -> None:
        row = self._portal.row("group", f"{kind.name}.{name}")
        if row is None:
            raise invalid(f"Property group {name[:60]} does not exist")

    def _check_unique(self, kind: ObjectType) -> None:
        if kind.name not in UNIQUE_ALLOWED and not self._portal.unique_task_key:
            raise invalid(f"Properties of {kind.name} cannot have unique values")
        rows = self._portal.properties(kind)
        if sum(bool(row.values["hasUniqueValue"]) for row in rows) >= MOST_UNIQUE:
            raise invalid(f"There is a limit of {MOST_UNIQUE} unique properties per object type")

    def change(self, request: Request, params: dict[str, str]) -> Response:
        """Change a property; options are replaced as a whole."""
        kind, wish = kind_of(params), body_of(request)
        row = self._row(kind, params["name"])
        self._portal.apart("provision")
        texts = ("label", "description", "groupName", "type", "fieldType")
        values: dict[str, Any] = {name: str(wish[name]) for name in texts if wish.get(name)}
        values.update({name: bool(wish[name]) for name in ("hidden", "formField") if name in wish})
        if "displayOrder" in wish:
            values["displayOrder"] = whole_of(wish["displayOrder"], "displayOrder", -1)
        sort, shape = values.get("type", row.values["type"]), values.get("fieldType", row.values["fieldType"])
        if ("type" in values or "fieldType" in values) and shape not in FIELD_TYPES.get(sort, frozenset()):
            raise invalid(f"fieldType {shape[:40]} does not go with type {sort[:40]}")
        if "groupName" in values:
            self._check_group(kind, str(values["groupName"]))
        if "options" in wish:
            values["options"] = options(wish["options"])
        return Response(200, _property(self._portal.update(row, values)))

    def archive(self, request: Request, params: dict[str, str]) -> Response:
        """Archive a property."""
        del request
        self._portal.apart("provision")
        self._archive(kind_of(params), params["name"])
        return Response(204)

    def _archive(self, kind: ObjectType, name: str) -> None:
        row = self._row(kind, name)
        if row.values["hubspotDefined"]:
            raise invalid(f"{name} is defined by HubSpot and cannot be archived")
        self._portal.remove(row)

    def create_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Create up to 100 properties; those that fail stand in the errors."""
        kind, started = kind_of(params), self._portal.now()
        self._portal.apart("provision")
        results, errors = [], []
        for entry in self._batches.inputs(request):
            try:
                results.append(_property(self._create(kind, entry)))
            except Refusal as refusal:
                body = refusal.body(self._portal.ticket())
                errors.append({**body, "context": {"name": [str(entry.get("name"))]}})
        body = {"status": "COMPLETE", "results": results, "startedAt": iso(started), "completedAt": iso(started)}
        if errors:
            body.update(numErrors=len(errors), errors=errors)
        return Response(207 if errors else 201, body)

    def read_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Read up to 100 properties by name."""
        kind, started = kind_of(params), self._portal.now()
        self._portal.apart("describe")
        archived = body_of(request).get("archived") is True
        results: list[dict[str, Any]] = []
        missing: list[str] = []
        for entry in self._batches.inputs(request):
            name = str(entry.get("name"))
            row = self._portal.row("property", f"{kind.name}.{name}", archived=archived)
            if row is None:
                missing.append(name)
            else:
                results.append(_property(row))
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Some properties do not exist."}
        errors = [{**error, "context": {"name": missing}}] if missing else []
        return self._batches.answer(200, results, errors, started)

    def archive_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Archive up to 100 properties."""
        kind = kind_of(params)
        self._portal.apart("provision")
        for entry in self._batches.inputs(request):
            self._archive(kind, str(entry.get("name")))
        return Response(204)

    # -- groups --------------------------------------------------------------------------------

    def groups(self, request: Request, params: dict[str, str]) -> Response:
        """List the property groups of a type."""
        del request
        kind = kind_of(params)
        self._portal.apart("describe")
        rows = (row for row in self._portal.records.rows("group") if row.values["objectType"] == kind.name)
        return Response(200, {"results": [_group(row) for row in rows if not row.deleted]})

    def group(self, request: Request, params: dict[str, str]) -> Response:
        """Read one group."""
        del request
        self._portal.apart("describe")
        return Response(200, _group(self._group_row(kind_of(params), params["name"])))

    def _group_row(self, kind: ObjectType, name: str) -> Record:
        row = self._portal.row("group", f"{kind.name}.{name}")
        if row is None:
            raise not_found()
        return row

    def create_group(self, request: Request, params: dict[str, str]) -> Response:
        """Create a group."""
        kind, wish = kind_of(params), body_of(request)
        self._portal.apart("provision")
        name = str(wish.get("name") or "")
        if not name or not wish.get("label"):
            raise invalid("Invalid input JSON: name and label are required")
        known = self._portal.records.get("group", f"{kind.name}.{name}")
        if known is not None and not known.deleted:
            raise Refusal(409, f'A property group named "{name}" already exists.', "OBJECT_ALREADY_EXISTS")
        order = whole_of(wish.get("displayOrder"), "displayOrder", -1)
        values = {"objectType": kind.name, "name": name, "label": str(wish["label"]), "displayOrder": order}
        if known is None:
            return Response(201, _group(self._portal.insert("group", f"{kind.name}.{name}", values)))
        return Response(201, _group(self._portal.revive(known, values)))

    def change_group(self, request: Request, params: dict[str, str]) -> Response:
        """Change a group's label or place."""
        row, wish = self._group_row(kind_of(params), params["name"]), body_of(request)
        self._portal.apart("provision")
        values: dict[str, Any] = {"label": str(wish["label"])} if wish.get("label") else {}
        if "displayOrder" in wish:
            values["displayOrder"] = whole_of(wish["displayOrder"], "displayOrder", -1)
        return Response(200, _group(self._portal.update(row, values)))

    def archive_group(self, request: Request, params: dict[str, str]) -> Response:
        """Archive a group without properties."""
        del request
        kind = kind_of(params)
        self._portal.apart("provision")
        row = self._group_row(kind, params["name"])
        if any(known.values["groupName"] == params["name"] for known in self._portal.properties(kind)):
            sub = "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES"
            raise invalid("The group still has properties", subCategory=sub)
        self._portal.remove(row)
        return Response(204)


def options(given: Any) -> list[dict[str, Any]]:
    """Return options as they are stored.

    Raises:
        Refusal: 400 when one lacks its value or label, or a value stands twice.
    """
    found: list[dict[str, Any]] = []
    for order, entry in enumerate(entries_of(given, "options")):
        if not isinstance(entry, dict) or not entry.get("value") or not entry.get("label"):
            raise invalid("Invalid input JSON: an option needs label and value")
        if any(known["value"] == str(entry["value"]) for known in found):
            raise invalid("Two options have the same value")
        found.append(
            {
                "label": str(entry["label"]),
                "value": str(entry["value"]),
                "displayOrder": whole_of(entry.get("displayOrder"), "displayOrder", order),
                "hidden": bool(entry.get("hidden")),
            }
        )
    return found


def _property(row: Record) -> dict[str, Any]:
    values = row.values
    names = ("name", "label", "type", "fieldType", "groupName", "description", "options", "displayOrder", "hidden")
    shown = {name: values[name] for name in names}
    fixed = bool(values["hubspotDefined"])
    shown.update(
        hasUniqueValue=values["hasUniqueValue"],
        formField=values["formField"],
        hubspotDefined=fixed,
        calculated=str(values["fieldType"]).startswith("calculation"),
        externalOptions=values["flag"] == "owner",
        archived=row.deleted,
        createdAt=iso(row.created_at),
        updatedAt=iso(row.modified_at),
        modificationMetadata={
            "archivable": not fixed,
            "readOnlyDefinition": fixed,
            "readOnlyValue": bool(values["readOnly"]),
            "readOnlyOptions": fixed,
        },
    )
    return shown


def _group(row: Record) -> dict[str, Any]:
    return {**{name: row.values[name] for name in ("name", "label", "displayOrder")}, "archived": row.deleted}
