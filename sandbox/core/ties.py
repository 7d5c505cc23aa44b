"""Number records that look alike so that the numbers depend on content alone.

Records that share a key path and their whole content can still differ by what they are linked to, and may be wholly
interchangeable. Colours are refined along the links until they settle; where a colour is still shared inside a group of
linked records, one of them is marked and the refinement goes on. Which one is marked does not matter: what could tell
the choices apart would have told their colours apart before.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

#: (label, from, to): one alike record refers to another.
Link = tuple[str, str, str]


def _hash(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def order_alike(marks: Mapping[str, str], links: Iterable[Link]) -> dict[str, tuple[str, int, str]]:
    """Return a sort key for each record; ``marks`` says by id what is known of it without regard to its kin."""
    neighbours: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for label, source, target in links:
        neighbours[source].append((f"to {label}", target))
        neighbours[target].append((f"from {label}", source))
    solved = []
    for members in _components(marks, neighbours):
        colours = _settle({row_id: _hash(marks[row_id]) for row_id in members}, neighbours)
        solved.append((_hash(sorted(colours.values())), colours))
    solved.sort(key=lambda pair: pair[0])
    return {
        row_id: (marks[row_id], rank, colour)
        for rank, (_, colours) in enumerate(solved)
        for row_id, colour in colours.items()
    }


def _components(ids: Iterable[str], neighbours: Mapping[str, list[tuple[str, str]]]) -> list[list[str]]:
    seen: set[str] = set()
    found = []
    for start in ids:
        if start in seen:
            continue
        members, waiting = [], [start]
        seen.add(start)
        while waiting:
            here = waiting.pop()
            members.append(here)
            for _, other in neighbours.get(here, ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        found.append(members)
    return found


def _settle(colours: dict[str, str], neighbours: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    while True:
        colours = _refine(colours, neighbours)
        shared = sorted(colour for colour, number in Counter(colours.values()).items() if number > 1)
        if not shared:
            return colours
        chosen = next(row_id for row_id, colour in colours.items() if colour == shared[0])
        colours[chosen] = _hash("marked", colours[chosen])


def _refine(colours: dict[str, str], neighbours: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    if len(colours) == 1:
        return colours
    number = len(set(colours.values()))
    while True:
        colours = {
            row_id: _hash(colour, sorted((label, colours[other]) for label, other in neighbours.get(row_id, ())))
            for row_id, colour in colours.items()
        }
        refined = len(set(colours.values()))
        if refined == number:
            return colours
        number = refined
