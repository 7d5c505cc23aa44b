"""What the checks look at, and where they note what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.mapping.fields import FieldsFile, MatchingFile
from connector.mapping.lifecycle import LifecycleFile
from connector.mapping.places import Found, Node, Path
from connector.mapping.routing import RoutingFile
from connector.mapping.scoring import ScoringModel


@dataclass(slots=True)
class Shaped:
    """The files as far as they have a shape; None where a file has none.

    Attributes:
        further: file word (``scoring-NAME``) → the further model in it.
        written: file word → nodes as written, wrong parts included; names are looked up here.
        parts: file word → nodes that the typed parts were made from.
        whole: file words whose shape is right from end to end; only there is a missing thing surely missing.
    """

    fields: FieldsFile | None = None
    matching: MatchingFile | None = None
    scoring: ScoringModel | None = None
    lifecycle: LifecycleFile | None = None
    routing: RoutingFile | None = None
    further: dict[str, ScoringModel] = field(default_factory=dict)
    written: dict[str, Node] = field(default_factory=dict)
    parts: dict[str, Node] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)

    def names(self, file: str, *path: str) -> list[str]:
        """List the keys, or the texts of a list, written at a path; wrong ones included."""
        nodes, lost = self.written[file].deepest(path) if file in self.written else ([], [""])
        if lost:
            return []
        node = nodes[-1]
        if node.items is not None:
            return [item.value for item in node.items if isinstance(item.value, str)]
        return [key for key in node.entries or {} if isinstance(key, str)]


class Report:
    """Note problems of several files by the path of the part that is wrong."""

    def __init__(self, parts: Mapping[str, Node], found: Mapping[str, Found]) -> None:
        self._parts = parts
        self._found = found

    def count(self, file: str) -> int:
        """Count the problems noted of a file so far."""
        return len(self._found[file].problems)

    def add(self, file: str, path: Iterable[str | int], message: str, *, key: bool = False) -> None:
        """Note a problem at ``path``, or at the nearest thing above it that was written.

        With ``key`` the place is the key's, else the value's. The path names parts as the models do.
        """
        steps: Path = tuple(path)
        nodes, lost = self._parts[file].deepest(steps)
        node = nodes[-1]
        missing = tuple(step for step in lost if isinstance(step, (str, int))) if node.entries is not None else ()
        place = node.key_at if key or missing else node.at
        self._found[file].add(place, (*node.path, *missing), message)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Word a problem about a name that nothing has: what it should name, a guess, and the list to choose from."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    listed = f" (known: {', '.join(names)})" if names and len(names) <= 25 else ""
    shown = name if len(name) <= 60 else name[:57] + "…"
    return f"unknown {what} {shown}{guess}{listed}"
