"""How much a word says about which company is meant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

#: so many names of the world stand beside the org's own; a short list learns little from itself
BACKGROUND_NAMES = 2000
#: no word counts for more than one that stands in one of so many names: a list of 100 accounts knows no rarer ones
RAREST = 3000


class WordWeights:
    """Weights of words, ``-log`` of the share of names that hold the word.

    The share is that of the world and of the org's own accounts together, so that a list of steel works does not take
    "steel" for a name, and a list of a hundred accounts does not take "international" for one.
    """

    def __init__(self, world: Mapping[str, float], names: Iterable[tuple[str, ...]]) -> None:
        """Take shares of the world's names, and the words of the accounts' names (each distinct name once)."""
        self._world = world
        self._own: Counter[str] = Counter()
        self._count = 0
        for words in names:
            self._own.update(set(words))
            self._count += 1
        self._known: dict[str, float] = {}

    def __getitem__(self, word: str) -> float:
        """Give the weight: at least 0.7, at most ``log(RAREST)``."""
        weight = self._known.get(word)
        if weight is None:
            # the one name that is being asked about says nothing about how common its words are
            own = max(self._own.get(word, 0) - 1, 0)
            share = (self._world.get(word, 0.0) * BACKGROUND_NAMES + own) / (BACKGROUND_NAMES + self._count)
            weight = self._known[word] = -math.log(min(max(share, 1 / RAREST), 0.5))
        return weight

    def of(self, words: Iterable[str]) -> float:
        """Add up."""
        return sum(self[word] for word in words)
