"""Turn the sample world into the org's rows: in bulk, with ids that depend on the world alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.picklists import CLOSED_TASK_STATUS, CONVERTED_STATUS, STAGES
from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.seed.fill_rows import SeedRows, whole_second

if TYPE_CHECKING:
    from sandbox.people.world import Account, CrmRecord, SalesActivity, World
    from sandbox.salesforce.state import OrgState

ACCOUNT_TYPES = {"Prospect": "Prospect", "Customer": "Customer - Direct", "Partner": "Channel Partner / Reseller"}
#: A member's status, a task's kind: what the world calls them and what the org does.
SUBTYPES = {"call": "Call", "email": "Email"}
DEAL_TYPES = {"New business": "New Customer", "Expansion": "Existing Customer - Upgrade"}
#: Fields in which reps note what they found out, as the starter mappings name them.
BANTS = {
    "budget": "Budget_Confirmed__c",
    "authority": "Authority__c",
    "need": "Need__c",
    "timeframe": "Timeframe__c",
    "sales_readiness": "Sales_Readiness__c",
}
#: How long a campaign stays active in the CRM after its last day.
ACTIVE_AFTER = timedelta(days=30)


def seed_org(state: OrgState, world: World, ids: dict[str, str]) -> None:
    """Store the world's CRM; ``ids`` gives the ids of its users and queues by their keys."""
    seed = Seed(state, world, dict(ids))
    seed.accounts()
    seed.people()
    seed.histories()
    seed.deals()
    seed.activities()
    seed.absences()
    seed.campaigns()
    seed.fill()


