"""What describe says of standard fields beyond the field table: labels and odd marks, as real orgs show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.salesforce.objects.schema import Field

#: Labels that do not follow from the field's name, per object; those under an empty name hold wherever not said.
LABELS: dict[str, dict[str, str]] = {
    "": {
        "IsDeleted": "Deleted",
        "PhotoUrl": "Photo URL",
        "State": "State/Province",
        "PostalCode": "Zip/Postal Code",
        "NumberOfEmployees": "Employees",
        "LastActivityDate": "Last Activity",
        "Jigsaw": "Data.com Key",
    },
    "Account": {
        **{name: f"Account {name}" for name in ("Name", "Type", "Phone", "Fax", "Description", "Rating", "Site")},
        "Id": "Account ID",
        "ParentId": "Parent Account ID",
        "BillingState": "Billing State/Province",
        "BillingPostalCode": "Billing Zip/Postal Code",
        "ShippingState": "Shipping State/Province",
        "ShippingPostalCode": "Shipping Zip/Postal Code",
        "Sic": "SIC Code",
        "SicDesc": "SIC Description",
        "NaicsCode": "NAICS Code",
        "NaicsDesc": "NAICS Description",
        "DunsNumber": "D-U-N-S Number",
    },
    "Contact": {
        "Id": "Contact ID",
        "Name": "Full Name",
        "OtherState": "Other State/Province",
        "OtherPostalCode": "Other Zip/Postal Code",
        "MailingState": "Mailing State/Province",
        "MailingPostalCode": "Mailing Zip/Postal Code",
        "Phone": "Business Phone",
        "Fax": "Business Fax",
        "AssistantPhone": "Asst. Phone",
        "AssistantName": "Assistant's Name",
        "Description": "Contact Description",
        "LastCURequestDate": "Last Stay-in-Touch Request Date",
        "LastCUUpdateDate": "Last Stay-in-Touch Save Date",
    },
    "Lead": {
        "Id": "Lead ID",
        "Name": "Full Name",
        "IsConverted": "Converted",
        "IsUnreadByOwner": "Unread By Owner",
        "CompanyDunsNumber": "Company D-U-N-S Number",
    },
    "Opportunity": {
        "Id": "Opportunity ID",
        "IsPrivate": "Private",
        "StageName": "Stage",
        "Probability": "Probability (%)",
        "ExpectedRevenue": "Expected Amount",
        "TotalOpportunityQuantity": "Quantity",
        "Type": "Opportunity Type",
        "IsClosed": "Closed",
        "IsWon": "Won",
        "ForecastCategoryName": "Forecast Category",
        "HasOpportunityLineItem": "Has Line Item",
        "Fiscal": "Fiscal Period",
    },
    "OpportunityContactRole": {"Id": "Contact Role ID", "IsPrimary": "Primary"},
    "Event": {
        "Id": "Activity ID",
        "WhoId": "Name ID",
        "WhatId": "Related To ID",
        "IsAllDayEvent": "All-Day Event",
        "ActivityDateTime": "Due Date Time",
        "ActivityDate": "Due Date Only",
        "DurationInMinutes": "Duration",
        "OwnerId": "Assigned To ID",
        "IsPrivate": "Private",
        "ShowAs": "Show Time As",
        "IsArchived": "Archived",
        "ReminderDateTime": "Reminder Date/Time",
        "IsReminderSet": "Reminder Set",
    },
    "Task": {
        "Id": "Activity ID",
        "WhoId": "Name ID",
        "WhatId": "Related To ID",
        "ActivityDate": "Due Date Only",
        "OwnerId": "Assigned To ID",
        "IsArchived": "Archived",
        "IsClosed": "Closed",
        "IsHighPriority": "High Priority",
        "ReminderDateTime": "Reminder Date/Time",
        "IsReminderSet": "Reminder Set",
        "CallDurationInSeconds": "Call Duration",
        "CallObject": "Call Object Identifier",
    },
}

#: Optional fields that no permission set can show or hide, though their flags would allow it.
ALWAYS_OPEN = frozenset(
    {
        *(f"{obj}.{name}" for obj in ("Lead", "Contact", "User") for name in ("FirstName", "Salutation")),
        *(f"{obj}.{name}" for obj in ("Lead", "Contact") for name in ("EmailBouncedReason", "EmailBouncedDate")),
        *(f"Event.{name}" for name in ("Subject", "ActivityDateTime", "ActivityDate", "DurationInMinutes")),
        *(f"Event.{name}" for name in ("StartDateTime", "EndDateTime", "ShowAs", "ReminderDateTime", "EventSubtype")),
        *(f"Task.{name}" for name in ("Subject", "ActivityDate", "ReminderDateTime", "TaskSubtype")),
        *(f"Opportunity.{name}" for name in ("ForecastCategoryName", "ContactId")),
        "OpportunityContactRole.Role",
    }
)
#: Fields that permission sets show or hide although their flags would not say so.
GRANTABLE = frozenset({"Event.IsAllDayEvent", "Opportunity.IsPrivate", "Opportunity.ExpectedRevenue"})
#: Filterable fields that no GROUP BY takes, and those that no MAX or COUNT takes.
NOT_GROUPABLE = frozenset({"Event.Subject", "Task.Subject"})
NOT_AGGREGATABLE = frozenset({"Event.ActivityDate", "Task.ActivityDate"})
#: Yes-no fields that are grouped though they cannot be filtered by.
GROUPABLE = frozenset({"Opportunity.HasOpenActivity", "Opportunity.HasOverdueTask"})
#: References that offer no path to their target.
NO_PATH = frozenset({"Opportunity.ContactId"})
#: Supplied by the org at creation, but not announced in describe.
QUIET_DEFAULTS = frozenset({"Lead.IsUnreadByOwner"})

#: What people read instead of a picklist value, where it differs.
VALUE_LABELS: dict[str, dict[str, str]] = {
    "Opportunity.ForecastCategory": {"BestCase": "Best Case", "MostLikely": "Most Likely", "Forecast": "Commit"},
    "Event.ShowAs": {"OutOfOffice": "Out of Office"},
    "Event.GroupEventType": {
        "0": "Non-group Event",
        "1": "Group Event",
        "2": "Proposed Event",
        "3": "IsRecurrence2 Series Pattern",
    },
}
#: References by which a search is not narrowed.
NOT_PREFILTERABLE = frozenset(
    {"OwnerId", "CreatedById", "LastModifiedById", "MasterRecordId", "ContactId", "OpportunityId"}
)


def label_of(obj: str, name: str) -> str | None:
    """Return the label of a standard field where its name does not tell it."""
    own = LABELS.get(obj, {}).get(name)
    return own if own is not None else LABELS[""].get(name)


def permissionable(obj: str, field: Field) -> bool:
    """Tell whether permission sets decide who sees a field."""
    full = f"{obj}.{field.name}"
    if full in ALWAYS_OPEN:
        return False
    if field.custom:
        return field.nillable or field.type == "boolean"
    return full in GRANTABLE or field.type == "address" or ((field.createable or field.updateable) and field.nillable)
