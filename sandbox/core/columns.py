"""Values of many rows as columns: a few bytes per row instead of a dictionary of objects."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Arrays and what else a column consists of, by name; what ``unpacked`` makes a column of.
Packed = tuple[dict[str, Any], "dict[str, NDArray[Any]]"]
WHOLE = 1 << 128


class Column(Protocol):
    """One value per row, None where a row has none."""

    def value(self, row: int) -> Any:
        """Return the value of a row."""

    def rows_with(self, value: Any) -> NDArray[np.int64]:
        """Return the rows that hold a value, ascending; text without regard to case."""

    def packed(self) -> Packed:
        """Return what the column consists of."""


class Picks:
    """Values of which many rows share one: codes into a list of words."""

    def __init__(self, codes: NDArray[Any], words: Sequence[Any]) -> None:
        """Take a code per row, -1 for none, and the words; words are whatever JSON can say."""
        self._codes, self._words = codes.astype(np.int32), words
        self._order: NDArray[np.int32] | None = None
        self._known: dict[Any, list[int]] = {}

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        code = self._codes.item(row)
        return None if code < 0 else self._words[code]

    def rows_with(self, value: Any) -> NDArray[np.int64]:
        """Return the rows that hold a value, ascending; text without regard to case."""
        if self._order is None:
            self._order = np.argsort(self._codes, kind="stable").astype(np.int32)
            self._sorted = self._codes[self._order]
            for code, word in enumerate(self._words):
                self._known.setdefault(folded(word), []).append(code)
        parts = []
        for code in self._known.get(folded(value), ()):
            low, high = np.searchsorted(self._sorted, [code, code + 1])
            parts.append(self._order[low:high])
        return np.sort(np.concatenate(parts)).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)

    def packed(self) -> Packed:
        """Return what the column consists of."""
        return {"kind": "picks", "words": list(self._words)}, {"codes": self._codes}


class Numbers:
    """Whole numbers; a mask says where there is none."""

    def __init__(self, numbers: NDArray[Any], there: NDArray[np.bool_] | None = None) -> None:
        """Take the numbers and where they count."""
        self.numbers, self._there = numbers.astype(np.int64), there

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        return None if self._there is not None and not self._there[row] else self.numbers.item(row)

    def rows_with(self, value: Any) -> NDArray[np.int64]:
        """Return the rows that hold a number."""
        same = self.numbers == value
        return np.flatnonzero(same if self._there is None else same & self._there)

    def packed(self) -> Packed:
        """Return what the column consists of."""
        arrays = {"numbers": self.numbers}
        return {"kind": "numbers"}, arrays if self._there is None else {**arrays, "there": self._there}


class Uuids:
    """Ids that look random and count up: the n-th is n times an odd number, modulo 2**128; ``numbers`` ascend."""

    def __init__(self, numbers: NDArray[Any], spread: int) -> None:
        """Take the number of each row, ascending, below 2**32, and the odd factor."""
        self.numbers, self._spread = numbers.astype(np.int64), spread
        self._back = pow(spread, -1, WHOLE)

    def value(self, row: int) -> Any:
        """Return the id of a row."""
        return str(uuid.UUID(int=self.numbers.item(row) * self._spread % WHOLE))

    def row_of(self, text: str) -> int | None:
        """Return the row with an id, or None."""
        try:
            number = uuid.UUID(text).int * self._back % WHOLE
        except ValueError:
            return None
        if number >= 1 << 32:
            return None
        row = int(np.searchsorted(self.numbers, number))
        found = row < len(self.numbers) and self.numbers.item(row) == number and self.value(row) == text
        return row if found else None

    def rows_with(self, value: Any) -> NDArray[np.int64]:
        """Return the row with an id."""
        row = self.row_of(str(value))
        return np.array([] if row is None else [row], dtype=np.int64)

    def halves(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the upper and lower 64 bits of the ids: in their order the texts are sorted."""
        number = self.numbers.astype(np.uint64)
        high, low = np.uint64(self._spread >> 64), np.uint64(self._spread & ((1 << 64) - 1))
        half, mask = np.uint64(32), np.uint64((1 << 32) - 1)
        with np.errstate(over="ignore"):
            carry = (number * (low >> half) + ((number * (low & mask)) >> half)) >> half
            return number * high + carry, number * low

    def packed(self) -> Packed:
        """Return what the column consists of."""
        return {"kind": "uuids", "spread": str(self._spread)}, {"numbers": self.numbers}


class Nested:
    """A dictionary per row, made of columns; a mask says where there is one."""

    def __init__(self, members: Mapping[str, Column], there: NDArray[np.bool_]) -> None:
        """Take the members and where they count."""
        self._members, self._there = dict(members), there

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        return {name: column.value(row) for name, column in self._members.items()} if self._there[row] else None

    def rows_with(self, value: Any) -> NDArray[np.int64]:
        """Return the rows that hold an equal dictionary."""
        return np.array([row for row in np.flatnonzero(self._there) if self.value(int(row)) == value], dtype=np.int64)

    def packed(self) -> Packed:
        """Return what the column consists of."""
        parts = {name: column.packed() for name, column in self._members.items()}
        arrays = {f"{name}/{key}": array for name, (_, held) in parts.items() for key, array in held.items()}
        return {"kind": "nested", "members": {name: about for name, (about, _) in parts.items()}}, {
            **arrays,
            "there": self._there,
        }


class Texts(Sequence[Any]):
    """Words that are kept as JSON text and read when somebody asks."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take the texts."""
        self.texts = texts

    def __len__(self) -> int:
        """Count the words."""
        return len(self.texts)

    def __getitem__(self, place: Any) -> Any:
        """Read one word."""
        return json.loads(self.texts[place])

    def __iter__(self) -> Iterator[Any]:
        """Read every word."""
        return map(json.loads, self.texts)


class Documents(Picks):
    """Lists and dictionaries of which hardly two are equal, kept as text."""

    def __init__(self, codes: NDArray[Any], texts: Sequence[str]) -> None:
        """Take a code per row, -1 for none, and the JSON texts."""
        super().__init__(codes, Texts(texts))
        self._texts = texts

    def packed(self) -> Packed:
        """Return what the column consists of."""
        return {"kind": "documents", "texts": list(self._texts)}, {"codes": self._codes}


def unpacked(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Column:
    """Make a column of what ``packed`` returned."""
    kind = about["kind"]
    if kind == "picks":
        return Picks(arrays["codes"], about["words"])
    if kind == "documents":
        return Documents(arrays["codes"], about["texts"])
    if kind == "numbers":
        return Numbers(arrays["numbers"], arrays.get("there"))
    if kind == "uuids":
        return Uuids(arrays["numbers"], int(about["spread"]))
    members = {}
    for name, inner in about["members"].items():
        own = {key.partition("/")[2]: array for key, array in arrays.items() if key.partition("/")[0] == name}
        members[name] = unpacked(inner, own)
    return Nested(members, arrays["there"])


def folded(value: Any) -> Any:
    """Return what a value is compared by: text without regard to case, lists and dictionaries by their JSON."""
    if isinstance(value, str):
        return value.casefold()
    return json.dumps(value) if isinstance(value, (dict, list)) else value
