"""Which rows of a page the lake holds already.

A row's key becomes two numbers of 64 bits, hashed with different secrets of this process; a row counts as repeated when
both are held. For each segment the numbers stand sorted in memory, so a page costs one binary search per
segment whose span of time touches it: landing many pages of one time does not read what was landed again and again.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.lake.segments import read_segment, read_span
from connector.ports.store import Segment

#: keys kept in memory, 16 bytes each; segments beyond it are read where they touch a page, as often as that happens
MOST_KEYS = 8_000_000
#: of them, what a process keeps from one cycle to the next: overlaps bring the same segments again
_KEPT_KEYS = 1_000_000
#: a file of so many rows is read whole as soon as it is touched: its edge would cost as much
_SMALL = 10_000
#: what makes two rows one: only rows of one time can be the same, so only files of that time are asked
RECORD_KEY = ("id", "modified_at", "shape", "deleted", "merged_into", "content")
ACTIVITY_KEY = ("id", "kind", "occurred_at", "modified_at", "deleted")

_NEVER = -(2**63)
#: what stands for a text that is not there, in either number
_NOTHING = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
#: what counts of a word that begins so many bytes before the end of its text
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_Numbers = npt.NDArray[np.int64]
_Bits = npt.NDArray[np.uint64]
#: keys as pairs of numbers
Keys = tuple[_Numbers, _Numbers]


class KnownKeys:
    """The keys of segments, read when a page first needs them and kept for the next page; a file never changes."""

    def __init__(self, root: Path, *, most: int = MOST_KEYS) -> None:
        self._root = root
        self._most = most
        self._kept: OrderedDict[str, Keys] = OrderedDict()
        self._count = 0
        self._touched: set[str] = set()

    def fresh(
        self, table: pa.Table, key: Sequence[str], time: str, segments: Sequence[Segment]
    ) -> tuple[pa.Table, Keys]:
        """Give the rows of a page that none of the segments holds, each once, and their keys, sorted.

        ``key`` names the columns that make two rows the same, the id first and ``time`` among them.

        Raises:
            LocalFault: a segment that has to be read is missing or corrupt.
        """
        first, second = _numbers(table, key)
        # In order, neighbours in the page are neighbours in memory: searching costs a quarter.
        order = np.argsort(first)
        first, second = first[order], second[order]
        fresh = _once(first, second, order)
        low, high = pc.min_max(table.column(time)).as_py().values()
        for segment in segments:
            if segment.low <= high and segment.high >= low:
                fresh &= ~_held(self._keys(segment, key, time, low, high), first, second)
        if fresh.all():
            return table, (first, second)
        new = np.empty(len(fresh), np.bool_)
        new[order] = fresh
        return table.filter(pa.array(new)), (first[fresh], second[fresh])

    def landed(self, segment: Segment, keys: Keys) -> None:
        """Keep the keys of a segment just committed, as ``fresh`` gave them."""
        self._keep(segment.path, keys)

    def compacted(self, replaced: Sequence[Segment], by: Segment) -> None:
        """Move what is known of segments to the one that holds their rows now."""
        known = [self._drop(segment.path) for segment in replaced]
        whole = [keys for keys in known if keys is not None]
        if len(whole) == len(known):
            self._keep(by.path, _sorted(*(np.concatenate(parts) for parts in zip(*whole, strict=True))))

    def rest(self) -> None:
        """Keep those asked for last for the next cycle, and give back what a large landing took."""
        while self._count > min(_KEPT_KEYS, self._most):
            self._drop(next(iter(self._kept)))
        self._touched.clear()

    def _keys(self, segment: Segment, key: Sequence[str], time: str, low: datetime, high: datetime) -> Keys:
        kept = self._kept.get(segment.path)
        if kept is not None:
            self._kept.move_to_end(segment.path)
            return kept
        again = segment.path in self._touched or segment.rows <= _SMALL
        if not again or segment.rows > self._most:
            # Most segments are touched once, at their edge; only one that is asked for again is read whole.
            self._touched.add(segment.path)
            return _sorted(*_numbers(read_span(self._root, segment, list(key), time, low, high), key))
        keys = _sorted(*_numbers(read_segment(self._root, segment, list(key)), key))
        self._keep(segment.path, keys)
        return keys

    def _keep(self, path: str, keys: Keys) -> None:
        self._drop(path)
        self._kept[path] = keys
        self._count += len(keys[0])
        while self._count > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, path: str) -> Keys | None:
        self._touched.discard(path)
        keys = self._kept.pop(path, None)
        if keys is not None:
            self._count -= len(keys[0])
        return keys


def _numbers(table: pa.Table, key: Sequence[str]) -> Keys:
    """Hash each row's key twice, by different secrets: what is equal under one of them is not under the other.

    All of it is arithmetic on whole columns, nanoseconds per row; no text becomes an object.
    """
    first, second = _hashes(table.column(key[0]).combine_chunks())
    for name in key[1:]:
        one, other = _values(table.column(name))
        first, second = _stirred(first + one), _stirred(second + other)
    return first.view(np.int64), second.view(np.int64)


def _values(column: pa.ChunkedArray) -> tuple[_Bits, _Bits]:
    """Give a column's values as numbers, each text hashed twice and once for all its rows; nothing has its own."""
    if not pa.types.is_string(column.type):
        numbers = column.cast(pa.int64()).fill_null(_NEVER).to_numpy().view(np.uint64)
        return numbers, numbers
    encoded = column.combine_chunks().dictionary_encode()
    # where there is no text the index is that of one more number, which stands for it
    places = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
    first, second = (
        np.append(hashes, np.uint64(none))[places]
        for hashes, none in zip(_hashes(encoded.dictionary), _NOTHING, strict=True)
    )
    return first, second


