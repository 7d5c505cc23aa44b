"""Names that are nearly the same, found among many by the rare parts they share."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Indel

from connector.matching.evidence import Compared, compare, is_acronym
from connector.matching.name_model import NameModel
from connector.matching.names import CompanyName
from connector.matching.word_weights import WordWeights

#: at most so many of a name's rarest parts are looked behind, and so many names in all
_PARTS, _NAMES = 16, 6000
#: so many names are looked at by letters, and so many of these word by word
_GLANCES, _LOOKS = 24, 8
#: what shares less than this is not looked at
_LEAST_ALIKE = 0.62
#: a name this many times less likely than the best one is not worth mention
_FAR = 7.0
_FIRST_LETTERS = range(2, 7)


class Near(NamedTuple):
    """One account name near the name asked about; ``leaning`` is the log of its odds against "none of them"."""

    key: str
    leaning: float
    compared: Compared


class NearNames:
    """An index of account names by trigrams, words and first letters.

    Only names that share one of the rarest parts are looked at, so the time per question hardly grows with the list.
    What is found depends on the set of names alone, not on their order.
    """

    def __init__(self, names: Mapping[str, CompanyName], model: NameModel) -> None:
        """Take ``key -> name`` of the accounts."""
        self._keys = sorted(names)
        self._names = [names[key] for key in self._keys]
        self._joined = ["".join(name.words) for name in self._names]
        self._model = model
        self._weights = WordWeights(model.world, (name.words for name in self._names))
        self._place: dict[str, int] = {}
        parts, lengths = array("i"), array("i")
        for name in self._names:
            mine = [self._place.setdefault(part, len(self._place)) for part in _parts(name)]
            parts.extend(mine)
            lengths.append(len(mine))
        self._lay(np.asarray(parts, dtype=np.int32), np.asarray(lengths, dtype=np.int32))

    def _lay(self, parts: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]) -> None:
        count = np.bincount(parts, minlength=len(self._place))
        self._ends = np.concatenate(([0], np.cumsum(count)))
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        self._behind = owner[np.argsort(parts, kind="stable")]
        self._rarity = np.log1p(len(lengths) / np.maximum(count, 1)).astype(np.float64)
        self._length = np.sqrt(np.bincount(owner, weights=self._rarity[parts] ** 2, minlength=len(lengths)))

    def near(self, name: CompanyName) -> list[Near]:
        """Give the nearest names, nearest first; names of equal key are not looked for but may be among them."""
        if not self._keys or not name.words:
            return []
        found = []
        for place in self._candidates(name):
            compared = compare(name, self._names[place], self._weights)
            leaning = self._model.leaning(compared.measures)
            found.append(Near(self._keys[place], leaning, compared))
        found.sort(key=lambda near: (-near.leaning, near.key))
        return [near for near in found if near.leaning > found[0].leaning - _FAR]

    def _candidates(self, name: CompanyName) -> list[int]:
        parts = _parts(name)
        known = [self._place[part] for part in parts if part in self._place]
        unknown = (len(parts) - len(known)) * math.log1p(len(self._keys)) ** 2
        if not known:
            return []
        ids = np.asarray(known)
        rarity = self._rarity[ids]
        whole = math.sqrt(float((rarity**2).sum()) + unknown)
        starts = self._ends[ids]
        sizes = self._ends[ids + 1] - starts
        order = np.lexsort((ids, sizes))[:_PARTS]
        # the rarest part is always looked behind, even where it is common
        enough = max(1, int(np.searchsorted(np.cumsum(sizes[order]), _NAMES, side="right")))
        order = order[:enough]
        lengths = np.minimum(sizes[order], _NAMES)
        lists = [self._behind[start : start + length] for start, length in zip(starts[order], lengths, strict=True)]
        every, weights = np.concatenate(lists), np.repeat(rarity[order] ** 2, lengths)
        arranged = np.argsort(every, kind="stable")
        every, weights = every[arranged], weights[arranged]
        first = np.flatnonzero(np.concatenate(([True], every[1:] != every[:-1])))
        places = every[first]
        score = np.add.reduceat(weights, first) / (self._length[places] * whole)
        if len(score) > 4 * _GLANCES:
            least = np.partition(score, len(score) - _GLANCES)[len(score) - _GLANCES]
            kept = np.flatnonzero(score >= least)
            places, score = places[kept], score[kept]
        best = np.lexsort((places, -score))[:_GLANCES]
        return self._closest(name, places[best].tolist(), score[best].tolist())

    def _closest(self, name: CompanyName, places: list[int], scores: list[float]) -> list[int]:
        """Keep those that are close by letters too."""
        joined = "".join(name.words)
        ranked = []
        for place, score in zip(places, scores, strict=True):
            alike = score + Indel.normalized_similarity(joined, self._joined[place])
            if alike < _LEAST_ALIKE or len(joined) in _FIRST_LETTERS:
                alike += _is_either_acronym(name.words, self._names[place].words)
            if alike >= _LEAST_ALIKE:
                ranked.append((-alike, place))
        ranked.sort()
        return [place for _, place in ranked[:_LOOKS]]


def _is_either_acronym(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return is_acronym(one, other) or is_acronym(other, one)


def _parts(name: CompanyName) -> list[str]:
    """Take a name to the parts it is found by, each once, in an order of their own."""
    text = f"^{''.join(name.words)}$"
    parts = {text[at : at + 3] for at in range(len(text) - 2)}
    parts.update("=" + word for word in name.words)
    parts.update(_first_letters(name.words))
    return sorted(parts)


def _first_letters(words: tuple[str, ...]) -> Iterator[str]:
    if len(words) >= 3:
        yield "@" + "".join(word[0] for word in words)
    elif len(words) == 1 and len(words[0]) in _FIRST_LETTERS:
        yield "@" + words[0]
