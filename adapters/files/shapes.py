"""The objects of a folder CRM and how their columns are named: as in Salesforce, so that the starter mappings fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.domain.records import Value


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record: its file's name (without ending), its columns that hold ids of others."""

    object: str
    file: str
    links: Mapping[str, str] = field(default_factory=dict)


#: In the order in which they are pulled: what others point at comes first.
SHAPES: tuple[Shape, ...] = (
    Shape("user", "users"),
    Shape("queue", "queues"),
    Shape("account", "accounts", {"owner": "OwnerId", "parent": "ParentId"}),
    Shape("lead", "leads", {"owner": "OwnerId", "account": "ConvertedAccountId", "contact": "ConvertedContactId"}),
    Shape("contact", "contacts", {"owner": "OwnerId", "account": "AccountId"}),
    Shape("opportunity", "opportunities", {"owner": "OwnerId", "account": "AccountId"}),
    Shape("task", "tasks", {"owner": "OwnerId", "who": "WhoId", "what": "WhatId"}),
)
BY_OBJECT: Mapping[str, Shape] = {shape.object: shape for shape in SHAPES}
BY_STREAM: Mapping[str, Shape] = {shape.file: shape for shape in SHAPES}
#: What ``apply`` may write.
WRITABLE: tuple[str, ...] = ("lead", "contact", "account", "task")

#: Channel → column that is true for people who must not be reached by it.
_OPT_OUTS: Mapping[str, str] = {"email": "HasOptedOutOfEmail", "call": "DoNotCall"}
OPT_OUTS: Mapping[str, Mapping[str, str]] = {"lead": _OPT_OUTS, "contact": _OPT_OUTS}

ID = "Id"
CREATED = "CreatedDate"
MODIFIED = "LastModifiedDate"
MODIFIED_BY = "LastModifiedById"
#: Columns that end like this may be added.
CUSTOM = "__c"
#: Where a created record keeps its creation key.
KEY = "Handoff_Key__c"
#: The user behind our own writes, by which they are recognised when they are pulled back.
OUR_USER = "handoff"

#: Columns that are true or false, whatever word an export uses for it.
TRUTHS = frozenset(
    {
        *("IsActive", "IsClosed", "IsConverted", "IsDeleted", "IsReminderSet", "IsWon"),
        *("HasOptedOutOfEmail", "DoNotCall"),
    }
)
_OURS = {
    "owner": "OwnerId",
    "status": "Status",
    "key": KEY,
    "stage_entry": "Handoff_Stage_Entry__c",
    "changed_by": MODIFIED_BY,
    "account": "AccountId",
}
#: Our word for what the engine itself reads or writes → column.
NATIVE: Mapping[str, Mapping[str, str]] = {
    "lead": _OURS,
    "contact": {word: name for word, name in _OURS.items() if word != "status"},
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
        "due_date": "ActivityDate",
        "due_at": "Handoff_Due__c",
        "reminder_at": "ReminderDateTime",
        "reminder_on": "IsReminderSet",
        "key": KEY,
        "rule": "Handoff_Rule__c",
        "changed_by": MODIFIED_BY,
    },
}
NATIVE_VALUES: Mapping[str, Mapping[str, Value]] = {
    "task.status": {"open": "Not Started", "closed": "Completed"},
    "task.priority": {"high": "High", "normal": "Normal", "low": "Low"},
}

_PERSON = {
    "email": "Email",
    "first_name": "FirstName",
    "last_name": "LastName",
    "title": "Title",
    "phone": "Phone",
    "lead_source": "LeadSource",
    "created_at": CREATED,
    "updated_at": MODIFIED,
}
PEOPLE: Mapping[str, Mapping[str, str]] = {
    "lead": _PERSON
    | {
        "company": "Company",
        "website": "Website",
        "country": "Country",
        "state": "State",
        "city": "City",
        "industry": "Industry",
        "employees": "NumberOfEmployees",
        "revenue": "AnnualRevenue",
    },
    "contact": _PERSON
    | {
        "company": "account.Name",
        "website": "account.Website",
        "country": "MailingCountry",
        "state": "MailingState",
        "city": "MailingCity",
        "industry": "account.Industry",
        "employees": "account.NumberOfEmployees",
        "revenue": "account.AnnualRevenue",
    },
}
ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    "account": {
        "name": "Name",
        "website": "Website",
        "country": "BillingCountry",
        "state": "BillingState",
        "city": "BillingCity",
        "phone": "Phone",
        "industry": "Industry",
        "employees": "NumberOfEmployees",
        "revenue": "AnnualRevenue",
        "parent_id": "ParentId",
        "owner_id": "OwnerId",
        "created_at": CREATED,
        "updated_at": MODIFIED,
    }
}
