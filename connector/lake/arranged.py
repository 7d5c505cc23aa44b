"""Files of the lake in memory, arranged by whom their rows are about: those of a few are found without reading all.

A file packs many rows together, so whoever asks for seven people's rows unpacks those of a hundred thousand. A process
that asks again and again keeps each file once more, packed in blocks of few rows in order of the people. Files never
change, and what is no longer listed goes; the answers are the same with and without it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_memory import machine_bytes
from connector.lake.engine import querying
from connector.lake.layout import ACTIVITY_COLUMNS
from connector.lake.segments import assure, read_segment
from connector.ports.store import Segment

#: at most so much is kept, and no more than a sixteenth of the machine's memory: some 156 MiB for 100,000 people
#: with 1.3 million activities. What does not fit is read from its files
MOST_BYTES = 192 << 20
#: questions about a stream before its files are arranged: it costs about as much as four of them
PATIENCE = 6
#: rows that are arranged within one question at most, or one file: nobody waits longer than half a second for it
_ROWS_AT_ONCE = 400_000
#: rows that are packed together: fewer are found faster and take more memory
_RECORD_ROWS, _ACTIVITY_ROWS = 256, 512
#: so many different words of a column at most are written once and pointed to
_WORDS = 4096
#: unpacking a block takes 40 µs, where denser packing takes ten times as long whatever its size
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")
#: waking other threads takes longer than unpacking a block
_ALONE = pa.ipc.IpcReadOptions(use_threads=False)
#: of a file of so many rows everybody in it is known by name, some hundred bytes each
_SMALL, _NAME_BYTES = 5_000, 100
_NO_HASHES, _NO_PLACES = np.array([], np.uint64), np.array([], np.int32)


@dataclass(frozen=True, slots=True)
class Arranged:
    """One file, in order of ``by``: a record's id, or whoever did something."""

    by: str
    packed: pa.Buffer
    schema: pa.Schema
    #: rows of a block; the last may have fewer
    block_rows: int
    #: the first of each block; those that begin with nobody come last and have none
    firsts: list[str]
    #: of a small file: everybody in it; most whom a cycle asks for are not, and a block need not be unpacked to see it
    names: frozenset[str] | None = None
    #: of activities: hashes of kind and id, in order, and the row of each
    hashes: npt.NDArray[np.uint64] = field(default_factory=lambda: _NO_HASHES)
    places: npt.NDArray[np.int32] = field(default_factory=lambda: _NO_PLACES)

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory."""
        return int(self.packed.size) + self.hashes.nbytes + self.places.nbytes + len(self.names or ()) * _NAME_BYTES

    def of(self, wanted: Sequence[str]) -> pa.Table:
        """Give all rows of whom is ``wanted``, who are in order."""
        if self.names is not None:
            wanted = [one for one in wanted if one in self.names]
        near = self._blocks(sorted(self._blocks_of(wanted)))
        if near is None:
            return self.schema.empty_table()
        return near.filter(pc.is_in(near.column(self.by), value_set=pa.array(wanted, pa.string()))).cast(self.schema)

    def with_hashes(self, hashes: npt.NDArray[np.uint64]) -> pa.Table:
        """Give all activities with one of these hashes of kind and id, none of which comes twice."""
        first, end = np.searchsorted(self.hashes, hashes, "left"), np.searchsorted(self.hashes, hashes, "right")
        counts = end - first
        if not counts.any():
            return self.schema.empty_table()
        at = np.repeat(first + counts - np.cumsum(counts), counts) + np.arange(counts.sum())
        places = np.sort(self.places[at])
        blocks = places // self.block_rows
        begins = np.diff(blocks, prepend=-1) > 0
        near = self._blocks(blocks[begins].tolist())
        assert near is not None
        numbers = np.cumsum(begins) - 1
        return near.take(pa.array(numbers * self.block_rows + places % self.block_rows)).cast(self.schema)

    def _blocks_of(self, wanted: Sequence[str]) -> set[int]:
        """List the blocks in which rows of whom is ``wanted`` can be."""
        if len(wanted) > len(self.firsts) > 0:
            lasts = [*self.firsts[1:], wanted[-1]]
            nearest = (bisect_left(wanted, first) for first in self.firsts)
            return {
                number
                for number, (place, last) in enumerate(zip(nearest, lasts, strict=True))
                if place < len(wanted) and wanted[place] <= last
            }
        return {
            number
            for one in wanted
            for number in range(max(0, bisect_left(self.firsts, one) - 1), bisect_right(self.firsts, one))
        }

    def _blocks(self, numbers: Sequence[int]) -> pa.Table | None:
        """Unpack some blocks, in order; None where there are none."""
        if not numbers:
            return None
        with pa.ipc.open_file(self.packed, options=_ALONE) as file:
            # In one piece: what is asked of many small ones next takes longer than unpacking them.
            return pa.Table.from_batches([file.get_batch(number) for number in numbers]).combine_chunks()


@dataclass(slots=True)
class _Stream:
    """What is kept of one stream."""

    asked: int = 0
    files: dict[str, Arranged] = field(default_factory=dict)
    #: files for which there was no room
    left_out: set[str] = field(default_factory=set)


_lock = threading.Lock()
_streams: dict[tuple[str, str], _Stream] = {}


def arranged(root: Path, segments: Sequence[Segment]) -> tuple[list[Arranged], list[Segment]]:
    """Give what is kept of all files of one stream, at least one, and which of them are to be read.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    with _lock:
        stream = _streams.setdefault((str(root), segments[0].stream), _Stream())
        listed = {segment.path for segment in segments}
        for gone in stream.files.keys() - listed:
            del stream.files[gone]
            stream.left_out.clear()
        stream.asked += 1
        if stream.asked > PATIENCE:
            _arrange_some(root, stream, segments)
        kept, others = [], []
        for segment in segments:
            one = stream.files.get(segment.path)
            if one is None:
                others.append(segment)
            else:
                assure(root, segment)
                kept.append(one)
        return kept, others


