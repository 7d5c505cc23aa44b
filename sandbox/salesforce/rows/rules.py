"""What the org itself checks and fills in per object, before a row is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, converted_lead, missing
from sandbox.salesforce.objects.absent import not_built
from sandbox.salesforce.objects.describe_marks import permissionable
from sandbox.salesforce.objects.picklists import CLOSED_TASK_STATUS, STAGES
from sandbox.salesforce.objects.values import parse_datetime, stamp_text

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState


@dataclass(slots=True)
class Draft:
    """A row about to be stored."""

    obj: str
    #: The row as it is, None on creation.
    old: Record | None
    #: Fields to set, already checked one by one; rules may add to them.
    values: dict[str, Any]

    def get(self, name: str) -> Any:
        """Return the field's value as it will be."""
        if name in self.values:
            return self.values[name]
        return self.old.get(name) if self.old is not None else None

    def changes(self, name: str) -> bool:
        """Tell whether the field gets a new value."""
        return name in self.values and (self.old is None or self.old.get(name) != self.values[name])


Rule = Callable[["OrgState", Draft], None]


def check_owner(state: OrgState, draft: Draft) -> None:
    """Refuse an inactive owner, and a queue that does not take the object.

    Raises: ApiError INACTIVE_OWNER_OR_USER, INVALID_CROSS_REFERENCE_KEY.
    """
    if not draft.changes("OwnerId"):
        return
    owner = state.row(draft.values["OwnerId"])
    if owner is not None and owner.obj == "User" and not owner.get("IsActive", False):
        words = f"operation performed with inactive user [{owner.id}] as owner of {draft.obj.lower()}"
        raise ApiError("INACTIVE_OWNER_OR_USER", words, ())
    if owner is not None and owner.obj == "Group":
        kinds = {row.get("SobjectType") for row in state.records.find("QueueSobject", "QueueId", owner.id)}
        if draft.obj not in kinds:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("OwnerId",))


def check_validation(state: OrgState, draft: Draft) -> None:
    """Hold a row to the rules that the org's people wrote: a field that must not stay blank, and their own words.

    Raises: ApiError FIELD_CUSTOM_VALIDATION_EXCEPTION.
    """
    for rule in state.records.kept("validation_rules", []):
        if rule["object"] == draft.obj and draft.get(rule["field"]) is None:
            raise ApiError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule["message"], (rule["field"],))


def _lead(_: OrgState, draft: Draft) -> None:
    if draft.old is not None and draft.old.get("IsConverted"):
        raise converted_lead()


def _activity(state: OrgState, draft: Draft) -> None:
    who = state.row(draft.get("WhoId"))
    if who is not None and who.obj == "Lead":
        if who.get("IsConverted"):
            raise converted_lead()
        if draft.get("WhatId") is not None:
            words = "Related To ID: cannot be set when Name ID is a lead"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, ("WhatId",))


def _task(state: OrgState, draft: Draft) -> None:
    _activity(state, draft)
    if draft.get("IsRecurrence"):
        raise not_built("recurring tasks")
    if draft.old is None:
        draft.values.setdefault("TaskSubtype", "Task")
    if draft.changes("Status") or draft.old is None:
        closed = draft.get("Status") == CLOSED_TASK_STATUS
        draft.values["CompletedDateTime"] = stamp_text(state.when()) if closed else None


def _event(state: OrgState, draft: Draft) -> None:
    _activity(state, draft)
    # Two names for one time: the one that is set anew counts.
    named = "ActivityDateTime" if draft.changes("ActivityDateTime") and "StartDateTime" not in draft.values else None
    start = draft.get(named or "StartDateTime") or draft.get("ActivityDateTime")
    if start is None and draft.get("IsAllDayEvent") and draft.get("ActivityDate"):
        start = f"{draft.get('ActivityDate')}T00:00:00.000+0000"
    if draft.old is None and start is None:
        raise missing(["ActivityDateTime"])
    if start is not None:
        draft.values |= {"StartDateTime": start, "ActivityDateTime": start, "ActivityDate": start[:10]}
        _event_end(draft, parse_datetime(start))
    if draft.old is None:
        draft.values.setdefault("EventSubtype", "Event")


