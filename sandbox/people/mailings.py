"""Marketing's e-mails: newsletters, webinar invitations and nurture programmes, and what became of each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sandbox.people.audience import Audience, reads_only
from sandbox.people.cast import HISTORY
from sandbox.people.roster import HOT, WARM
from sandbox.people.scanners import open_by_itself, scan
from sandbox.people.seasons import DAY
from sandbox.people.world import Mailing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.campaigns import Webinar
    from sandbox.people.events import Diary
    from sandbox.people.seasons import Seasons

#: Every contact gets one newsletter in nine; invitations go to a sample; nurture follows the first form.
NEWSLETTER_TURNS = 9
INVITED = 0.03
NURTURED = 0.30
NURTURE_DAYS = (2, 9)
#: Of addresses, those that do not exist: the first message bounces and is the last. Of messages, those that bounce.
DEAD_ADDRESSES, SOFT_BOUNCES = 0.015, 0.01
#: Share of delivered messages that people open: in the market, on a journey, warm, readers, cold.
OPENED = {"hot": 0.45, "journey": 0.38, "warm": 0.33, "reader": 0.42, "cold": 0.19}
#: Share of opened messages in which they click.
CLICKED = {"hot": 0.32, "journey": 0.28, "warm": 0.22, "reader": 0.24, "cold": 0.10}
SPAM_REPORTS = 0.0006


@dataclass(slots=True)
class Sends:
    """One row per message."""

    who: NDArray[np.int64]
    at: NDArray[np.int64]
    mailing: NDArray[np.int64]


def plan_mailings(at: datetime, series: tuple[Webinar, ...]) -> tuple[Mailing, ...]:
    """Return the mailings: 24 newsletters, an invitation per webinar, the steps of the nurture programme."""
    issues = HISTORY.days // 30

    def newsletter(number: int) -> Mailing:
        sent = (at - timedelta(days=2 + 30 * number, hours=3)).replace(minute=0, second=0)
        links = ("/blog/lead-scoring", "/products/connector", f"/blog/issue-{number}")
        return Mailing(
            f"n{number:03d}", f"Newsletter {issues - number}", f"What changed, no. {issues - number}", links, sent
        )

    found = [newsletter(number) for number in range(issues)]
    for number, webinar in enumerate(series):
        sent = datetime.fromtimestamp(webinar.start - 9 * DAY, UTC).replace(hour=9)
        links = ("/webinars", f"/webinars/{webinar.asset}")
        name = f"Invitation: {webinar.asset}"
        found.append(Mailing(f"i{number:03d}", name, f"Join us: {webinar.asset}", links, sent, "invitation"))
    for number, days in enumerate(NURTURE_DAYS):
        links = ("/resources", "/customers") if number == 0 else ("/products/connector", "/pricing")
        name = f"Nurture {number + 1}: day {days}"
        found.append(Mailing(f"u{number:03d}", name, f"Worth a look ({number + 1})", links, at - HISTORY, "nurture"))
    return tuple(found)


def write_mailings(
    rng: np.random.Generator, seasons: Seasons, audience: Audience, mailings: tuple[Mailing, ...], diary: Diary
) -> None:
    """Write what was sent, delivered, bounced, opened, clicked and complained about, and who unsubscribed."""
    sends = _sends(rng, seasons, audience, mailings)
    dead = audience.number[rng.random(len(audience)) < DEAD_ADDRESSES]
    sends, hard = _without_the_dead(sends, dead)
    diary.add("email_sent", sends.at, sends.who, mailing=sends.mailing)
    bounced = hard | (rng.random(len(sends.who)) < SOFT_BOUNCES)
    diary.add("email_bounce", sends.at[bounced] + 9, sends.who[bounced], mailing=sends.mailing[bounced])
    came = ~bounced
    who, mailing = sends.who[came], sends.mailing[came]
    delivered = sends.at[came] + rng.integers(1, 41, len(who))
    diary.add("email_delivered", delivered, who, mailing=mailing)
    links = [found.links for found in mailings]
    scanned = audience.gateway[who]
    scan(rng, diary, who[scanned], delivered[scanned], mailing[scanned], links)
    open_by_itself(rng, diary, audience, who[~scanned], delivered[~scanned], mailing[~scanned])
    _read(rng, seasons, audience, diary, Sends(who, delivered, mailing), links)
    angry = rng.random(len(who)) < SPAM_REPORTS
    late = np.minimum(delivered + 7200, audience.end[who] - 1)
    angry &= late > delivered
    diary.add("spam_report", late[angry], who[angry], mailing=mailing[angry])
    _unsubscribe(audience, diary, Sends(who, delivered, mailing))


def _sends(rng: np.random.Generator, seasons: Seasons, audience: Audience, mailings: tuple[Mailing, ...]) -> Sends:
    """Choose who gets what: contacts that stand and have not opted out, ten minutes to spare."""
    stop = np.minimum(audience.end, audience.opted_out) - 600
    offset = rng.integers(0, NEWSLETTER_TURNS, len(audience))
    nurtured = rng.random(len(audience)) < NURTURED
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], int]] = []
    for place, mailing in enumerate(mailings):
        sent = np.full(len(audience), int(mailing.sent_at.timestamp()))
        if mailing.programme == "nurture":
            days = NURTURE_DAYS[int(mailing.key[1:])]
            from_ = audience.created + days * DAY
            sent = seasons.moments(rng, audience.country, from_, from_ + DAY)
            chosen = nurtured
        elif mailing.programme == "invitation":
            chosen = rng.random(len(audience)) < INVITED
        else:
            chosen = (place - offset) % NEWSLETTER_TURNS == 0
        who = np.flatnonzero(chosen & audience.mailable & (audience.created < sent) & (sent < stop))
        parts.append((who, sent[who], place))
    return Sends(
        np.concatenate([who for who, _, _ in parts]),
        np.concatenate([at for _, at, _ in parts]),
        np.concatenate([np.full(len(who), place, dtype=np.int64) for who, _, place in parts]),
    )


def _without_the_dead(sends: Sends, dead: NDArray[np.int64]) -> tuple[Sends, NDArray[np.bool_]]:
    """Leave of the messages to dead addresses the first, which bounces hard; return also which those are."""
    order = np.lexsort((sends.mailing, sends.at, sends.who))
    sends = Sends(sends.who[order], sends.at[order], sends.mailing[order])
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = sends.who[1:] != sends.who[:-1]
    gone = np.isin(sends.who, dead)
    keep = ~gone | first
    return Sends(sends.who[keep], sends.at[keep], sends.mailing[keep]), gone[keep]


def _rate(audience: Audience, who: NDArray[np.int64], rates: dict[str, float]) -> NDArray[np.float64]:
    found = np.full(len(who), rates["cold"])
    found[audience.warmth[who] == WARM] = rates["warm"]
    found[audience.journey[who] >= 0] = rates["journey"]
    found[audience.warmth[who] == HOT] = rates["hot"]
    found[reads_only(audience)[who]] = rates["reader"]
    return found


def _read(
    rng: np.random.Generator,
    seasons: Seasons,
    audience: Audience,
    diary: Diary,
    came: Sends,
    links: list[tuple[str, ...]],
) -> None:
    """Let people open within three days, by their hours; who clicks sees the page seconds later."""
    who, end = came.who, np.minimum(audience.end, audience.opted_out)
    opened = rng.random(len(who)) < _rate(audience, who, OPENED) * np.where(audience.gateway[who], 0.5, 1.0)
    who, delivered, mailing = who[opened], came.at[opened], came.mailing[opened]
    low = delivered + 60
    at = seasons.moments(
        rng, audience.country[who], low, np.maximum(np.minimum(end[who] - 30, delivered + 3 * DAY), low + 1)
    )
    diary.add("email_open", at, who, mailing=mailing)
    clicked = rng.random(len(who)) < _rate(audience, who, CLICKED)
    who, at, mailing = who[clicked], at[clicked] + 5, mailing[clicked]
    counts = np.array([len(found) for found in links], dtype=np.int64)[mailing]
    chosen = (rng.random(len(who)) * counts).astype(np.int64)
    codes = [diary.paths.all(found) for found in links]
    paths = np.array(
        [codes[mail][spot] for mail, spot in zip(mailing.tolist(), chosen.tolist(), strict=True)], dtype=np.int64
    )
    diary.add("email_click", at, who, mailing=mailing, path=paths)
    diary.add("page_view", at + 2, who, path=paths)


def _unsubscribe(audience: Audience, diary: Diary, came: Sends) -> None:
    """Note the opt-outs, under the last message that reached somebody in the thirty days before."""
    who = np.flatnonzero(audience.mailable & (audience.opted_out < audience.end))
    order = np.lexsort((came.at, came.who))
    key = came.who[order] * (1 << 33) + came.at[order]
    place = np.searchsorted(key, who * (1 << 33) + audience.opted_out[who]) - 1
    found = order[np.maximum(place, 0)] if len(order) else np.zeros(len(who), dtype=np.int64)
    fits = np.zeros(len(who), dtype=np.bool_)
    if len(order):
        fits = (place >= 0) & (came.who[found] == who) & (audience.opted_out[who] - came.at[found] < 30 * DAY)
    mailing = np.where(fits, came.mailing[found] if len(order) else -1, -1)
    diary.add("email_unsubscribe", audience.opted_out[who], who, mailing=mailing)
