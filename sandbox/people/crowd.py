"""The people marketing automation knows: humans and the contacts it holds of them, merged and deleted ones too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sandbox.people.cast import ACTIVE_REPS, FORMER_REPS
from sandbox.people.firms import ascii_slug
from sandbox.people.places import COUNTRY_NAMES, COUNTRY_SPELLINGS, DISPOSABLE, FREE_MAIL, PLACES, Place
from sandbox.people.roster import DECIDING, PURSUITS, RANKS
from sandbox.people.tongues import TONGUES
from sandbox.people.world import Company, MarketingContact, Person, Pursuit, Seniority

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from sandbox.people.firms import Firms
    from sandbox.people.roster import Roster

SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS", "DIRECT_TRAFFIC", "OFFLINE")
CAMPUSES = ("stud.uni-marburgia.example", "campus.valeford.example", "etu.ecole-nova.example")
SCHOOLS = ("Universität Marburgia", "Valeford College", "École Nova")
RIVALS = ("rival.example", "rival.example", "othervendor.example")
Warmth = Literal["hot", "warm", "cold"]
WARMTHS: tuple[Warmth, ...] = ("cold", "warm", "hot")
#: How the last sale to somebody's firm stands.
Lot = Literal["none", "open", "won", "lost"]
TWIN_EVERY = 65
LONG_TITLE = "Senior Director of Everything, " * 9
LONG_COMPANY = "The Worshipful and Most Honourable Consolidated Trading Company of " * 6


@dataclass(slots=True)
class Crowd:
    """What ``build_crowd`` fills; contacts keep their order of creation as keys count up."""

    dice: random.Random
    at: datetime
    firms: Firms
    people: list[Person] = field(default_factory=list)
    contacts: list[MarketingContact] = field(default_factory=list)
    emails: set[str] = field(default_factory=set)
    agencies: list[Company] = field(default_factory=list)

    @property
    def living(self) -> list[MarketingContact]:
        """Return the contacts that still stand."""
        return [contact for contact in self.contacts if contact.living]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One row of the roster on its way to become a person and a contact; ``lot``: how its firm's last sale stands."""

    number: int
    company: Company | None
    place: Place
    rank: Seniority
    pursuit: Pursuit
    warmth: Warmth
    created: datetime
    lot: Lot
    rep: str | None