def _event_end(draft: Draft, start: datetime) -> None:
    """Work out the end from the length or the length from the end, whichever was given.

    Raises: ApiError FIELD_INTEGRITY_EXCEPTION when an event ends before it begins.
    """
    end, minutes = draft.get("EndDateTime"), draft.get("DurationInMinutes")
    if draft.changes("EndDateTime") and end is not None:
        length = parse_datetime(end) - start
        if length < timedelta():
            words = "Event duration can not be negative"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, ("DurationInMinutes",))
        whole_days = timedelta(days=1) if draft.get("IsAllDayEvent") else timedelta()
        draft.values["DurationInMinutes"] = int((length + whole_days).total_seconds() // 60)
    elif minutes is not None:
        whole_days = timedelta(days=1) if draft.get("IsAllDayEvent") else timedelta()
        draft.values["EndDateTime"] = stamp_text(start + max(timedelta(minutes=minutes) - whole_days, timedelta()))
    finish = draft.get("EndDateTime")
    draft.values["EndDate"] = None if finish is None else finish[:10]


def _opportunity(state: OrgState, draft: Draft) -> None:
    if draft.changes("StageName"):
        probability, forecast = STAGES.get(draft.values["StageName"], (0, "Pipeline"))
        draft.values.setdefault("Probability", probability)
        draft.values.setdefault("ForecastCategoryName", forecast)
        draft.values["LastStageChangeDate"] = stamp_text(state.when())


def _member(state: OrgState, draft: Draft) -> None:
    label = draft.get("Status")
    statuses = state.records.find("CampaignMemberStatus", "CampaignId", draft.get("CampaignId"))
    answered = any(row.get("HasResponded") for row in statuses if row.get("Label") == label)
    if answered and draft.changes("Status") and draft.get("FirstRespondedDate") is None:
        draft.values["FirstRespondedDate"] = state.when().date().isoformat()
    if draft.old is not None:
        return
    person = draft.get("ContactId") or draft.get("LeadId")
    if person is None:
        raise missing(["LeadId"])
    link = "ContactId" if draft.get("ContactId") else "LeadId"
    for row in state.records.find("CampaignMember", link, person):
        if row.get("CampaignId") == draft.get("CampaignId"):
            words = "duplicate value found: unknown duplicates value on record with id: unknown"
            raise ApiError("DUPLICATE_VALUE", words, ())


def _role(state: OrgState, draft: Draft) -> None:
    """Let a deal have one primary contact: the newest takes the place of the one before."""
    if not draft.get("IsPrimary") or not draft.changes("IsPrimary"):
        return
    own = None if draft.old is None else draft.old.id
    for row in state.records.find("OpportunityContactRole", "OpportunityId", draft.get("OpportunityId")):
        if row.id != own and row.get("IsPrimary"):
            values = {"IsPrimary": False}
            state.records.update(row.obj, row.id, values, at=state.stamp(row), by=row.modified_by)


def _grant(state: OrgState, draft: Draft) -> None:
    """Check a FieldPermissions row: the field exists, is grantable, is granted once per set, and edit includes read."""
    if draft.get("PermissionsEdit") and not draft.get("PermissionsRead"):
        words = "Field Permissions: You cannot have Edit without Read"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, ("PermissionsEdit",))
    if draft.old is not None:
        return
    obj, _, name = str(draft.get("Field")).partition(".")
    entry = state.schema.object(obj)
    field = None if entry is None else entry.field_of(name)
    known = field is not None and entry is not None and entry.name == draft.get("SobjectType")
    if field is None or entry is None or not known or not permissionable(entry.name, field):
        words = f"Field Name: bad value for restricted picklist field: {draft.get('Field')}"
        raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, ("Field",))
    draft.values["Field"] = f"{entry.name}.{field.name}"
    for row in state.records.find("FieldPermissions", "ParentId", draft.get("ParentId")):
        if row.get("Field") == draft.values["Field"]:
            words = f"duplicate value found: ParentId duplicates value on record with id: {row.id}"
            raise ApiError("DUPLICATE_VALUE", words, ())


#: Rights to an object, each with the rights it cannot be without.
NEEDED_RIGHTS = {
    "PermissionsEdit": ("PermissionsRead",),
    "PermissionsCreate": ("PermissionsRead",),
    "PermissionsDelete": ("PermissionsRead", "PermissionsEdit"),
    "PermissionsViewAllRecords": ("PermissionsRead",),
    "PermissionsModifyAllRecords": ("PermissionsRead", "PermissionsEdit", "PermissionsDelete"),
}


def _object_grant(state: OrgState, draft: Draft) -> None:
    """Check an ObjectPermissions row: one per set and object, and no right without those it rests on."""
    for right, needed in NEEDED_RIGHTS.items():
        lacking = [name for name in needed if not draft.get(name)] if draft.get(right) else []
        if lacking:
            words = f"Permission {right.removeprefix('Permissions')} depends on permission(s): " + ", ".join(
                name.removeprefix("Permissions") for name in lacking
            )
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, (right,))
    if draft.old is not None:
        return
    for row in state.records.find("ObjectPermissions", "ParentId", draft.get("ParentId")):
        if row.get("SobjectType") == draft.get("SobjectType"):
            words = f"duplicate value found: ParentId duplicates value on record with id: {row.id}"
            raise ApiError("DUPLICATE_VALUE", words, ())


def _assignment(state: OrgState, draft: Draft) -> None:
    for row in state.records.find("PermissionSetAssignment", "AssigneeId", draft.get("AssigneeId")):
        if row.get("PermissionSetId") == draft.get("PermissionSetId"):
            words = f"duplicate value found: PermissionSetId duplicates value on record with id: {row.id}"
            raise ApiError("DUPLICATE_VALUE", words, ())


RULES: dict[str, tuple[Rule, ...]] = {
    "Lead": (_lead, check_owner),
    "Contact": (check_owner,),
    "Account": (check_owner,),
    "Opportunity": (_opportunity, check_owner),
    "Task": (_task, check_owner),
    "Event": (_event, check_owner),
    "Campaign": (check_owner,),
    "CampaignMember": (_member,),
    "OpportunityContactRole": (_role,),
    "FieldPermissions": (_grant,),
    "ObjectPermissions": (_object_grant,),
    "PermissionSetAssignment": (_assignment,),
}
#: Objects whose rows decide what users may see.
RIGHTS_OBJECTS = frozenset({"FieldPermissions", "PermissionSetAssignment", "PermissionSet"})
#: What goes away together with a row: (child object, reference field) per parent object.
CASCADES: dict[str, tuple[tuple[str, str], ...]] = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Task", "WhatId"), ("Event", "WhatId")),
    "Contact": (
        ("Task", "WhoId"),
        ("Event", "WhoId"),
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
    ),
    "Lead": (("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"), ("Task", "WhatId"), ("Event", "WhatId")),
    "Campaign": (("CampaignMember", "CampaignId"),),
    "PermissionSet": (
        ("PermissionSetAssignment", "PermissionSetId"),
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
    ),
    "Group": (("QueueSobject", "QueueId"), ("GroupMember", "GroupId")),
}
