"""Our words for the fields and values that the engine itself reads or writes, in the org's own spelling.

Standard names: Object Reference (Lead, Contact, Task, User, Group, Opportunity). ``Handoff_`` fields are provisioned.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.domain.records import Value

#: what names of custom fields end with (Object Reference, "Custom Objects")
CUSTOM = "__c"
_PERSON = {
    "owner": "OwnerId",
    "status": "Status",
    "key": "Handoff_Key__c",
    "stage_entry": "Handoff_Stage_Entry__c",
    "changed_by": "LastModifiedById",
    "account": "AccountId",
}

NATIVE: Mapping[str, Mapping[str, str]] = {
    "lead": _PERSON,
    "contact": {word: name for word, name in _PERSON.items() if word != "status"},
    "account": {"owner": "OwnerId"},
    "user": {
        "username": "Username",
        "name": "Name",
        "active": "IsActive",
        "time_zone": "TimeZoneSidKey",
        "manager": "ManagerId",
    },
    "queue": {"name": "Name"},
    "opportunity": {"closed": "IsClosed", "won": "IsWon"},
    "task": {
        "subject": "Subject",
        "body": "Description",
        "owner": "OwnerId",
        "who": "WhoId",
        "priority": "Priority",
        "status": "Status",
        "closed": "IsClosed",
        # ActivityDate is a day in nobody's zone; the reminder and our own field carry the instant.
        "due_date": "ActivityDate",
        "due_at": "Handoff_Due__c",
        "reminder_at": "ReminderDateTime",
        "reminder_on": "IsReminderSet",
        "key": "Handoff_Key__c",
        "rule": "Handoff_Rule__c",
        "changed_by": "LastModifiedById",
    },
}

NATIVE_VALUES: Mapping[str, Mapping[str, Value]] = {
    "task.status": {"open": "Not Started", "closed": "Completed"},
    "task.priority": {"high": "High", "normal": "Normal", "low": "Low"},
}
