"""Build the sample world: the same seed, end and size give the same world."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.people.behaviour import build_behaviour
from sandbox.people.cast import LISTS, empty_world
from sandbox.people.crowd import build_crowd
from sandbox.people.firms import build_firms
from sandbox.people.pipeline import build_campaigns, build_opportunities, build_sales
from sandbox.people.salesbook import build_salesbook

if TYPE_CHECKING:
    from sandbox.people.world import Event, MarketingContact, World


def build_world(seed: int, at: datetime, people: int) -> World:
    """Return the sample company as it stands at ``at``, with ``people`` living marketing contacts and two years' past.

    ``at`` is cut to the second (UTC). ``people=0`` gives the company without any customer.

    Raises:
        ValueError: ``at`` has no time zone, or ``people`` is negative.
    """
    if at.tzinfo is None or people < 0:
        raise ValueError("at needs a time zone and people must not be negative")
    at = at.astimezone(UTC).replace(microsecond=0)
    frame = empty_world(seed, at)
    if people == 0:
        return frame
    firms = build_firms(random.Random(f"{seed}/firms"), at, people)
    crowd = build_crowd(random.Random(f"{seed}/crowd"), at, firms, people)
    book = build_salesbook(random.Random(f"{seed}/salesbook"), at, crowd)
    mailings, events = build_behaviour(random.Random(f"{seed}/behaviour"), at, crowd)
    contacts = _touched(crowd.contacts, events)
    dice = random.Random(f"{seed}/pipeline")
    campaigns, members = build_campaigns(dice, at, book)
    return replace(
        frame,
        companies=firms.companies,
        accounts=firms.accounts,
        people=tuple(crowd.people),
        contacts=contacts,
        records=tuple(book.records),
        opportunities=build_opportunities(dice, at, book),
        sales=build_sales(dice, at, book, crowd.living),
        rejections=tuple(book.rejections),
        mailings=mailings,
        campaigns=campaigns,
        members=members,
        events=events,
        lists=_lists(contacts),
    )


def _touched(contacts: list[MarketingContact], events: tuple[Event, ...]) -> tuple[MarketingContact, ...]:
    """Move ``updated_at`` up to the last form a contact sent, as the source does."""
    last = {event.contact: event.at for event in events if event.kind == "form_submit"}
    return tuple(
        replace(contact, updated_at=when) if (when := last.get(contact.key)) and when > contact.updated_at else contact
        for contact in contacts
    )


def _lists(contacts: tuple[MarketingContact, ...]) -> dict[str, tuple[str, ...]]:
    living = [contact.key for contact in contacts if contact.living]
    tradeshow, newsletter, imported = LISTS
    return {tradeshow: (), newsletter: tuple(living[::3]), imported: tuple(living[5::19])}
