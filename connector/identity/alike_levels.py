"""How nearly two values agree, in five steps, for many pairs at once.

Level 0: one of the two is unknown and says nothing; 1: equal; 2: equal but for a typing error; 3 and 4: weaker
likeness, by kind; 5: different. Values are in the form ``alike`` puts them into.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from nicknames import NickNamer
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

Values = npt.NDArray[np.object_]
Levels = npt.NDArray[np.int8]

UNKNOWN, EQUAL, TYPO, NEAR, LOOSE, DIFFERENT = range(6)
#: what a reader is told of each level, by kind
WORDS: Final = {
    "given": ("", "same", "same but for a typing error", "nickname or initial", "alike", "different"),
    "family": ("", "same", "same but for a typing error", "initial", "alike", "different"),
    "date": ("", "same", "one digit differs", "same year or same day", "two digits differ", "different"),
    "place": ("", "same", "same but for a typing error", "alike", "alike", "different"),
    "code": ("", "same", "one character differs", "same area", "same region", "different"),
    "email": ("", "same", "same but for a typing error", "same name at another domain", "same domain", "different"),
    "group": ("", "same", "", "", "", "different"),
}


@lru_cache(maxsize=1)
def _names() -> NickNamer:
    return NickNamer()


@lru_cache(maxsize=100_000)
def _calls(one: str, other: str) -> bool:
    """Say whether one is a short or pet form of the other."""
    names = _names()
    return other in names.nicknames_of(one) or one in names.nicknames_of(other)


def _likeness(left: Values, right: Values) -> npt.NDArray[np.float32]:
    return cpdist(left, right, scorer=JaroWinkler.normalized_similarity, dtype=np.float32)


def _edits(left: Values, right: Values) -> npt.NDArray[np.int32]:
    """Count edits; two neighbours in the wrong order are one."""
    return cpdist(left, right, scorer=OSA.distance, dtype=np.int32)


def _lengths(values: Values) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, values), np.int64, len(values))


def _parts(values: Values, take: Callable[[str], str]) -> Values:
    parts = np.empty(len(values), object)
    parts[:] = [take(value) for value in values]
    return parts


def _finished(levels: Levels, left: Values, right: Values) -> Levels:
    levels[left == right] = EQUAL
    levels[(left == "") | (right == "")] = UNKNOWN
    return levels


def names(left: Values, right: Values) -> Levels:
    """Compare first or last names; ``NEAR`` is a nickname or an initial."""
    alike, edits = _likeness(left, right), _edits(left, right)
    long, longer = _lengths(left), _lengths(right)
    short = np.minimum(long, longer)
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[alike >= 0.8] = LOOSE
    first = _parts(left, lambda name: name[:1]) == _parts(right, lambda name: name[:1])
    levels[(short == 1) & first] = NEAR
    for place in np.flatnonzero((alike < 0.9) & (short > 1)):
        if _calls(left[place], right[place]):
            levels[place] = NEAR
    levels[(short > 1) & ((alike >= 0.9) | ((edits <= 1) & (short >= 4)) | ((edits <= 2) & (short >= 7)))] = TYPO
    return _finished(levels, left, right)


def dates(left: Values, right: Values) -> Levels:
    """Compare dates written ``YYYY-MM-DD``."""
    edits = _edits(left, right)
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[edits == 2] = LOOSE
    year = _parts(left, lambda date: date[:4]) == _parts(right, lambda date: date[:4])
    day = _parts(left, lambda date: date[4:]) == _parts(right, lambda date: date[4:])
    levels[year | day] = NEAR
    levels[edits == 1] = TYPO
    return _finished(levels, left, right)


def places(left: Values, right: Values) -> Levels:
    """Compare cities, companies, titles: short texts of few words."""
    alike = _likeness(left, right)
    words = cpdist(left, right, scorer=fuzz.token_set_ratio, dtype=np.float32)
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[(alike >= 0.8) | (words >= 80)] = LOOSE
    levels[alike >= 0.9] = TYPO
    return _finished(levels, left, right)


def codes(left: Values, right: Values) -> Levels:
    """Compare post codes and telephone numbers; area and region are what they begin with."""
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[_parts(left, lambda code: code[:2]) == _parts(right, lambda code: code[:2])] = LOOSE
    levels[_parts(left, area) == _parts(right, area)] = NEAR
    levels[_edits(left, right) <= 1] = TYPO
    return _finished(levels, left, right)


def area(code: str) -> str:
    """Give what a code begins with: the part before the space, else all but the last four characters."""
    head, space, _ = code.partition(" ")
    return head if space else code[:-4]


def addresses(left: Values, right: Values) -> Levels:
    """Compare e-mail addresses."""
    levels = np.full(len(left), DIFFERENT, np.int8)
    host = _parts(left, lambda address: address.rpartition("@")[2])
    levels[(host == _parts(right, lambda address: address.rpartition("@")[2])) | (_likeness(left, right) >= 0.85)] = (
        LOOSE
    )
    name = _parts(left, lambda address: address.rpartition("@")[0])
    levels[name == _parts(right, lambda address: address.rpartition("@")[0])] = NEAR
    levels[_edits(left, right) <= 3] = TYPO
    return _finished(levels, left, right)


def groups(left: Values, right: Values) -> Levels:
    """Compare what is one or another and nothing between: an account."""
    return _finished(np.full(len(left), DIFFERENT, np.int8), left, right)


#: the comparison of each kind of column
COMPARE: Final[dict[str, Callable[[Any, Any], Levels]]] = {
    "given": names,
    "family": names,
    "date": dates,
    "place": places,
    "code": codes,
    "email": addresses,
    "group": groups,
}
