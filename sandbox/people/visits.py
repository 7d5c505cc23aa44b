"""What contacts did on the website: visits, forms, downloads, webinars, each in the order a buyer would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.audience import Audience, looks_now, reads_only
from sandbox.people.cast import FORMS
from sandbox.people.dice import spread, turns
from sandbox.people.roster import COLD, PURSUITS, WARM
from sandbox.people.seasons import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.buying_groups import Journeys
    from sandbox.people.campaigns import Campaign, Webinar
    from sandbox.people.events import Diary
    from sandbox.people.fates import Fates
    from sandbox.people.seasons import Seasons

AWARE = ("/", "/blog/lead-scoring", "/blog/crm-hygiene", "/about", "/products", "/blog/news")
IDLE = (*AWARE, "/careers", "/investors")
WEIGHING = (
    "/products/connector",
    "/products/analytics",
    "/customers",
    "/customers/case-studies",
    "/resources",
    "/docs",
)
DECIDING = (
    "/pricing",
    "/pricing",
    "/pricing/enterprise",
    "/products/connector",
    "/customers/case-studies",
    "/docs",
    "/demo",
)
WARM_PATHS = (*IDLE, "/products/connector", "/customers", "/pricing", "/resources", "/products/analytics")
STUDYING = ("/blog/lead-scoring", "/blog/crm-hygiene", "/resources", "/docs", "/customers/case-studies", "/blog/news")
SPYING = ("/products/connector", "/products/analytics", "/pricing", "/docs", "/customers", "/blog/news")
APPLYING = ("/careers", "/careers", "/careers/open-positions", "/about", "/investors")
ASSETS = ("lead-scoring-guide", "crm-checklist", "buyers-guide", "benchmark-report")
MESSAGES = (
    "Please call me about pricing",
    "Wir hätten gern ein Angebot",
    "お見積りをお願いします",
    "Need a quote for 200 seats",
)
FIRST_FORMS = ("newsletter", "whitepaper-download", "webinar-registration")
#: Where a journey passes from awareness to weighing up to deciding, as a share of its time.
STAGES = (0.35, 0.70)
PAGES: dict[str, str] = {form.key: form.page for form in FORMS}


@dataclass(slots=True)
class Website:
    """What the visits are written with."""

    rng: np.random.Generator
    seasons: Seasons
    audience: Audience
    diary: Diary
    campaigns: tuple[Campaign, ...]
    brought: NDArray[np.int64]  # per contact: place in campaigns, -1 for none

    def when(self, who: NDArray[np.int64], start: NDArray[Any], end: NDArray[Any]) -> NDArray[np.int64]:
        """Return an instant in [start, end) for each contact, by the habits of its country."""
        return self.seasons.moments(self.rng, self.audience.country[who], start, end)

    def form(
        self, who: NDArray[np.int64], at: NDArray[np.int64], form: str, typed: list[tuple[Any, ...]] | None
    ) -> None:
        """Note that contacts sent a form; the page they stood on carries the tags of what brought them."""
        diary = self.diary
        tags = np.array(
            [
                diary.paths.code(PAGES[form] + ("" if place < 0 else _tags(self.campaigns[place])))
                for place in range(-1, len(self.campaigns))
            ],
            dtype=np.int64,
        )
        diary.add(
            "form_submit",
            at,
            who,
            form=diary.forms.code(form),
            path=tags[self.brought[who] + 1],
            values=-1 if typed is None else diary.typed.all(typed),
        )

    def sittings(self, who: NDArray[np.int64], start: NDArray[Any], pages: NDArray[Any], paths: Any) -> None:
        """Let each contact walk through some pages from an instant on; ``paths``: one set, or (sets, which)."""
        owner, turn = spread(pages), turns(pages)
        gap = np.where(turn == 0, 0, self.rng.integers(4, 240, len(owner)))
        total = np.cumsum(gap)
        first = np.cumsum(pages) - pages
        within = total - total[first[owner]] if len(owner) else total
        at = np.asarray(start)[owner] + within
        sets, which = paths if isinstance(paths, tuple) and isinstance(paths[0], tuple) else ((paths,), None)
        codes = np.zeros(len(owner), dtype=np.int64)
        for place, words in enumerate(sets):
            mine = np.ones(len(owner), dtype=np.bool_) if which is None else which[owner] == place
            codes[mine] = self.diary.paths.all(words)[self.rng.integers(0, len(words), int(mine.sum()))]
        keep = at < self.audience.end[who[owner]]
        self.diary.add("page_view", at[keep], who[owner][keep], path=codes[keep], late=self._late(at[keep]))

    def _late(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let one in seventy be learnt of only hours later."""
        late = np.where(self.rng.random(len(at)) < 0.015, self.rng.integers(3600, 36 * 3600, len(at)), 0)
        return np.where(at + late < self.audience.now - 60, late, 0)

    def download(self, who: NDArray[np.int64], at: NDArray[np.int64], asset: NDArray[np.int64]) -> None:
        """Let contacts send the form of a white paper and get it; ``asset``: places in ASSETS."""
        self.form(who, at, "whitepaper-download", [(("asset", ASSETS[place]),) for place in asset.tolist()])
        names = self.diary.assets.all(ASSETS)[asset]
        files = self.diary.paths.all([f"/downloads/{name}.pdf" for name in ASSETS])[asset]
        self.diary.add("asset_download", at, who, asset=names, path=files)


