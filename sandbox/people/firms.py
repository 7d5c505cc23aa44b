"""Companies as they are, and the accounts a CRM keeps of some of them."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from sandbox.people.cast import ACTIVE_REPS, FORMER_REPS, HISTORY
from sandbox.people.places import (
    COMPANY_SIZES,
    INDUSTRIES,
    LEGAL_FORMS,
    PLACE_WEIGHTS,
    PLACES,
    WORD_ENDS,
    WORD_STARTS,
    Place,
)
from sandbox.people.world import Account, Company

if TYPE_CHECKING:
    import random

PEOPLE_PER_COMPANY = 5
LARGE = 200
#: Trades we sell to best, and countries we have people in.
FITTING_TRADES = frozenset({"Software", "Financial Services", "Banking", "Telecommunications", "Manufacturing"})
SERVED = frozenset({"US", "CA", "GB", "IE", "DE", "AT", "CH", "FR"})
#: A mail gateway that follows every link stands before the mailboxes of every 17th firm.
GATEWAY_EVERY, GATEWAY_OFFSET = 17, 2
SIZE_WEIGHTS = tuple(range(len(COMPANY_SIZES), 0, -1))


@lru_cache(maxsize=1 << 16)
def ascii_slug(text: str) -> str:
    """Spell ``text`` with a-z, 0-9 and single hyphens, for domains and e-mail addresses."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    letters = "".join(char if char.isalnum() else " " for char in plain.lower())
    return "-".join(letters.split())


@dataclass(frozen=True, slots=True)
class Firms:
    """Companies with the place each sits in, and the CRM's accounts."""

    companies: tuple[Company, ...]
    places: dict[str, Place]  # Company.key ->
    accounts: tuple[Account, ...]
    employees: tuple[int, ...] = ()  # as they are, not as anybody recorded them
    fit: tuple[float, ...] = ()  # how well each firm fits what we sell, 0 to 1: hidden

    def known_large(self) -> list[int]:
        """Return the places of firms of 200 or more whose account has a website."""
        with_account = {account.company for account in self.accounts if account.deleted_at is None and account.website}
        return [
            place
            for place, company in enumerate(self.companies)
            if company.key in with_account and company.domain and (company.employees or 0) >= LARGE
        ]

    def accounts_from(self) -> dict[int, int]:
        """Return, for the place of each firm with a living account, when the account was opened (seconds, UTC)."""
        places = {company.key: place for place, company in enumerate(self.companies)}
        found: dict[int, int] = {}
        for account in self.accounts:
            if account.deleted_at is None:
                found.setdefault(places[account.company], int(account.created_at.timestamp()))
        return found


