"""Build the sample world: the same seed, end and size give the same world."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sandbox.people.audience import build_audience
from sandbox.people.buying_groups import build_journeys
from sandbox.people.campaigns import brought_by, build_campaigns, plan_campaigns, webinars
from sandbox.people.cast import LISTS, empty_world
from sandbox.people.crowd import build_crowd, newcomers
from sandbox.people.deals import build_opportunities
from sandbox.people.dice import stream
from sandbox.people.events import CODE, Diary, Events
from sandbox.people.fates import build_fates
from sandbox.people.firms import build_firms
from sandbox.people.follow_up import build_sales
from sandbox.people.mailings import plan_mailings, write_mailings
from sandbox.people.reps import REPS, build_desk
from sandbox.people.roster import build_roster
from sandbox.people.salesbook import Sale, build_salesbook
from sandbox.people.scanners import crawl
from sandbox.people.seasons import Seasons
from sandbox.people.truth import ROLE_OF_RANK, Hidden
from sandbox.people.visits import Website, write_visits

if TYPE_CHECKING:
    from sandbox.people.buying_groups import Journeys
    from sandbox.people.crowd import Crowd, Lot
    from sandbox.people.fates import Fates
    from sandbox.people.roster import Roster
    from sandbox.people.world import MarketingContact, World


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
    seasons = Seasons(at)
    roster = build_roster(stream(seed, "roster"), seasons, at, firms, newcomers(people))
    journeys = build_journeys(stream(seed, "journeys"), at, firms, roster)
    desk = build_desk(random.Random(f"{seed}/reps"), at)
    fates = build_fates(stream(seed, "fates"), int(at.timestamp()), firms, journeys, desk)
    crowd = build_crowd(random.Random(f"{seed}/crowd"), at, firms, roster, _lots(journeys, fates, roster), people)
    book = build_salesbook(random.Random(f"{seed}/salesbook"), at, crowd, desk, _sales(crowd, roster, journeys, fates))
    opportunities = build_opportunities(random.Random(f"{seed}/deals"), at, book, journeys, fates)
    audience = build_audience(at, crowd, roster, journeys)
    planned = plan_campaigns(at, people)
    series = webinars(at, planned)
    mailings = plan_mailings(at, series)
    diary = Diary()
    dice = stream(seed, "visits")
    site = Website(dice, seasons, audience, diary, planned, brought_by(dice, planned, audience.created))
    write_visits(site, journeys, fates, series)
    write_mailings(stream(seed, "mailings"), seasons, audience, mailings, diary)
    crawl(stream(seed, "crawlers"), diary, audience)
    contacts = tuple(crowd.contacts)
    events = Events(diary.table(), diary, [contact.key for contact in contacts], [mailing.key for mailing in mailings])
    contacts = _touched(contacts, events)
    campaigns, members = build_campaigns(random.Random(f"{seed}/campaigns"), at, planned, book)
    return replace(
        frame,
        companies=firms.companies,
        accounts=firms.accounts,
        people=tuple(crowd.people),
        contacts=contacts,
        records=tuple(book.records),
        opportunities=opportunities,
        sales=build_sales(random.Random(f"{seed}/sales"), at, book, opportunities, crowd.living),
        rejections=tuple(book.rejections),
        mailings=mailings,
        campaigns=campaigns,
        members=members,
        events=events,
        absences=desk.absences,
        lists=_lists(contacts),
        hidden=Hidden(roster, journeys, fates, audience.gateway, book.deal_of),
    )


def _lots(journeys: Journeys, fates: Fates, roster: Roster) -> list[tuple[Lot, str | None]]:
    """Return for each row of the roster how its last sale stands, and whose it is."""
    found: list[tuple[Lot, str | None]] = [("none", None)] * len(roster.company)
    for row, journey in enumerate(journeys.latest_of(len(roster.company)).tolist()):
        if journey >= 0 and fates.deal[journey]:
            lot: Lot = "open" if not fates.closed[journey] else "won" if fates.won[journey] else "lost"
            found[row] = (lot, REPS[int(fates.rep[journey])])
    return found


def _sales(crowd: Crowd, roster: Roster, journeys: Journeys, fates: Fates) -> dict[str, Sale]:
    """Return by contact what sales has to do with it: the members of journeys that got a deal, the last one each."""
    found: dict[str, Sale] = {}
    for spot in np.argsort(journeys.start[journeys.member_journey], kind="stable").tolist():
        journey, row = int(journeys.member_journey[spot]), int(journeys.member[spot])
        if fates.deal[journey]:
            heard = datetime.fromtimestamp(int(journeys.handover[journey]), UTC)
            heard += timedelta(hours=round(float(fates.response[journey])))
            role = ROLE_OF_RANK[int(roster.rank[row])]
            engaged = bool(journeys.member_engaged[spot])
            found[crowd.contacts[row].key] = Sale(journey, heard, REPS[int(fates.rep[journey])], role, engaged)
    return found


def _touched(contacts: tuple[MarketingContact, ...], events: Events) -> tuple[MarketingContact, ...]:
    """Move ``updated_at`` up to the last form a contact sent, as the source does."""
    table = events.table
    forms = table.kind == CODE["form_submit"]
    last = np.zeros(len(contacts), dtype=np.int64)
    np.maximum.at(last, table.contact[forms], table.at[forms])
    return tuple(
        replace(contact, updated_at=datetime.fromtimestamp(when, UTC))
        if when and when > contact.updated_at.timestamp()
        else contact
        for contact, when in zip(contacts, last.tolist(), strict=True)
    )


def _lists(contacts: tuple[MarketingContact, ...]) -> dict[str, tuple[str, ...]]:
    living = [contact.key for contact in contacts if contact.living]
    tradeshow, newsletter, imported = LISTS
    return {tradeshow: (), newsletter: tuple(living[::3]), imported: tuple(living[5::19])}
