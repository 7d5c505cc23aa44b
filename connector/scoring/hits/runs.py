"""Runs of hits on the disk: each holds all hits of some identities, and the newest run that knows an identity counts.

A run is one or several files, cut by the first bits of the identities' numbers. In a file the identities stand sorted
beside where their rows end, so that the hits of a few are found without reading the others, and a file is let go before
the next one is mapped: reading everybody takes the memory of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from connector.scoring.hits.counting import Hits, Keys, Numbers
from connector.scoring.hits.files import Column, read_columns, write_columns

#: identities in one file of a large run, about
FILE_KEYS = 65_536


@dataclass(frozen=True, slots=True)
class Run:
    """A run's name, how many identities it has, and by how many first bits of their numbers its files are cut."""

    name: str
    keys: int
    bits: int

    def files(self) -> list[str]:
        """List its files, in order of identities."""
        return [f"{self.name}.{number:04x}.hits" for number in range(1 << self.bits)]


def bits_for(keys: int) -> int:
    """Say by how many bits to cut a run of so many identities."""
    return max(0, (keys // FILE_KEYS).bit_length())


def bucket_of(keys: Keys, bits: int) -> npt.NDArray[np.int64]:
    """Number the file in which each identity is."""
    return (keys >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(keys), np.int64)


def write_run(folder: Path, parts: Iterable[Hits], bits: int) -> Run:
    """Write a run of ``1 << bits`` files; the i-th part holds the identities of the i-th file.

    Raises:
        LocalFault: the disk is full, read-only or broken.
    """
    name, keys = uuid4().hex, 0
    files = Run(name, 0, bits).files()
    for file, hits in zip(files, parts, strict=True):
        write_columns(folder / file, _packed(hits))
        keys += len(hits.key)
    return Run(name, keys, bits)


def keys_of(folder: Path, runs: Sequence[Run], bits: int) -> Iterator[Keys]:
    """List the identities that the runs know, sorted, each once, cut by ``bits``; none of the runs is cut finer.

    Raises:
        NotWhole: a file is not what was written.
    """
    for number in range(1 << bits):
        found = [np.zeros(0, np.uint64)]
        for run in runs:
            file = run.files()[number >> (bits - run.bits)]
            keys = read_columns(folder / file)["key"]
            low, high = np.searchsorted(bucket_of(keys, bits), [number, number + 1])
            found.append(keys[low:high])
        yield np.unique(np.concatenate(found))


def gather(folder: Path, runs: Sequence[Run], keys: Keys) -> Hits:
    """Give the hits of some identities (sorted, each once) from the newest run that knows them; the last is newest.

    Who is in no run has none.

    Raises:
        NotWhole: a file is not what was written.
    """
    missing = np.ones(len(keys), np.bool_)
    pieces: list[tuple[Numbers, Hits]] = []
    for run in reversed(runs):
        wanted = np.flatnonzero(missing)
        if not len(wanted):
            break
        files = run.files()
        edges = np.searchsorted(bucket_of(keys[wanted], run.bits), np.arange(len(files) + 1))
        for number, file in enumerate(files):
            mine = wanted[edges[number] : edges[number + 1]]
            if not len(mine):
                continue
            columns = read_columns(folder / file)
            known = columns["key"]
            at = np.minimum(np.searchsorted(known, keys[mine]), max(0, len(known) - 1))
            found = known[at] == keys[mine] if len(known) else np.zeros(len(mine), np.bool_)
            if found.any():
                pieces.append((mine[found], _taken(columns, keys[mine[found]], at[found])))
                missing[mine[found]] = False
    return joined(keys, pieces)


def sizes(folder: Path, runs: Sequence[Run], keys: Keys) -> Numbers:
    """Count the rows that ``gather`` would give of each identity; nothing but the lists of identities is read.

    Raises:
        NotWhole: a file is not what was written.
    """
    found, missing = np.zeros(len(keys), np.int64), np.ones(len(keys), np.bool_)
    for run in reversed(runs):
        files = run.files()
        edges = np.searchsorted(bucket_of(keys, run.bits), np.arange(len(files) + 1))
        for number, file in enumerate(files):
            mine = slice(edges[number], edges[number + 1])
            if not missing[mine].any():
                continue
            columns = read_columns(folder / file)
            known = columns["key"]
            if not len(known):
                continue
            at = np.minimum(np.searchsorted(known, keys[mine]), len(known) - 1)
            here = (known[at] == keys[mine]) & missing[mine]
            found[mine][here] = _bounds(columns["hit_ends"], at[here])[1]
            missing[mine] &= ~here
    return found


def joined(keys: Keys, pieces: Sequence[tuple[Numbers, Hits]]) -> Hits:
    """Put hits of different identities into one, in order of ``keys``; each piece says at which places its own are."""
    hit_sizes, chain_sizes = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    for places, hits in pieces:
        hit_sizes[places] = np.diff(hits.hit_ends, prepend=0)
        chain_sizes[places] = np.diff(hits.chain_ends, prepend=0)
    hit_ends, chain_ends = np.cumsum(hit_sizes), np.cumsum(chain_sizes)
    rows, chains = int(hit_ends[-1]) if len(keys) else 0, int(chain_ends[-1]) if len(keys) else 0
    out = Hits(
        keys,
        hit_ends,
        chain_ends,
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
        np.empty(chains, np.int32),
        np.empty(chains, np.int64),
    )
    for places, hits in pieces:
        to = spans(hit_ends[places] - hit_sizes[places], hit_sizes[places])
        out.rule[to], out.day[to], out.count[to] = hits.rule, hits.day, hits.count
        to = spans(chain_ends[places] - chain_sizes[places], chain_sizes[places])
        out.chain_rule[to], out.chain_us[to] = hits.chain_rule, hits.chain_us
    return out


def _packed(hits: Hits) -> dict[str, Column]:
    first = int(hits.day.min(initial=0))
    return {
        "key": hits.key,
        "hit_ends": hits.hit_ends,
        "chain_ends": hits.chain_ends,
        "rule": _narrow(hits.rule),
        "first": np.array([first], np.int64),
        "day": _narrow(hits.day - first),
        "count": _narrow(hits.count),
        "chain_rule": _narrow(hits.chain_rule),
        "chain_us": hits.chain_us,
    }


def _narrow(column: npt.NDArray[Any]) -> Column:
    """Keep numbers that are not negative in as few bytes as the largest needs."""
    return column.astype(np.min_scalar_type(int(column.max(initial=0))))


def _taken(columns: dict[str, Column], keys: Keys, at: Numbers) -> Hits:
    """Copy the hits of the identities at some places of a file."""
    hit_begins, hit_sizes = _bounds(columns["hit_ends"], at)
    chain_begins, chain_sizes = _bounds(columns["chain_ends"], at)
    rows, chains = spans(hit_begins, hit_sizes), spans(chain_begins, chain_sizes)
    return Hits(
        keys,
        np.cumsum(hit_sizes),
        np.cumsum(chain_sizes),
        columns["rule"][rows].astype(np.int32),
        columns["day"][rows].astype(np.int32) + np.int32(columns["first"][0]),
        columns["count"][rows].astype(np.int64),
        columns["chain_rule"][chains].astype(np.int32),
        columns["chain_us"][chains],
    )


def _bounds(ends: Column, at: Numbers) -> tuple[Numbers, Numbers]:
    begins = np.where(at > 0, ends[np.maximum(at - 1, 0)], 0)
    return begins, ends[at] - begins


def spans(begins: Numbers, sizes: Numbers) -> Numbers:
    """List the places of spans: from each begin as many as its size says."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    places: Numbers = np.arange(total, dtype=np.int64) + np.repeat(begins - (ends - sizes), sizes)
    return places
