"""From pairs that look like one person to the fewest questions that settle who is a double of whom."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from connector.identity.alike import alike
from connector.identity.groups import Kept

#: pairs as unsure as this still count when two groups are weighed against each other
_HEARD: Final = 0.05
#: Two groups become one only where all pairs between them are on average so sure: otherwise one record that resembles
#: two people would make one of both.
_ON_AVERAGE: Final = 0.3
#: where nothing else is said: the least confidence that is worth a question
AT_LEAST: Final = 0.8


def doubles(people: pa.Table, kinds: dict[str, str], *, at_least: float = AT_LEAST) -> pa.Table:
    """Give the pairs which, taken together, make each person's records one (schema ``ALIKE``), surest first.

    A group of n records gives n - 1 pairs. Arguments as for ``alike``; the order of rows changes nothing.
    """
    pairs = alike(people, kinds, at_least=_HEARD)
    order = pc.sort_indices(pairs, [("confidence", "descending"), ("left", "ascending"), ("right", "ascending")])
    pairs = pairs.take(order)
    return pairs.take(pa.array(_joining(pairs, at_least), pa.int64()))


def _joining(pairs: pa.Table, at_least: float) -> list[int]:
    """Say which pairs join two groups, taken in order."""
    rows = list(zip(*(pairs.column(name).to_pylist() for name in ("left", "right", "confidence")), strict=True))
    groups = Kept(())
    size: dict[str, int] = {}
    #: group → neighbouring group → sum of confidences between their members
    between: dict[str, dict[str, float]] = {}
    for left, right, sure in rows:
        for one, other in ((left, right), (right, left)):
            size[one] = 1
            between.setdefault(one, {})[other] = sure
    joining = []
    for place, (left, right, sure) in enumerate(rows):
        if sure < at_least:
            break
        one, other = str(groups.find(left)), str(groups.find(right))
        if one == other or between[one].get(other, 0.0) < _ON_AVERAGE * size[one] * size[other]:
            continue
        joining.append(place)
        # the group with fewer neighbours goes into the other: each neighbour is moved few times
        if len(between[one]) < len(between[other]):
            one, other = other, one
        groups.join(other, one)
        size[one] += size[other]
        between[one].pop(other, None)
        for neighbour, total in between.pop(other).items():
            if neighbour != one:
                between[one][neighbour] = between[one].get(neighbour, 0.0) + total
                between[neighbour].pop(other, None)
                between[neighbour][one] = between[one][neighbour]
    return joining
