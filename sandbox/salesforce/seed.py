"""Turn the sample world into the org's rows: in bulk, with ids that depend on the world alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.picklists import CLOSED_TASK_STATUS, CONVERTED_STATUS, STAGES
from sandbox.salesforce.values import stamp_text

if TYPE_CHECKING:
    from sandbox.people.world import Account, CrmRecord, SalesActivity, World
    from sandbox.salesforce.state import OrgState

ACCOUNT_TYPES = {"Prospect": "Prospect", "Customer": "Customer - Direct", "Partner": "Channel Partner / Reseller"}
#: A member's status, a task's kind: what the world calls them and what the org does.
SUBTYPES = {"call": "Call", "email": "Email"}


def seed_org(state: OrgState, world: World, ids: dict[str, str]) -> None:
    """Store the world's CRM; ``ids`` gives the ids of its users and queues by their keys."""
    seed = Seed(state, world, dict(ids))
    seed.accounts()
    seed.people()
    seed.deals()
    seed.activities()
    seed.campaigns()


class Seed:
    """Fill one org from one world."""

    def __init__(self, state: OrgState, world: World, ids: dict[str, str]) -> None:
        """Take the org, the world, and the ids that are already known by the world's keys."""
        self._state, self._world, self._ids = state, world, ids
        self._now = world.at
        self._ops = ids.get("u_ops") or state.admin

    def _store(
        self,
        obj: str,
        key: str,
        values: dict[str, Any],
        *,
        created: datetime,
        by: str,
        changed: datetime,
        changed_by: str,
    ) -> str:
        row_id = self._state.next_id(obj)
        self._ids[key] = row_id
        for field in self._state.schema.objects[obj.lower()].fields.values():
            if field.defaulted and field.createable and field.default is not None and field.name not in values:
                values[field.name] = field.default
        first = _second(created)
        self._state.records.insert(
            obj,
            row_id,
            values,
            at=max(first, min(_second(changed), self._now)),
            by=changed_by,
            created_at=first,
            created_by=by,
        )
        return row_id

    def _bin(self, obj: str, key: str, when: datetime, winner: str | None) -> None:
        """Put a row into the recycle bin, merged into a winner or not."""
        values = {} if winner is None else {"MasterRecordId": self._ids[winner]}
        self._state.records.remove(obj, self._ids[key], values, at=min(_second(when), self._now), by=self._ops)

    def _user(self, key: str | None) -> str:
        return self._ids.get(key or "", self._ops)

    def _editor(self, owner: str) -> str:
        """Return who last edited: the owner, or operations when a queue owns the row."""
        user = self._user(owner)
        return user if user.startswith("005") else self._ops

    # -- accounts and people -------------------------------------------------------------------

    def accounts(self) -> None:
        """Store the accounts, parents and merge losers included."""
        for account in self._world.accounts:
            self._store(
                "Account",
                account.key,
                _account(account) | {"OwnerId": self._user(account.owner)},
                created=account.created_at,
                by=self._editor(account.owner),
                changed=account.updated_at,
                changed_by=self._editor(account.owner),
            )
        for account in self._world.accounts:
            if account.parent is not None and account.parent in self._ids:
                self._link("Account", account.key, {"ParentId": self._ids[account.parent]})
        for account in self._world.accounts:
            if account.deleted_at is not None:
                self._bin("Account", account.key, account.deleted_at, account.merged_into)

    def _link(self, obj: str, key: str, values: dict[str, Any]) -> None:
        """Add a reference to a row stored before its target, without touching its stamp."""
        row = self._state.records.get(obj, self._ids[key])
        assert row is not None
        self._state.records.update(obj, row.id, values, at=row.modified_at, by=row.modified_by)

    def people(self) -> None:
        """Store contacts, then leads, then what became of them."""
        rejected = {rejection.record: rejection for rejection in self._world.rejections}
        for kind, obj in (("contact", "Contact"), ("lead", "Lead")):
            for record in self._world.records:
                if record.kind != kind:
                    continue
                values = self._person(record)
                changed, changed_by = record.updated_at, self._editor(record.owner)
                if record.updated_at <= record.created_at:
                    changed_by = self._user(record.created_by)
                rejection = rejected.get(record.key)
                if rejection is not None:
                    values["Description"] = f"Rejected: {rejection.reason}"
                    if rejection.at >= changed:
                        changed, changed_by = rejection.at, self._user(rejection.user)
                self._store(
                    obj,
                    record.key,
                    values,
                    created=record.created_at,
                    by=self._user(record.created_by),
                    changed=changed,
                    changed_by=changed_by,
                )
        for record in self._world.records:
            obj = "Contact" if record.kind == "contact" else "Lead"
            if record.deleted_at is not None:
                self._bin(obj, record.key, record.deleted_at, record.merged_into)

    def _person(self, record: CrmRecord) -> dict[str, Any]:
        values: dict[str, Any] = {
            "FirstName": record.first_name,
            "LastName": record.last_name,
            "Title": record.title,
            "Email": record.email,
            "Phone": record.phone,
            "MobilePhone": record.mobile,
            "LeadSource": record.lead_source,
            "OwnerId": self._user(record.owner),
            "HasOptedOutOfEmail": record.opted_out,
        }
        prefix = "Mailing" if record.kind == "contact" else ""
        values |= {f"{prefix}Country": record.country, f"{prefix}State": record.state, f"{prefix}City": record.city}
        if record.kind == "contact":
            return values | {"AccountId": self._ids.get(record.account or "")}
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
                "ConvertedContactId": self._ids.get(record.converted_to),
                "ConvertedAccountId": self._ids.get(record.converted_account or ""),
            }
        return values

    # -- deals ---------------------------------------------------------------------------------

    def deals(self) -> None:
        """Store opportunities and the roles of contacts in them."""
        for deal in self._world.opportunities:
            owner = self._user(deal.owner)
            row_id = self._store(
                "Opportunity",
                deal.key,
                {
                    "AccountId": self._ids.get(deal.account),
                    "Name": deal.name,
                    "StageName": deal.stage,
                    "Amount": deal.amount,
                    "Probability": deal.probability,
                    "ForecastCategoryName": STAGES.get(deal.stage, (0, "Pipeline"))[1],
                    "CloseDate": deal.close_on.date().isoformat(),
                    "LeadSource": deal.lead_source,
                    "OwnerId": owner,
                    "LastStageChangeDate": stamp_text(min(_second(deal.updated_at), self._now)),
                },
                created=deal.created_at,
                by=owner,
                changed=deal.updated_at,
                changed_by=owner,
            )
            for record, role, primary in deal.roles:
                contact = self._ids.get(record, "")
                if contact.startswith("003"):
                    self._store(
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
        for activity in self._world.sales:
            if activity.system == "crm":
                self._meeting(activity) if activity.kind == "meeting" else self._task(activity)

    def _links(self, activity: SalesActivity) -> dict[str, Any]:
        """Return who and what an activity is about: a converted lead's activities have moved to its contact."""
        who = self._state.row(self._ids.get(activity.about))
        if who is not None and who.get("IsConverted"):
            who = self._state.row(who.get("ConvertedContactId"))
        links: dict[str, Any] = {"WhoId": None if who is None else who.id, "OwnerId": self._user(activity.owner)}
        if who is not None and who.obj == "Contact":
            links["WhatId"] = self._ids.get(activity.account or "")
        return links

    def _task(self, activity: SalesActivity) -> None:
        owner = self._editor(activity.owner)
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
            "CompletedDateTime": stamp_text(_second(done)) if closed else None,
        }
        if activity.kind == "call":
            values["CallType"] = "Inbound" if activity.direction == "in" else "Outbound"
            values["CallDurationInSeconds"] = None if activity.minutes is None else activity.minutes * 60
        changed = done if closed else activity.at
        self._store("Task", activity.key, values, created=activity.at, by=owner, changed=changed, changed_by=owner)

    def _meeting(self, activity: SalesActivity) -> None:
        owner = self._editor(activity.owner)
        start, minutes = _second(activity.at), activity.minutes or 30
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
        self._store("Event", activity.key, values, created=booked, by=owner, changed=start, changed_by=owner)

    # -- campaigns -----------------------------------------------------------------------------

    def campaigns(self) -> None:
        """Store campaigns and their members."""
        for campaign in self._world.campaigns:
            owner = self._user(campaign.owner)
            row_id = self._store(
                "Campaign",
                campaign.key,
                {
                    "Name": campaign.name,
                    "Type": campaign.kind,
                    "Status": "In Progress",
                    "IsActive": True,
                    "StartDate": campaign.starts_at.date().isoformat(),
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
                self._store(
                    "CampaignMemberStatus",
                    f"{campaign.key}/{label}",
                    values,
                    created=campaign.starts_at,
                    by=owner,
                    changed=campaign.starts_at,
                    changed_by=owner,
                )
        for member in self._world.members:
            person = self._ids.get(member.record, "")
            link = "ContactId" if person.startswith("003") else "LeadId"
            responded = member.responded_at
            self._store(
                "CampaignMember",
                member.key,
                {
                    "CampaignId": self._ids[member.campaign],
                    link: person or None,
                    "Status": member.status,
                    "FirstRespondedDate": None if responded is None else responded.date().isoformat(),
                },
                created=member.created_at,
                by=self._ops,
                changed=responded or member.created_at,
                changed_by=self._ops,
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


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
