"""The deals of the CRM: one per journey that sales heard of, with its people in their roles and its end."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.people.reps import REPS
from sandbox.people.world import Opportunity

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from sandbox.people.buying_groups import Journeys
    from sandbox.people.fates import Fates
    from sandbox.people.salesbook import Salesbook
    from sandbox.people.world import Account, CrmRecord

#: Stages of an open deal by how far it has come, with the probability the CRM shows.
OPEN_STAGES = (
    ("Prospecting", 10), ("Qualification", 10), ("Needs Analysis", 20), ("Value Proposition", 50),
    ("Proposal/Price Quote", 75), ("Negotiation/Review", 90),
)  # fmt: skip
ROLES = {
    "decider": ("Decision Maker", "Economic Buyer"),
    "influencer": ("Influencer", "Evaluator"),
    "other": ("Business User",),
}
LOST_TO = ("Lost: no budget", "Lost: no decision", "Lost: timing", "Lost: missing function")


def build_opportunities(
    dice: random.Random, at: datetime, book: Salesbook, journeys: Journeys, fates: Fates
) -> tuple[Opportunity, ...]:
    """Open a deal for each journey that got one; those of journeys that have ended are won or lost."""
    companies = book.firms.companies
    staff: dict[int, list[tuple[str, CrmRecord]]] = defaultdict(list)
    for key, journey in book.of_journey.items():
        record = book.records[int(key[1:])]
        if record.kind == "contact" and record.living:
            staff[journey].append((book.role_of[record.person], record))
    deals: list[Opportunity] = []
    bought: set[str] = set()
    order = sorted(range(len(journeys)), key=lambda number: (int(journeys.start[number]), number))
    for number in order:
        account = book.account_of.get(companies[int(journeys.company[number])].key)
        if not fates.deal[number] or account is None:
            continue
        kind = "Expansion" if account.key in bought else "New business"
        deal = _deal(dice, at, account, staff[number], journeys, fates, number, kind, f"o{len(deals):05d}")
        deals.append(deal)
        book.deal_of[number] = deal.key
        if deal.is_won:
            bought.add(account.key)
    return tuple(deals)


def _deal(
    dice: random.Random,
    at: datetime,
    account: Account,
    staff: list[tuple[str, CrmRecord]],
    journeys: Journeys,
    fates: Fates,
    number: int,
    kind: str,
    key: str,
) -> Opportunity:
    heard = datetime.fromtimestamp(int(journeys.handover[number]), UTC) + timedelta(hours=float(fates.response[number]))
    created = min(max(heard, account.created_at), at - timedelta(minutes=30)).replace(microsecond=0)
    end = max(datetime.fromtimestamp(int(journeys.end[number]), UTC), created + timedelta(minutes=10))
    closed = bool(fates.closed[number]) and end <= at
    won = closed and bool(fates.won[number])
    if closed:
        stage, probability = ("Closed Won", 100) if won else ("Closed Lost", 0)
    else:
        progress = (at - created) / max(end - created, timedelta(hours=1))
        stage, probability = OPEN_STAGES[min(int(progress * len(OPEN_STAGES)), len(OPEN_STAGES) - 1)]
    note = None
    if closed and not won:
        note = "Lost: competitor" if journeys.competitor[number] and dice.random() < 0.7 else dice.choice(LOST_TO)
    moved = end if closed else created + 0.8 * (at - created)
    size = max(account.employees or 40, 10)
    return Opportunity(
        key=key,
        account=account.key,
        name=f"{account.name.strip()[:90]} - {kind} {key[1:]}",
        stage=stage,
        amount=1000 * max(5, round(size**0.5 * dice.uniform(0.6, 2.4))) if dice.random() < 0.92 else None,
        probability=probability,
        is_closed=closed,
        is_won=won,
        close_on=end if end > at or closed else at + timedelta(days=1),
        owner=REPS[int(fates.rep[number])],
        lead_source=dice.choice(("Web", "Web", "Partner Referral", "Tradeshow", None)),
        roles=tuple(_roles(dice, staff)),
        created_at=created,
        updated_at=moved.replace(microsecond=0),
        note=note,
        kind=kind,
    )


def _roles(dice: random.Random, staff: list[tuple[str, CrmRecord]]) -> Iterator[tuple[str, str, bool]]:
    """Yield (record, role, is primary); whoever decides comes first."""
    ranked = sorted(staff, key=lambda pair: (tuple(ROLES).index(pair[0]), pair[1].key))
    for spot, (role, record) in enumerate(ranked):
        yield record.key, dice.choice(ROLES[role]), spot == 0
