"""Which pairs of people are worth comparing: those who share two small things, so that cost grows with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from connector.identity.alike_levels import area
from connector.identity.alike_values import Coded, Codes

Places = npt.NDArray[np.int64]
#: one key per person, -1 for none; keys of one family may be the same
Keys = npt.NDArray[np.int64]

#: People who share a key with more others than this are not compared by that key: it says too little.
MOST_SHARING: Final = 50
_NAMES: Final = ("given", "family")


def pairs_to_compare(columns: Mapping[str, tuple[str, Coded]], count: int) -> tuple[Places, Places]:
    """Give the places of both people of each pair, smaller first, each pair once, in order.

    ``columns``: name → (kind, values). No pair is left out for its order or for who else is there, except where more
    than ``MOST_SHARING`` people share everything by which the two could be found.
    """
    found = [np.empty(0, np.int64)]
    for family in _families(columns):
        found += _sharing(family, count)
    pairs = _each_once(np.concatenate(found))
    return pairs // max(count, 1), pairs % max(count, 1)


def _sharing(family: list[Keys], count: int) -> Iterator[Places]:
    """Give the pairs of people who share a key of one family, as ``one * count + other``."""
    people = np.arange(count)
    keys = np.concatenate([np.empty(0, np.int64), *(each[each >= 0] for each in family)])
    places = np.concatenate([np.empty(0, np.int64), *(people[each >= 0] for each in family)])
    _, number = np.unique(keys, return_inverse=True)
    # by key, then by place; a key that one person has twice counts once
    held = _each_once(number.astype(np.int64) * max(count, 1) + places)
    number, places = held // max(count, 1), held % max(count, 1)
    sizes = np.bincount(number) if len(number) else np.empty(0, np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    for size in range(2, MOST_SHARING + 1):
        groups = starts[sizes == size]
        if len(groups):
            among = places[groups[:, None] + np.arange(size)]
            one, other = np.triu_indices(size, 1)
            yield (among[:, one] * count + among[:, other]).ravel()


def _each_once(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    # sorted, not hashed as numpy's own would: numbers so regular fall on each other there, and cost grew by the square
    numbers = np.sort(numbers)
    return numbers[np.concatenate([[True], numbers[1:] != numbers[:-1]])] if len(numbers) else numbers


class _Vocabulary:
    """Numbers for texts, the same for all columns of a kind."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def of(self, coded: Coded, take: Callable[[str], str]) -> Keys:
        """Number what ``take`` gives of each person's value; -1 where the value is unknown."""
        told = (self._numbers.setdefault(take(word), len(self._numbers)) if word else -1 for word in coded.words)
        by_word: Codes = np.fromiter(told, np.int64, len(coded.words))
        return by_word[coded.places]


def _families(columns: Mapping[str, tuple[str, Coded]]) -> Iterator[list[Keys]]:
    """Give the keys of everybody, family by family."""
    names = [coded for kind, coded in columns.values() if kind in _NAMES]
    other = [(kind, coded) for kind, coded in columns.values() if kind not in _NAMES]
    # names as they may be misspelt: by their beginning, or by their first and last letters; in either order
    vocabulary = _Vocabulary()
    heads = [vocabulary.of(coded, take) for coded in names for take in (_beginning, _ends)]
    for wanted in dict.fromkeys(kind for kind, _ in other):
        mine = [coded for kind, coded in other if kind == wanted]
        weak = _Vocabulary()
        parts = [weak.of(coded, take) for coded in mine for take in (_whole, *_WEAK.get(wanted, ()))]
        yield [_both(head, part, len(weak)) for head in heads for part in parts]
        strong = _Vocabulary()
        yield [strong.of(coded, take) for coded in mine for take in _STRONG.get(wanted, ())]
    for born in (coded for kind, coded in other if kind == "date"):
        for of_name, of_date in ((_initial, _whole), (_whole, _year)):
            one, date = _Vocabulary(), _Vocabulary()
            dates = date.of(born, of_date)
            yield [_both(one.of(coded, of_name), dates, len(date)) for coded in names]
    yield from _together(other)
    if len(names) == 2:
        yield from _whole_names(*names)


def _together(other: list[tuple[str, Coded]]) -> Iterator[list[Keys]]:
    """Give equal values of two columns."""
    vocabularies = {kind: _Vocabulary() for kind, _ in other}
    values = [(kind, vocabularies[kind].of(coded, _whole)) for kind, coded in other]
    families: dict[tuple[str, str], list[Keys]] = {}
    for (kind, value), (kind2, value2) in combinations(values, 2):
        if kind != "group" or kind2 != "place":
            families.setdefault((kind, kind2), []).append(_both(value, value2, len(vocabularies[kind2])))
    yield from families.values()


def _whole_names(given: Coded, family: Coded) -> Iterator[list[Keys]]:
    """Give first and last name in either order, whole and by their beginnings."""
    both = Coded([str(word) for coded in (given, family) for word in coded.words])
    one, other = both.places[: len(given.words)][given.places], both.places[len(given.words) :][family.places]
    low, high = np.minimum(one, other), np.maximum(one, other)
    two = (low > 0) & (low < high)
    for numbers in (np.arange(len(both.words)), both.part(_four)):
        yield [np.where(two, numbers[low] * len(both.words) + numbers[high], -1)]


def _both(one: Keys, other: Keys, others: int) -> Keys:
    """Make one key of two."""
    return np.where((one >= 0) & (other >= 0), one * max(others, 1) + other, -1)


def _whole(value: str) -> str:
    return value


def _beginning(value: str) -> str:
    return value[:3]


def _four(value: str) -> str:
    return value[:4]


def _five(value: str) -> str:
    return value[:5]


def _initial(value: str) -> str:
    return value[:1]


def _ends(value: str) -> str:
    return f"{value[:1]}~{value[-2:]}"


def _year(date: str) -> str:
    return date[:4]


def _day(date: str) -> str:
    return date[4:]


def _mailbox(address: str) -> str:
    return f"{address.rpartition('@')[0]}@"


def _host(address: str) -> str:
    return f"@{address.rpartition('@')[2]}"


#: what, beside the value itself and together with the beginning of a name, makes a pair worth a look
_WEAK: Final = {"date": (_day,), "code": (area,), "place": (_four,)}
#: what makes a pair worth a look by itself
_STRONG: Final = {"date": (_whole,), "code": (_whole,), "email": (_whole, _mailbox, _host, _five)}