def arrange(root: Path, streams: Iterable[Sequence[Segment]]) -> None:
    """Arrange all files of some streams now: for whoever will ask again and again, and has the time at present.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    with _lock:
        for segments in streams:
            if segments:
                stream = _streams.setdefault((str(root), segments[0].stream), _Stream())
                stream.asked = max(stream.asked, PATIENCE)
                _arrange_some(root, stream, segments, most_rows=sum(segment.rows for segment in segments))


def forget_arranged(root: Path, names: Iterable[str]) -> None:
    """Let go of files that have been deleted."""
    gone = set(names)
    if not gone:
        return
    with _lock:
        for (place, _), stream in _streams.items():
            if place == str(root):
                for name in stream.files.keys() & gone:
                    del stream.files[name]


def _arrange_some(root: Path, stream: _Stream, segments: Sequence[Segment], *, most_rows: int = _ROWS_AT_ONCE) -> None:
    rows, most = 0, min(MOST_BYTES, machine_bytes() // 16)
    for segment in segments:
        if segment.path in stream.files or segment.path in stream.left_out:
            continue
        if rows and rows + segment.rows > most_rows:
            return
        rows += segment.rows
        one = _arrange(read_segment(root, segment))
        held = sum(each.size_bytes for other in _streams.values() for each in other.files.values())
        if held + one.size_bytes > most:
            stream.left_out.add(segment.path)
        else:
            stream.files[segment.path] = one


def _arrange(table: pa.Table) -> Arranged:
    activities = table.schema.names == ACTIVITY_COLUMNS.names
    by, rows = ("person_id", _ACTIVITY_ROWS) if activities else ("id", _RECORD_ROWS)
    table = table.take(pc.sort_indices(table, [(by, "ascending")])).combine_chunks()
    sink = pa.BufferOutputStream()
    few_words = _with_words_once(table)
    with pa.ipc.new_file(sink, few_words.schema, options=_PACKED) as file:
        file.write_table(few_words, max_chunksize=rows)
    firsts = table.column(by).take(pa.array(range(0, table.num_rows, rows))).drop_null().to_pylist()
    packed = sink.getvalue()
    names = frozenset(table.column(by).to_pylist()) if table.num_rows <= _SMALL else None
    if not activities:
        return Arranged(by, packed, table.schema, rows, firsts, names)
    hashes = hashes_of(table)
    order = np.argsort(hashes, kind="stable")
    return Arranged(by, packed, table.schema, rows, firsts, names, hashes[order], order.astype(np.int32))


def _with_words_once(table: pa.Table) -> pa.Table:
    """Write the words of columns that have few of them once: that halves what activities take."""
    for number, column in enumerate(table.schema):
        if pa.types.is_string(column.type):
            words = table.column(number).combine_chunks().dictionary_encode()
            if len(words.dictionary) <= min(_WORDS, table.num_rows // 8):
                table = table.set_column(number, column.name, words)
    return table


def hashes_of(activities: pa.Table) -> npt.NDArray[np.uint64]:
    """Give a hash of kind and id of each, as the engine's ``hash(kind, id)`` gives it in this process."""
    with querying() as connection:
        connection.register("deeds", activities.select(["kind", "id"]))
        found: npt.NDArray[np.uint64] = (
            connection.sql("SELECT hash(kind, id) AS h FROM deeds").to_arrow_table().column("h").to_numpy()
        )
        return found
