"""Which activities were matched already: a number of 64 bits for each, sorted, in runs beside the hits.

An activity whose number is not there is new, for certain. One whose number is there may be a newer version of one that
was counted, or share its number by chance: then its identity is matched anew from the lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from connector.scoring.hits.counting import Keys
from connector.scoring.hits.files import cannot_keep, read_columns, write_columns
from connector.scoring.hits.runs import Run, bucket_of

#: numbers in one file of a large run, about
FILE_NUMBERS = 1 << 20


def files_of(run: Run) -> list[str]:
    """List a run's files, in order of numbers."""
    return [f"{run.name}.{number:04x}.seen" for number in range(1 << run.bits)]


def write_seen(folder: Path, parts: Iterable[Keys], bits: int) -> Run:
    """Write sorted numbers as a run of ``1 << bits`` files, cut by their first bits.

    Raises:
        LocalFault: the disk is full, read-only or broken.
    """
    name, count = uuid4().hex, 0
    for file, numbers in zip(files_of(Run(name, 0, bits)), parts, strict=True):
        write_columns(folder / file, {"number": numbers})
        count += len(numbers)
    return Run(name, count, bits)


def seen(folder: Path, runs: Sequence[Run], numbers: Keys) -> npt.NDArray[np.bool_]:
    """Say which numbers (sorted) some run holds.

    Raises:
        NotWhole: a file is not what was written.
    """
    found = np.zeros(len(numbers), np.bool_)
    for run in runs:
        files = files_of(run)
        edges = np.searchsorted(bucket_of(numbers, run.bits), np.arange(len(files) + 1))
        for number, file in enumerate(files):
            low, high = edges[number : number + 2]
            if low == high:
                continue
            held = read_columns(folder / file)["number"]
            if len(held):
                at = np.minimum(np.searchsorted(held, numbers[low:high]), len(held) - 1)
                found[low:high] |= held[at] == numbers[low:high]
    return found


def numbers_of(folder: Path, runs: Sequence[Run], bits: int) -> Iterator[Keys]:
    """Give all numbers of the runs, sorted, cut by ``bits``; none of the runs is cut finer.

    Raises:
        NotWhole: a file is not what was written.
    """
    for number in range(1 << bits):
        parts = [np.zeros(0, np.uint64)]
        for run in runs:
            held = read_columns(folder / files_of(run)[number >> (bits - run.bits)])["number"]
            low, high = np.searchsorted(bucket_of(held, bits), [number, number + 1])
            parts.append(held[low:high])
        yield np.sort(np.concatenate(parts))


def bits_for(numbers: int) -> int:
    """Say by how many bits to cut a run of so many numbers."""
    return max(0, (numbers // FILE_NUMBERS).bit_length())


class Heaps:
    """Rows set aside in files by the first bits of their numbers, until each heap can be sorted by itself."""

    def __init__(self, folder: Path, bits: int, kind: npt.DTypeLike) -> None:
        """Make the heaps; the rows' first field, or the row itself, is the number they are cut by.

        Raises:
            LocalFault: the folder cannot be written.
        """
        self._bits = bits
        self._kind = np.dtype(kind)
        self._paths = [folder / f"{uuid4().hex}.heap" for _ in range(1 << bits)]
        self._folder = folder
        self._files: list[BinaryIO] = []
        try:
            self._files = [path.open("wb") for path in self._paths]
        except OSError as error:
            raise cannot_keep(folder, error) from error

    def add(self, numbers: Keys, rows: npt.NDArray[np.void] | Keys) -> None:
        """Set rows aside.

        Raises:
            LocalFault: the disk is full.
        """
        if not self._bits:
            order, edges = None, np.array([0, len(rows)])
        else:
            bucket = bucket_of(numbers, self._bits).astype(np.uint16)
            order = np.argsort(bucket, kind="stable")
            edges = np.searchsorted(bucket[order], np.arange(len(self._files) + 1))
        placed = rows if order is None else rows[order]
        try:
            for number, file in enumerate(self._files):
                piece = placed[edges[number] : edges[number + 1]]
                if len(piece):
                    file.write(np.ascontiguousarray(piece).view(np.uint8).data)
        except OSError as error:
            raise cannot_keep(self._folder, error) from error

    def each(self) -> Iterator[npt.NDArray[np.void]]:
        """Give heap after heap, in order of numbers; what was given is forgotten."""
        for file, path in zip(self._files, self._paths, strict=True):
            file.close()
            rows = np.fromfile(path, self._kind)
            path.unlink()
            yield rows

    def close(self) -> None:
        """Let go of what is left."""
        for file, path in zip(self._files, self._paths, strict=True):
            file.close()
            path.unlink(missing_ok=True)
