"""Firms that look for something like ours: several of their people warm up together, in overlapping weeks.

A journey begins with its first member and ends with a decision, for us, for somebody else or for nothing. Every member
walks from awareness through consideration to decision. What decides about the end is drawn here and hidden: see
``sandbox.people.deals`` for the odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.cast import HISTORY
from sandbox.people.dice import spread, turns, weighted
from sandbox.people.seasons import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.firms import Firms
    from sandbox.people.roster import Roster

#: How many of a firm's known people take part: one to six.
SIZE_WEIGHTS = (10, 25, 28, 20, 12, 5)
#: How many journeys a firm with an account has had in two years: none, one, two.
PAST_WEIGHTS = (12, 58, 30)
MEDIAN_DAYS = 70.0
SHORTEST_DAYS, LONGEST_DAYS = 14.0, 300.0
#: When, as a share of the journey, sales hears of it and may open a deal.
HANDOVER = 0.55
#: Others join within this share of the journey after the first.
JOINING = 0.45
QUARTER_END_SHARE = 0.4
QUARTER_END_DAYS = 30
COMPETITOR_SHARE = 0.35
ENGAGED_SHARE = 0.8


@dataclass(slots=True)
class Journeys:
    """One row per journey, and one row per member in the ``member_`` columns; instants are seconds since 1970, UTC."""

    company: NDArray[np.int64]
    start: NDArray[np.int64]
    handover: NDArray[np.int64]
    end: NDArray[np.int64]  # of those at work now it lies ahead
    need: NDArray[np.float64]  # 0 to 1
    competitor: NDArray[np.bool_]
    decider: NDArray[np.bool_]  # somebody who may say yes takes part in earnest
    size: NDArray[np.int64]
    member_journey: NDArray[np.int64]
    member: NDArray[np.int64]  # place in the roster
    member_joined: NDArray[np.int64]
    member_engaged: NDArray[np.bool_]

    def __len__(self) -> int:
        """Count the journeys."""
        return len(self.company)

    def latest_of(self, people: int) -> NDArray[np.int64]:
        """Return for each row of a roster the last journey it took part in, -1 for none."""
        found = np.full(people, -1, dtype=np.int64)
        order = np.argsort(self.start[self.member_journey], kind="stable")
        found[self.member[order]] = self.member_journey[order]
        return found


def build_journeys(rng: np.random.Generator, at: datetime, firms: Firms, roster: Roster) -> Journeys:
    """Plan the past journeys of firms with accounts and those of the groups in the market now.

    Members who became known only later become known when they join: ``roster.created`` is moved there.
    """
    now = int(at.timestamp())
    company, start, days, members, owner = _past(rng, now, firms, roster)
    hot_members = np.flatnonzero(roster.hot_group >= 0)
    groups, hot_owner = np.unique(roster.hot_group[hot_members], return_inverse=True)
    first = np.array([hot_members[np.argmax(hot_owner == number)] for number in range(len(groups))], dtype=np.int64)
    hot_start = now - rng.integers(20, 56, len(groups)) * DAY - rng.integers(0, DAY, len(groups))
    ahead = rng.integers(5, 41, len(groups)) * DAY
    all_start = np.concatenate([start, hot_start])
    end = np.concatenate([_towards_quarter_end(rng, start + (days * DAY).astype(np.int64)), now + ahead])
    journey = np.concatenate([owner, hot_owner + len(company)])
    member = np.concatenate([members, hot_members])
    engaged = (rng.random(len(member)) < ENGAGED_SHARE) | (roster.hot_group[member] >= 0)
    count = len(all_start)
    joined = _joining(rng, now, all_start, end, journey, roster.hot_group[member] >= 0)
    decider = np.zeros(count, dtype=np.bool_)
    decider[journey[engaged & roster.deciders[member]]] = True
    made = Journeys(
        company=np.concatenate([company, roster.company[first]]),
        start=all_start,
        handover=all_start + ((end - all_start) * HANDOVER).astype(np.int64),
        end=end,
        need=rng.beta(2.0, 2.0, count),
        competitor=rng.random(count) < COMPETITOR_SHARE,
        decider=decider,
        size=np.bincount(journey, minlength=count).astype(np.int64),
        member_journey=journey,
        member=member,
        member_joined=joined,
        member_engaged=engaged,
    )
    np.minimum.at(roster.created, made.member, made.member_joined)
    return made


def _past(
    rng: np.random.Generator, now: int, firms: Firms, roster: Roster
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return firm, start, days of past journeys, and their members with the journey of each."""
    eligible = np.flatnonzero((roster.company >= 0) & (roster.pursuit == 0) & (roster.hot_group < 0))
    eligible = eligible[rng.permutation(len(eligible))]
    eligible = eligible[np.argsort(roster.company[eligible], kind="stable")]
    staff = np.bincount(roster.company[eligible], minlength=len(firms.companies))
    first_of = np.cumsum(staff) - staff
    open_from = firms.accounts_from()
    firm = np.array([place for place, since in open_from.items() if staff[place]], dtype=np.int64)
    many = weighted(rng, PAST_WEIGHTS, len(firm))
    company = firm[spread(many)]
    known = np.array([open_from[place] for place in company.tolist()], dtype=np.int64)
    oldest = np.maximum(known - 20 * DAY, now - int(HISTORY.total_seconds()) + 20 * DAY)
    window = np.maximum(now - 25 * DAY - oldest, DAY)
    start = np.minimum(oldest + (rng.random(len(company)) * window).astype(np.int64), now - 25 * DAY)
    days = np.clip(MEDIAN_DAYS * np.exp(rng.normal(0.0, 0.5, len(company))), SHORTEST_DAYS, LONGEST_DAYS)
    size = np.minimum(weighted(rng, SIZE_WEIGHTS, len(company)) + 1, staff[company])
    # A second journey of a firm begins with other people where there are enough.
    shift = rng.integers(0, 1 << 30, len(company))
    owner = spread(size)
    place = (turns(size) + shift[owner]) % staff[company[owner]]
    return company, start, days, eligible[first_of[company[owner]] + place], owner


def _towards_quarter_end(rng: np.random.Generator, end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put off some decisions to the last week of a quarter, as buyers and sellers both do."""
    month = end.astype("datetime64[s]").astype("datetime64[M]")
    into = month.astype(np.int64) % 3
    close = (month + (3 - into)).astype("datetime64[s]").astype(np.int64) - 1
    near = (close - end < QUARTER_END_DAYS * DAY) & (rng.random(len(end)) < QUARTER_END_SHARE)
    moved = close - (rng.random(len(end)) * 6 * DAY).astype(np.int64)
    return np.where(near, np.maximum(moved, end), end)


def _joining(
    rng: np.random.Generator,
    now: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    journey: NDArray[np.int64],
    hot: NDArray[Any],
) -> NDArray[np.int64]:
    """Return when each member joins: the first at the start, the others in the weeks after."""
    later = rng.random(len(journey)) * JOINING * (end - start)[journey]
    later = np.where(hot, np.minimum(later, 12 * DAY), later)
    _, first = np.unique(journey, return_index=True)
    later[first] = 0.0
    return np.minimum(start[journey] + later.astype(np.int64), now - 2 * DAY)
