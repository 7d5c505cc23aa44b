"""Contacts and companies as record versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from adapters.hubspot.reading import EPOCH, BadRow, Record, in_utc, instant
from connector.domain.records import RecordVersion, RefusedRow, Value
from connector.domain.refs import Ref

#: Standard column → property. Values of companies are reached through the link.
CONTACT_COLUMNS: dict[str, str] = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "title": "jobtitle",
    "company": "company",
    "website": "website",
    "country": "country",
    "state": "state",
    "city": "city",
    "phone": "phone",
    "industry": "industry",
    # The contact's own ``numemployees`` is a choice of ranges and its ``annualrevenue`` free text.
    "employees": "account.numberofemployees",
    "revenue": "account.annualrevenue",
    "lead_source": "hs_analytics_source",
    "created_at": "createdate",
    "updated_at": "lastmodifieddate",
}
#: Channel → property. ``hs_email_optout`` is "unsubscribed from all e-mail"; one kind of subscription has a property of
#: its own, ``hs_email_optout_ID`` (hubspot.md section 7). HubSpot keeps no flag for calls.
OPT_OUTS: dict[str, str] = {"email": "hs_email_optout"}
COMPANY_COLUMNS: dict[str, str] = {
    "name": "name",
    "website": "domain",
    "country": "country",
    "state": "state",
    "city": "city",
    "phone": "phone",
    "industry": "industry",
    "employees": "numberofemployees",
    "revenue": "annualrevenue",
    "parent_id": "hs_parent_company_id",
    "owner_id": "hubspot_owner_id",
    "created_at": "createdate",
    "updated_at": "hs_lastmodifieddate",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of record with what we read of it.

    Attributes:
        object: our word.
        path: the vendor's word.
        stamp: the property by which changes are found; contacts have a name of their own (hubspot.md section 5).
        properties: always read.
        links: our word for a linked kind → property with its id.
    """

    object: str
    path: str
    stamp: str
    properties: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def _own(columns: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name in columns.values() if "." not in name)


CONTACTS = Kind(
    "contact",
    "contacts",
    "lastmodifieddate",
    (
        *_own(CONTACT_COLUMNS),
        "associatedcompanyid",
        "hs_additional_emails",
        "hs_calculated_merged_vids",
        "hs_email_optout",
        "hs_merged_object_ids",
        "hs_object_id",
        "hubspot_owner_id",
        "lifecyclestage",
    ),
    (("account", "associatedcompanyid"), ("owner", "hubspot_owner_id")),
)
COMPANIES = Kind(
    "account",
    "companies",
    "hs_lastmodifieddate",
    (*_own(COMPANY_COLUMNS), "hs_additional_domains", "hs_merged_object_ids", "hs_object_id"),
    (("owner", "hubspot_owner_id"), ("parent", "hs_parent_company_id")),
)


def versions(kind: Kind, rows: Iterable[Record], *, system: str) -> list[RecordVersion]:
    """Turn rows into versions; a merged record also yields one alias per record that was merged into it."""
    found: list[RecordVersion] = []
    object_, stamp = kind.object, kind.stamp
    link_properties = kind.links
    for row in rows:
        properties = row.properties
        text = properties.get(stamp)
        try:
            modified_at = datetime.fromisoformat(text) if text else row.updated_at
        except ValueError:
            modified_at = instant(text)
        if modified_at is None:
            modified_at = row.updated_at or EPOCH
        elif modified_at.tzinfo is not UTC:
            modified_at = in_utc(modified_at)
        links: dict[str, str] = {}
        for word, name in link_properties:
            linked = properties.get(name)
            if linked:
                links[word] = linked
        found.append(
            # The vendor's values are text or nothing, which is within Value; a copy would only satisfy invariance.
            RecordVersion(
                Ref(system, object_, row.id),
                modified_at,
                row.created_at,
                cast(dict[str, Value], properties),
                links,
            )
        )
        merged = properties.get("hs_merged_object_ids")
        if merged:
            found += _aliases(row, merged, modified_at, Ref(system, object_, row.id))
    return found


def deletions(kind: Kind, rows: Iterable[Record], *, system: str) -> list[RecordVersion]:
    """Turn archived rows into deletions."""
    return [
        RecordVersion(
            Ref(system, kind.object, row.id),
            in_utc(row.archived_at or row.updated_at or EPOCH),
            row.created_at,
            cast(dict[str, Value], row.properties),
            {},
            deleted=True,
        )
        for row in rows
    ]


def refused(stream: str, bad: Sequence[BadRow]) -> list[RefusedRow]:
    """Name rows that could not be read."""
    return [RefusedRow(stream, row.id or "unknown", row.code, row.message) for row in bad]


def _aliases(row: Record, merged: str, modified_at: datetime, survivor: Ref) -> list[RecordVersion]:
    """Give the losers of merges (hubspot.md section 4: ``a;b``, and ``vid:ms;…`` with the times of merging)."""
    times: dict[str, datetime] = {}
    for part in (row.properties.get("hs_calculated_merged_vids") or "").split(";"):
        vid, _, milliseconds = part.partition(":")
        when = instant(milliseconds) if milliseconds.isdecimal() else None
        if when is not None:
            times[vid.strip()] = when
    losers = {part.strip() for part in merged.split(";")} - {"", row.id}
    return [
        RecordVersion(
            Ref(survivor.system, survivor.object, loser),
            times.get(loser, modified_at),
            None,
            {},
            {},
            merged_into=survivor,
        )
        for loser in sorted(losers)
    ]
