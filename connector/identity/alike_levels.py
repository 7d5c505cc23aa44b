"""How nearly two values agree, in five steps, for many pairs at once.

Level 0: one of the two is unknown and says nothing; 1: equal; 2: equal but for a typing error; 3 and 4: weaker
likeness, by kind; 5: different. Values are in the form ``alike`` puts them into; two
values are compared once, however many pairs of people have them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from nicknames import NickNamer
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from connector.identity.alike_values import Coded, Codes, Values

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
def _short_forms(name: str) -> frozenset[str]:
    return frozenset(_names().nicknames_of(name))


def _has_short_forms(name: str) -> int:
    return int(bool(_short_forms(name)))


def _calls(one: str, other: str) -> bool:
    """Say whether one is a short or pet form of the other."""
    return other in _short_forms(one) or one in _short_forms(other)


def _likeness(left: Values, right: Values) -> npt.NDArray[np.float32]:
    return cpdist(left, right, scorer=JaroWinkler.normalized_similarity, dtype=np.float32)


def _edits(left: Values, right: Values) -> npt.NDArray[np.int32]:
    """Count edits; two neighbours in the wrong order are one."""
    return cpdist(left, right, scorer=OSA.distance, dtype=np.int32)


def compare(kind: str, one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare the values of two columns for pairs of people, given by their places."""
    pairs, back = np.unique(one.places[left] * len(other.words) + other.places[right], return_inverse=True)
    mine, theirs = pairs // len(other.words), pairs % len(other.words)
    levels = _COMPARE[kind](one, mine, other, theirs)
    known, found = one.words[mine], other.words[theirs]
    levels[known == found] = EQUAL
    levels[(known == "") | (found == "")] = UNKNOWN
    told: Levels = levels[back.reshape(-1)]
    return told


def _names_alike(one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare first or last names; ``NEAR`` is a nickname or an initial."""
    mine, theirs = one.words[left], other.words[right]
    alike, edits = _likeness(mine, theirs), _edits(mine, theirs)
    short = np.minimum(one.measure(len)[left], other.measure(len)[right])
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[alike >= 0.8] = LOOSE
    levels[(short == 1) & (one.measure(_first)[left] == other.measure(_first)[right])] = NEAR
    may_call = (one.measure(_has_short_forms)[left] + other.measure(_has_short_forms)[right]) > 0
    for place in np.flatnonzero((alike < 0.9) & (short > 1) & may_call):
        if _calls(mine[place], theirs[place]):
            levels[place] = NEAR
    levels[(short > 1) & ((alike >= 0.9) | ((edits <= 1) & (short >= 4)) | ((edits <= 2) & (short >= 7)))] = TYPO
    return levels


def _dates(one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare dates written ``YYYY-MM-DD``, of one column."""
    edits = _edits(one.words[left], other.words[right])
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[edits == 2] = LOOSE
    levels[_share(one, left, right, _year) | _share(one, left, right, _day)] = NEAR
    levels[edits == 1] = TYPO
    return levels


def _places(one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare cities, companies, titles: short texts of few words."""
    mine, theirs = one.words[left], other.words[right]
    alike = _likeness(mine, theirs)
    words = cpdist(mine, theirs, scorer=fuzz.token_set_ratio, dtype=np.float32)
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[(alike >= 0.8) | (words >= 80)] = LOOSE
    levels[alike >= 0.9] = TYPO
    return levels


def _codes(one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare post codes and telephone numbers of one column; area and region are what they begin with."""
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[_share(one, left, right, _region)] = LOOSE
    levels[_share(one, left, right, area)] = NEAR
    levels[_edits(one.words[left], other.words[right]) <= 1] = TYPO
    return levels


def area(code: str) -> str:
    """Give what a code begins with: the part before the space, else all but the last four characters."""
    head, space, _ = code.partition(" ")
    return head if space else code[:-4]


def _addresses(one: Coded, left: Codes, other: Coded, right: Codes) -> Levels:
    """Compare e-mail addresses of one column."""
    mine, theirs = one.words[left], other.words[right]
    levels = np.full(len(left), DIFFERENT, np.int8)
    levels[_share(one, left, right, _host) | (_likeness(mine, theirs) >= 0.85)] = LOOSE
    levels[_share(one, left, right, _mailbox)] = NEAR
    levels[_edits(mine, theirs) <= 3] = TYPO
    return levels


def _groups(_one: Coded, left: Codes, _other: Coded, _right: Codes) -> Levels:
    """Compare what is one or another and nothing between: an account."""
    return np.full(len(left), DIFFERENT, np.int8)


def _share(column: Coded, left: Codes, right: Codes, take: Callable[[str], str]) -> npt.NDArray[np.bool_]:
    part = column.part(take)
    equal: npt.NDArray[np.bool_] = part[left] == part[right]
    return equal


def _first(name: str) -> int:
    return ord(name[0]) if name else -1


def _year(date: str) -> str:
    return date[:4]


def _day(date: str) -> str:
    return date[4:]


def _region(code: str) -> str:
    return code[:2]


def _host(address: str) -> str:
    return address.rpartition("@")[2]


def _mailbox(address: str) -> str:
    return address.rpartition("@")[0]


#: the comparison of each kind of column; equal and unknown values are seen to by ``compare``
_COMPARE: Final[dict[str, Callable[[Coded, Codes, Coded, Codes], Levels]]] = {
    "given": _names_alike,
    "family": _names_alike,
    "date": _dates,
    "place": _places,
    "code": _codes,
    "email": _addresses,
    "group": _groups,
}