class Seed(SeedRows):
    """Fill one org from one world."""

    # -- accounts and people -------------------------------------------------------------------

    def accounts(self) -> None:
        """Store the accounts, parents and merge losers included."""
        for account in self.world.accounts:
            self.next_id("Account", account.key)
        for account in self.world.accounts:
            editor = self.editor(account.owner)
            links = {"OwnerId": self.user(account.owner), "ParentId": self.ids.get(account.parent or "")}
            self.store(
                "Account",
                account.key,
                _account(account) | links,
                created=account.created_at,
                by=editor,
                changed=account.updated_at,
                changed_by=editor,
                gone=None if account.deleted_at is None else (account.deleted_at, account.merged_into),
            )

    def people(self) -> None:
        """Store contacts, then leads, then what became of them."""
        rejected = {rejection.record: rejection for rejection in self.world.rejections}
        for kind, obj in (("contact", "Contact"), ("lead", "Lead")):
            for record in self.world.records:
                if record.kind != kind:
                    continue
                values = self._person(record)
                changed, changed_by = record.updated_at, self.editor(record.owner)
                if record.updated_at <= record.created_at:
                    changed_by = self.user(record.created_by)
                rejection = rejected.get(record.key)
                if rejection is not None:
                    values["Description"] = f"Rejected: {rejection.reason}"
                    if rejection.at >= changed:
                        changed, changed_by = rejection.at, self.user(rejection.user)
                self.store(
                    obj,
                    record.key,
                    values,
                    created=record.created_at,
                    by=self.user(record.created_by),
                    changed=changed,
                    changed_by=changed_by,
                    gone=None if record.deleted_at is None else (record.deleted_at, record.merged_into),
                    held=self._held(record),
                )

    def _held(self, record: CrmRecord) -> dict[str, list[Any]]:
        """Return what a record's fields held before."""
        held: dict[str, list[Any]] = {}
        if record.past_statuses:
            held["Status"] = list(record.past_statuses)
        if record.past_owners:
            held["OwnerId"] = [self.user(owner) for owner in record.past_owners]
        return held

    def histories(self) -> None:
        """Write down when leads changed status: the steps lie evenly between creation and the last change."""
        for record in self.world.records:
            steps = (*record.past_statuses, CONVERTED_STATUS if record.converted_to else record.status)
            end = record.converted_at or record.updated_at
            for number, (old, new) in enumerate(pairwise(steps), 1):
                when = record.created_at + (end - record.created_at) * number / (len(steps) - 1)
                values = {"LeadId": self.ids[record.key], "Field": "Status", "DataType": "DynamicEnum"}
                self.store(
                    "LeadHistory",
                    f"history/{record.key}/{number}",
                    {**values, "OldValue": old, "NewValue": new},
                    created=when,
                    by=self.editor(record.owner),
                    changed=when,
                    changed_by=self.editor(record.owner),
                )

    def _person(self, record: CrmRecord) -> dict[str, Any]:
        values: dict[str, Any] = {
            "FirstName": record.first_name,
            "LastName": record.last_name,
            "Title": record.title,
            "Email": None if record.email is None else record.email.lower(),
            "Phone": record.phone,
            "MobilePhone": record.mobile,
            "LeadSource": record.lead_source,
            "OwnerId": self.user(record.owner),
            "HasOptedOutOfEmail": record.opted_out,
        }
        prefix = "Mailing" if record.kind == "contact" else ""
        # What calls brought out; the org shows it once fields of these names stand.
        values |= {BANTS[name]: answer for name, answer in record.bants}
        values |= {f"{prefix}Country": record.country, f"{prefix}State": record.state, f"{prefix}City": record.city}
        if record.kind == "contact":
            return values | {"AccountId": self.ids.get(record.account or "")}
        values |= {
            "Company": record.company_name or "[not provided]",
            "Website": record.website,
            "Industry": record.industry,
            "NumberOfEmployees": record.employees,
            "Status": record.status,
        }
        if record.converted_to is not None and record.converted_at is not None:
            values |= {
                "Status": CONVERTED_STATUS,
                "IsConverted": True,
                "IsUnreadByOwner": False,
                "ConvertedDate": record.converted_at.date().isoformat(),
                "ConvertedContactId": self.ids.get(record.converted_to),
                "ConvertedAccountId": self.ids.get(record.converted_account or ""),
            }
        return values

    # -- deals ---------------------------------------------------------------------------------

    def deals(self) -> None:
        """Store opportunities and the roles of contacts in them."""
        for deal in self.world.opportunities:
            owner = self.user(deal.owner)
            row_id = self.store(
                "Opportunity",
                deal.key,
                {
                    "AccountId": self.ids.get(deal.account),
                    "Name": deal.name,
                    "StageName": deal.stage,
                    "Amount": deal.amount,
                    "Probability": deal.probability,
                    "ForecastCategoryName": STAGES.get(deal.stage, (0, "Pipeline"))[1],
                    "CloseDate": deal.close_on.date().isoformat(),
                    "LeadSource": deal.lead_source,
                    "Description": deal.note,
                    "Type": DEAL_TYPES.get(deal.kind),
                    "NextStep": None if deal.is_closed else "Next step: see task",
                    "OwnerId": owner,
                    "LastStageChangeDate": stamp_text(min(whole_second(deal.updated_at), self.now)),
                },
                created=deal.created_at,
                by=owner,
                changed=deal.updated_at,
                changed_by=owner,
            )
            for record, role, primary in deal.roles:
                contact = self.ids.get(record, "")
                if contact.startswith("003"):
                    self.store(
                        "OpportunityContactRole",
                        f"{deal.key}/{record}",
                        {"OpportunityId": row_id, "ContactId": contact, "Role": role, "IsPrimary": primary},
                        created=deal.created_at,
                        by=owner,
                        changed=deal.created_at,
                        changed_by=owner,
                    )

    # -- activities ----------------------------------------------------------------------------

    def activities(self) -> None:
        """Store tasks, calls and e-mails as tasks, meetings as events; a note is a completed task here."""
        self._contact_of = {record.key: record.converted_to for record in self.world.records if record.converted_to}
        for activity in self.world.sales:
            if activity.system == "crm":
                self._meeting(activity) if activity.kind == "meeting" else self._task(activity)

    def _links(self, activity: SalesActivity) -> dict[str, Any]:
        """Return who and what an activity is about: a converted lead's activities have moved to its contact."""
        who = self.ids.get(self._contact_of.get(activity.about, activity.about))
        links: dict[str, Any] = {"WhoId": who, "OwnerId": self.user(activity.owner)}
        if who is not None and who.startswith("003"):
            links["WhatId"] = self.ids.get(activity.account or "")
        return links

    def _task(self, activity: SalesActivity) -> None:
        owner = self.editor(activity.owner)
        closed = activity.status == CLOSED_TASK_STATUS or activity.kind in ("note", "email")
        done = activity.done_at or activity.at
        day = activity.due or activity.at
        values = {
            **self._links(activity),
            "Subject": activity.subject,
            "Description": activity.body,
            "Status": CLOSED_TASK_STATUS if closed else activity.status,
            "Priority": "Normal",
            "TaskSubtype": SUBTYPES.get(activity.kind, "Task"),
            "ActivityDate": day.date().isoformat(),
            "CompletedDateTime": stamp_text(whole_second(done)) if closed else None,
        }
        if activity.kind == "call":
            values["CallType"] = "Inbound" if activity.direction == "in" else "Outbound"
            values["CallDurationInSeconds"] = None if activity.minutes is None else activity.minutes * 60
        changed = done if closed else activity.at
        self.store("Task", activity.key, values, created=activity.at, by=owner, changed=changed, changed_by=owner)

    def _meeting(self, activity: SalesActivity) -> None:
        owner = self.editor(activity.owner)
        start, minutes = whole_second(activity.at), activity.minutes or 30
        values = {
            **self._links(activity),
            "Subject": activity.subject,
            "Description": activity.body,
            "StartDateTime": stamp_text(start),
            "ActivityDateTime": stamp_text(start),
            "ActivityDate": start.date().isoformat(),
            "EndDateTime": stamp_text(start + timedelta(minutes=minutes)),
            "DurationInMinutes": minutes,
            "EventSubtype": "Event",
            "OwnerId": owner,
        }
        # A meeting stands in the calendar before it takes place.
        booked = start - timedelta(days=2)
        self.store("Event", activity.key, values, created=booked, by=owner, changed=start, changed_by=owner)

    def absences(self) -> None:
        """Put reps' days out of office into their calendars."""
        for number, absence in enumerate(self.world.absences):
            owner = self.user(absence.user)
            last = absence.end - timedelta(days=1)
            start = stamp_text(absence.start)
            values = {
                "Subject": "Out of office",
                "Description": absence.why,
                "ShowAs": "OutOfOffice",
                "IsAllDayEvent": True,
                "StartDateTime": start,
                "ActivityDateTime": start,
                "ActivityDate": absence.start.date().isoformat(),
                "EndDateTime": stamp_text(last),
                "DurationInMinutes": 1440 * absence.days,
                "EventSubtype": "Event",
                "OwnerId": owner,
            }
            made = absence.start - timedelta(days=10)
            self.store("Event", f"absence/{number}", values, created=made, by=owner, changed=made, changed_by=owner)

    # -- campaigns -----------------------------------------------------------------------------

    def campaigns(self) -> None:
        """Store campaigns and their members."""
        for campaign in self.world.campaigns:
            owner = self.user(campaign.owner)
            row_id = self.store(
                "Campaign",
                campaign.key,
                {
                    "Name": campaign.name,
                    "Type": campaign.kind,
                    "Status": "Completed" if campaign.ends_at < self.now else "In Progress",
                    "IsActive": campaign.ends_at >= self.now - ACTIVE_AFTER,
                    "StartDate": campaign.starts_at.date().isoformat(),
                    "EndDate": campaign.ends_at.date().isoformat(),
                    "BudgetedCost": campaign.budget,
                    "NumberSent": campaign.attention,
                    "Description": f"Channel: {campaign.channel}",
                    "OwnerId": owner,
                },
                created=campaign.starts_at,
                by=owner,
                changed=campaign.starts_at,
                changed_by=owner,
            )
            for place, label in enumerate(("Sent", "Responded"), 1):
                values = {"CampaignId": row_id, "Label": label, "SortOrder": place}
                values |= {"IsDefault": place == 1, "HasResponded": place == 2}
                self.store(
                    "CampaignMemberStatus",
                    f"{campaign.key}/{label}",
                    values,
                    created=campaign.starts_at,
                    by=owner,
                    changed=campaign.starts_at,
                    changed_by=owner,
                )
        for member in self.world.members:
            person = self.ids.get(member.record, "")
            link = "ContactId" if person.startswith("003") else "LeadId"
            responded = member.responded_at
            self.store(
                "CampaignMember",
                member.key,
                {
                    "CampaignId": self.ids[member.campaign],
                    link: person or None,
                    "Status": member.status,
                    "FirstRespondedDate": None if responded is None else responded.date().isoformat(),
                },
                created=member.created_at,
                by=self.ops,
                changed=responded or member.created_at,
                changed_by=self.ops,
            )


def _account(account: Account) -> dict[str, Any]:
    return {
        "Name": account.name,
        "Website": account.website,
        "Industry": account.industry,
        "NumberOfEmployees": account.employees,
        "AnnualRevenue": account.revenue,
        "BillingCountry": account.country,
        "BillingState": account.state,
        "BillingCity": account.city,
        "Phone": account.phone,
        "Type": ACCOUNT_TYPES.get(account.kind, "Other"),
    }
