"""What a field of a row shows: stored, audit and derived values, and paths through relationships."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.picklists import CLOSED_TASK_STATUS, CONVERTED_STATUS, STAGES
from sandbox.salesforce.objects.values import stamp_text

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.objects.schema import Field
    from sandbox.salesforce.state import OrgState

Getter = Callable[["Record"], Any]
_Derived = Callable[["OrgState", "Record"], Any]


def full_name(row: Record) -> str | None:
    return " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part) or None


def name_of(row: Record) -> Any:
    """Return what people call a row."""
    if row.obj in ("Lead", "Contact", "User"):
        return full_name(row)
    return row.get("Subject") if row.obj in ("Task", "Event") else row.get("Name")


def _activity_account(state: OrgState, row: Record) -> Any:
    what = state.row(row.get("WhatId"))
    if what is not None and what.obj in ("Account", "Opportunity"):
        return what.id if what.obj == "Account" else what.get("AccountId")
    who = state.row(row.get("WhoId"))
    return who.get("AccountId") if who is not None and who.obj == "Contact" else None


def _last_activity(state: OrgState, row: Record) -> Any:
    link = "WhoId" if row.obj in ("Lead", "Contact") else "WhatId"
    days = [
        task.get("ActivityDate")
        for obj in ("Task", "Event")
        for task in state.records.find(obj, link, row.id)
        if obj == "Event" or task.get("Status") == CLOSED_TASK_STATUS
    ]
    return max((day for day in days if day), default=None)


def _open_activity(state: OrgState, row: Record, *, overdue: bool) -> bool:
    today = state.clock.now().date().isoformat()
    for task in state.records.find("Task", "WhatId", row.id):
        day = task.get("ActivityDate")
        if task.get("Status") != CLOSED_TASK_STATUS and (not overdue or (day is not None and day < today)):
            return True
    if overdue:
        return False
    return any((event.get("ActivityDate") or "") >= today for event in state.records.find("Event", "WhatId", row.id))


def _campaign_sum(name: str) -> _Derived:
    """Count what came of a campaign: the roll-ups of its record."""

    def show(state: OrgState, row: Record) -> Any:
        if name.endswith("Opportunities"):
            deals = state.records.find("Opportunity", "CampaignId", row.id)
            if "Won" in name:
                deals = [deal for deal in deals if deal.get("StageName") == "Closed Won"]
            return sum(deal.get("Amount") or 0 for deal in deals) if name.startswith("Amount") else len(deals)
        members = state.records.find("CampaignMember", "CampaignId", row.id)
        if name == "NumberOfResponses":
            return sum(_responded(state, member) for member in members)
        if name == "NumberOfContacts":
            return sum(member.get("ContactId") is not None for member in members)
        leads = [state.row(member.get("LeadId")) for member in members if member.get("LeadId") is not None]
        return sum(lead is not None and (name == "NumberOfLeads" or lead.get("IsConverted", False)) for lead in leads)

    return show


#: Fields of a member that are those of the lead or contact, and sums over a campaign.
OF_THE_PERSON = (
    *("Name", "FirstName", "LastName", "Email", "CompanyOrAccount", "Type", "LeadOrContactId", "LeadOrContactOwnerId"),
    *("Salutation", "Title", "Street", "City", "State", "PostalCode", "Country", "Phone", "Fax", "MobilePhone"),
    *("Description", "DoNotCall", "HasOptedOutOfEmail", "LeadSource"),
)
ADDRESS_OF_MEMBER = frozenset({"Street", "City", "State", "PostalCode", "Country"})
CAMPAIGN_SUMS = (
    *("NumberOfLeads", "NumberOfConvertedLeads", "NumberOfContacts", "NumberOfResponses", "NumberOfOpportunities"),
    *("NumberOfWonOpportunities", "AmountAllOpportunities", "AmountWonOpportunities"),
)


def _responded(state: OrgState, row: Record) -> bool:
    label = row.get("Status")
    for status in state.records.find("CampaignMemberStatus", "CampaignId", row.get("CampaignId")):
        if status.get("Label") == label:
            return bool(status.get("HasResponded", False))
    return bool(label == "Responded")


def _member(name: str) -> _Derived:
    def show(state: OrgState, row: Record) -> Any:
        person = state.row(row.get("ContactId") or row.get("LeadId"))
        if person is None:
            return None
        if name == "Name":
            return full_name(person)
        if name == "CompanyOrAccount":
            account = state.row(person.get("AccountId"))
            return person.get("Company") if person.obj == "Lead" else account.get("Name") if account else None
        if name in ("DoNotCall", "HasOptedOutOfEmail"):
            return person.get(name, False)
        if name in ADDRESS_OF_MEMBER and person.obj == "Contact":
            return person.get(f"Mailing{name}")
        return {"Type": person.obj, "LeadOrContactId": person.id, "LeadOrContactOwnerId": person.get("OwnerId")}.get(
            name, person.get(name)
        )

    return show


def _address(prefix: str) -> _Derived:
    parts = ("City", "Country", "PostalCode", "State", "Street")

    def show(_: OrgState, row: Record) -> Any:
        found = {part[0].lower() + part[1:]: row.get(prefix + part) for part in parts}
        if not any(found.values()):
            return None
        spot = {
            part: row.get(prefix + part[0].upper() + part[1:]) for part in ("geocodeAccuracy", "latitude", "longitude")
        }
        return {**found, **spot}

    return show


def _stage(row: Record) -> tuple[int, str]:
    return STAGES.get(row.get("StageName", ""), (0, "Pipeline"))


DERIVED: dict[tuple[str, str], _Derived] = {
    ("Lead", "Name"): lambda _, row: full_name(row),
    ("Contact", "Name"): lambda _, row: full_name(row),
    ("User", "Name"): lambda _, row: full_name(row),
    ("Lead", "Address"): _address(""),
    ("Organization", "Address"): _address(""),
    ("Contact", "MailingAddress"): _address("Mailing"),
    ("Contact", "OtherAddress"): _address("Other"),
    ("Account", "BillingAddress"): _address("Billing"),
    ("Account", "ShippingAddress"): _address("Shipping"),
    ("Lead", "LastActivityDate"): _last_activity,
    ("Contact", "LastActivityDate"): _last_activity,
    ("Account", "LastActivityDate"): _last_activity,
    ("Opportunity", "LastActivityDate"): _last_activity,
    ("Contact", "IsEmailBounced"): lambda _, row: row.get("EmailBouncedReason") is not None,
    ("Task", "IsClosed"): lambda _, row: row.get("Status") == CLOSED_TASK_STATUS,
    ("Task", "IsHighPriority"): lambda _, row: row.get("Priority") == "High",
    ("Task", "AccountId"): _activity_account,
    ("Event", "AccountId"): _activity_account,
    ("Opportunity", "IsClosed"): lambda _, row: row.get("StageName") in ("Closed Won", "Closed Lost"),
    ("Opportunity", "IsWon"): lambda _, row: row.get("StageName") == "Closed Won",
    ("Opportunity", "ForecastCategory"): lambda _, row: _stage(row)[1].replace(" ", ""),
    ("Opportunity", "ForecastCategoryName"): lambda _, row: row.get("ForecastCategoryName") or _stage(row)[1],
    ("Opportunity", "ExpectedRevenue"): lambda _, row: (
        None if row.get("Amount") is None else round(row.get("Amount") * (row.get("Probability") or 0) / 100, 2)
    ),
    ("Opportunity", "HasOpenActivity"): lambda state, row: _open_activity(state, row, overdue=False),
    ("Opportunity", "HasOverdueTask"): lambda state, row: _open_activity(state, row, overdue=True),
    ("CampaignMember", "HasResponded"): _responded,
    ("LeadStatus", "IsConverted"): lambda _, row: row.get("ApiName") == CONVERTED_STATUS,
    ("TaskStatus", "IsClosed"): lambda _, row: row.get("ApiName") == CLOSED_TASK_STATUS,
    **{("CampaignMember", name): _member(name) for name in OF_THE_PERSON},
    **{("Campaign", name): _campaign_sum(name) for name in CAMPAIGN_SUMS},
}

AUDIT: dict[str, Getter] = {
    "Id": lambda row: row.id,
    "IsDeleted": lambda row: row.deleted,
    "CreatedDate": lambda row: stamp_text(row.created_at),
    "CreatedById": lambda row: row.created_by,
    "LastModifiedDate": lambda row: stamp_text(row.modified_at),
    "LastModifiedById": lambda row: row.modified_by,
    "SystemModstamp": lambda row: stamp_text(row.modified_at),
}


def getter(state: OrgState, obj: str, field: Field) -> Getter:
    """Return a function that reads a field of a row as the API shows it."""
    name = field.name
    if name in AUDIT:
        return AUDIT[name]
    derived = DERIVED.get((obj, name))
    if derived is not None:
        return lambda row: derived(state, row)
    if field.type == "boolean":
        return lambda row: row.values.get(name, False)
    return lambda row: row.values.get(name)


#: What the many kinds of rows behind a polymorphic reference have in common: the vendor's pseudo-object Name.
NAME_FIELDS = frozenset(
    {"id", "name", "type", "firstname", "lastname", "email", "username", "alias", "isactive", "phone", "title"}
)


def name_getter(state: OrgState, wanted: str) -> Getter:
    """Return a function that reads a field of the pseudo-object Name."""
    low = wanted.lower()

    def show(row: Record) -> Any:
        if low == "type":
            return "Queue" if row.obj == "Group" and row.get("Type") == "Queue" else row.obj
        if low == "name":
            return name_of(row)
        field = state.schema.objects[row.obj.lower()].field_of(low)
        return None if field is None else getter(state, row.obj, field)(row)

    return show


def row_url(row: Record, version: str) -> str:
    return f"/services/data/{version}/sobjects/{row.obj}/{row.id}"