def _tags(campaign: Campaign) -> str:
    sort = campaign.sort
    return f"?utm_source={sort.source}&utm_medium={sort.channel}&utm_campaign={campaign.key[2:]}"


def write_visits(site: Website, journeys: Journeys, fates: Fates, series: tuple[Webinar, ...]) -> None:
    """Write everything contacts did on the website; nobody does anything before they are known or after they went."""
    audience = site.audience
    reading = reads_only(audience)
    hot = looks_now(audience)
    here = audience.mailable & (audience.end > audience.created) & ~reading & ~hot
    cold, warm = here & (audience.warmth == COLD), here & (audience.warmth >= WARM)
    _cold(site, np.flatnonzero(cold))
    _warm(site, np.flatnonzero(warm))
    _in_the_market(site, np.flatnonzero(hot))
    _readers(site, np.flatnonzero(reading & (audience.end > audience.created)))
    _journeys(site, journeys, fates)
    _webinars(site, series, hot)


def _cold(site: Website, who: NDArray[np.int64]) -> None:
    rng, audience = site.rng, site.audience
    signed = who[who % 3 > 0]
    site.form(signed, audience.created[signed], "newsletter", None)
    looked = who[rng.random(len(who)) < 0.42]
    start = site.when(looked, audience.created[looked], audience.end[looked])
    site.sittings(looked, start, 1 + rng.geometric(0.55, len(looked)).clip(0, 12) - 1, IDLE)
    asked = who[who % 190 == 0]
    _ask(site, asked, site.when(asked, audience.created[asked], audience.end[asked]), "contact-us")


def _warm(site: Website, who: NDArray[np.int64]) -> None:
    rng, audience = site.rng, site.audience
    created, end = audience.created, audience.end
    first = rng.integers(0, len(FIRST_FORMS), len(who))
    for place, form in enumerate(FIRST_FORMS):
        mine = who[first == place]
        site.form(mine, created[mine], form, None)
    sessions = np.repeat(who, rng.geometric(0.75, len(who)).clip(1, 6))
    site.sittings(
        sessions, site.when(sessions, created[sessions], end[sessions]), rng.integers(1, 4, len(sessions)), WARM_PATHS
    )
    closer = who[(who % 7 < 2) & (end[who] == audience.now)]  # looked closer not long ago: between cold and hot
    start = np.maximum(created[closer], audience.now - 28 * DAY)
    site.sittings(
        closer,
        site.when(closer, start, np.full(len(closer), audience.now - 120)),
        rng.integers(2, 6, len(closer)),
        DECIDING,
    )
    taken = who[rng.random(len(who)) < 0.4]
    site.download(taken, site.when(taken, created[taken], end[taken]), rng.integers(0, len(ASSETS), len(taken)))
    asked = who[who % 11 == 0]
    at = site.when(asked, created[asked], end[asked])
    _ask(site, asked[::2], at[::2], "contact-us")
    _ask(site, asked[1::2], at[1::2], "demo-request")


