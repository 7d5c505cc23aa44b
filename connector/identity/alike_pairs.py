"""Which pairs of people are worth comparing: those who share two small things, so that cost grows with their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from connector.identity.alike_levels import Values, area

Places = npt.NDArray[np.int64]

#: People who share a key with more others than this are not compared by that key: it says too little.
MOST_SHARING: Final = 50


def pairs_to_compare(columns: Mapping[str, tuple[str, Values]], count: int) -> tuple[Places, Places]:
    """Give the places of both people of each pair, smaller first, each pair once, in order.

    ``columns``: name → (kind, values). No pair is left out for its order or for who else is there, except where more
    than ``MOST_SHARING`` people share everything by which the two could be found.
    """
    shared: dict[tuple[str, ...], list[int]] = defaultdict(list)
    kinds = [(kind, values) for kind, values in columns.values()]
    for place in range(count):
        for key in set(_keys([(kind, str(values[place])) for kind, values in kinds if values[place]])):
            shared[key].append(place)
    found = [np.empty(0, np.int64)]
    for places in shared.values():
        if 1 < len(places) <= MOST_SHARING:
            among = np.array(places, np.int64)
            one, other = np.triu_indices(len(places), 1)
            found.append(among[one] * count + among[other])
    pairs = np.unique(np.concatenate(found))
    return pairs // max(count, 1), pairs % max(count, 1)


def _keys(known: list[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """Give the keys of one person from what is known of them: (kind, value), blanks left out."""
    names = sorted({value for kind, value in known if kind in ("given", "family")})
    # names as they may be misspelt: by their beginning, or by their first and last letters; in either order
    heads = {head for name in names for head in (name[:3], f"{name[:1]}~{name[-2:]}")}
    other = [(kind, value) for kind, value in known if kind not in ("given", "family")]
    for kind, value in other:
        for head in heads:
            yield from ((kind, head, part) for part in _weak(kind, value))
        yield from ((kind, part) for part in _strong(kind, value))
        if kind == "date":
            yield from (("born", name[:1], value) for name in names)
            yield from (("year", name, value[:4]) for name in names)
    for (kind, value), (kind2, value2) in combinations(other, 2):
        if kind != "group" or kind2 != "place":
            yield (kind, kind2, value, value2)
    if len(names) > 1:
        yield ("names", *names)
        yield ("heads", *(name[:4] for name in names))


def _weak(kind: str, value: str) -> Iterator[str]:
    """Give what, together with the beginning of a name, makes a pair worth a look."""
    yield value
    if kind == "date":
        yield value[4:]
    elif kind == "code":
        yield area(value)
    elif kind == "place":
        yield value[:4]


def _strong(kind: str, value: str) -> Iterator[str]:
    """Give what makes a pair worth a look by itself."""
    if kind in ("date", "code"):
        yield value
    elif kind == "email":
        name, _, host = value.rpartition("@")
        yield from (value, f"{name}@", f"@{host}", value[:5])
