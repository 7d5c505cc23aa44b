"""What the CRM holds of people: leads and contacts, from marketing, by hand, converted, doubled, merged, deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.people.cast import ACTIVE_REPS, FORMER_REPS, HISTORY, INTEGRATION_USER, QUEUE_UNASSIGNED
from sandbox.people.crowd import free_address
from sandbox.people.places import COUNTRY_NAMES, FREE_MAIL
from sandbox.people.reps import HANDS_BACK_AFTER
from sandbox.people.roster import DECIDING, RANK_WEIGHTS, RANKS
from sandbox.people.tongues import TONGUES
from sandbox.people.world import Account, CrmKind, CrmRecord, MarketingContact, Person, Rejection

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from sandbox.people.crowd import Crowd
    from sandbox.people.firms import Firms
    from sandbox.people.reps import Desk

REJECTION_REASONS = ("no budget", "wrong person", "not now", "other")
LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")
STATUS_WEIGHTS = (60, 30, 10)
HAND_SOURCES = ("Phone Inquiry", "Partner Referral", "Tradeshow", "Other", None)


#: Share of a deal's people whom reps put into the CRM; of those, who came as a lead first and was converted.
IN_DEALS, CONVERTED_IN_DEALS = 0.92, 0.3
BANTS = ("budget", "authority", "need", "timeframe", "sales_readiness")


@dataclass(frozen=True, slots=True)
class Sale:
    """What the sales side of somebody's journey means for their record."""

    journey: int
    heard: datetime  # sales took over
    rep: str
    role: str  # decider, influencer, other
    engaged: bool


