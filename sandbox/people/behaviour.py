"""What contacts did: visits, forms, mailings with their bots, downloads, webinars; two years of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.people.cast import HISTORY
from sandbox.people.world import Event, Mailing, MarketingContact

if TYPE_CHECKING:
    import random

    from sandbox.people.crowd import Crowd

COLD_PATHS = (
    "/",
    "/blog/lead-scoring",
    "/blog/crm-hygiene",
    "/about",
    "/products",
    "/careers",
    "/blog/news",
    "/investors",
)
WARM_PATHS = (*COLD_PATHS, "/products/connector", "/customers", "/pricing", "/resources", "/products/analytics")
HOT_PATHS = (
    "/pricing",
    "/pricing",
    "/pricing/enterprise",
    "/products/connector",
    "/customers/case-studies",
    "/docs",
    "/demo",
)
ASSETS = ("lead-scoring-guide", "crm-checklist", "buyers-guide", "benchmark-report")
WEBINAR = "lead-handover-in-practice"
FIRST_FORMS = ("newsletter", "whitepaper-download", "webinar-registration")
MESSAGES = (
    "Please call me about pricing",
    "Wir hätten gern ein Angebot",
    "お見積りをお願いします",
    "Need a quote for 200 seats",
)


@dataclass(slots=True)
class Diary:
    """Collects events as (time, contact key, kind, further members of Event)."""

    dice: random.Random
    at: datetime
    rows: list[tuple[datetime, str, str, dict[str, object]]] = field(default_factory=list)

    def add(self, when: datetime, contact: str, kind: str, **members: object) -> None:
        """Note one event."""
        self.rows.append((when, contact, kind, members))

    def between(self, start: datetime, end: datetime) -> datetime:
        """Return a whole second in [start, end)."""
        seconds = max(1, int((end - start).total_seconds()))
        return start + timedelta(seconds=int(self.dice.random() * seconds))


def build_behaviour(dice: random.Random, at: datetime, crowd: Crowd) -> tuple[tuple[Mailing, ...], tuple[Event, ...]]:
    """Return mailings and events, the events in time order."""
    diary = Diary(dice, at)
    mailings = _mailings(at) if crowd.contacts else ()
    webinar = (at - timedelta(days=9)).replace(minute=0, second=0)
    guarded = {company.key for number, company in enumerate(crowd.firms.companies) if number % 17 == 2}
    for number, contact in enumerate(crowd.contacts):
        end = contact.merged_at or contact.deleted_at or at
        if end <= contact.created_at or contact.email is None:
            continue
        person = crowd.people[int(contact.person[1:])]
        if person.temperature == "hot" and contact.living:
            _hot(diary, contact, number, webinar)
        elif person.temperature == "warm":
            _warm(diary, contact, end, number)
        else:
            _cold(diary, contact, end, number)
        _mail(diary, contact, mailings, end, scanned=person.company in guarded)
    diary.rows.sort(key=lambda row: (row[0], row[1]))
    events = (
        Event(f"e{number:07d}", contact, kind, when, **members)  # type: ignore[arg-type]
        for number, (when, contact, kind, members) in enumerate(diary.rows)
    )
    return mailings, tuple(events)


def _mailings(at: datetime) -> tuple[Mailing, ...]:
    def mailing(number: int) -> Mailing:
        sent = (at - timedelta(days=2 + 30 * number, hours=3)).replace(minute=0, second=0)
        links = ("/blog/lead-scoring", "/products/connector", f"/blog/issue-{number}")
        return Mailing(f"n{number:03d}", f"Newsletter {24 - number}", f"What changed, no. {24 - number}", links, sent)

    return tuple(mailing(number) for number in range(HISTORY.days // 30))


def _form(diary: Diary, when: datetime, contact: MarketingContact, form: str, **values: str) -> None:
    diary.add(when, contact.key, "form_submit", form=form, values=values or None)


def _visits(diary: Diary, contact: MarketingContact, start: datetime, count: int, paths: tuple[str, ...]) -> None:
    """Walk through ``count`` pages in one sitting."""
    when = start
    for _ in range(count):
        if when >= diary.at:
            return
        diary.add(when, contact.key, "page_view", path=diary.dice.choice(paths))
        when += timedelta(seconds=diary.dice.randrange(0, 240))


def _hot(diary: Diary, contact: MarketingContact, number: int, webinar: datetime) -> None:
    at, dice = diary.at, diary.dice
    start = max(contact.created_at, at - timedelta(days=35))
    for _ in range(4 + dice.randrange(3)):
        recent = at - timedelta(days=21) * float(dice.random() ** 1.5) - timedelta(minutes=2)
        _visits(diary, contact, max(start, recent.replace(microsecond=0)), 2 + dice.randrange(3), HOT_PATHS)
    for asset in dice.sample(ASSETS, 1 + dice.randrange(3)):
        _download(diary, contact, diary.between(start, at), asset)
    if contact.created_at < webinar - timedelta(days=3) and dice.random() < 0.6:
        _form(
            diary,
            diary.between(max(start, webinar - timedelta(days=6)), webinar),
            contact,
            "webinar-registration",
            webinar=WEBINAR,
        )
        if dice.random() < 0.7:  # attendance is imported afterwards: everybody at one moment
            diary.add(webinar + timedelta(hours=1), contact.key, "webinar_attended", asset=WEBINAR)
    if number % 3 == 0:
        _form(
            diary,
            diary.between(start, at),
            contact,
            "demo-request",
            budget_range="50-100k",
            message=dice.choice(MESSAGES),
        )
    elif number % 5 == 0:
        _form(
            diary,
            diary.between(max(start, at - timedelta(days=6)), at),
            contact,
            "contact-us",
            message=dice.choice(MESSAGES),
        )


def _download(diary: Diary, contact: MarketingContact, when: datetime, asset: str) -> None:
    _form(diary, when, contact, "whitepaper-download", asset=asset)
    diary.add(when, contact.key, "asset_download", asset=asset, path=f"/downloads/{asset}.pdf")


def _warm(diary: Diary, contact: MarketingContact, end: datetime, number: int) -> None:
    dice = diary.dice
    _form(
        diary, contact.created_at, contact, dice.choice(("newsletter", "whitepaper-download", "webinar-registration"))
    )
    for _ in range(1 + dice.randrange(2)):
        _visits(diary, contact, diary.between(contact.created_at, end), 1 + dice.randrange(4), WARM_PATHS)
    if number % 5 < 2 and end == diary.at:  # looked closer not long ago: between cold and hot
        lately = end - timedelta(days=28) * dice.random() - timedelta(minutes=2)
        _visits(
            diary, contact, max(contact.created_at, lately.replace(microsecond=0)), 2 + dice.randrange(4), HOT_PATHS
        )
    if dice.random() < 0.4:
        _download(diary, contact, diary.between(contact.created_at, end), dice.choice(ASSETS))
    if number % 11 == 0:
        when = diary.between(contact.created_at, end)
        _form(diary, when, contact, dice.choice(("contact-us", "demo-request")), message=dice.choice(MESSAGES))


def _cold(diary: Diary, contact: MarketingContact, end: datetime, number: int) -> None:
    dice = diary.dice
    if number % 3:
        _form(diary, contact.created_at, contact, "newsletter")
    if dice.random() < 0.5:
        _visits(diary, contact, diary.between(contact.created_at, end), 1 + dice.randrange(3), COLD_PATHS)
    if number % 190 == 0:
        _form(diary, diary.between(contact.created_at, end), contact, "contact-us", message=dice.choice(MESSAGES))


def _mail(
    diary: Diary, contact: MarketingContact, mailings: tuple[Mailing, ...], end: datetime, *, scanned: bool
) -> None:
    """Send one newsletter in nine to a contact while it stood and had not opted out."""
    dice, key = diary.dice, contact.key
    stop = min(end, contact.opted_out_at or end)
    offset = dice.randrange(9)
    for mailing in mailings[offset::9]:
        sent = mailing.sent_at
        if not contact.created_at < sent < stop - timedelta(minutes=10):
            continue
        diary.add(sent, key, "email_sent", mailing=mailing.key)
        if dice.random() < 0.03:
            diary.add(sent + timedelta(seconds=9), key, "email_bounce", mailing=mailing.key)
            continue
        delivered = sent + timedelta(seconds=1 + dice.randrange(40))
        diary.add(delivered, key, "email_delivered", mailing=mailing.key)
        if scanned:  # the mail gateway opens and follows every link before anybody reads
            _scan(diary, key, mailing, delivered)
        elif dice.random() < 0.35:
            _read(
                diary,
                contact,
                mailing,
                diary.between(delivered + timedelta(minutes=1), min(stop, delivered + timedelta(days=3))),
            )
    if contact.opted_out_at and contact.opted_out_at < end:
        diary.add(contact.opted_out_at, key, "email_unsubscribe", mailing=None)


def _scan(diary: Diary, key: str, mailing: Mailing, delivered: datetime) -> None:
    when = delivered + timedelta(seconds=1 + diary.dice.randrange(5))
    diary.add(when, key, "email_open", mailing=mailing.key, by_bot=True)
    for link in mailing.links:
        diary.add(when, key, "email_click", mailing=mailing.key, path=link, by_bot=True)


def _read(diary: Diary, contact: MarketingContact, mailing: Mailing, when: datetime) -> None:
    diary.add(when, contact.key, "email_open", mailing=mailing.key)
    if diary.dice.random() < 0.3:
        link = diary.dice.choice(mailing.links)
        diary.add(when, contact.key, "email_click", mailing=mailing.key, path=link)
        diary.add(when, contact.key, "page_view", path=link)