def build_crowd(
    dice: random.Random, at: datetime, firms: Firms, roster: Roster, lots: Sequence[tuple[Lot, str | None]], people: int
) -> Crowd:
    """Fill marketing automation with exactly ``people`` living contacts; merged and deleted ones come on top.

    The first contacts are those of the roster, in its order.
    """
    crowd = Crowd(dice, at, firms)
    crowd.agencies = [company for company in firms.companies if company.is_agency and company.domain]
    for number, (company, place, rank, pursuit, warmth, created) in enumerate(_rows(roster)):
        lot, rep = lots[number]
        _join(
            crowd,
            Newcomer(
                number,
                firms.companies[company] if company >= 0 else None,
                PLACES[place],
                RANKS[rank],
                PURSUITS[pursuit],
                WARMTHS[warmth],
                datetime.fromtimestamp(created, UTC),
                lot,
                rep,
            ),
        )
    for turn in range(people - len(crowd.contacts)):
        _second_self(crowd, turn)
    _merge_some(crowd, max(3, people // 40) if people else 0)
    _delete_some(crowd, max(2, people // 80) if people else 0)
    _bulk_update(crowd)
    return crowd


def newcomers(people: int) -> int:
    """Return how many of so many living contacts are humans on their own; the rest are second selves."""
    return people - people // TWIN_EVERY


def _rows(roster: Roster) -> Iterator[tuple[int, int, int, int, int, int]]:
    columns = (roster.company, roster.place, roster.rank, roster.pursuit, roster.warmth, roster.created)
    return zip(*(column.tolist() for column in columns), strict=True)


def _join(crowd: Crowd, who: Newcomer) -> None:
    key = f"p{len(crowd.people):06d}"
    company = who.company.key if who.company else None
    crowd.people.append(Person(key, company, who.rank, who.rank in DECIDING, who.warmth, who.pursuit))
    crowd.contacts.append(_contact(crowd, key, who))


def _contact(crowd: Crowd, person: str, who: Newcomer) -> MarketingContact:
    dice, at, number, company, place, created = crowd.dice, crowd.at, who.number, who.company, who.place, who.created
    tongue = TONGUES[place.tongue if dice.random() < 0.85 else "en"]
    (first, first_ascii), (last, last_ascii) = dice.choice(tongue.first), dice.choice(tongue.last)
    titles: tuple[str, ...] = getattr(tongue, who.rank)
    title = dice.choice(titles) if who.warmth == "hot" or dice.random() < 0.84 else None
    updated = (created + dice.random() ** 0.5 * (at - timedelta(minutes=5) - created)).replace(microsecond=0)
    listed = company is not None and company.in_marketing and dice.random() < 0.9
    return MarketingContact(
        key=f"m{len(crowd.contacts):06d}",
        person=person,
        email=None if number % 50 == 31 else _email(crowd, who, f"{first_ascii}.{last_ascii}"),
        other_emails=(),
        first_name=first if number % 23 != 7 else None,
        last_name=_cased(last, number) if number % 31 != 11 or number % 50 == 31 else None,
        title="Student" if who.pursuit == "student" and number % 2 else LONG_TITLE if number % 200 == 41 else title,
        company_name=_typed_company(crowd, who),
        company=company.key if company and listed else None,
        phone=f"{place.dial} {dice.randrange(200000, 9999999)}" if dice.random() < 0.45 else None,
        mobile=f"{place.dial} 7{dice.randrange(1000000, 9999999)}" if dice.random() < 0.1 else None,
        country=_typed_country(crowd, place),
        state=place.state if dice.random() < 0.5 else None,
        city=place.city if dice.random() < 0.5 else None,
        industry=company.industry if company and dice.random() < 0.5 else None,
        employees=_typed_size(crowd, company),
        website=f"https://{company.domain}" if company and company.domain and dice.random() < 0.3 else None,
        source=dice.choice(SOURCES),
        lifecycle=_lifecycle(crowd, who),
        lead_status=dice.choice(("NEW", "OPEN", "IN_PROGRESS", "CONNECTED")) if dice.random() < 0.2 else None,
        owner=who.rep if who.rep and number % 3 else _owner(crowd, number),
        opted_out_at=(created + 0.7 * (updated - created)).replace(microsecond=0) if number % 16 == 5 else None,
        created_at=created,
        updated_at=updated,
    )


def _email(crowd: Crowd, who: Newcomer, local: str) -> str:
    dice, company, number = crowd.dice, who.company, who.number
    if who.pursuit == "student":
        domain = dice.choice(CAMPUSES)
    elif who.pursuit == "competitor":
        domain = dice.choice(RIVALS)
    elif number % 70 == 29:
        domain = dice.choice(DISPOSABLE)
    elif crowd.agencies and number % 40 == 13:
        domain = dice.choice(crowd.agencies).domain or ""
    elif company is None or company.domain is None or number % 12 == 1:
        domain = dice.choice(FREE_MAIL)
    elif company.extra_domains and dice.random() < 0.3:
        domain = company.extra_domains[0]
    else:
        domain = company.domain
    local = ".".join(ascii_slug(part) for part in local.split("."))
    local = local if dice.random() < 0.8 else local[0] + local[local.index(".") + 1 :]
    return free_address(crowd.emails, local, domain)


def free_address(taken: set[str], local: str, domain: str) -> str:
    """Return local@domain, numbered until nobody has it, and take it."""
    address, count = f"{local}@{domain}", 1
    while address in taken:
        count += 1
        address = f"{local}{count}@{domain}"
    taken.add(address)
    return address


def _cased(last: str, number: int) -> str:
    if number % 37 == 4:
        return last.upper()
    return f" {last} " if number % 90 == 8 else last


def _typed_company(crowd: Crowd, who: Newcomer) -> str | None:
    company = who.company
    if who.number % 250 == 77:
        return LONG_COMPANY
    if who.pursuit in {"student", "competitor"}:
        return crowd.dice.choice(SCHOOLS) if who.pursuit == "student" else "Rival Software"
    if company is None:
        return crowd.dice.choice((None, None, "self-employed", "n/a", "-"))
    roll = crowd.dice.random()
    if roll < 0.2:
        return None
    return company.name if roll < 0.6 else " ".join(company.name.split()[:2]) if roll < 0.9 else company.name.lower()


def _typed_country(crowd: Crowd, place: Place) -> str | None:
    roll = crowd.dice.random()
    if roll < 0.3:
        return None
    spellings = COUNTRY_SPELLINGS.get(place.country)
    return crowd.dice.choice(spellings) if spellings and roll > 0.8 else COUNTRY_NAMES[place.country]


def _typed_size(crowd: Crowd, company: Company | None) -> str | None:
    roll = crowd.dice.random()
    if company is None or company.employees is None or roll < 0.6:
        return None
    if roll < 0.9:
        return str(company.employees)
    return f"{company.employees - 10}-{company.employees + 40}" if roll < 0.95 else f"~{company.employees:,}"


def _lifecycle(crowd: Crowd, who: Newcomer) -> str:
    """Say how far marketing believes somebody is; what sales made of the firm counts before anything else."""
    roll = crowd.dice.random()
    if who.lot == "won":
        return "customer"
    if who.lot == "open":
        return "opportunity" if roll < 0.7 else "salesqualifiedlead"
    if who.warmth == "hot":
        return "marketingqualifiedlead" if roll < 0.3 else "lead"
    return "subscriber" if roll < 0.25 else "lead"


def _owner(crowd: Crowd, number: int) -> str | None:
    if number % 5 != 2:
        return None
    return crowd.dice.choice(FORMER_REPS) if number % 35 == 17 else crowd.dice.choice(ACTIVE_REPS)


def _second_self(crowd: Crowd, turn: int) -> None:
    """Let somebody sign up again and nobody notice: from a private address, with a plus-tag, or with a slip."""
    dice = crowd.dice
    twin = dice.choice([c for c in dice.choices(crowd.contacts, k=40) if c.email and c.first_name] or crowd.contacts)
    later = (twin.created_at + dice.random() * (crowd.at - twin.created_at)).replace(microsecond=0)
    local, _, domain = (twin.email or "somebody@gmail.com").partition("@")
    first = twin.first_name
    if turn % 4 == 1:
        local = f"{local}+news"
    elif turn % 4 == 3 and first and len(first) > 3:
        first, local = first[:-2] + first[-1] + first[-2], local[1:] + local[0]
    else:
        domain = dice.choice(FREE_MAIL)
    crowd.contacts.append(
        replace(
            twin,
            key=f"m{len(crowd.contacts):06d}",
            email=free_address(crowd.emails, local, domain),
            first_name=first,
            company=None,
            owner=None,
            lifecycle="subscriber",
            opted_out_at=None,
            created_at=later,
            updated_at=later,
        )
    )


def _merge_some(crowd: Crowd, count: int) -> None:
    """Add contacts that were merged into living ones; every fifth loser had itself swallowed another before."""
    candidates = [c for c in crowd.contacts if c.email and crowd.at - c.created_at > timedelta(days=20)]
    for number, winner in enumerate(crowd.dice.sample(candidates, min(count, len(candidates)))):
        loser = _loser(crowd, winner, crowd.at - 0.3 * crowd.dice.random() * (crowd.at - winner.created_at))
        if number % 5 == 0 and loser.merged_at is not None:
            _loser(crowd, loser, loser.merged_at - timedelta(days=1))


def _loser(crowd: Crowd, winner: MarketingContact, when: datetime) -> MarketingContact:
    merged_at = max(when, winner.created_at + timedelta(minutes=1)).replace(microsecond=0)
    local = (winner.email or "x").split("@", 1)[0]
    address = free_address(crowd.emails, local, crowd.dice.choice(FREE_MAIL))
    loser = replace(
        winner,
        key=f"m{len(crowd.contacts):06d}",
        email=address,
        other_emails=(),
        opted_out_at=None,
        updated_at=merged_at,
        merged_into=winner.key,
        merged_at=merged_at,
    )
    crowd.contacts.append(loser)
    _swallow(crowd, winner.key, address, merged_at)
    return loser


def _swallow(crowd: Crowd, key: str, address: str, merged_at: datetime) -> None:
    """Give the winner (and whoever swallowed the winner) the loser's address, and bump what was older."""
    while True:
        position = int(key[1:])
        winner = crowd.contacts[position]
        crowd.contacts[position] = replace(
            winner, other_emails=(*winner.other_emails, address), updated_at=max(winner.updated_at, merged_at)
        )
        if winner.merged_into is None:
            return
        key = winner.merged_into


def _delete_some(crowd: Crowd, count: int) -> None:
    template = [contact for contact in crowd.contacts if contact.living and contact.email]
    for gone in crowd.dice.sample(template, min(count, len(template))):
        person = Person(f"p{len(crowd.people):06d}", None, "staff", is_decider=False, temperature="cold")
        crowd.people.append(person)
        when = (gone.created_at + 0.9 * (crowd.at - gone.created_at)).replace(microsecond=0)
        crowd.contacts.append(
            replace(
                gone,
                key=f"m{len(crowd.contacts):06d}",
                person=person.key,
                email=free_address(crowd.emails, f"former.{gone.key}", crowd.dice.choice(FREE_MAIL)),
                other_emails=(),
                company=None,
                opted_out_at=None,
                updated_at=when,
                deleted_at=when,
            )
        )


def _bulk_update(crowd: Crowd) -> None:
    """Stamp one in twenty with the same last change, as imports and workflows do."""
    stamp = (crowd.at - timedelta(days=40)).replace(microsecond=0)
    for position, contact in enumerate(crowd.contacts):
        if position % 20 == 3 and contact.living and contact.created_at < stamp and not contact.other_emails:
            crowd.contacts[position] = replace(contact, updated_at=stamp)
