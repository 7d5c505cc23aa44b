"""What reps did and won: opportunities with their roles, tasks, calls, meetings, notes, and CRM campaigns."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.people.cast import ACTIVE_REPS
from sandbox.people.world import CampaignMember, CrmCampaign, MarketingContact, Opportunity, SalesActivity

if TYPE_CHECKING:
    import random

    from sandbox.people.salesbook import Salesbook
    from sandbox.people.world import Account, CrmRecord, SalesKind

OPEN_STAGES = (("Prospecting", 10), ("Qualification", 10), ("Proposal/Price Quote", 75), ("Negotiation/Review", 90))
ROLES = ("Decision Maker", "Economic Buyer", "Evaluator", "Influencer", "Business User")
SUBJECTS: dict[SalesKind, tuple[str, ...]] = {
    "task": ("Call back", "Send pricing", "Follow up after webinar", "Introduce to partner team"),
    "call": ("Discovery call", "Left voicemail", "Budget check"),
    "meeting": ("Product demo", "Workshop", "Kick-off", "QBR"),
    "note": ("Met at trade show, wants numbers", "Asked for references", "Will decide next quarter"),
    "email": ("Re: pricing", "Re: your question", "Next steps"),
}
CRM_KINDS: tuple[SalesKind, ...] = ("task", "task", "call", "meeting")
MARKETING_KINDS: tuple[SalesKind, ...] = ("meeting", "call", "note", "email")


def build_opportunities(dice: random.Random, at: datetime, book: Salesbook) -> tuple[Opportunity, ...]:
    """Open, win and lose deals at about a third of the accounts, with contacts in roles where there are any."""
    staff: dict[str, list[CrmRecord]] = defaultdict(list)
    for record in book.records:
        if record.kind == "contact" and record.living and record.account:
            staff[record.account].append(record)
    deals: list[Opportunity] = []
    accounts = [account for account in book.firms.accounts if account.deleted_at is None]
    for number, account in enumerate(accounts):
        if number % 3 != 1:
            continue
        for turn in range(1 + number % 2):
            key, outcome = f"o{len(deals):05d}", (number // 3 + turn) % 4
            deals.append(_deal(dice, at, account, staff[account.key], key=key, outcome=outcome))
    return tuple(deals)


def _deal(
    dice: random.Random, at: datetime, account: Account, staff: list[CrmRecord], *, key: str, outcome: int
) -> Opportunity:
    created = (account.created_at + dice.random() * 0.9 * (at - account.created_at)).replace(microsecond=0)
    closed, won = outcome in {1, 2}, outcome == 1
    settled = (created + dice.random() * (at - created)).replace(microsecond=0)
    stage, probability = ("Closed Won", 100) if won else ("Closed Lost", 0) if closed else dice.choice(OPEN_STAGES)
    chosen = dice.sample(staff, min(len(staff), 1 + dice.randrange(3)))
    roles = tuple((record.key, ROLES[spot % len(ROLES)], spot == 0) for spot, record in enumerate(chosen))
    return Opportunity(
        key=key,
        account=account.key,
        name=f"{account.name.strip()[:90]} - {('New business', 'Expansion', 'Renewal')[len(key) % 3]} {key[-3:]}",
        stage=stage,
        amount=dice.randrange(5, 250) * 1000 if dice.random() < 0.9 else None,
        probability=probability,
        is_closed=closed,
        is_won=won,
        close_on=settled if closed else at + timedelta(days=dice.randrange(5, 120)),
        owner=account.owner,
        lead_source=dice.choice(("Web", "Partner Referral", "Tradeshow", None)),
        roles=roles,
        created_at=created,
        updated_at=settled if closed else (created + 0.8 * (at - created)).replace(microsecond=0),
    )


def build_sales(
    dice: random.Random, at: datetime, book: Salesbook, contacts: list[MarketingContact]
) -> tuple[SalesActivity, ...]:
    """Log what reps did: about every third CRM record has something, every fifteenth marketing contact too."""
    done: list[SalesActivity] = []
    for number, record in enumerate(book.records):
        if number % 3 == 0 and record.deleted_at is None:
            for _ in range(1 + dice.randrange(3)):
                done.append(_crm_activity(dice, at, record, f"s{len(done):06d}"))
    for contact in contacts:
        if dice.random() < 0.07 and contact.email:
            done.append(_marketing_activity(dice, at, contact, f"s{len(done):06d}"))
    return tuple(done)


def _crm_activity(dice: random.Random, at: datetime, record: CrmRecord, key: str) -> SalesActivity:
    kind = dice.choice(CRM_KINDS)
    end = record.converted_at or at
    when = (record.created_at + dice.random() * (end - record.created_at)).replace(microsecond=0)
    is_open = kind == "task" and record.converted_to is None and dice.random() < 0.25
    return SalesActivity(
        key=key,
        system="crm",
        kind=kind,
        about=record.key,
        account=record.account,
        owner=record.owner if record.owner.startswith("u_") else dice.choice(ACTIVE_REPS),
        subject=dice.choice(SUBJECTS[kind]),
        body=None,
        at=when,
        due=at + timedelta(days=dice.randrange(1, 14)) if is_open else when if kind == "task" else None,
        done_at=None if is_open else when,
        status="Not Started" if is_open else "Completed",
        minutes=dice.choice((5, 15, 30, 60)) if kind in {"call", "meeting"} else None,
        direction="out" if kind == "call" else None,
    )


def _marketing_activity(dice: random.Random, at: datetime, contact: MarketingContact, key: str) -> SalesActivity:
    kind = dice.choice(MARKETING_KINDS)
    when = (contact.created_at + dice.random() * (at - contact.created_at)).replace(microsecond=0)
    return SalesActivity(
        key=key,
        system="marketing",
        kind=kind,
        about=contact.key,
        account=contact.company,
        owner=contact.owner or dice.choice(ACTIVE_REPS),
        subject=dice.choice(SUBJECTS[kind]),
        body='Zażółć gęślą: notes with every kind of "quote" & sign\nand a line break' if kind == "note" else None,
        at=when,
        due=None,
        done_at=when,
        status="Completed",
        minutes=dice.choice((5, 15, 30, 60)) if kind in {"call", "meeting"} else None,
        direction=dice.choice(("in", "out")) if kind in {"call", "email"} else None,
    )


def build_campaigns(
    dice: random.Random, at: datetime, book: Salesbook
) -> tuple[tuple[CrmCampaign, ...], tuple[CampaignMember, ...]]:
    """Run a trade show and a webinar in the CRM; members are living leads and contacts."""
    if not book.records:
        return (), ()
    campaigns = (
        CrmCampaign("c_tradeshow", "Trade show spring", "Trade Show", at - timedelta(days=240), "u_ops"),
        CrmCampaign("c_webinar", "Webinar: lead handover", "Webinar", at - timedelta(days=60), "u_ops"),
    )
    members: list[CampaignMember] = []
    for number, record in enumerate(book.records):
        campaign = campaigns[number % 2]
        if number % 9 > 1 or not record.living or record.created_at > campaign.starts_at:
            continue
        responded = dice.random() < 0.4
        members.append(
            CampaignMember(
                key=f"cm{len(members):05d}",
                campaign=campaign.key,
                record=record.key,
                status="Responded" if responded else "Sent",
                responded_at=campaign.starts_at + timedelta(days=1) if responded else None,
                created_at=campaign.starts_at,
            )
        )
    return campaigns, tuple(members)
