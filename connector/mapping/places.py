"""What was written and where: the values of a YAML file as nodes that know their line and column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from connector.errors import Problem

#: keys and list positions from the top of a file to a value
Path = tuple[str | int, ...]
Scalar = str | int | Decimal | bool | SecretStr | None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """One value of a file.

    Attributes:
        path: as written in the file; it stays when neighbours are pruned.
        at: where the value begins.
        key_at: where its key stands; for list items and the top the same as ``at``.
        value: a scalar, or None when the node has children.
        items: children of a list, or None.
        entries: children of a mapping in the order written, or None.
    """

    path: Path
    at: Place
    key_at: Place
    value: Scalar = None
    items: list[Node] | None = None
    entries: dict[str | int, Node] | None = None

    def plain(self) -> Any:
        """Give the value as nested dicts, lists and scalars."""
        if self.entries is not None:
            return {key: child.plain() for key, child in self.entries.items()}
        if self.items is not None:
            return [child.plain() for child in self.items]
        return self.value

    def child(self, step: str | int) -> Node | None:
        """Give the child under a key or at a position."""
        if self.entries is not None:
            return self.entries.get(step)
        if self.items is not None and isinstance(step, int) and 0 <= step < len(self.items):
            return self.items[step]
        return None

    def deepest(self, path: Sequence[object]) -> tuple[list[Node], list[object]]:
        """Follow a path as far as it leads: the nodes passed, this one first, and the steps that led nowhere.

        Steps that name nothing here (a model's own inner names) are skipped.
        """
        nodes, lost = [self], list[object]()
        for step in path:
            child = nodes[-1].child(step) if isinstance(step, (str, int)) else None
            if child is None:
                lost.append(step)
            else:
                nodes.append(child)
                lost.clear()
        return nodes, lost

    def walk(self) -> Iterator[Node]:
        """Walk this node and everything below it."""
        yield self
        for child in [*(self.items or ()), *(self.entries or {}).values()]:
            yield from child.walk()


@dataclass(slots=True)
class Found:
    """Problems of one file, collected while it is read."""

    #: path of the file as the reader would type it
    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, path: Sequence[object], message: str) -> None:
        """Note one problem."""
        key = ".".join(map(str, path)) or "file"
        self.problems.append(Problem(self.file, place.line, place.column, key, message))


def at(root: Node, path: Sequence[object], *, key: bool = False) -> Place:
    """Find the place of a path, or of the nearest thing above it; ``key`` asks for the key instead of the value."""
    node = root.deepest(path)[0][-1]
    return node.key_at if key else node.at
