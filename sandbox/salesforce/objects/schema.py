"""Objects and fields of the org: the standard ones from the tables, custom ones as they are created."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.salesforce.objects.describe_marks import NO_PATH, label_of
from sandbox.salesforce.objects.history_tables import HISTORIES, TRACKED
from sandbox.salesforce.objects.picklists import PICKLIST_DEFAULTS, PICKLISTS
from sandbox.salesforce.objects.tables import OBJECTS

#: Types whose value is text for purposes of length and comparison.
TEXT_TYPES = frozenset({"string", "textarea", "picklist", "multipicklist", "combobox", "email", "phone", "url"})
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent"})


@dataclass(slots=True, frozen=True)
class Field:
    """One field as describe shows it."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = False
    defaulted: bool = False
    default: Any = None
    filterable: bool = True
    restricted: bool = False
    values: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    custom: bool = False
    #: Holds markup; help beside the field on the page.
    html: bool = False
    help_text: str | None = None

    @property
    def required(self) -> bool:
        """Tell whether a new record must have a value that the org does not supply."""
        return self.createable and not self.nillable and not self.defaulted and self.type != "boolean"


@dataclass(slots=True)
class SObject:
    """One object; fields are found by name in lower case."""

    name: str
    prefix: str
    plural: str
    flags: str
    fields: dict[str, Field] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return the name as people see it."""
        return "Role" if self.name == "UserRole" else _label(self.name)

    def field_of(self, name: str) -> Field | None:
        """Return the field, whatever the case of the name."""
        return self.fields.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """Return the reference field that a relationship path such as ``Owner`` goes through."""
        wanted = name.lower()
        for candidate in self.fields.values():
            if candidate.relationship is not None and candidate.relationship.lower() == wanted:
                return candidate
        return None


def _label(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return words.removesuffix(" Id") + (" ID" if words.endswith(" Id") else "")


def _parse_line(line: str) -> Field:
    name, kind, flags, *details = line.split(None, 3) + [""] * 0
    detail = details[0] if details else ""
    about: dict[str, Any] = {}
    for part in detail.split():
        if part.startswith(">"):
            about["refers_to"] = tuple(part[1:].split("|"))
        elif part.startswith("@"):
            about["values"] = PICKLISTS[part[1:]]
            about["default"] = PICKLIST_DEFAULTS.get(part[1:]) if "d" in flags else None
        elif part.startswith("="):
            about["default"] = {"true": True, "false": False}.get(part[1:], part[1:])
        elif "," in part:
            precision, scale = part.split(",")
            about |= {"precision": int(precision), "scale": int(scale)}
        else:
            about["digits" if kind == "int" else "length"] = int(part)
    if kind == "ref":
        kind = "reference"
        about |= {"length": 18, "relationship": name.removesuffix("Id") if name.endswith("Id") else None}
    if kind == "boolean":
        about.setdefault("default", False)
    return Field(
        name,
        kind,
        _label(name),
        createable="c" in flags,
        updateable="u" in flags,
        nillable="n" in flags,
        defaulted="d" in flags,
        restricted="r" in flags,
        id_lookup="l" in flags,
        filterable="x" not in flags,
        **about,
    )


def standard_objects() -> dict[str, SObject]:
    """Return the objects of a fresh org by name in lower case."""
    found: dict[str, SObject] = {}
    for name, prefix, plural, flags, table in OBJECTS:
        entry = SObject(name, prefix, plural, flags)
        for line in table.split("\n"):
            if line.strip():
                parsed = _parse_line(line)
                label = label_of(name, parsed.name)
                if label is not None:
                    parsed = replace(parsed, label=label)
                if f"{name}.{parsed.name}" in NO_PATH:
                    parsed = replace(parsed, relationship=None)
                entry.fields[parsed.name.lower()] = parsed
        found[name.lower()] = entry
    return found


class Schema:
    """All objects; custom fields come and go."""

    def __init__(self) -> None:
        """Start with the standard objects."""
        self.objects = standard_objects()
        # Several kinds of history share a prefix; nothing refers to a row of theirs.
        self.prefixes = {entry.prefix: entry.name for entry in self.objects.values() if entry.name not in HISTORIES}

    def object(self, name: str) -> SObject | None:
        """Return the object, whatever the case of its name."""
        return self.objects.get(name.lower())

    def add(self, obj: str, new: Field) -> None:
        """Add a custom field to an object."""
        self.objects[obj.lower()].fields[new.name.lower()] = new

    def drop(self, obj: str, name: str) -> None:
        """Take a custom field away."""
        self.objects[obj.lower()].fields.pop(name.lower(), None)

    def referring(self, obj: str) -> list[tuple[str, Field, str | None]]:
        """Return (child object, reference field, relationship name or None) of all references to an object."""
        return [
            (entry.name, candidate, CHILD_NAMES.get((entry.name, candidate.name)))
            for entry in self.objects.values()
            for candidate in entry.fields.values()
            if obj in candidate.refers_to
        ]

    def children(self, obj: str) -> list[tuple[str, Field, str]]:
        """Return (child object, reference field, relationship name) of everything that refers to an object."""
        found = []
        for entry in self.objects.values():
            for candidate in entry.fields.values():
                name = CHILD_NAMES.get((entry.name, candidate.name))
                if name is not None and obj in candidate.refers_to:
                    found.append((entry.name, candidate, name))
        return found


#: Names under which a parent's sub-select reaches its children.
CHILD_NAMES: dict[tuple[str, str], str] = {
    ("Contact", "AccountId"): "Contacts",
    ("Opportunity", "AccountId"): "Opportunities",
    ("Opportunity", "ContactId"): "Opportunities",
    ("Account", "ParentId"): "ChildAccounts",
    ("OpportunityContactRole", "OpportunityId"): "OpportunityContactRoles",
    ("OpportunityContactRole", "ContactId"): "OpportunityContactRoles",
    ("Task", "WhoId"): "Tasks",
    ("Task", "WhatId"): "Tasks",
    ("Event", "WhoId"): "Events",
    ("Event", "WhatId"): "Events",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("CampaignMember", "LeadId"): "CampaignMembers",
    ("CampaignMember", "ContactId"): "CampaignMembers",
    ("GroupMember", "GroupId"): "GroupMembers",
    ("QueueSobject", "QueueId"): "QueueSobjects",
    ("PermissionSetAssignment", "PermissionSetId"): "Assignments",
    ("FieldPermissions", "ParentId"): "FieldPerms",
    ("ObjectPermissions", "ParentId"): "ObjectPerms",
    ("OpportunityHistory", "OpportunityId"): "OpportunityHistories",
    **{(entry.history, entry.parent_field): "Histories" for entry in TRACKED.values()},
}
