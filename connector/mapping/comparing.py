"""What changed between two sets of mapping files, in words: rules that came and went, points 12 → 15."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.mapping.places import Found
from connector.mapping.yaml_reader import read_yaml

#: keys that say who changed a file and why: they are told apart, and are no change of what it does
VERSION_KEY = "version"
#: characters of a value that are shown
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed.

    Attributes:
        file: the file's name.
        key: where, for example ``dimensions.interest.rules.pricing-page.points``; empty for a file as a whole.
        before: the value before, as people would write it; None where there was none.
        after: the value after; None where there is none any more.
    """

    file: str
    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Say it in a line."""
        words: tuple[str | None, ...] = (self.key, self.before, "→", self.after)
        if self.before is None:
            words = ("+", self.key, self.after)
        elif self.after is None:
            words = ("-", self.key, self.before)
        return f"{self.file}: {' '.join(word for word in words if word)}"


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """List what changed between two sets of files (name → text), by file, then in the order of the files.

    Comments, layout and the words of ``version`` are no change. Lists whose entries have an ``id`` are compared by id.
    """
    found: list[Difference] = []
    for file in sorted({*before, *after}):
        if file not in before:
            found.append(Difference(file, "", None, "a new file"))
        elif file not in after:
            found.append(Difference(file, "", "the file", None))
        elif before[file] != after[file]:
            found += _of_file(file, before[file], after[file])
    return found


def files_changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """List the files whose texts differ, or that only one side has, be it by a comment."""
    return sorted(file for file in {*before, *after} if before.get(file) != after.get(file))


def _of_file(file: str, before: str, after: str) -> Iterator[Difference]:
    if Path(file).suffix != ".yaml":
        was, is_ = set(before.splitlines()), set(after.splitlines())
        yield from (Difference(file, "line", line, None) for line in before.splitlines() if line not in is_)
        yield from (Difference(file, "line", None, line) for line in after.splitlines() if line not in was)
        return
    one, other = _content(file, before), _content(file, after)
    if file != "lifecycle.yaml":
        one, other = ({k: v for k, v in each.items() if k != VERSION_KEY} for each in (one, other))
    yield from (Difference(file, ".".join(path), was, is_) for path, was, is_ in _compare((), one, other))


def _content(file: str, text: str) -> dict[str, Any]:
    root = read_yaml(text.encode("utf-8"), Found(file))
    plain = None if root is None else root.plain()
    return plain if isinstance(plain, dict) else {}


_Change = tuple[tuple[str, ...], str | None, str | None]


def _compare(path: tuple[str, ...], one: Any, other: Any) -> Iterator[_Change]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        yield from _by_key(path, one, other)
    elif _named(one) and _named(other):
        yield from _by_key(path, {str(e["id"]): e for e in one}, {str(e["id"]): e for e in other})
        was, is_ = _order(one, other), _order(other, one)
        if was != is_:
            yield (*path, "order"), was, is_
    else:
        yield path, _written(one), _written(other)


def _order(one: Sequence[Any], other: Sequence[Any]) -> str:
    """Name the parts that both lists have, in the order of the first."""
    there = {entry["id"] for entry in other}
    return ", ".join(str(entry["id"]) for entry in one if entry["id"] in there)


def _by_key(path: tuple[str, ...], one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Iterator[_Change]:
    for key in dict.fromkeys([*one, *other]):
        inner = (*path, str(key))
        if key not in other:
            yield inner, _written(_without_id(one[key])), None
        elif key not in one:
            yield inner, None, _written(_without_id(other[key]))
        else:
            yield from _compare(inner, one[key], other[key])


def _named(value: Any) -> bool:
    """Say whether a value is a list of parts that each have an id of their own."""
    return (
        isinstance(value, list)
        and all(isinstance(entry, dict) and "id" in entry for entry in value)
        and len({entry["id"] for entry in value}) == len(value)
    )


def _without_id(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "id"} if isinstance(value, dict) and len(value) > 1 else value


def _written(value: Any) -> str:
    """Write a value in a line, as people would in the file."""
    text = _flow(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
