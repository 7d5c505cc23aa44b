"""Two years of campaigns: when each ran, through which channel, how many people it could reach, and who answered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sandbox.people.cast import HISTORY
from sandbox.people.world import CampaignMember, CrmCampaign

if TYPE_CHECKING:
    import random

    from numpy.typing import NDArray

    from sandbox.people.salesbook import Salesbook
    from sandbox.people.world import CrmRecord


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of campaign: how often and how long it runs, what it costs, whom it reaches and how many answer."""

    key: str
    name: str
    kind: str  # Salesforce's Type
    channel: str  # utm_medium
    source: str  # utm_source
    every_days: int
    days: int
    budget: int  # euros
    attention: float  # people it can reach, as a share of everybody known
    response: float  # share of members who answer


SORTS: tuple[Sort, ...] = (
    Sort("tradeshow", "Trade show", "Trade Show", "offline", "tradeshow", 182, 3, 45_000, 0.05, 0.40),
    Sort("webinar", "Webinar", "Webinar", "email", "newsletter", 45, 1, 3_000, 0.04, 0.35),
    Sort("search", "Paid search", "Advertisement", "cpc", "google", 91, 80, 24_000, 0.03, 0.12),
    Sort("social", "Social ads", "Banner Ads", "paid_social", "linkedin", 120, 60, 15_000, 0.03, 0.06),
    Sort("mail", "Quarterly offer", "Email", "email", "campaign", 91, 21, 2_000, 0.06, 0.09),
    Sort("partner", "Partner referral drive", "Partners", "referral", "partner", 240, 90, 8_000, 0.01, 0.50),
)
#: Of those whom a campaign brought, the share whose first form carries its utm tags.
TAGGED = 0.55
WEBINARS = ("lead-handover-in-practice", "crm-hygiene-live", "scoring-clinic", "ask-the-customers")


@dataclass(frozen=True, slots=True)
class Campaign:
    """One run of a sort."""

    key: str
    sort: Sort
    name: str
    start: datetime
    end: datetime
    attention: int


@dataclass(frozen=True, slots=True)
class Webinar:
    """One webinar: registrations open ten days before; attendance is imported an hour after it began."""

    asset: str
    start: int  # seconds since 1970, UTC


def plan_campaigns(at: datetime, people: int) -> tuple[Campaign, ...]:
    """Return the campaigns of two years by their start; the trade show of spring and the webinar series always run."""
    found: list[Campaign] = []
    for sort in SORTS:
        count = HISTORY.days // sort.every_days
        for turn in range(count):
            start = (at - timedelta(days=9 + sort.every_days * turn)).replace(hour=8, minute=0, second=0, microsecond=0)
            if sort.key == "tradeshow":
                start -= timedelta(days=51)
            start -= timedelta(days=start.weekday() - 1 if sort.days <= 3 else start.weekday())
            end = min(start + timedelta(days=sort.days, hours=9), at)
            attention = max(2, round(sort.attention * people))
            number = count - turn
            found.append(Campaign(f"c_{sort.key}{number:02d}", sort, f"{sort.name} {number}", start, end, attention))
    return tuple(sorted(found, key=lambda campaign: (campaign.start, campaign.key)))


def webinars(at: datetime, campaigns: tuple[Campaign, ...]) -> tuple[Webinar, ...]:
    """Return the webinars by time; the last one is about handing leads over."""
    mine = [campaign for campaign in campaigns if campaign.sort.key == "webinar"]
    last = len(mine) - 1
    return tuple(
        Webinar(WEBINARS[(last - number) % len(WEBINARS)], int(campaign.start.replace(hour=14).timestamp()))
        for number, campaign in enumerate(mine)
        if campaign.start.replace(hour=15) < at
    )


def brought_by(
    rng: np.random.Generator, campaigns: tuple[Campaign, ...], created: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which campaign brought each contact (its place, -1: none), never more than its attention allows."""
    found = np.full(len(created), -1, dtype=np.int64)
    tagged = rng.random(len(created)) < TAGGED
    for place in rng.permutation(len(campaigns)).tolist():
        campaign = campaigns[place]
        end = max(campaign.end, campaign.start + timedelta(days=5))
        inside = (created >= int(campaign.start.timestamp())) & (created < int(end.timestamp()))
        free = np.flatnonzero(inside & tagged & (found < 0))
        found[rng.permutation(free)[: campaign.attention]] = place
    return found


def build_campaigns(
    dice: random.Random, at: datetime, campaigns: tuple[Campaign, ...], book: Salesbook
) -> tuple[tuple[CrmCampaign, ...], tuple[CampaignMember, ...]]:
    """Write the campaigns into the CRM; members are leads and contacts that stood when it ran and still stand."""
    if not book.records:
        return (), ()
    shown = tuple(
        CrmCampaign(
            key=campaign.key,
            name=campaign.name,
            kind=campaign.sort.kind,
            starts_at=campaign.start,
            owner="u_ops",
            ends_at=campaign.end,
            channel=campaign.sort.channel,
            budget=campaign.sort.budget,
            attention=campaign.attention,
        )
        for campaign in campaigns
    )
    living = sorted((r for r in book.records if r.living), key=lambda record: (record.created_at, record.key))
    starts = np.array([int(record.created_at.timestamp()) for record in living], dtype=np.int64)
    members: list[CampaignMember] = []
    per_person: defaultdict[str, int] = defaultdict(int)
    for campaign in campaigns:
        known = int(np.searchsorted(starts, int(campaign.start.timestamp())))
        wanted = min(round(campaign.attention * 0.35), known // 3)
        for place in sorted(dice.sample(range(known), wanted)):
            record = living[place]
            if per_person[record.key] < 4:
                per_person[record.key] += 1
                members.append(_member(dice, at, campaign, record, f"cm{len(members):05d}"))
    return shown, tuple(members)


def _member(dice: random.Random, at: datetime, campaign: Campaign, record: CrmRecord, key: str) -> CampaignMember:
    answered = dice.random() < campaign.sort.response
    span = max((campaign.end - campaign.start).total_seconds(), 3600.0)
    when = min(campaign.start + timedelta(seconds=int(dice.random() * span)), at)
    return CampaignMember(
        key=key,
        campaign=campaign.key,
        record=record.key,
        status="Responded" if answered else "Sent",
        responded_at=when.astimezone(UTC) if answered else None,
        created_at=campaign.start,
    )
