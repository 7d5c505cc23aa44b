"""What each line adds to the total: shares in tenths that add up to the parts the total is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.scoring.people.totals import DIMENSIONS


def shares_of_total(
    weights: Sequence[int], lines: Sequence[Mapping[str, Any]], parts: Mapping[str, float]
) -> list[float]:
    """Give for each line (``dimension``, ``points``) its share of the total, in points with one decimal.

    The shares of a dimension add up to its part exactly: each is rounded, and what is left over goes to the largest
    line, then to the first.
    """
    whole = sum(weights)
    shares = [0] * len(lines)
    for name, weight in zip(DIMENSIONS, weights, strict=True):
        places = [place for place, line in enumerate(lines) if line["dimension"] == name]
        for place in places:
            shares[place] = divided(_tenths(lines[place]["points"]) * weight, whole)
        if places:
            largest = max(places, key=lambda place: (abs(lines[place]["points"]), -place))
            shares[largest] += _tenths(parts[name]) - sum(shares[place] for place in places)
    return [share / 10 for share in shares]


def _tenths(points: float) -> int:
    return round(points * 10)


def divided(numerator: int, denominator: int) -> int:
    """Divide, rounded half away from zero; the denominator is positive."""
    way = -1 if numerator < 0 else 1
    return way * ((2 * abs(numerator) + denominator) // (2 * denominator))
