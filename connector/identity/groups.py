"""Groups of numbered things that belong together, with and without pairs that must stay apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
_Node = TypeVar("_Node", bound=Hashable)


class Groups:
    """Union-find over ``0 … count - 1``; a group is named by its smallest member, whatever the order of joins."""

    def __init__(self, count: int) -> None:
        #: the group of every node, at all times
        self._root: Numbers = np.arange(count, dtype=np.int64)

    def join(self, lefts: Sequence[int] | Numbers, rights: Sequence[int] | Numbers) -> None:
        """Make one group of each pair, in a few rounds over all pairs that are still apart."""
        root = self._root
        lefts, rights = np.asarray(lefts, np.int64), np.asarray(rights, np.int64)
        while True:
            one, other = root[lefts], root[rights]
            apart = one != other
            if not apart.any():
                return
            lefts, rights = lefts[apart], rights[apart]
            one, other = one[apart], other[apart]
            np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
            # a root may now hang below another: follow until every node names its root
            while not np.array_equal(above := root[root], root):
                root[:] = above

    def roots(self) -> Numbers:
        """Give the group of every node, in order."""
        return self._root


class Join(NamedTuple):
    """One reason to put two things together; smaller ranks are trusted more."""

    rank: int
    left: Hashable
    right: Hashable


class Ambiguity(NamedTuple):
    """Things that would fit into each of several groups that must stay apart."""

    members: frozenset[Hashable]
    #: one member of each group they would fit into
    options: frozenset[Hashable]


class Kept:
    """Groups under constraints: what joining under pairs that must stay apart came to."""

    def __init__(self, nodes: Iterable[Hashable]) -> None:
        self.group: dict[Hashable, Hashable] = {node: node for node in nodes}
        self.ambiguities: list[Ambiguity] = []

    def find(self, node: Hashable) -> Hashable:
        """Give the name of the group."""
        group = self.group
        group.setdefault(node, node)
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return node

    def join(self, left: Hashable, right: Hashable) -> None:
        """Make one group of two."""
        self.group[self.find(left)] = self.find(right)

    def members(self, root: Hashable) -> frozenset[Hashable]:
        """List a group."""
        return frozenset(node for node in list(self.group) if self.find(node) == root)


def join_apart(nodes: Iterable[Hashable], joins: Sequence[Join], apart: Iterable[tuple[Hashable, Hashable]]) -> Kept:
    """Join by rank, never putting a pair of ``apart`` into one group; what fits into several groups fits into none.

    Joins of the smallest rank present below zero are facts and hold even against ``apart``. The outcome does not
    depend on the order of arguments. Meant for the few groups in which a person has said "different".
    """
    kept = Kept(nodes)
    by_rank: dict[int, list[Join]] = defaultdict(list)
    for join in joins:
        by_rank[join.rank].append(join)
    pairs = set(apart)
    for rank in sorted(by_rank):
        if rank < 0:
            for join in by_rank[rank]:
                kept.join(join.left, join.right)
            pairs = {pair for pair in pairs if kept.find(pair[0]) != kept.find(pair[1])}
        else:
            _join_rank(kept, by_rank[rank], pairs)
    return kept


def _join_rank(kept: Kept, joins: list[Join], apart: set[tuple[Hashable, Hashable]]) -> None:
    """Apply the joins of one rank: all of them, except where they would bring together what must stay apart."""
    edges = {(kept.find(join.left), kept.find(join.right)) for join in joins}
    enemies: dict[Hashable, set[Hashable]] = defaultdict(set)
    for left, right in apart:
        enemies[kept.find(left)].add(kept.find(right))
        enemies[kept.find(right)].add(kept.find(left))
    trial = _components(edges)
    torn = {node for node, foes in enemies.items() if any(trial.get(foe) == trial.get(node, node) for foe in foes)}
    neutral = {(left, right) for left, right in edges if left not in torn and right not in torn}
    blocks = _components(neutral)
    wants: dict[Hashable, set[Hashable]] = defaultdict(set)
    for left, right in edges - neutral:
        if left in torn and right in torn:
            if right not in enemies[left]:
                wants[left].add(right)
                wants[right].add(left)
            continue
        free, taken = (right, left) if left in torn else (left, right)
        wants[blocks.get(free, free)].add(taken)
    for left, right in neutral:
        kept.join(left, right)
    for block, options in wants.items():
        if len(options) == 1 and block not in torn:
            kept.join(block, next(iter(options)))
        else:
            members = kept.members(kept.find(block))
            kept.ambiguities.append(Ambiguity(members, frozenset(options)))


def _components(edges: Iterable[tuple[_Node, _Node]]) -> dict[_Node, _Node]:
    """Name the connected component of every node that has an edge."""
    neighbours: dict[_Node, set[_Node]] = defaultdict(set)
    for left, right in edges:
        neighbours[left].add(right)
        neighbours[right].add(left)
    name: dict[_Node, _Node] = {}
    for start in neighbours:
        if start in name:
            continue
        stack = [start]
        name[start] = start
        while stack:
            for other in neighbours[stack.pop()] - name.keys():
                name[other] = start
                stack.append(other)
    return name
