"""The values of one column, each kept once: what is worked out of a value is worked out once, however many have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Values = npt.NDArray[np.object_]


class Coded:
    """A column as places in a sorted list of its words."""

    def __init__(self, values: Sequence[str]) -> None:
        """Take one value per person; an empty one is unknown."""
        known = sorted({"", *values})
        place = {word: number for number, word in enumerate(known)}
        #: each word once, the empty one first
        self.words: Values = np.empty(len(known), object)
        self.words[:] = known
        #: of each person, where in ``words`` the value stands
        self.places: Codes = np.fromiter((place[each] for each in values), np.int64, len(values))
        self._parts: dict[Callable[[str], Any], Codes] = {}

    def part(self, take: Callable[[str], str]) -> Codes:
        """Number what ``take`` gives of each word: equal parts have equal numbers, those of other columns others."""
        if take not in self._parts:
            numbers: dict[str, int] = {}
            told = (numbers.setdefault(take(word), len(numbers)) for word in self.words)
            self._parts[take] = np.fromiter(told, np.int64, len(self.words))
        return self._parts[take]

    def measure(self, take: Callable[[str], int]) -> Codes:
        """Give a number that ``take`` works out of each word."""
        if take not in self._parts:
            self._parts[take] = np.fromiter(map(take, self.words), np.int64, len(self.words))
        return self._parts[take]
