"""The contacts as columns: what decides who does what, once per contact in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from sandbox.people.firms import GATEWAY_EVERY, GATEWAY_OFFSET
from sandbox.people.roster import COLD, HOT, PURSUITS
from sandbox.people.seasons import PLACE_OF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.buying_groups import Journeys
    from sandbox.people.crowd import Crowd
    from sandbox.people.roster import Roster


@dataclass(slots=True)
class Audience:
    """One row per contact; instants are seconds since 1970, UTC."""

    number: NDArray[np.int64]
    created: NDArray[np.int64]
    end: NDArray[np.int64]  # merged away, deleted, or the world's end
    opted_out: NDArray[np.int64]  # the world's end + 1 for those who did not
    country: NDArray[np.int64]
    warmth: NDArray[np.int64]
    pursuit: NDArray[np.int64]
    journey: NDArray[np.int64]  # the last one the contact's human took part in, -1 for none; first contacts only
    mailable: NDArray[np.bool_]
    gateway: NDArray[np.bool_]  # mail goes through a scanner
    living: NDArray[np.bool_]
    now: int

    def __len__(self) -> int:
        """Count the contacts."""
        return len(self.number)


def build_audience(at: datetime, crowd: Crowd, roster: Roster, journeys: Journeys) -> Audience:
    """Put the crowd's contacts into columns."""
    now, contacts = int(at.timestamp()), crowd.contacts
    human = np.array([int(contact.person[1:]) for contact in contacts], dtype=np.int64)
    known = human < len(roster.company)
    row = np.where(known, human, 0)
    number = np.arange(len(contacts))
    elsewhere = PLACE_OF["US"]
    domains = {
        company.key: (company.domain, *company.extra_domains)
        for place, company in enumerate(crowd.firms.companies)
        if place % GATEWAY_EVERY == GATEWAY_OFFSET
    }
    people = crowd.people
    guarded = [
        (firm := people[place].company) in domains and (contact.email or "").rpartition("@")[2] in domains[firm or ""]
        for contact, place in zip(contacts, human.tolist(), strict=True)
    ]
    none = len(roster.company) == 0
    latest = journeys.latest_of(len(roster.company))
    return Audience(
        number=number,
        created=np.array([_seconds(contact.created_at, now) for contact in contacts], dtype=np.int64),
        end=np.array([_seconds(contact.merged_at or contact.deleted_at, now) for contact in contacts], dtype=np.int64),
        opted_out=np.array([_seconds(contact.opted_out_at, now + 1) for contact in contacts], dtype=np.int64),
        country=np.where(known, roster.country[row], elsewhere) if not none else np.full(len(number), elsewhere),
        warmth=np.where(known, roster.warmth[row], COLD) if not none else np.full(len(number), COLD),
        pursuit=np.where(known, roster.pursuit[row], 0) if not none else np.zeros(len(number), dtype=np.int64),
        journey=np.where(known & (number < len(latest)), latest[row], -1) if not none else np.full(len(number), -1),
        mailable=np.array([contact.email is not None for contact in contacts], dtype=np.bool_),
        gateway=np.array(guarded, dtype=np.bool_),
        living=np.array([contact.living for contact in contacts], dtype=np.bool_),
        now=now,
    )


def _seconds(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else int(moment.timestamp())


def looks_now(audience: Audience) -> NDArray[np.bool_]:
    """Tell who is in the market now."""
    return np.asarray((audience.warmth == HOT) & audience.living & audience.mailable, dtype=np.bool_)


def reads_only(audience: Audience) -> NDArray[np.bool_]:
    """Tell whom something other than their work brings: students, competitors, job seekers."""
    return np.asarray((audience.pursuit > PURSUITS.index("work")) & audience.mailable, dtype=np.bool_)
