"""Fill a fresh account: definitions, owners, forms and lists always; people and what they did from a world."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.record import Record
from sandbox.hubspot.activity.activity_log import SITE
from sandbox.hubspot.answers import iso, ms
from sandbox.hubspot.definitions import GROUP_LABELS, definitions
from sandbox.hubspot.links import CHILD_TO_PARENT, HUBSPOT_DEFINED, default_type
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.portal import SYSTEM, Portal
from sandbox.hubspot.row_index import MERGED_INTO
from sandbox.hubspot.seed.fill_logs import LogSeed
from sandbox.people.places import COUNTRY_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.records.association_book import AssociationBook, Label
    from sandbox.hubspot.records.writing import Writing
    from sandbox.people.world import MarketingContact, SalesActivity, World

INDUSTRY_CODES = {
    "Software": "COMPUTER_SOFTWARE", "Financial Services": "FINANCIAL_SERVICES", "Banking": "BANKING",
    "Manufacturing": "MACHINERY", "Healthcare": "HOSPITAL_HEALTH_CARE", "Retail": "RETAIL",
    "Consulting": "MANAGEMENT_CONSULTING", "Transportation": "TRANSPORTATION_TRUCKING_RAILROAD",
    "Education": "EDUCATION_MANAGEMENT", "Energy": "OIL_ENERGY", "Media": "MEDIA_PRODUCTION",
    "Telecommunications": "TELECOMMUNICATIONS",
}  # fmt: skip
SIZE_BANDS = ((5, "1-5"), (25, "5-25"), (50, "25-50"), (100, "50-100"), (500, "100-500"), (1000, "500-1000"))
CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"


@dataclass(slots=True)
class Seed:
    """Carry a world over into a portal; ids rise with the time of creation, as an account gives them."""

    portal: Portal
    associations: AssociationBook
    writing: Writing
    log: ActivityLog
    world: World
    owner_ids: dict[str, str] = field(default_factory=dict)  # User.key ->
    form_rows: dict[str, Record] = field(default_factory=dict)
    company_ids: dict[str, str] = field(default_factory=dict)
    contact_ids: dict[str, str] = field(default_factory=dict)  # MarketingContact.key -> the id that stands for it now
    patterns: dict[tuple[Any, ...], Record] = field(default_factory=dict)  # how the book stores a sort of association
    rows: dict[str, list[Record]] = field(default_factory=dict)  # what waits to be filled in, by type

    def fill(self) -> None:
        """Write everything; what an earlier, broken-off filling left is taken away first."""
        self.portal.author = SYSTEM
        records = self.portal.records
        records.clear()
        self.portal.reload()
        with records.transaction():
            self._definitions()
            self._owners()
            self._forms_and_lists()
        with records.transaction():
            self._companies()
            self._contacts()
            self._engagements()
            self._memberships()
            self._fill_rows()
        if self.world.events:
            mailings = self._mailings()
            LogSeed(self.portal, self.world, self.contact_ids, SYSTEM).fill(self.form_rows, mailings)
        self.portal.keep_ids()
        self.portal.reload()

    def _fill_rows(self) -> None:
        for obj, rows in self.rows.items():
            self.portal.records.fill(obj, rows)
        self.rows.clear()
        self.portal.touch()

    def _put(
        self,
        obj: str,
        row_id: str,
        values: Mapping[str, Any],
        created: datetime,
        updated: datetime | None = None,
        *,
        deleted: bool = False,
    ) -> None:
        """Let a row wait to be filled in with many."""
        kept = {name: value for name, value in values.items() if value is not None}
        row = Record(obj, row_id, kept, created, SYSTEM, updated or created, SYSTEM, deleted)
        self.rows.setdefault(obj, []).append(row)

    # -- what every account has ----------------------------------------------------------------

    def _definitions(self) -> None:
        start = self.world.users[0].created_at
        for kind in TYPES:
            groups: dict[str, None] = {}
            for order, found in enumerate(definitions(kind)):
                groups[found.group] = None
                values = {
                    "objectType": kind,
                    "name": found.name,
                    "label": found.label,
                    "type": found.type,
                    "fieldType": found.field_type,
                    "groupName": found.group,
                    "description": "",
                    "options": [
                        {"label": option, "value": option, "displayOrder": spot, "hidden": False}
                        for spot, option in enumerate(found.options)
                    ],
                    "hasUniqueValue": (kind, found.name) == ("contacts", "email"),
                    "hidden": found.flag == "hidden",
                    "formField": False,
                    "displayOrder": order,
                    "readOnly": found.read_only,
                    "hubspotDefined": found.flag != "custom",
                    "flag": found.flag if found.flag == "owner" else "",
                }
                self.portal.insert("property", f"{kind}.{found.name}", values, at=start)
            for group in groups:
                label = GROUP_LABELS.get(group, group.capitalize())
                row = {"objectType": kind, "name": group, "label": label, "displayOrder": -1}
                self.portal.insert("group", f"{kind}.{group}", row, at=start)

    def _owners(self) -> None:
        for number, user in enumerate(self.world.users):
            owner_id = self.portal.new_id()
            values = {
                "email": user.email,
                "firstName": user.first_name,
                "lastName": user.last_name,
                "userId": 9_000_001 + number,
            }
            self.portal.insert("owner", owner_id, values, at=user.created_at)
            if not user.active:
                gone = user.deactivated_at or user.created_at
                self.portal.records.remove("owner", owner_id, at=gone, by=SYSTEM)
            self.owner_ids[user.key] = owner_id

    def _forms_and_lists(self) -> None:
        start = self.world.users[0].created_at
        for form in self.world.forms:
            guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SITE}/forms/{form.key}"))
            values = {"name": form.key, "title": form.title, "page": form.page, "fields": list(form.fields)}
            self.form_rows[form.key] = self.portal.insert("form", guid, values, at=start)
        for name in self.world.lists:
            values = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
            self.portal.insert("list", self.portal.new_id(), values, at=start)

    # -- companies -----------------------------------------------------------------------------

    def _companies(self) -> None:
        listed = sorted((c for c in self.world.companies if c.in_marketing), key=lambda c: (c.created_at, c.key))
        for company in listed:
            values = {
                "name": company.name,
                "domain": company.domain,
                "hs_additional_domains": ";".join(company.extra_domains) or None,
                "website": company.domain,
                "industry": INDUSTRY_CODES.get(company.industry or ""),
                "numberofemployees": _text(company.employees),
                "annualrevenue": _text(company.revenue),
                "country": COUNTRY_NAMES.get(company.country or ""),
                "state": company.state,
                "city": company.city,
                "phone": company.phone,
            }
            self.company_ids[company.key] = self._insert("companies", values, company.created_at, company.updated_at)
        self._fill_rows()
        for company in listed:
            parent = self.company_ids.get(company.parent or "")
            if parent is not None:
                child = self.company_ids[company.key]
                self._associate("companies", child, "companies", parent, [(HUBSPOT_DEFINED, CHILD_TO_PARENT)])

    def _insert(self, obj: str, values: Mapping[str, str | None], created: datetime, updated: datetime) -> str:
        row_id = self.portal.new_id()
        self._put(obj, row_id, values, created, updated)
        return row_id

    def _associate(self, origin: str, row_id: str, to: str, other: str, labels: list[Label]) -> None:
        """Associate a pair; further pairs of two types are written as the book wrote the first."""
        sort = (origin, to, *labels)
        first = self.patterns.get(sort)
        if first is None or origin == to:
            self.patterns[sort] = self.associations.put(origin, row_id, to, other, labels)
            return
        a, b = (row_id, other) if first.values["a_type"] == origin else (other, row_id)
        key = first.id.replace(f"{first.values['a']}~{first.values['b']}", f"{a}~{b}")
        self._put("association", key, {**first.values, "a": a, "b": b}, first.created_at)

    # -- contacts ------------------------------------------------------------------------------

    def _contacts(self) -> None:
        by_key = {contact.key: contact for contact in self.world.contacts}
        swallowed: dict[str, list[MarketingContact]] = {}
        for contact in self.world.contacts:
            if contact.merged_into is not None:
                swallowed.setdefault(contact.merged_into, []).append(contact)
        original: dict[str, str] = {}
        for contact in sorted(self.world.contacts, key=lambda c: (c.created_at, c.key)):
            if contact.living and contact.key not in swallowed:
                self.contact_ids[contact.key] = self._insert(
                    "contacts", self._values(contact), contact.created_at, contact.updated_at
                )
                continue
            original[contact.key] = self.portal.new_id()
            if contact.deleted_at is not None:
                values = self._values(contact)
                self._put(
                    "contacts", original[contact.key], values, contact.created_at, contact.deleted_at, deleted=True
                )
                self.contact_ids[contact.key] = original[contact.key]
        for contact in self.world.contacts:
            if contact.living and contact.key in swallowed:
                self._merged(contact, swallowed, original)
        for key, row_id in self.contact_ids.items():
            contact = by_key[key]
            company = self.company_ids.get(contact.company or "")
            if contact.living and company is not None:
                self._associate("contacts", row_id, "companies", company, [(HUBSPOT_DEFINED, 1)])

    def _merged(
        self, winner: MarketingContact, swallowed: dict[str, list[MarketingContact]], original: dict[str, str]
    ) -> None:
        """Write a merged contact: a row with a new id of its own, and rows that lead from the old ids to it."""
        losers = _all_swallowed(winner.key, swallowed)
        ids = [original[winner.key], *(original[loser.key] for loser in losers)]
        values = self._values(winner)
        values["hs_merged_object_ids"] = ";".join(ids)
        values["hs_additional_emails"] = ";".join(loser.email or "" for loser in losers)
        moments = [ms(loser.merged_at) for loser in losers if loser.merged_at]
        values["hs_calculated_merged_vids"] = ";".join(f"{row_id}:{max(moments)}" for row_id in ids)
        final = self._insert("contacts", values, winner.created_at, winner.updated_at)
        for old, contact in zip(ids, (winner, *losers), strict=True):
            moment = contact.merged_at or max(loser.merged_at for loser in losers if loser.merged_at)
            gone = {**self._values(contact), MERGED_INTO: final}
            self._put("contacts", old, gone, contact.created_at, moment, deleted=True)
            self.contact_ids[contact.key] = final
        for loser in losers:
            if loser.email:
                self.writing.note_identity(loser.email, final, loser.merged_at or loser.updated_at)

    def _values(self, contact: MarketingContact) -> dict[str, str | None]:
        return {
            "email": contact.email,
            "firstname": contact.first_name,
            "lastname": contact.last_name,
            "jobtitle": contact.title,
            "company": contact.company_name,
            "phone": contact.phone,
            "mobilephone": contact.mobile,
            "country": contact.country,
            "state": contact.state,
            "city": contact.city,
            "industry": contact.industry,
            "numemployees": _band(contact.employees),
            "website": contact.website,
            "hs_analytics_source": contact.source,
            "lifecyclestage": contact.lifecycle,
            "hs_lead_status": contact.lead_status,
            "hubspot_owner_id": self.owner_ids.get(contact.owner or ""),
            "hs_email_optout": "true" if contact.opted_out_at else None,
            "hs_marketable_status": "true",
        }

    # -- engagements and lists -----------------------------------------------------------------

    def _engagements(self) -> None:
        companies = {contact.key: contact.company for contact in self.world.contacts}
        for done in sorted((s for s in self.world.sales if s.system == "marketing"), key=lambda s: (s.at, s.key)):
            obj, values = engagement_values(done)
            values["hubspot_owner_id"] = self.owner_ids[done.owner]
            row_id = self._insert(obj, values, done.at, done.at)
            contact = self.contact_ids.get(done.about)
            self._plain(obj, row_id, "contacts", contact)
            self._plain(obj, row_id, "companies", self.company_ids.get(companies.get(done.about) or ""))

    def _plain(self, obj: str, row_id: str, to: str, other: str | None) -> None:
        number = default_type(obj, to)
        if other is not None and number is not None:
            self._associate(obj, row_id, to, other, [(HUBSPOT_DEFINED, number)])

    def _memberships(self) -> None:
        ids = {row.values["name"]: row.id for row in self.portal.records.rows("list")}
        for name, members in self.world.lists.items():
            for contact_id in dict.fromkeys(self.contact_ids[key] for key in members):
                values = {"list": ids[name], "contact": contact_id}
                self._put("membership", f"member:{ids[name]}:{contact_id}", values, self.world.at)

    # -- events --------------------------------------------------------------------------------

    def _mailings(self) -> list[Record]:
        """Store the mailings that events name."""
        rows = []
        with self.portal.records.transaction():
            for number, mailing in enumerate(self.world.mailings):
                values = {"name": mailing.name, "subject": mailing.subject, "number": 2_399_100 + number}
                rows.append(self.portal.insert("mailing", f"mailing:{number}", values, at=mailing.sent_at))
        return rows


def engagement_values(done: SalesActivity) -> tuple[str, dict[str, str | None]]:
    """Return the object type and the properties of something a rep did."""
    when, minutes = iso(done.at), done.minutes or 30
    if done.kind == "meeting":
        end = iso(done.at + timedelta(minutes=minutes))
        return "meetings", {
            "hs_timestamp": when, "hs_meeting_title": done.subject, "hs_meeting_start_time": when,
            "hs_meeting_end_time": end, "hs_meeting_outcome": "COMPLETED",
        }  # fmt: skip
    if done.kind == "call":
        return "calls", {
            "hs_timestamp": when, "hs_call_title": done.subject, "hs_call_status": "COMPLETED",
            "hs_call_direction": "INBOUND" if done.direction == "in" else "OUTBOUND",
            "hs_call_duration": str(minutes * 60_000), "hs_call_disposition": CONNECTED,
        }  # fmt: skip
    if done.kind == "email":
        return "emails", {
            "hs_timestamp": when, "hs_email_subject": done.subject, "hs_email_status": "SENT",
            "hs_email_direction": "INCOMING_EMAIL" if done.direction == "in" else "EMAIL",
        }  # fmt: skip
    return "notes", {"hs_timestamp": when, "hs_note_body": done.body or done.subject}


def _all_swallowed(key: str, swallowed: dict[str, list[MarketingContact]]) -> list[MarketingContact]:
    found = []
    for loser in swallowed.get(key, ()):
        found.append(loser)
        found += _all_swallowed(loser.key, swallowed)
    return found


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _band(typed: str | None) -> str | None:
    """Put a typed number of employees into HubSpot's bands; anything else is left out."""
    if typed is None or not typed.isdigit():
        return None
    return next((band for most, band in SIZE_BANDS if int(typed) < most), "1000+")
