"""What programs do in people's names: gateways that follow every link, mail programs that open, crawlers that read.

All of it is marked ``by_bot``, which no system shows: finding it is a filter's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sandbox.people.dice import spread, turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.audience import Audience
    from sandbox.people.events import Diary

#: Share of contacts whose mail program opens every message by itself, soon after it came.
SELF_OPENING = 0.12
#: Share of contacts under whose cookie a crawler once read the site.
CRAWLED = 0.002
CRAWL_PAGES = (
    "/", "/about", "/products", "/products/connector", "/products/analytics", "/pricing", "/pricing/enterprise",
    "/customers", "/customers/case-studies", "/docs", "/demo", "/resources", "/careers", "/investors",
    "/blog/news", "/blog/lead-scoring", "/blog/crm-hygiene",
)  # fmt: skip


def scan(
    rng: np.random.Generator,
    diary: Diary,
    who: NDArray[np.int64],
    delivered: NDArray[np.int64],
    mailing: NDArray[np.int64],
    links: list[tuple[str, ...]],
) -> None:
    """Open each message and click all its links in one second, one to five seconds after delivery; visit no page."""
    at = delivered + rng.integers(1, 6, len(who))
    diary.add("email_open", at, who, mailing=mailing, by_bot=1)
    counts = np.array([len(found) for found in links], dtype=np.int64)[mailing] if len(who) else np.zeros(0, np.int64)
    owner, turn = spread(counts), turns(counts)
    codes = [diary.paths.all(found) for found in links]
    paths = np.array(
        [codes[mail][spot] for mail, spot in zip(mailing[owner].tolist(), turn.tolist(), strict=True)], dtype=np.int64
    )
    diary.add("email_click", at[owner], who[owner], mailing=mailing[owner], path=paths, by_bot=1)


def open_by_itself(
    rng: np.random.Generator,
    diary: Diary,
    audience: Audience,
    who: NDArray[np.int64],
    delivered: NDArray[np.int64],
    mailing: NDArray[np.int64],
) -> None:
    """Open messages within half an hour where the mail program does so for everybody who uses it."""
    mine = (who * 2_654_435_761 % 1000) < SELF_OPENING * 1000
    at = delivered + rng.integers(20, 1800, len(who))
    mine &= at < audience.end[who]
    diary.add("email_open", at[mine], who[mine], mailing=mailing[mine], by_bot=1)


def crawl(rng: np.random.Generator, diary: Diary, audience: Audience) -> None:
    """Let a crawler read thirty to eighty pages, one every second or two, under the cookie of a few contacts."""
    here = audience.mailable & (audience.end > audience.created + 3600)
    who = np.flatnonzero(here & (rng.random(len(audience)) < CRAWLED))
    start = audience.created[who] + (rng.random(len(who)) * (audience.end - audience.created - 600)[who]).astype(
        np.int64
    )
    pages = rng.integers(30, 81, len(who))
    owner, turn = spread(pages), turns(pages)
    step = rng.integers(1, 3, len(who))
    codes = diary.paths.all(CRAWL_PAGES)
    diary.add("page_view", start[owner] + turn * step[owner], who[owner], path=codes[turn % len(codes)], by_bot=1)
