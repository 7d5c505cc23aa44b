"""What no org shows: the hidden factors behind each person and each deal, for tests and benchmarks to judge by.

``handoff sandbox`` writes it to ``DIR/truth/people.ndjson`` and ``DIR/truth/deals.ndjson`` when it makes the orgs. In a
test, ask ``people_truth(world)`` and ``deal_truth(world)``. People are found again by e-mail, deals by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.reps import REPS
from sandbox.people.roster import HOT, PURSUITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from sandbox.people.buying_groups import Journeys
    from sandbox.people.fates import Fates
    from sandbox.people.roster import Roster
    from sandbox.people.world import World

FOLDER = "truth"
ROLE_OF_RANK = ("decider", "decider", "decider", "influencer", "other", "other")


@dataclass(slots=True)
class Hidden:
    """The columns the world was made of."""

    roster: Roster
    journeys: Journeys
    fates: Fates
    gateway: NDArray[np.bool_]  # per contact
    deal_of: Mapping[int, str]  # journey -> Opportunity.key


def people_truth(world: World) -> Iterator[dict[str, Any]]:
    """Yield one row per living contact with an e-mail.

    ``email``, ``person`` (shared by all contacts of one human), ``pursuit``, ``role`` (decider, influencer, other),
    ``fit`` (0 to 1, of the firm), ``behind_gateway`` (a scanner clicks for them), ``in_market`` (looks now),
    ``journey`` (number of the last buying journey, null for none), ``need`` (0 to 1), ``deal_probability`` (the
    journey gets a deal), ``win_probability`` (such a deal is won), ``buy_probability`` (both; 0 without a journey) and
    ``bought`` (the deal is closed and won; null while the journey runs).
    """
    hidden = world.hidden
    if hidden is None:
        return
    roster, journeys, fates = hidden.roster, hidden.journeys, hidden.fates
    latest = journeys.latest_of(len(roster.company)).tolist()
    buy = np.round(fates.deal_odds * fates.odds, 6).tolist()
    rank, pursuit, warmth = roster.rank.tolist(), roster.pursuit.tolist(), roster.warmth.tolist()
    fit, known = roster.fit.tolist(), len(roster.company)
    for place, contact in enumerate(world.contacts):
        human = int(contact.person[1:])
        if not contact.living or contact.email is None or human >= known:
            continue
        journey = latest[human]
        row: dict[str, Any] = {
            "email": contact.email,
            "person": contact.person,
            "pursuit": PURSUITS[pursuit[human]],
            "role": ROLE_OF_RANK[rank[human]],
            "fit": fit[human],
            "behind_gateway": bool(hidden.gateway[place]),
            "in_market": warmth[human] == HOT,
            "journey": None,
            "need": None,
            "deal_probability": 0.0,
            "win_probability": 0.0,
            "buy_probability": 0.0,
            "bought": False,
        }
        if journey >= 0:
            row |= {
                "journey": journey,
                "need": round(float(journeys.need[journey]), 6),
                "deal_probability": float(fates.deal_odds[journey]),
                "win_probability": float(fates.odds[journey]),
                "buy_probability": buy[journey],
                "bought": bool(fates.deal[journey] and fates.won[journey]) if fates.closed[journey] else None,
            }
        yield row


def deal_truth(world: World) -> Iterator[dict[str, Any]]:
    """Yield one row per opportunity.

    ``opportunity`` (its Name), ``account`` (its account's name), ``journey``, the factors ``fit``, ``need``,
    ``decider``, ``people``, ``response_hours``, ``competitor``, ``rep`` (e-mail), then ``probability_by_factors``
    (without the noise), ``probability`` (what the outcome was drawn with), ``outcome`` (won, lost, open) and
    ``would_be_won`` (also for open ones).
    """
    hidden = world.hidden
    if hidden is None:
        return
    journeys, fates = hidden.journeys, hidden.fates
    of_deal = {deal: journey for journey, deal in hidden.deal_of.items()}
    names = {account.key: account.name for account in world.accounts}
    mails = {user.key: user.email for user in world.users}
    for deal in world.opportunities:
        journey = of_deal[deal.key]
        yield {
            "opportunity": deal.name,
            "account": names[deal.account],
            "journey": journey,
            "fit": float(fates.fit[journey]),
            "need": round(float(journeys.need[journey]), 6),
            "decider": bool(journeys.decider[journey]),
            "people": int(journeys.size[journey]),
            "response_hours": float(fates.response[journey]),
            "competitor": bool(journeys.competitor[journey]),
            "rep": mails[REPS[int(fates.rep[journey])]],
            "probability_by_factors": float(fates.factors[journey]),
            "probability": float(fates.odds[journey]),
            "outcome": "open" if not deal.is_closed else "won" if deal.is_won else "lost",
            "would_be_won": bool(fates.won[journey]),
        }


def write_truth(world: World, directory: Path) -> None:
    """Write both tables below a directory of orgs, one JSON object per line."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("people", people_truth(world)), ("deals", deal_truth(world))):
        draft = folder / f"{name}.draft"
        with draft.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        draft.replace(folder / f"{name}.ndjson")


def read_truth(directory: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of ``people`` or ``deals`` of a directory of orgs.

    Raises:
        FileNotFoundError: the directory holds no sample people.
    """
    lines = (directory / FOLDER / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
