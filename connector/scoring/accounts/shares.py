"""What each person adds to their account's number: lines in tenths that add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.scoring.compile import OTHER_QUARTERS, ROLE_QUARTERS, SCALE_TENTHS, TENTH, CompiledModel
from connector.scoring.people.shares import divided

#: who comes after this many others has no weight: the weights ½, ¼ … are whole 2^-32ths
MOST_PEOPLE = 33
_WHOLE = 1 << (MOST_PEOPLE - 1)
#: breadth beyond this many micropoints is far beyond any scale
_MOST_BREADTH = 100_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who counts at an account.

    Attributes:
        person_id: who.
        role: ``decider``, ``influencer`` or anything else.
        interest: points, with one decimal.
        own: false where they belong to a subsidiary whose people the account takes in.
    """

    person_id: str
    role: str
    interest: float
    own: bool = True


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of an account's number.

    Attributes:
        kind: ``person``, ``breadth`` or ``limit``.
        person_id: whose, where it is a person's.
        points: what it adds, with one decimal.
        given: points before the weight of the place: interest, capped, times the role's factor.
        place: 1 for whoever gives most; the weight is 1, ½, ¼ …; 0 where it is no person's.
        engaged: whether a person counts as engaged.
    """

    kind: str
    points: float
    person_id: str | None = None
    given: float = 0.0
    place: int = 0
    engaged: bool = False


def account_lines(model: CompiledModel, members: Sequence[Member]) -> list[AccountLine]:
    """Give the lines of an account's number, its people in order of what they give; they add up to the number.

    Each share is rounded once. ``breadth`` is there where it is not 0, ``limit`` where the sum leaves the scale. What
    rounding leaves over goes to the ``limit`` where there is one, so that people's shares stay true, else to the
    largest share.
    """
    rules = model.account
    given = sorted(((_given(model, one), one) for one in members), key=lambda pair: (-pair[0], pair[1].person_id))
    engaged = sum(_engaged(model, one) for one in members)
    breadth = min(max(engaged - 1, 0) * rules.breadth, _MOST_BREADTH)
    weighted = [micro * _weight(place) for place, (micro, _) in enumerate(given, 1)]
    exact = sum(weighted) + breadth * _WHOLE
    total = divided(exact, TENTH * _WHOLE)
    shares = [divided(micro, TENTH * _WHOLE) for micro in weighted]
    broad = divided(breadth, TENTH)
    shown = min(max(total, 0), SCALE_TENTHS)
    if shares and shown == total:
        shares[0] += total - sum(shares) - broad
    lines = [
        AccountLine("person", share / 10, one.person_id, micro / (10 * TENTH), place, _engaged(model, one))
        for place, ((micro, one), share) in enumerate(zip(given, shares, strict=True), 1)
    ]
    if broad:
        lines.append(AccountLine("breadth", broad / 10))
    limit = shown - sum(shares) - broad
    if limit:
        lines.append(AccountLine("limit", limit / 10))
    return lines


def _given(model: CompiledModel, one: Member) -> int:
    """Count the micropoints that somebody gives before the weight of their place."""
    micro = min(round(one.interest * 10) * TENTH, model.account.cap) * ROLE_QUARTERS.get(one.role, OTHER_QUARTERS) // 4
    hierarchy = model.account.hierarchy
    return micro if one.own or hierarchy is None else divided(micro * hierarchy.hundredths, 100)


def _engaged(model: CompiledModel, one: Member) -> bool:
    return round(one.interest * 10) * TENTH >= model.account.engaged


def _weight(place: int) -> int:
    return 1 << (MOST_PEOPLE - place) if place <= MOST_PEOPLE else 0
