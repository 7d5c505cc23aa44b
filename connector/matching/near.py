"""Names that are nearly the same: questions for a person, never answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz, process

#: a word that more names share than this says too little to look behind it
_CROWD = 500
#: at most so many of a name's rarest words are looked behind
_WORDS = 2


class NearNames:
    """An index of account names by their rarest words.

    A name is compared only with names that share one of its two rarest words, so the time per question is bounded.
    """

    def __init__(self, cores: Mapping[str, str]) -> None:
        """Take ``key -> core name`` of the accounts."""
        self._cores = dict(sorted(cores.items()))
        self._frequency: Counter[str] = Counter()
        self._behind: dict[str, list[str]] = defaultdict(list)
        for key, core in self._cores.items():
            for word in set(core.split()):
                self._frequency[word] += 1
                self._behind[word].append(key)

    def best(self, core: str, *, at_least: float) -> tuple[str, str | None, float] | None:
        """Give the most similar key, the next one, and the similarity in [0, 1], or None below ``at_least``."""
        options: dict[str, str] = {}
        for word in self._rarest(core):
            options.update((key, self._cores[key]) for key in self._behind[word])
        found = process.extract(core, options, scorer=fuzz.token_sort_ratio, limit=2, score_cutoff=at_least * 100)
        if not found:
            return None
        ranked = sorted(((score, key) for _, score, key in found), key=lambda pair: (-pair[0], pair[1]))
        return ranked[0][1], ranked[1][1] if len(ranked) > 1 else None, ranked[0][0] / 100

    def _rarest(self, core: str) -> Iterable[str]:
        known = sorted((self._frequency[word], word) for word in set(core.split()) if word in self._behind)
        return [word for count, word in known[:_WORDS] if count <= _CROWD]
