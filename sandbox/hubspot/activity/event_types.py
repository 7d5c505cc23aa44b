"""Definitions of the account's own events ("Event definitions" guide; hubspot.md section 1 for the paths)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.activity.activity_log import ASSET_DOWNLOAD, PAGE_VIEW, WEBINAR_ATTENDED
from sandbox.hubspot.answers import PORTAL_ID, Refusal, invalid, iso, not_found
from sandbox.hubspot.body_members import body_of, entries_of, entry_of
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.records.record_answers import bounded, start_at

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.writing import Writing

PAGE = 100
NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")
#: Properties every event may carry.
COMMON = frozenset(
    {"hs_url", "hs_title", "hs_page_id", "hs_page_content_type", "hs_touchpoint_source", "hs_tracking_name",
     "hs_user_agent", "hs_utm_campaign", "hs_utm_content", "hs_utm_medium", "hs_utm_source", "hs_utm_term",
     "hs_asset_description", "hs_asset_type", "hs_campaign_id", "hs_city", "hs_country", "hs_region", "hs_referrer",
     "hs_operating_system", "hs_browser", "hs_device_type", "hs_device_name", "hs_element_class", "hs_element_id",
     "hs_element_text", "hs_language", "hs_link_href", "hs_operating_version", "hs_parent_module_id",
     "hs_screen_height", "hs_screen_width"}
)  # fmt: skip
#: Events of the sample company and their own properties.
OWN = {ASSET_DOWNLOAD: ("asset",), WEBINAR_ATTENDED: ("webinar",)}
FIRST_TYPE = 100


class EventTypes:
    """Keep event definitions, and answer the calls on them."""

    def __init__(self, portal: Portal, writing: Writing) -> None:
        """Keep them in the portal's store."""
        self._portal, self._writing = portal, writing

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/events/v3/event-definitions"
        router.add("GET", base, self.page)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/{{name}}", self.read)
        router.add("PATCH", f"{base}/{{name}}", self.change)
        router.add("DELETE", f"{base}/{{name}}", self.drop)
        router.add("POST", f"{base}/{{name}}/property", self.create_property)
        router.add("PATCH", f"{base}/{{name}}/property/{{property}}", self.change_property)
        router.add("DELETE", f"{base}/{{name}}/property/{{property}}", self.drop_property)

    # -- for the other rooms -------------------------------------------------------------------

    def fill(self, at: Any) -> None:
        """Define the events of the sample company."""
        for full, properties in OWN.items():
            name = full.removeprefix(f"pe{PORTAL_ID}_")
            label = name.replace("_", " ").capitalize()
            self._insert(name, label, "", [_property(entry, entry.capitalize(), "string") for entry in properties], at)

    def names(self) -> list[str]:
        """Return the full names of all events, the page view first."""
        return [PAGE_VIEW, *(row.id for row in self._rows())]

    def find(self, full: str) -> Record | None:
        """Return the definition of one of the account's own events."""
        return self._portal.row("event_type", full)

    def properties(self, row: Record) -> set[str]:
        """Return the names of the properties an event may carry."""
        return {entry["name"] for entry in row.values["properties"]} | COMMON

    def visitor(self, email: str) -> Record:
        """Make the contact that an event for an unknown address brings along."""
        return self._writing.create(TYPES["contacts"], {"email": email})

    def _rows(self) -> list[Record]:
        return [row for row in self._portal.records.rows("event_type") if not row.deleted]

    def _insert(self, name: str, label: str, description: str, properties: list[dict[str, Any]], at: Any) -> Record:
        values = {
            "name": name,
            "label": label,
            "description": description,
            "properties": properties,
            "number": FIRST_TYPE + self._portal.records.count("event_type"),
        }
        return self._portal.insert("event_type", f"pe{PORTAL_ID}_{name}", values, at=at)

    def _found(self, params: dict[str, str]) -> Record:
        row = self.find(params["name"]) or self.find(f"pe{PORTAL_ID}_{params['name']}")
        if row is None:
            raise not_found()
        return row

    # -- definitions ---------------------------------------------------------------------------

    def page(self, request: Request, params: dict[str, str]) -> Response:
        """List event definitions."""
        del params
        self._portal.apart("describe")
        limit, start = bounded(request, "limit", 20, PAGE), start_at(request)
        word = (request.arg("searchString") or "").casefold()
        rows = [row for row in self._rows() if word in row.id or word in row.values["label"].casefold()]
        body: dict[str, Any] = {"total": len(rows), "results": [_shown(row) for row in rows[start : start + limit]]}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one definition, by its full name or its own."""
        del request
        self._portal.apart("describe")
        return Response(200, _shown(self._found(params)))

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Define an event."""
        del params
        wish = body_of(request)
        self._portal.apart("provision")
        label = str(wish.get("label") or "")
        name = str(wish.get("name") or re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_"))
        if not label or NAME.fullmatch(name) is None:
            raise invalid("Invalid input JSON: label is required, and name must be lower case letters and digits")
        if self._portal.records.get("event_type", f"pe{PORTAL_ID}_{name}") is not None:
            raise Refusal(409, f"An event named {name[:60]} already exists", "OBJECT_ALREADY_EXISTS")
        given = entries_of(wish.get("propertyDefinitions") or wish.get("property_definitions"), "propertyDefinitions")
        properties = [_wished(entry_of(entry, "propertyDefinitions")) for entry in given]
        row = self._insert(name, label, str(wish.get("description") or ""), properties, self._portal.now())
        return Response(201, _shown(row))

    def change(self, request: Request, params: dict[str, str]) -> Response:
        """Change a definition's label or description."""
        row, wish = self._found(params), body_of(request)
        self._portal.apart("provision")
        values = {name: str(wish[name]) for name in ("label", "description") if wish.get(name) is not None}
        return Response(200, _shown(self._portal.update(row, values)))

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a definition; what happened stays."""
        del request
        self._portal.apart("provision")
        self._portal.remove(self._found(params))
        return Response(204)

    # -- properties ----------------------------------------------------------------------------

    def create_property(self, request: Request, params: dict[str, str]) -> Response:
        """Give an event another property."""
        row, entry = self._found(params), _wished(body_of(request))
        self._portal.apart("provision")
        if any(known["name"] == entry["name"] for known in row.values["properties"]):
            raise Refusal(409, f"The event has a property named {entry['name'][:60]}", "OBJECT_ALREADY_EXISTS")
        self._portal.update(row, {"properties": [*row.values["properties"], entry]})
        return Response(201, entry)

    def change_property(self, request: Request, params: dict[str, str]) -> Response:
        """Change a property of an event."""
        row, wish = self._found(params), body_of(request)
        self._portal.apart("provision")
        changed: dict[str, Any] | None = None
        properties = []
        for known in row.values["properties"]:
            if known["name"] == params["property"]:
                names = ("label", "description", "options")
                changed = {**known, **{name: wish[name] for name in names if wish.get(name) is not None}}
            properties.append(changed if known["name"] == params["property"] else known)
        if changed is None:
            raise not_found()
        self._portal.update(row, {"properties": properties})
        return Response(200, changed)

    def drop_property(self, request: Request, params: dict[str, str]) -> Response:
        """Take a property from an event."""
        del request
        row = self._found(params)
        self._portal.apart("provision")
        left = [known for known in row.values["properties"] if known["name"] != params["property"]]
        if len(left) == len(row.values["properties"]):
            raise not_found()
        self._portal.update(row, {"properties": left})
        return Response(204)


def _wished(wish: dict[str, Any]) -> dict[str, Any]:
    label, sort = str(wish.get("label") or ""), str(wish.get("type") or "")
    name = str(wish.get("name") or re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_"))
    if not label or sort not in {"string", "number", "enumeration", "datetime", "bool"} or not NAME.fullmatch(name):
        raise invalid("Invalid input JSON: a property needs label, type and a name of lower case letters and digits")
    options = [entry_of(entry, "options") for entry in entries_of(wish.get("options"), "options")]
    entry = _property(name, label, sort)
    entry["description"] = str(wish.get("description") or "")
    entry["options"] = [
        {"label": str(one.get("label")), "value": str(one.get("value")), "hidden": bool(one.get("hidden"))}
        for one in options
    ]
    return entry


def _property(name: str, label: str, sort: str) -> dict[str, Any]:
    field_type = {"string": "text", "enumeration": "select", "datetime": "date", "bool": "booleancheckbox"}
    return {"name": name, "label": label, "type": sort, "fieldType": field_type.get(sort, sort), "description": "",
            "groupName": "behavioral_event_information", "options": [], "archived": False}  # fmt: skip


def _shown(row: Record) -> dict[str, Any]:
    values = row.values
    return {
        "id": str(values["number"]),
        "name": values["name"],
        "fullyQualifiedName": row.id,
        "objectTypeId": f"6-{values['number']}",
        "labels": {"singular": values["label"]},
        "description": values["description"],
        "properties": values["properties"],
        "associations": [],
        "archived": row.deleted,
        "primaryObject": "CONTACT",
        "primaryObjectId": "0-1",
        "trackingType": "MANUAL",
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
    }
