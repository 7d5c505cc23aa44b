"""Turn a lead into a contact, an account and, unless told otherwise, an opportunity (reference: Lead).

What is not in the reference follows the vendor's help: activities go to the contact and hang on the deal or account,
campaign members get the contact beside the lead, and a deal closes at the end of its quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, converted_lead
from sandbox.salesforce.objects.picklists import CONVERTED_STATUS

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.objects.schema import SObject
    from sandbox.salesforce.rows.dml import Author, Dml
    from sandbox.salesforce.state import OrgState

#: Fields of a lead that its contact takes over, and what an account takes.
LEAD_TO_CONTACT = (
    *("FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "Fax", "LeadSource"),
    *("Description", "HasOptedOutOfEmail", "DoNotCall"),
)
LEAD_TO_ACCOUNT = ("Website", "Phone", "Industry", "AnnualRevenue", "NumberOfEmployees")
ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
FIRST_STAGE = "Prospecting"


@dataclass(slots=True, frozen=True)
class Wish:
    """How a lead is to be converted."""

    lead: Record
    status: str = CONVERTED_STATUS
    #: Rows to go into; None makes new ones.
    account: str | None = None
    contact: str | None = None
    #: The user who owns what is made; None is the lead's owner.
    owner: str | None = None
    opportunity: bool = True
    opportunity_name: str | None = None
    #: A contact that exists takes the lead's source.
    overwrite_source: bool = False


@dataclass(slots=True, frozen=True)
class Converted:
    """What a conversion made or found."""

    lead: str
    account: str
    contact: str
    opportunity: str | None


class Conversion:
    """Convert leads of one org."""

    def __init__(self, state: OrgState, dml: Dml) -> None:
        """Take the org's rows and rules."""
        self._state, self._dml = state, dml

    def convert(self, wish: Wish, by: Author) -> Converted:
        """Convert a lead.

        Raises: ApiError.
        """
        lead = wish.lead
        if lead.get("IsConverted"):
            raise converted_lead()
        self._check_status(wish.status)
        owner = self._owner(wish)
        if wish.contact is not None and wish.account is None:
            raise ApiError(
                "REQUIRED_FIELD_MISSING", "accountId is required when contactId is specified", ("accountId",)
            )
        account = self._account(wish, owner, by)
        contact = self._contact(wish, account, owner, by)
        deal = self._deal(wish, account, contact, owner, by) if wish.opportunity else None
        self._hand_over(lead, contact, deal or account, by)
        values = {
            "Status": wish.status,
            "IsConverted": True,
            "IsUnreadByOwner": False,
            "ConvertedDate": self._state.when().date().isoformat(),
            "ConvertedAccountId": account,
            "ConvertedContactId": contact,
            "ConvertedOpportunityId": deal,
        }
        self._dml.put(lead, values, by.user)
        self._dml.history.event(self._state.records.get("Lead", lead.id) or lead, "leadConverted", by.user)
        return Converted(lead.id, account, contact, deal)

    def _object(self, name: str) -> SObject:
        return self._state.schema.objects[name.lower()]

    def _check_status(self, status: str) -> None:
        if status != CONVERTED_STATUS:
            raise ApiError("INVALID_STATUS", f"invalid convertedStatus: {status}", ())

    def _owner(self, wish: Wish) -> str:
        owner = self._state.row(wish.owner or wish.lead.get("OwnerId"))
        if owner is None or owner.obj != "User":
            words = (
                "Converted objects can only be owned by users. If the lead is not owned by a user, you must specify a "
                "user for the Owner field."
            )
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", words, ("ownerId",))
        if not owner.get("IsActive", False):
            words = f"operation performed with inactive user [{owner.id}] as owner of lead"
            raise ApiError("INACTIVE_OWNER_OR_USER", words, ())
        return owner.id

    def _fill(self, row_id: str, values: dict[str, Any], by: Author) -> None:
        """Give a row that exists what it lacks; what it has stays."""
        row = self._state.row(row_id)
        if row is None:
            return
        blanks = {name: value for name, value in values.items() if value is not None and row.get(name) is None}
        if blanks:
            self._dml.put(row, blanks, by.user)

    def _account(self, wish: Wish, owner: str, by: Author) -> str:
        lead = wish.lead
        values = {name: lead.get(name) for name in LEAD_TO_ACCOUNT}
        values |= {f"Billing{part}": lead.get(part) for part in ADDRESS}
        if wish.account is not None:
            found = self._dml.living(self._object("Account"), wish.account).id
            self._fill(found, values, by)
            return found
        values |= {"Name": lead.get("Company"), "OwnerId": owner}
        return self._dml.create(self._object("Account"), values, by).id

    def _contact(self, wish: Wish, account: str, owner: str, by: Author) -> str:
        lead = wish.lead
        # Custom fields stay behind on the lead: a fresh org maps none of them.
        values = {name: lead.get(name) for name in LEAD_TO_CONTACT}
        values |= {f"Mailing{part}": lead.get(part) for part in ADDRESS}
        if wish.contact is not None:
            row = self._dml.living(self._object("Contact"), wish.contact)
            if wish.overwrite_source and lead.get("LeadSource") is not None:
                self._dml.put(row, {"LeadSource": lead.get("LeadSource")}, by.user)
            self._fill(row.id, values, by)
            return row.id
        values |= {"AccountId": account, "OwnerId": owner}
        return self._dml.create(self._object("Contact"), values, by).id

    def _deal(self, wish: Wish, account: str, contact: str, owner: str, by: Author) -> str:
        members = self._state.records.find("CampaignMember", "LeadId", wish.lead.id)
        latest = max(members, key=lambda row: (row.created_at, row.id), default=None)
        values = {
            "Name": wish.opportunity_name or wish.lead.get("Company"),
            "AccountId": account,
            "StageName": FIRST_STAGE,
            "CloseDate": end_of_quarter(self._state.when().date()).isoformat(),
            "LeadSource": wish.lead.get("LeadSource"),
            "CampaignId": None if latest is None else latest.get("CampaignId"),
            "OwnerId": owner,
        }
        deal = self._dml.create(self._object("Opportunity"), values, by).id
        role = {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True}
        self._dml.create(self._object("OpportunityContactRole"), role, by)
        return deal

    def _hand_over(self, lead: Record, contact: str, about: str, by: Author) -> None:
        for child in ("Task", "Event"):
            for row in self._state.records.find(child, "WhoId", lead.id):
                self._dml.put(row, {"WhoId": contact, "WhatId": about}, by.user)
        for row in self._state.records.find("CampaignMember", "LeadId", lead.id):
            others = self._state.records.find("CampaignMember", "ContactId", contact)
            if all(other.get("CampaignId") != row.get("CampaignId") for other in others):
                self._dml.put(row, {"ContactId": contact}, by.user)


def end_of_quarter(day: date) -> date:
    """Return the last day of the calendar quarter that a day lies in."""
    month = (day.month - 1) // 3 * 3 + 4
    return date(day.year + (month > 12), (month - 1) % 12 + 1, 1) - timedelta(days=1)
