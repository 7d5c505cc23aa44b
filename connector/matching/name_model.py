"""The figures behind near names: coefficients, and how common words are in the world's company names.

They stand in ``name_model.json``, with what they were learned from; ``benchmarks/train_names.py`` writes that file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from operator import mul
from typing import NamedTuple

from connector.matching.evidence import MEASURES


class NameModel(NamedTuple):
    """What was learned."""

    #: what a name has for or against it before anything is compared
    intercept: float
    #: one per measure, in the order of ``evidence.MEASURES``
    coefficients: tuple[float, ...]
    #: word -> share of the world's company names that hold it
    world: Mapping[str, float]

    def leaning(self, measures: Sequence[float]) -> float:
        """Give the log of the odds that this name is meant, against none being meant."""
        whole: float = self.intercept + sum(map(mul, self.coefficients, measures))
        return whole


def confidence(leanings: Iterable[float]) -> list[float]:
    """Give each name's probability beside the others and "none": two that lean alike share what there is."""
    odds = [math.exp(min(each, 40.0)) for each in leanings]
    whole = 1.0 + sum(odds)
    return [each / whole for each in odds]


@cache
def name_model() -> NameModel:
    """Read the figures that came with the package."""
    told = json.loads(files(__package__).joinpath("name_model.json").read_text("utf-8"))
    return NameModel(
        told["intercept"],
        tuple(told["coefficients"][name] for name in MEASURES),
        {word: share / 1e6 for share, group in told["words_per_million"] for word in group.split()},
    )
