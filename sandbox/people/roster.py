"""Who becomes known to marketing, as columns: where they work, how senior they are, what they are after, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.cast import HISTORY
from sandbox.people.dice import weighted
from sandbox.people.places import PLACE_WEIGHTS, PLACES
from sandbox.people.seasons import PLACE_OF, Seasons
from sandbox.people.world import Pursuit, Seniority

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.firms import Firms

RANKS: tuple[Seniority, ...] = ("chief", "vp", "director", "manager", "staff", "junior")
RANK_WEIGHTS = (4, 6, 12, 26, 42, 10)
HOT_RANK_WEIGHTS = (18, 22, 30, 20, 10, 0)
DECIDING: tuple[Seniority, ...] = ("chief", "vp", "director")
PURSUITS: tuple[Pursuit, ...] = ("work", "student", "competitor", "job_seeker")
#: Of a thousand: students 30, competitors 8, job seekers 15. They read more than buyers do, and never buy.
PURSUIT_WEIGHTS = (947, 30, 8, 15)
HOT_EVERY, HOT_OFFSET = 22, 3  # about 45 of 1,000 are in the market now
WARM_SHARE = 0.2
#: How many people of one firm look around together now: one to five.
GROUP_WEIGHTS = (15, 25, 30, 20, 10)
#: Of the groups in the market now, those whose firm is a large one that the CRM knows.
KNOWN_LARGE_SHARE = 0.85
COLD, WARM, HOT = 0, 1, 2


@dataclass(slots=True)
class Roster:
    """One row per human who becomes a contact; instants are seconds since 1970, UTC."""

    company: NDArray[np.int64]  # place in firms.companies; -1: none worth naming
    place: NDArray[np.int64]  # place in PLACES
    country: NDArray[np.int64]  # place in seasons.COUNTRIES
    rank: NDArray[np.int64]  # place in RANKS
    pursuit: NDArray[np.int64]  # place in PURSUITS
    warmth: NDArray[np.int64]  # COLD, WARM, HOT
    created: NDArray[np.int64]
    hot_group: NDArray[np.int64]  # number of the group that is in the market now; -1: none
    fit: NDArray[np.float64]  # of the firm, 0 to 1

    @property
    def deciders(self) -> NDArray[np.bool_]:
        """Tell who may say yes."""
        return self.rank < len(DECIDING)


def build_roster(rng: np.random.Generator, seasons: Seasons, at: datetime, firms: Firms, count: int) -> Roster:
    """Draw ``count`` people; every 22nd is in the market now, in groups that share a firm."""
    number = np.arange(count)
    hot = number % HOT_EVERY == HOT_OFFSET
    group = np.where(hot, _groups(rng, int(hot.sum()), np.cumsum(hot) - 1), -1)
    company = _employers(rng, firms, number, group)
    places = np.array([PLACES.index(firms.places[found.key]) for found in firms.companies] or [0], dtype=np.int64)
    place = np.where(company >= 0, places[company], weighted(rng, PLACE_WEIGHTS, count))
    pursuit = np.where(hot, 0, weighted(rng, PURSUIT_WEIGHTS, count))
    company[pursuit > 0] = -1
    rank = np.where(hot, weighted(rng, HOT_RANK_WEIGHTS, count), weighted(rng, RANK_WEIGHTS, count))
    rank[pursuit == PURSUITS.index("student")] = RANKS.index("junior")
    warm = ~hot & (rng.random(count) < WARM_SHARE)
    countries = np.array([PLACE_OF[found.country] for found in PLACES], dtype=np.int64)[place]
    fit = np.array([*firms.fit, 0.0], dtype=np.float64)
    return Roster(
        company=company,
        place=place,
        country=countries,
        rank=rank,
        pursuit=pursuit,
        warmth=np.where(hot, HOT, np.where(warm, WARM, COLD)),
        created=_created(rng, seasons, at, countries, hot),
        hot_group=group,
        fit=fit[company],
    )


def _groups(rng: np.random.Generator, hot: int, place_among_hot: NDArray[Any]) -> NDArray[np.int64]:
    """Cut the hot ones, in order, into groups of one to five."""
    sizes = weighted(rng, GROUP_WEIGHTS, max(hot, 1)) + 1
    ends = np.cumsum(sizes)
    return np.asarray(np.searchsorted(ends, np.maximum(place_among_hot, 0), side="right"), dtype=np.int64)


def _employers(
    rng: np.random.Generator, firms: Firms, number: NDArray[Any], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give everybody a firm, the larger the likelier; one in ten has none; a hot group shares one."""
    count = len(number)
    if not firms.companies:
        return np.full(count, -1, dtype=np.int64)
    pull = np.log2(np.array(firms.employees, dtype=np.float64) + 2) ** 1.3
    company = weighted(rng, pull.tolist(), count)
    company[number % 10 == 9] = -1
    groups = int(group.max(initial=-1)) + 1
    if groups:
        large = np.array(firms.known_large() or range(len(firms.companies)), dtype=np.int64)
        rng.shuffle(large)
        chosen = large[np.arange(groups) % len(large)]
        stray = rng.random(groups) >= KNOWN_LARGE_SHARE
        chosen = np.where(stray, rng.integers(0, len(firms.companies), groups), chosen)
        company = np.where(group >= 0, chosen[group], company)
    return company


def _created(
    rng: np.random.Generator, seasons: Seasons, at: datetime, country: NDArray[Any], hot: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Spread first contact over two years, a little denser towards the end, by the habits of each country."""
    end = int((at - timedelta(hours=6)).timestamp())
    span = int((HISTORY - timedelta(days=2)).total_seconds())
    age = rng.random(len(country)) ** np.where(hot, 2.5, 1.2)
    around = end - (age * span).astype(np.int64)
    half = int(timedelta(days=3.5).total_seconds())
    return seasons.moments(rng, country, np.maximum(around - half, end - span), np.minimum(around + half, end))