def build_firms(dice: random.Random, at: datetime, people: int) -> Firms:
    """Found about one company per five people, subsidiaries included, and open accounts for half of them."""
    count = max(12, people // PEOPLE_PER_COMPANY) if people else 0
    companies: list[Company] = []
    places: dict[str, Place] = {}
    taken: set[str] = set()
    employees: list[int] = []
    fit: list[float] = []
    for number in range(count):
        parent = companies[dice.randrange(len(companies))] if number >= 6 and number % 8 == 6 else None
        employees.append(dice.choices(COMPANY_SIZES, SIZE_WEIGHTS)[0] + dice.randrange(0, 9))
        company, place, trade = _company(dice, at, number, parent, taken, employees[-1])
        companies.append(company)
        places[company.key] = place
        fit.append(firm_fit(trade, employees[-1], place.country))
    companies = _sisters(companies)
    return Firms(tuple(companies), places, tuple(_accounts(dice, at, companies)), tuple(employees), tuple(fit))


def firm_fit(trade: str, employees: int, country: str) -> float:
    """Return how well a firm fits what we sell, 0 to 1: trade 0.4, size 0.4 (full from 200 people on), country 0.2."""
    size = min(1.0, math.log2(max(employees, 2) / 2) / math.log2(LARGE / 2))
    return round(0.4 * (trade in FITTING_TRADES) + 0.4 * size + 0.2 * (country in SERVED), 4)


def _invented_name(dice: random.Random, taken: set[str]) -> tuple[str, str]:
    """Return an unused (name, industry)."""
    while True:
        industry, suffix = dice.choice(INDUSTRIES)
        word = dice.choice(WORD_STARTS) + dice.choice(WORD_ENDS)
        if dice.random() < 0.35:
            word = f"{word} {dice.choice(WORD_STARTS)}{dice.choice(WORD_ENDS)}"
        name = f"{word} {suffix}"
        if ascii_slug(name) not in taken:
            taken.add(ascii_slug(name))
            return name, industry


def _company(
    dice: random.Random, at: datetime, number: int, parent: Company | None, taken: set[str], employees: int
) -> tuple[Company, Place, str]:
    place = dice.choices(PLACES, PLACE_WEIGHTS)[0]
    core, industry = _invented_name(dice, taken)
    if parent is not None:
        core, industry = f"{parent.name.split()[0]} {place.city}", parent.industry or industry
    legal = dice.choice(LEGAL_FORMS[place.country])
    domain = f"{ascii_slug(core)}.{dice.choice(place.suffixes)}"
    is_agency = number % 60 == 11
    if parent is not None and number % 16 == 6:  # shares the parent's domain
        domain = parent.domain or domain
    extra = (f"{ascii_slug(core).replace('-', '')}-group.example",) if number % 13 == 5 else ()
    created = at - dice.random() * HISTORY
    company = Company(
        key=f"co{number:05d}",
        name=f"{core} {legal}".strip(),
        domain=None if number % 20 == 17 else domain,
        extra_domains=extra,
        industry="Consulting" if is_agency else (industry if dice.random() < 0.93 else None),
        employees=employees if dice.random() < 0.9 else None,
        revenue=employees * dice.randrange(60, 260) * 1000 if dice.random() < 0.8 else None,
        country=place.country,
        state=place.state,
        city=place.city if dice.random() < 0.95 else None,
        phone=f"{place.dial} {dice.randrange(2000000, 9999999)}" if dice.random() < 0.8 else None,
        parent=parent.key if parent else None,
        is_agency=is_agency,
        in_marketing=number % 6 != 4,
        created_at=created.replace(microsecond=0),
        updated_at=(created + dice.random() * (at - created)).replace(microsecond=0),
    )
    return company, place, industry


def _sisters(companies: list[Company]) -> list[Company]:
    """Let every third subsidiary write from the domain of a sister, as groups with shared mail do."""
    by_parent: dict[str, list[int]] = {}
    for position, company in enumerate(companies):
        if company.parent is not None:
            by_parent.setdefault(company.parent, []).append(position)
    pools = [found for found in by_parent.values() if len(found) > 1]
    children = [position for found in by_parent.values() for position in found]
    if not pools and len(children) > 1:  # small worlds: adopt one
        companies[children[1]] = replace(companies[children[1]], parent=companies[children[0]].parent)
        pools = [children[:2]]
    for elder, *younger in pools:
        shared = companies[elder].domain
        if shared is not None:
            companies[younger[0]] = replace(companies[younger[0]], domain=shared)
    return companies


def _spelled(dice: random.Random, name: str) -> str:
    """Spell a company name as somebody typing into a CRM might."""
    roll = dice.random()
    if roll < 0.6:
        return name
    if roll < 0.72:
        return name.upper()
    if roll < 0.86:
        return " ".join(name.split()[:2])
    if roll < 0.93:
        return name.replace("GmbH", "G.m.b.H.").replace("Inc.", "Incorporated").replace("Ltd", "Limited")
    return f"  {name} "


def _accounts(dice: random.Random, at: datetime, companies: list[Company]) -> list[Account]:
    accounts: list[Account] = []
    by_company: dict[str, str] = {}
    for number, company in enumerate(companies):
        if number % 2 and company.in_marketing:
            continue
        account = _account(dice, at, len(accounts), company, by_company.get(company.parent or ""))
        by_company[company.key] = account.key
        accounts.append(account)
        if len(accounts) % 25 == 7:  # somebody made the account again
            accounts.append(_again(dice, at, len(accounts), account, company))
    for position, account in enumerate(accounts):
        if position % 50 == 9 and position > 0:  # two accounts merged: the loser stays in the recycle bin
            gone = account.updated_at + dice.random() * (at - account.updated_at)
            winner = accounts[position - 1].key
            accounts[position] = replace(account, merged_into=winner, deleted_at=gone.replace(microsecond=0))
    return accounts


def _account(dice: random.Random, at: datetime, number: int, company: Company, parent: str | None) -> Account:
    created = company.created_at + dice.random() * 0.5 * (at - company.created_at)
    website = f"https://www.{company.domain}/" if dice.random() < 0.6 else company.domain
    return Account(
        key=f"a{number:05d}",
        company=company.key,
        name=_spelled(dice, company.name),
        website=None if number % 7 == 3 or company.domain is None else website,
        industry=company.industry,
        employees=company.employees if dice.random() < 0.85 else None,
        revenue=company.revenue,
        country=company.country,
        state=company.state,
        city=company.city,
        phone=company.phone if dice.random() < 0.7 else None,
        parent=parent,
        owner=dice.choice(FORMER_REPS) if number % 11 == 2 else dice.choice(ACTIVE_REPS),
        kind=("Prospect", "Prospect", "Customer", "Partner")[number % 4 if number % 5 else 0],
        created_at=created.replace(microsecond=0),
        updated_at=(created + dice.random() * (at - created)).replace(microsecond=0),
    )


def _again(dice: random.Random, at: datetime, number: int, account: Account, company: Company) -> Account:
    created = account.created_at + 0.5 * (at - account.created_at)
    return replace(
        account,
        key=f"a{number:05d}",
        name=" ".join(company.name.split()[:2]),
        website=None,
        owner=dice.choice(ACTIVE_REPS),
        created_at=created.replace(microsecond=0),
        updated_at=min(at, created + timedelta(days=1)).replace(microsecond=0),
    )
