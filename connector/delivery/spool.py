"""Rows of a decision, kept on the disk and read back in the order in which limits and senders should see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.limits import Outline, Verdict, applied
from connector.domain.writes import Cause, RowState, only_ours
from connector.errors import LocalFault
from connector.ports.store import OutboxRow

_INDEX = pa.schema(
    [
        ("priority", pa.int64()),
        ("minus", pa.float64()),
        ("waits", pa.bool_()),
        ("lane", pa.string()),
        ("serial", pa.int64()),
        ("start", pa.int64()),
        ("bytes", pa.int64()),
        ("cause", pa.string()),
        ("creation", pa.string()),
        ("depends_on", pa.list_(pa.string())),
        ("object", pa.string()),
        ("own", pa.bool_()),
    ]
)
#: rows written or read in one go
_AT_ONCE = 4_096


class RowSpool(Sequence[OutboxRow]):
    """Takes rows as people go through, then gives them as one sequence, as often as somebody asks.

    The order is that of urgency, then the highest total, then creations before what hangs on them, then the record;
    rows of one record stay as they were added. It does not depend on how many rows were added at a time.
    """

    def __init__(self, path: Path) -> None:
        """Take the path of a file that is nobody else's; it is made anew."""
        self._path = path
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(OutboxRow).decode
        self._parts: list[pa.Table] = []
        self._index: pa.Table = _INDEX.empty_table()
        self._count = 0
        self._bytes = 0
        self._causes: Counter[str] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._own: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    def add(self, rows: Sequence[OutboxRow], totals: Mapping[str, float | None]) -> None:
        """Add rows that wait to be sent (todo); ``totals`` are the scores of their people, by person_id.

        Raises:
            LocalFault: the disk is full or may not be written.
        """
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            packed = [self._encode(row) for row in some]
            try:
                with self._path.open("ab") as file:
                    file.writelines(packed)
            except OSError as error:
                cure = "free space on the disk of the lake"
                raise LocalFault("scratch.unwritable", "rows cannot be set aside", cure=cure) from error
            self._note(some, packed, totals)

    def _note(self, rows: Sequence[OutboxRow], packed: Sequence[bytes], totals: Mapping[str, float | None]) -> None:
        sizes = [len(each) for each in packed]
        starts = [self._bytes]
        for size in sizes:
            starts.append(starts[-1] + size)
        columns: dict[str, list[Any]] = {
            "priority": [row.priority for row in rows],
            "minus": [-(totals.get(row.person_id) or 0.0) for row in rows],
            "waits": [bool(row.depends_on) for row in rows],
            "lane": [row.lane for row in rows],
            "serial": list(range(self._count, self._count + len(rows))),
            "start": starts[:-1],
            "bytes": sizes,
            "cause": [row.cause.value for row in rows],
            "creation": [row.write.key if row.write.kind == "create" else None for row in rows],
            "depends_on": [list(row.depends_on) for row in rows],
            "object": [row.write.object for row in rows],
            "own": [only_ours(row.write) for row in rows],
        }
        self._parts.append(pa.table(columns, schema=_INDEX))
        self._count += len(rows)
        self._bytes = starts[-1]
        self._causes.update(row.cause.value for row in rows)
        self._kinds.update((row.write.kind, row.write.object) for row in rows)
        each = zip(columns["priority"], columns["own"], columns["object"], strict=True)
        self._own.update(object_ for priority, own, object_ in each if priority and own)

    def rank(self) -> None:
        """Put what was added in order; call it before reading."""
        names = ("priority", "minus", "waits", "lane", "serial")
        whole = pa.concat_tables([self._index, *self._parts])
        self._index, self._parts = whole.sort_by([(name, "ascending") for name in names]).combine_chunks(), []

    @property
    def index(self) -> pa.Table:
        """What is known of each row without reading it, in order: a line per row, columns as in ``_INDEX``."""
        return self._index

    def summary(self) -> dict[str, Any]:
        """Count what the rows would do: by cause and by kind of record."""
        return {
            "writes": self._count,
            "by_cause": dict(sorted(self._causes.items())),
            "by_object": dict(sorted((f"{kind} {object_}", n) for (kind, object_), n in self._kinds.items())),
            "held": {},
        }

    def kinds(self) -> dict[tuple[str, str], int]:
        """Count rows by kind of write and object."""
        return dict(self._kinds)

    def own(self) -> dict[str, int]:
        """Count updates of nothing but fields of ours by object, without those that are urgent."""
        return dict(self._own)

    def lanes(self) -> list[str]:
        """List the lanes of all rows, sorted, each once."""
        lanes: list[str] = pc.unique(self._index.column("lane")).sort().to_pylist()
        return lanes

    def outlines(self) -> Iterator[Outline]:
        """Give of each row, in order, what limits look at, without reading the rows themselves."""
        index = self._index.select(["cause", "creation", "depends_on"])
        for batch in index.to_batches(max_chunksize=_AT_ONCE):
            for cause, creation, depends in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Outline(Cause(cause), RowState.TODO, creation, tuple(depends))

    def __len__(self) -> int:
        """Count the rows."""
        return self._count

    @overload
    def __getitem__(self, at: int) -> OutboxRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[OutboxRow]: ...
    def __getitem__(self, at: int | slice) -> OutboxRow | list[OutboxRow]:
        """Read one row by its place in the order, or several."""
        if isinstance(at, slice):
            return list(self._read(self._index.slice(at.start or 0, (at.stop or self._count) - (at.start or 0))))
        return next(self._read(self._index.slice(range(self._count)[at], 1)))

    def __iter__(self) -> Iterator[OutboxRow]:
        """Read all rows in order."""
        return self._read(self._index)

    def _read(self, index: pa.Table) -> Iterator[OutboxRow]:
        with self._path.open("rb") as file:
            for batch in index.select(["start", "bytes"]).to_batches(max_chunksize=_AT_ONCE):
                for start, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    file.seek(start)
                    yield self._decode(file.read(size))


class JudgedRows(Sequence[OutboxRow]):
    """Rows after limits have seen them: a sequence over another one, which is read when somebody asks."""

    def __init__(self, rows: Sequence[OutboxRow], verdicts: bytes, stage_fields: frozenset[str]) -> None:
        self.rows = rows
        #: one ``Verdict`` per row, in order
        self.verdicts = verdicts
        self._stage_fields = stage_fields

    @property
    def untouched(self) -> Sequence[OutboxRow] | None:
        """The rows as they were where no limit has held any, else None."""
        held = {Verdict.LIMIT, Verdict.DEPENDENCY, Verdict.SPLIT}.intersection(self.verdicts)
        return None if held else self.rows

    def __len__(self) -> int:
        """Count the rows: those that were split are two."""
        return len(self.rows) + self.verdicts.count(Verdict.SPLIT)

    @overload
    def __getitem__(self, at: int) -> OutboxRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[OutboxRow]: ...
    def __getitem__(self, at: int | slice) -> OutboxRow | list[OutboxRow]:
        """Give one row or several; reading in order is what is fast."""
        return list(self)[at]

    def __iter__(self) -> Iterator[OutboxRow]:
        """Give all rows in order."""
        return applied(self.rows, self.verdicts, self._stage_fields)


def outlines_of(rows: Iterable[OutboxRow]) -> Iterator[Outline]:
    """Give what limits look at, from the disk's index where the rows lie there."""
    if isinstance(rows, RowSpool):
        return rows.outlines()
    return (Outline.of(row) for row in rows)
