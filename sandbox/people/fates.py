"""What becomes of a buying journey: whether it gets a deal, and the odds that the deal is won.

The odds are known: a logistic function of what the firm is and what happened, plus noise nobody can see.

    deal:  logit = -1.0 + 2.0 need + 1.2 decider
    won:   logit = -3.6 + 2.2 fit + 1.3 decider + 2.0 need + 0.25 (people - 1, at most 3)
                   - 0.45 log2(1 + response hours / 4) - 1.1 competitor + the rep's skill + N(0, 0.4)

A deal of a journey that ends after ``World.at`` is open; whether it would be won is drawn all the same, and hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.cast import ACTIVE_REPS
from sandbox.people.reps import REP_PLACE, SKILL, Desk, response_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.people.buying_groups import Journeys
    from sandbox.people.firms import Firms

DEAL = {"start": -1.0, "need": 2.0, "decider": 1.2}
WON = {
    "start": -3.6, "fit": 2.2, "decider": 1.3, "need": 2.0, "people": 0.25, "response": -0.45, "competitor": -1.1,
}  # fmt: skip
NOISE = 0.4
MOST_PEOPLE = 4


@dataclass(slots=True)
class Fates:
    """One row per journey: the hidden facts of its sale. ``won`` says what was drawn, also where nobody knows yet."""

    rep: NDArray[np.int64]  # place in reps.REPS
    fit: NDArray[np.float64]
    response: NDArray[np.float64]  # hours
    deal_odds: NDArray[np.float64]
    deal: NDArray[np.bool_]
    factors: NDArray[np.float64]  # probability by the known factors alone
    odds: NDArray[np.float64]  # the probability the outcome was drawn with: noise included
    won: NDArray[np.bool_]
    closed: NDArray[np.bool_]


def build_fates(rng: np.random.Generator, now: int, firms: Firms, journeys: Journeys, desk: Desk) -> Fates:
    """Draw what becomes of each journey; ``now`` is the world's end in seconds since 1970."""
    count = len(journeys)
    rep = _reps(rng, firms, journeys)
    response = response_hours(rng, desk, rep, journeys.handover)
    fit = np.array(firms.fit or (0.0,))[journeys.company]
    deal_odds = logistic(DEAL["start"] + DEAL["need"] * journeys.need + DEAL["decider"] * journeys.decider)
    known = win_logit(fit, journeys.decider, journeys.need, journeys.size, response, journeys.competitor)
    known = known + np.array(SKILL)[rep]
    odds = logistic(known + rng.normal(0.0, NOISE, count))
    accounts = np.zeros(len(firms.companies) or 1, dtype=np.bool_)
    accounts[list(firms.accounts_from())] = True
    return Fates(
        rep=rep,
        fit=fit,
        response=response,
        deal_odds=deal_odds,
        deal=(rng.random(count) < deal_odds) & accounts[journeys.company] & (journeys.handover < now - 3600),
        factors=logistic(known),
        odds=odds,
        won=rng.random(count) < odds,
        closed=journeys.end <= now - 3600,
    )


def win_logit(
    fit: NDArray[Any],
    decider: NDArray[Any],
    need: NDArray[Any],
    people: NDArray[Any],
    response: NDArray[Any],
    competitor: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the log-odds of winning by the documented factors, without the rep's skill and the noise."""
    return np.asarray(
        WON["start"]
        + WON["fit"] * fit
        + WON["decider"] * decider
        + WON["need"] * need
        + WON["people"] * (np.minimum(people, MOST_PEOPLE) - 1)
        + WON["response"] * np.log2(1 + response / 4)
        + WON["competitor"] * competitor,
        dtype=np.float64,
    )


def logistic(logit: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability of a log-odds, to six places."""
    return np.asarray(np.round(1 / (1 + np.exp(-logit)), 6), dtype=np.float64)


def _reps(rng: np.random.Generator, firms: Firms, journeys: Journeys) -> NDArray[np.int64]:
    """Give each journey to the owner of its account, or to any active rep where there is none."""
    owners = np.full(len(firms.companies) or 1, -1, dtype=np.int64)
    places = {company.key: place for place, company in enumerate(firms.companies)}
    for account in reversed(firms.accounts):
        if account.deleted_at is None:
            owners[places[account.company]] = REP_PLACE[account.owner]
    anybody = rng.integers(0, len(ACTIVE_REPS), len(journeys))
    mine = owners[journeys.company]
    return np.where(mine >= 0, mine, anybody)