def _hashes(texts: pa.StringArray) -> tuple[_Bits, _Bits]:
    """Hash texts twice: their words of eight bytes are stirred with a secret of their place and added up."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    starts, lengths = ends[:-1], np.diff(ends)
    first, second = (_stirred(lengths.astype(np.uint64)) for _ in range(2))
    # eight bytes more, so that a word can be read at every byte
    content = np.zeros((int(ends[-1]) if len(texts) else 0) + 8, np.uint8)
    if data is not None:
        content[:-8] = np.frombuffer(data, np.uint8)[: len(content) - 8]
    words = np.ndarray((len(content) - 7,), np.uint64, content, strides=(1,))
    for place in range(-(-int(lengths.max(initial=0)) // 8)):
        rows = slice(None) if (lengths > place * 8).all() else np.flatnonzero(lengths > place * 8)
        word = words[starts[rows] + place * 8] & _MASKS[np.minimum(lengths[rows] - place * 8, 8)]
        secret, other_secret = _secrets(place)
        first[rows] += _stirred(word ^ secret)
        second[rows] += _stirred(word ^ other_secret)
    return first, second


@cache
def _secrets(place: int) -> tuple[np.uint64, np.uint64]:
    """Draw the secrets of a word's place, once in the life of a process: nobody outside can aim at equal hashes."""
    del place
    return np.uint64(secrets.randbits(64)), np.uint64(secrets.randbits(64))


def _stirred(numbers: _Bits) -> _Bits:
    """Make every bit depend on every other, one to one (the finalizer of SplitMix64); changes its argument."""
    numbers ^= numbers >> _SHIFTS[0]
    numbers *= _FACTORS[0]
    numbers ^= numbers >> _SHIFTS[1]
    numbers *= _FACTORS[1]
    numbers ^= numbers >> _SHIFTS[2]
    return numbers


def _sorted(first: _Numbers, second: _Numbers) -> Keys:
    order = np.argsort(first)
    return first[order], second[order]


def _held(keys: Keys, first: _Numbers, second: _Numbers) -> npt.NDArray[np.bool_]:
    """Say which pairs are among the keys.

    Where two keys share their first number only one is looked at: the other's row may land again, which readers undo.
    None is ever taken for held that is not.
    """
    if not len(keys[0]):
        return np.zeros(len(first), np.bool_)
    at = np.minimum(np.searchsorted(keys[0], first), len(keys[0]) - 1)
    found: npt.NDArray[np.bool_] = (keys[0][at] == first) & (keys[1][at] == second)
    return found


def _once(first: _Numbers, second: _Numbers, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark of each key the row that came first; ``places`` says where the rows, sorted by the first number, stood."""
    if not (first[1:] == first[:-1]).any():
        return np.ones(len(first), np.bool_)
    order = np.lexsort((places, second, first))
    again = (first[order][1:] == first[order][:-1]) & (second[order][1:] == second[order][:-1])
    marks = np.ones(len(first), np.bool_)
    marks[order[1:][again]] = False
    return marks