def _ask(site: Website, who: NDArray[np.int64], at: NDArray[np.int64], form: str) -> None:
    words = site.rng.integers(0, len(MESSAGES), len(who)).tolist()
    site.form(who, at, form, [(("message", MESSAGES[word]),) for word in words])


def _in_the_market(site: Website, who: NDArray[np.int64]) -> None:
    """Let those who look now come back four to six times in three weeks, and look at prices."""
    rng, now, created = site.rng, site.audience.now, site.audience.created
    start = np.maximum(created, now - 35 * DAY)
    visits = np.repeat(who, rng.integers(4, 7, len(who)))
    ago = (21 * DAY * rng.random(len(visits)) ** 1.5).astype(np.int64) + 120
    low = np.maximum(start[visits], now - ago - DAY // 2)
    site.sittings(
        visits,
        site.when(visits, low, np.maximum(now - ago + DAY // 4, low + 1).clip(max=now - 60)),
        rng.integers(2, 5, len(visits)),
        DECIDING,
    )
    copies = np.repeat(who, rng.integers(1, 4, len(who)))
    _, first = np.unique(copies, return_index=True)
    offset = rng.integers(0, len(ASSETS), len(who))
    asset = (
        np.repeat(offset, np.diff(np.append(first, len(copies))))
        + np.arange(len(copies))
        - np.repeat(first, np.diff(np.append(first, len(copies))))
    ) % len(ASSETS)
    site.download(copies, site.when(copies, start[copies], np.full(len(copies), now - 60)), asset)
    demo = who[who % 3 == 0]
    words = rng.integers(0, len(MESSAGES), len(demo)).tolist()
    typed = [(("budget_range", "50-100k"), ("message", MESSAGES[word])) for word in words]
    site.form(demo, site.when(demo, start[demo], np.full(len(demo), now - 60)), "demo-request", typed)
    call = who[(who % 3 > 0) & (who % 5 == 0)]
    _ask(
        site, call, site.when(call, np.maximum(start[call], now - 6 * DAY), np.full(len(call), now - 60)), "contact-us"
    )


def _readers(site: Website, who: NDArray[np.int64]) -> None:
    """Let students, competitors and job seekers read a lot: heavy tails, no prices asked for, no call wanted."""
    rng, audience = site.rng, site.audience
    kinds = audience.pursuit[who]
    site.form(who, audience.created[who], "whitepaper-download", None)
    sets = (STUDYING, SPYING, APPLYING)
    sessions = (1 + rng.pareto(1.3, len(who)) * 1.2).clip(1, 25).astype(np.int64)
    owner = np.repeat(who, sessions)
    which = np.repeat(kinds - 1, sessions)
    start = site.when(owner, audience.created[owner], audience.end[owner])
    site.sittings(owner, start, rng.integers(2, 7, len(owner)), (sets, which))
    studious = np.repeat(who[kinds == PURSUITS.index("student")], 2)
    at = site.when(studious, audience.created[studious], audience.end[studious])
    site.download(studious, at, rng.integers(0, len(ASSETS), len(studious)))


def _journeys(site: Website, journeys: Journeys, fates: Fates) -> None:
    """Walk the members of past journeys through their stages; those in the market now are written elsewhere."""
    rng, audience = site.rng, site.audience
    past = audience.mailable[journeys.member] & (audience.warmth[journeys.member] != 2)
    number = np.flatnonzero(past)
    journey, who = journeys.member_journey[number], journeys.member[number]
    eager = journeys.member_engaged[number]
    sessions = 1 + np.where(eager, rng.poisson(0.6 + 2.6 * journeys.need[journey]), 0)
    row = spread(sessions)
    share = rng.random(len(row)) ** 0.8
    low = journeys.member_joined[number][row]
    high = np.minimum(np.minimum(journeys.end[journey][row], audience.end[who[row]]), audience.now - 3600)
    around = low + (share * np.maximum(high - low, DAY)).astype(np.int64)
    stage = np.searchsorted(np.array(STAGES), share, side="right")
    start = site.when(who[row], np.maximum(around - DAY, low), np.minimum(around + DAY, np.maximum(high, low + DAY)))
    inside = start < audience.end[who[row]]
    site.sittings(
        who[row][inside],
        start[inside],
        1 + rng.poisson(1.2, int(inside.sum())),
        ((AWARE, WEIGHING, DECIDING), stage[inside]),
    )
    taken = number[eager & (rng.random(len(number)) < 0.5)]
    whom, whose = journeys.member[taken], journeys.member_journey[taken]
    middle = journeys.member_joined[taken] + ((journeys.end[whose] - journeys.member_joined[taken]) * 0.4).astype(
        np.int64
    )
    at = site.when(whom, journeys.member_joined[taken], np.maximum(middle, journeys.member_joined[taken] + DAY))
    fine = at < audience.end[whom]
    site.download(whom[fine], at[fine], rng.choice(np.array([2, 2, 0, 1, 3]), int(fine.sum())))
    _hand_over(site, journeys, fates)


def _hand_over(site: Website, journeys: Journeys, fates: Fates) -> None:
    """Let one engaged member of most journeys that got a deal ask for a demo or a call at the hand-over."""
    rng, audience = site.rng, site.audience
    eager = np.flatnonzero(
        journeys.member_engaged & audience.mailable[journeys.member] & (audience.warmth[journeys.member] != 2)
    )
    _, first = np.unique(journeys.member_journey[eager], return_index=True)
    chosen = eager[first]
    journey, who = journeys.member_journey[chosen], journeys.member[chosen]
    at = np.maximum(journeys.handover[journey], journeys.member_joined[chosen] + 60)
    wanted = fates.deal[journey] & (rng.random(len(chosen)) < 0.7) & (at < audience.end[who] - 60)
    who, at = who[wanted], at[wanted]
    _ask(site, who[::3], at[::3], "contact-us")
    others = np.arange(len(who)) % 3 > 0
    typed = [(("budget_range", "10-50k"), ("message", MESSAGES[3]))] * int(others.sum())
    site.form(who[others], at[others], "demo-request", typed)


def _webinars(site: Website, series: tuple[Webinar, ...], hot: NDArray[np.bool_]) -> None:
    """Let some register in the ten days before; attendance is imported afterwards: everybody at one moment."""
    rng, audience, names = site.rng, site.audience, site.diary.assets
    for webinar in series:
        there = audience.mailable & (audience.created < webinar.start - 3 * DAY) & (audience.end > webinar.start + 7200)
        chance = np.where(hot, 0.6, np.where(audience.warmth == WARM, 0.02, 0.004))
        who = np.flatnonzero(
            there & (rng.random(len(audience)) < chance) & (~hot | (webinar.start > audience.now - 40 * DAY))
        )
        start = np.maximum(audience.created[who], webinar.start - 10 * DAY)
        at = site.when(who, start, np.full(len(who), webinar.start - 600))
        site.form(who, at, "webinar-registration", [(("webinar", webinar.asset),)] * len(who))
        came = who[rng.random(len(who)) < np.where(hot[who], 0.7, 0.42)]
        moment = np.full(len(came), webinar.start + 3600)
        site.diary.add("webinar_attended", moment, came, asset=names.code(webinar.asset), late=0)
