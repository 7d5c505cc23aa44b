"""What can be pulled: one line of facts per stream, in the order in which streams build on each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.salesforce.schema import OBJECTS


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream: which object, which fields, which of them point at other records."""

    name: str
    #: our word for its records
    word: str
    #: fields selected when our user sees them; more are added by wishes and by our own fields
    fields: tuple[str, ...]
    #: our word for a related record → the field that holds its id
    links: Mapping[str, str]
    #: fields reached through a relationship (``Campaign.Name``)
    related: tuple[str, ...] = ()
    #: a further condition
    where: str = ""
    lane: Literal["fast", "slow"] = "slow"
    #: an org without this object, or without our right to it, simply has no such rows
    optional: bool = False
    #: relationship path → the field whose visibility decides whether it may be selected
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def sobject(self) -> str:
        """The vendor's name of the object."""
        return OBJECTS[self.word]


#: Selected everywhere they exist: when, who, gone, merged.
AUDIT_FIELDS = (
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "IsDeleted",
    "MasterRecordId",
)
#: The stamp that moves with every change, automated ones too; the others serve objects that lack it (section 5).
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")

_ACTIVITY_LINKS = {"owner": "OwnerId", "who": "WhoId", "what": "WhatId", "account": "AccountId"}

STREAMS: Mapping[str, StreamSpec] = {
    spec.name: spec
    for spec in (
        StreamSpec(
            "users",
            "user",
            ("Username", "Email", "Name", "IsActive", "UserType", "ManagerId", "TimeZoneSidKey"),
            {"manager": "ManagerId"},
        ),
        StreamSpec("queues", "queue", ("Name", "DeveloperName", "Type", "Email"), {}, where="Type = 'Queue'"),
        StreamSpec(
            "accounts",
            "account",
            (
                *("Name", "Website", "Phone", "BillingCountry", "BillingState", "BillingCity", "Industry", "Type"),
                *("NumberOfEmployees", "AnnualRevenue", "ParentId", "OwnerId"),
            ),
            {"owner": "OwnerId", "parent": "ParentId"},
        ),
        StreamSpec(
            "leads",
            "lead",
            (
                *("Email", "FirstName", "LastName", "Title", "Company", "Website", "Country", "State", "City", "Phone"),
                *("Industry", "NumberOfEmployees", "AnnualRevenue", "LeadSource", "Status", "OwnerId"),
                *("HasOptedOutOfEmail", "DoNotCall", "EmailBouncedReason"),
                *("IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId"),
            ),
            {
                "owner": "OwnerId",
                "account": "ConvertedAccountId",
                "contact": "ConvertedContactId",
                "opportunity": "ConvertedOpportunityId",
            },
        ),
        StreamSpec(
            "contacts",
            "contact",
            (
                *("Email", "FirstName", "LastName", "Title", "Department", "Phone", "LeadSource", "AccountId"),
                *("MailingCountry", "MailingState", "MailingCity", "ReportsToId", "OwnerId"),
                *("HasOptedOutOfEmail", "DoNotCall", "EmailBouncedReason"),
            ),
            {"owner": "OwnerId", "account": "AccountId", "reports_to": "ReportsToId"},
        ),
        StreamSpec(
            "opportunities",
            "opportunity",
            (
                *("Name", "StageName", "Amount", "CloseDate", "Probability", "Type", "LeadSource", "IsClosed", "IsWon"),
                *("AccountId", "OwnerId", "CampaignId"),
            ),
            {"owner": "OwnerId", "account": "AccountId", "campaign": "CampaignId"},
        ),
        StreamSpec(
            "contact_roles",
            "contact_role",
            ("OpportunityId", "ContactId", "Role", "IsPrimary"),
            {"opportunity": "OpportunityId", "contact": "ContactId", "account": "Opportunity.AccountId"},
            related=("Opportunity.AccountId",),
            needs={"Opportunity.AccountId": "OpportunityId"},
        ),
        StreamSpec(
            "campaign_members",
            "campaign_member",
            ("CampaignId", "LeadId", "ContactId", "Status", "HasResponded", "FirstRespondedDate"),
            {"campaign": "CampaignId", "lead": "LeadId", "contact": "ContactId"},
            related=("Campaign.Name",),
            needs={"Campaign.Name": "CampaignId"},
            optional=True,
        ),
        StreamSpec(
            "tasks",
            "task",
            (
                *("Subject", "Status", "Priority", "ActivityDate", "ReminderDateTime", "OwnerId", "WhoId", "WhatId"),
                *("AccountId", "IsClosed", "CompletedDateTime", "TaskSubtype", "Type", "CallType"),
            ),
            _ACTIVITY_LINKS,
            lane="fast",
        ),
        StreamSpec(
            "events",
            "event",
            (
                *("Subject", "ActivityDate", "StartDateTime", "EndDateTime", "ActivityDateTime", "OwnerId"),
                *("WhoId", "WhatId", "AccountId", "Type", "EventSubtype"),
            ),
            _ACTIVITY_LINKS,
            lane="fast",
        ),
    )
}

#: standard column of people → native field
PEOPLE: Mapping[str, Mapping[str, str]] = {
    "lead": {
        "email": "Email",
        "first_name": "FirstName",
        "last_name": "LastName",
        "title": "Title",
        "company": "Company",
        "website": "Website",
        "country": "Country",
        "state": "State",
        "city": "City",
        "phone": "Phone",
        "industry": "Industry",
        "employees": "NumberOfEmployees",
        "revenue": "AnnualRevenue",
        "lead_source": "LeadSource",
        "created_at": "CreatedDate",
        "updated_at": "LastModifiedDate",
    },
    "contact": {
        "email": "Email",
        "first_name": "FirstName",
        "last_name": "LastName",
        "title": "Title",
        "company": "account.Name",
        "website": "account.Website",
        "country": "MailingCountry",
        "state": "MailingState",
        "city": "MailingCity",
        "phone": "Phone",
        "industry": "account.Industry",
        "employees": "account.NumberOfEmployees",
        "revenue": "account.AnnualRevenue",
        "lead_source": "LeadSource",
        "created_at": "CreatedDate",
        "updated_at": "LastModifiedDate",
    },
}
#: channel → native field that is true for people who must not be reached by it (Object Reference: Lead, Contact)
_OPT_OUTS: Mapping[str, str] = {"email": "HasOptedOutOfEmail", "call": "DoNotCall"}
OPT_OUTS: Mapping[str, Mapping[str, str]] = {"lead": _OPT_OUTS, "contact": _OPT_OUTS}
#: standard column of accounts → native field
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
        "created_at": "CreatedDate",
        "updated_at": "LastModifiedDate",
    }
}
