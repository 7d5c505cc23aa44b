"""How the org's content is shown in the snapshot: key paths in place of ids, audit fields left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.core.snapshot import Resolve, Shape, snapshot
from sandbox.salesforce.objects.history_tables import HISTORIES
from sandbox.salesforce.rows.view import DERIVED, full_name

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.core.snapshot import Key
    from sandbox.salesforce.state import OrgState

#: The vendor's own book-keeping, the only fields that no snapshot shows.
AUDIT_FIELDS = frozenset(
    {
        "Id",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
        "LastViewedDate",
        "LastReferencedDate",
        "LastStageChangeDate",
        "CompletedDateTime",
    }
)
#: Shown apart from the fields, as ``deleted``.
DELETED = "IsDeleted"


def _fields(*names: str) -> Key:
    return lambda row, _: [row.get(name) for name in names]


def _linked(*links: str, then: tuple[str, ...] = ()) -> Key:
    def key(row: Record, resolve: Resolve) -> Iterable[Any]:
        return [*(_first(row, link, resolve) for link in links), *(row.get(name) for name in then)]

    return key


def _first(row: Record, links: str, resolve: Resolve) -> Any:
    """Return the path of the first reference that is set, of several joined by a bar."""
    return next((resolve(row.get(link)) for link in links.split("|") if row.get(link) is not None), None)


KEYS: dict[str, Key] = {
    "Account": _fields("Name", "Website"),
    "Lead": lambda row, _: [row.get("Email"), row.get("Company"), full_name(row)],
    "Contact": lambda row, _: [row.get("Email"), full_name(row)],
    "Opportunity": _linked("AccountId", then=("Name",)),
    "OpportunityContactRole": _linked("OpportunityId", "ContactId", then=("Role",)),
    "Task": _linked("WhoId|WhatId", then=("Subject", "Handoff_Key__c")),
    "Event": _linked("WhoId|WhatId", then=("Subject", "StartDateTime", "Handoff_Key__c")),
    "User": _fields("Username"),
    "Campaign": _fields("Name"),
    "CampaignMember": _linked("CampaignId", "ContactId|LeadId"),
    "CampaignMemberStatus": _linked("CampaignId", then=("Label",)),
    "Group": _fields("Type", "Name"),
    "GroupMember": _linked("GroupId", "UserOrGroupId"),
    "QueueSobject": _linked("QueueId", then=("SobjectType",)),
    "PermissionSet": _fields("Name"),
    "PermissionSetAssignment": _linked("PermissionSetId", "AssigneeId"),
    "FieldPermissions": _linked("ParentId", then=("Field",)),
    "ObjectPermissions": _linked("ParentId", then=("SobjectType",)),
    "Profile": _fields("Name"),
    "UserRole": _fields("Name"),
    "RecordType": _fields("SobjectType", "Name"),
    "Organization": _fields("Name"),
    "AssignmentRule": _fields("Name"),
    "CustomField": _fields("FullName"),
    "LeadStatus": _fields("ApiName"),
    "TaskStatus": _fields("ApiName"),
    "TaskPriority": _fields("ApiName"),
    "OpportunityStage": _fields("ApiName"),
}


def org_snapshot(state: OrgState) -> bytes:
    """Return the content of the org: every row, every stored field but the audit ones, every value ever held."""
    shapes: dict[str, Shape] = {}
    for obj in state.schema.objects.values():
        if obj.name in HISTORIES:
            # Their rows are shown with the record they tell of: the values each field has held.
            continue
        shown = [
            field
            for field in obj.fields.values()
            if field.name not in AUDIT_FIELDS
            and field.name != DELETED
            and (field.createable or field.updateable or (obj.name, field.name) not in DERIVED)
        ]
        references = frozenset(field.name for field in shown if field.refers_to)
        shapes[obj.name] = Shape(tuple(field.name for field in shown), KEYS[obj.name], references)
    rows = [row for obj in shapes for row in state.records.rows(obj)]
    fields = sorted(
        (
            {
                "object": obj,
                "name": field.name,
                "type": field.type,
                "unique": field.unique,
                "definition": entry["metadata"],
            }
            for obj, field, entry in state.custom_fields()
        ),
        key=lambda shown: (str(shown["object"]), str(shown["name"])),
    )
    more = {"custom_fields": fields, "removed_rights": sorted(state.removed_rights())}
    return snapshot("salesforce", rows, shapes, more=more)