@dataclass(slots=True)
class Salesbook:
    """What ``build_salesbook`` fills."""

    dice: random.Random
    at: datetime
    firms: Firms
    crowd: Crowd
    desk: Desk
    sales: Mapping[str, Sale]  # MarketingContact.key ->
    of_journey: dict[str, int] = field(default_factory=dict)  # CrmRecord.key ->
    role_of: dict[str, str] = field(default_factory=dict)  # Person.key ->
    deal_of: dict[int, str] = field(default_factory=dict)  # journey -> Opportunity.key
    account_of: dict[str, Account] = field(default_factory=dict)  # Company.key -> its living account
    records: list[CrmRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def next_key(self) -> str:
        """Return the key the next record gets."""
        return f"r{len(self.records):06d}"


def build_salesbook(
    dice: random.Random, at: datetime, crowd: Crowd, desk: Desk, sales: Mapping[str, Sale]
) -> Salesbook:
    """Write the CRM's leads and contacts; people only the CRM knows join the crowd's people."""
    book = Salesbook(dice, at, crowd.firms, crowd, desk, sales)
    for account in crowd.firms.accounts:
        if account.deleted_at is None:
            book.account_of.setdefault(account.company, account)
    known = crowd.living
    for number, contact in enumerate(known):
        _from_marketing(book, contact, number)
    for number in range(max(4, len(known) // 8) if known else 0):
        _by_hand(book, number)
    _doubles(book)
    _merge_and_delete(book)
    _reject(book)
    _hand_back(book)
    return book


def _from_marketing(book: Salesbook, contact: MarketingContact, number: int) -> None:
    """Carry about two in five contacts over: as a lead, as a contact of a known account, or as both (converted)."""
    person = book.crowd.people[int(contact.person[1:])]
    sale, own = book.sales.get(contact.key), book.account_of.get(person.company or "")
    if sale is not None and own is not None and contact.email is not None and book.dice.random() < IN_DEALS:
        _sold(book, contact, own, sale)
        return
    share = 0.6 if person.temperature == "hot" else 0.38
    if contact.email is None or book.dice.random() > share:
        return
    account = own
    if number % 20 == 4 and account is not None:
        _converted(book, contact, account)
    elif account is not None and book.dice.random() < 0.65:
        book.records.append(_record(book, contact, "contact", account))
    else:
        book.records.append(_record(book, contact, "lead", None))


def _sold(book: Salesbook, contact: MarketingContact, account: Account, sale: Sale) -> None:
    """Write somebody who took part in a deal: a contact of the account, some of them a converted lead before."""
    earliest = max(contact.created_at, account.created_at)
    heard = min(max(sale.heard, earliest), book.at - timedelta(minutes=40)).replace(microsecond=0)
    owner = sale.rep if book.dice.random() < 0.9 else account.owner
    if book.dice.random() < CONVERTED_IN_DEALS:
        _converted(book, contact, account)
        lead, made = book.records[-2], book.records[-1]
        lead = replace(
            lead,
            created_at=min(heard, max(contact.created_at, heard - timedelta(days=6))),
            converted_at=heard,
            updated_at=heard,
            past_statuses=LEAD_STATUSES[:2],
            bants=_bants(book, sale),
        )
        book.records[-2] = lead
    else:
        book.records.append(_record(book, contact, "contact", account))
        made = book.records[-1]
    made = replace(
        made, owner=owner, created_at=heard, updated_at=_later(book.dice, heard, book.at), bants=_bants(book, sale)
    )
    book.records[-1] = made
    book.of_journey[made.key] = sale.journey
    book.role_of[made.person] = sale.role


def _bants(book: Salesbook, sale: Sale | None) -> tuple[tuple[str, str], ...]:
    """Return what calls brought out: of a deal's people most of it, of other leads a little."""
    if sale is None:
        known = BANTS[: book.dice.randrange(0, 4)] if book.dice.random() < 0.35 else ()
        return tuple((name, "Yes" if book.dice.random() < 0.45 else "No") for name in known)
    chances = {"authority": 0.95 if sale.role == "decider" else 0.15, "need": 0.85}
    return tuple(
        (name, "Yes" if book.dice.random() < chances.get(name, 0.6) else "No")
        for name in BANTS
        if book.dice.random() < (0.85 if sale.engaged else 0.4)
    )


def _record(book: Salesbook, contact: MarketingContact, kind: CrmKind, account: Account | None) -> CrmRecord:
    dice, number = book.dice, len(book.records)
    created = contact.created_at + float(dice.random() ** 2) * 0.6 * (book.at - contact.created_at)
    created = _after(book, account, number, created)
    lead = kind == "lead"
    status = dice.choices(LEAD_STATUSES, STATUS_WEIGHTS)[0] if lead else None
    return CrmRecord(
        key=book.next_key(),
        kind=kind,
        person=contact.person,
        marketing=contact.key,
        account=account.key if account else None,
        email=_typed_email(contact.email, number),
        first_name=(contact.first_name or "")[:40] or None,
        last_name=((contact.last_name or "").strip() or "[not provided]")[:80],
        title=contact.title[:128] if contact.title and dice.random() < 0.8 else None,
        company_name=(contact.company_name or "[not provided]")[:255] if lead else None,
        website=contact.website if lead else None,
        phone=contact.phone if dice.random() < 0.8 else None,
        mobile=contact.mobile,
        country=contact.country,
        state=contact.state,
        city=contact.city,
        industry=contact.industry if lead else None,
        employees=int(contact.employees) if lead and contact.employees and contact.employees.isdigit() else None,
        lead_source="Web",
        status=status,
        owner=_owner(dice, number, lead=lead, account=account),
        created_by=INTEGRATION_USER if number % 3 else dice.choice(ACTIVE_REPS),
        opted_out=contact.opted_out_at is not None and number % 2 == 0,
        created_at=created.replace(microsecond=0),
        updated_at=_later(dice, created, book.at),
        past_statuses=LEAD_STATUSES[: LEAD_STATUSES.index(status)] if status else (),
        bants=_bants(book, None) if status in LEAD_STATUSES[1:] else (),
    )


def _after(book: Salesbook, account: Account | None, number: int, moment: datetime) -> datetime:
    """Return when somebody can have been put under an account: not before it stood, and not all in one minute."""
    if account is None or moment > account.created_at:
        return moment
    return min(account.created_at + timedelta(minutes=3 + 11 * number % 3600), book.at)


def _typed_email(email: str | None, number: int) -> str | None:
    """Return the address as some people type it: now and then with capitals, never different in meaning."""
    if email is None or number % 15 != 6:
        return email
    return ".".join(part.capitalize() for part in email.split("."))


def _later(dice: random.Random, start: datetime, at: datetime) -> datetime:
    return (start + float(dice.random() ** 0.6) * (at - start)).replace(microsecond=0)


def _owner(dice: random.Random, number: int, *, lead: bool, account: Account | None) -> str:
    if lead and number % 6 == 1:
        return QUEUE_UNASSIGNED
    if number % 14 == 3:
        return dice.choice(FORMER_REPS)
    return account.owner if account and dice.random() < 0.7 else dice.choice(ACTIVE_REPS)


def _converted(book: Salesbook, contact: MarketingContact, account: Account) -> None:
    """Add a lead that became a contact, and that contact."""
    lead = _record(book, contact, "lead", None)
    book.records.append(lead)
    when = _later(book.dice, max(lead.created_at, account.created_at), book.at)
    made = _record(book, contact, "contact", account)
    made = replace(made, created_at=when, updated_at=_later(book.dice, when, book.at))
    book.records.append(made)
    book.records[int(lead.key[1:])] = replace(
        lead,
        status="Closed - Converted",
        past_statuses=LEAD_STATUSES[:2],
        converted_to=made.key,
        converted_account=account.key,
        converted_at=when,
        updated_at=when,
    )


def _by_hand(book: Salesbook, number: int) -> None:
    """Add somebody a rep typed in: no marketing history, sometimes not even an e-mail."""
    dice = book.dice
    company = dice.choice(book.firms.companies)
    place = book.firms.places[company.key]
    tongue = TONGUES[place.tongue]
    (first, first_ascii), (last, last_ascii) = dice.choice(tongue.first), dice.choice(tongue.last)
    rank = dice.choices(RANKS, RANK_WEIGHTS)[0]
    person = Person(f"p{len(book.crowd.people):06d}", company.key, rank, rank in DECIDING, "cold")
    book.crowd.people.append(person)
    account = book.account_of.get(company.key) if number % 3 else None
    created = (book.at - timedelta(days=2) - dice.random() * (HISTORY - timedelta(days=3))).replace(microsecond=0)
    domain = company.domain or dice.choice(FREE_MAIL)
    email = free_address(book.crowd.emails, f"{first_ascii}.{last_ascii}", domain) if number % 9 != 5 else None
    created = _after(book, account, number, created)
    rep, status = dice.choice(ACTIVE_REPS), dice.choices(LEAD_STATUSES, STATUS_WEIGHTS)[0]
    book.records.append(
        CrmRecord(
            key=book.next_key(),
            kind="contact" if account else "lead",
            person=person.key,
            marketing=None,
            account=account.key if account else None,
            email=email,
            first_name=first,
            last_name=last,
            title=dice.choice(getattr(tongue, rank)) if number % 4 else None,
            company_name=None if account else company.name,
            website=None if account else company.domain,
            phone=company.phone,
            mobile=None,
            country=COUNTRY_NAMES[place.country],
            state=company.state,
            city=company.city,
            industry=None if account else company.industry,
            employees=None if account else company.employees,
            lead_source=HAND_SOURCES[number % len(HAND_SOURCES)],
            status=None if account else status,
            past_statuses=() if account else LEAD_STATUSES[: LEAD_STATUSES.index(status)],
            owner=rep,
            created_by=rep,
            opted_out=False,
            created_at=created,
            updated_at=_later(dice, created, book.at),
        )
    )


def _doubles(book: Salesbook) -> None:
    """Add second leads of one e-mail, and leads beside a contact of the same e-mail."""
    size = len(book.records)
    leads = [r for r in book.records if r.kind == "lead" and r.email and r.converted_to is None]
    contacts = [r for r in book.records if r.kind == "contact" and r.email]
    for original in leads[3 :: max(1, len(leads) // max(1, size // 60))][: max(1, size // 60)]:
        _again(book, original, company_name=original.company_name)
    for original in contacts[1 :: max(1, len(contacts) // max(1, size // 60))][: max(1, size // 60)]:
        name = next((a.name for a in book.firms.accounts if a.key == original.account), None)
        _again(book, original, company_name=(name or "[not provided]").strip())


def _again(book: Salesbook, original: CrmRecord, *, company_name: str | None) -> None:
    created = _later(book.dice, original.created_at, book.at)
    book.records.append(
        replace(
            original,
            key=book.next_key(),
            kind="lead",
            account=None,
            company_name=company_name,
            status="Open - Not Contacted",
            past_statuses=(),
            bants=(),
            lead_source="Purchased List",
            owner=QUEUE_UNASSIGNED,
            created_by="u_ops",
            created_at=created,
            updated_at=created,
        )
    )


def _merge_and_delete(book: Salesbook) -> None:
    """Merge some leads into others of the same person, and delete a few records for good."""
    size = len(book.records)
    plain = [r for r in book.records if r.living and r.email]
    for winner in plain[5 :: max(1, len(plain) // max(1, size // 70))][: max(1, size // 70)]:
        gone = _later(book.dice, winner.created_at, book.at)
        loser = replace(winner, key=book.next_key(), created_at=winner.created_at, updated_at=gone)
        book.records.append(replace(loser, merged_into=winner.key, deleted_at=gone))
        book.records[int(winner.key[1:])] = replace(winner, updated_at=max(winner.updated_at, gone))
    losers = {r.merged_into for r in book.records}
    spare = [r for r in plain[2:] if r.key not in losers and r.marketing is None]
    for lost in spare[:: max(1, len(spare) // max(1, size // 90))][: max(1, size // 90)]:
        gone = _later(book.dice, lost.updated_at, book.at)
        book.records[int(lost.key[1:])] = replace(lost, deleted_at=gone, updated_at=gone)


def _reject(book: Salesbook) -> None:
    """Note a reason, a user and a time for most leads closed without conversion, as the rejection field's history."""
    for number, record in enumerate(book.records):
        if record.status != "Closed - Not Converted" or not record.living or number % 5 == 0:
            continue
        reason = book.dice.choices(REJECTION_REASONS, (30, 25, 30, 15))[0]
        user = record.owner if record.owner.startswith("u_") else book.dice.choice(ACTIVE_REPS)
        book.rejections.append(Rejection(record.key, reason, user, record.updated_at))


def _hand_back(book: Salesbook) -> None:
    """Put leads that came while their rep was away for long into the queue, unless somebody has worked on them."""
    long = [absence for absence in book.desk.absences if absence.end - absence.start > HANDS_BACK_AFTER]
    away = {(absence.user, absence.start.toordinal() + day) for absence in long for day in range(absence.days)}
    for place, record in enumerate(book.records):
        if record.status != "Open - Not Contacted" or not record.living:
            continue
        if (record.owner, record.created_at.toordinal()) in away:
            book.records[place] = replace(record, owner=QUEUE_UNASSIGNED, past_owners=(record.owner,))
