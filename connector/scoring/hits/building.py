"""How hits come from the lake all at once, in heaps that are sorted one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.domain.durable import fsync
from connector.domain.sql_text import literal, quoted
from connector.ports.store import Segment
from connector.scoring.hits.counting import Hits, Keys, Matched, hits_of
from connector.scoring.hits.keys import key_sql
from connector.scoring.hits.landed import CaughtUp, Landed
from connector.scoring.hits.matchers import Matchers
from connector.scoring.hits.runs import Run, write_run
from connector.scoring.hits.seen import Heaps, write_seen
from connector.scoring.hits.state import Covered, Current
from connector.scoring.local_days import microseconds

KEY = key_sql("person_system", "person_object", "person_id")
_ROW = np.dtype([("key", np.uint64), ("rule", np.int32), ("instant_us", np.int64)])
NUMBERS = pa.schema([("h", pa.uint64())])
#: rows that are sorted together
HEAP_ROWS = 800_000
NONE = np.zeros(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and from what hits are made, and as of when."""

    root: Path
    matchers: Matchers
    zone: ZoneInfo
    lake: Landed
    segments: dict[str, list[Segment]]
    as_of: datetime
    left_out: pa.Table | None

    def until_us(self) -> int:
        """Give the instant in microseconds."""
        return microseconds(self.as_of)

    def rows(self) -> int:
        """Count what has landed."""
        return sum(segment.rows for each in self.segments.values() for segment in each)

    def query(self, source: str, condition: str = "") -> str:
        """Write what is asked of activities to match them; ``source`` has the columns of ``activities``."""
        held = {"type", "key", "instant_us"}
        fields = "".join(f", {quoted(name)}" for name in self.matchers.fields if name in _FIELDS and name not in held)
        types = ", ".join(literal(name) for name in self.matchers.types) or "''"
        anti = "" if self.left_out is None else " ANTI JOIN left_out USING (system, kind, id)"
        return (
            f"SELECT {KEY} AS key, type, epoch_us(occurred_at) AS instant_us{fields} FROM {source}{anti} "
            f"WHERE type IN ({types}) AND person_id IS NOT NULL{condition}"
        )

    def tables(self, **more: pa.Table) -> dict[str, pa.Table]:
        """Give the tables that queries see beside the lake's."""
        return more | ({} if self.left_out is None else {"left_out": self.left_out})

    def matched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Matched]:
        """Match what comes."""
        for batch in batches:
            if batch.num_rows:
                yield self.matchers.match(pa.Table.from_batches([batch]), now=self.as_of)


_FIELDS = frozenset(
    [
        "kind",
        "id",
        "type",
        "person_system",
        "person_object",
        "person_id",
        "occurred_at",
        "url",
        "path",
        "asset",
        "form",
        "campaign",
        "value",
        "subject",
        "by_user",
        "modified_at",
        "landed_at",
        "system",
    ]
)


def build(place: Place, rules: str) -> tuple[Current, CaughtUp]:
    """Match everything.

    Raises:
        LocalFault: the disk or a segment is broken.
    """
    rows = place.rows()
    bits = (rows // HEAP_ROWS).bit_length()
    seen, again = _number_all(place, bits)
    heaps = Heaps(place.root, bits, _ROW)
    try:
        numbers = pa.table([again], schema=NUMBERS)
        with place.lake.opened(place.segments, as_of=place.as_of, again=numbers, tables=place.tables()) as ask:
            for matched in place.matched(ask(place.query("activities"))):
                packed = np.empty(len(matched), _ROW)
                packed["key"], packed["rule"], packed["instant_us"] = matched.key, matched.rule, matched.instant_us
                heaps.add(matched.key, packed)
        run = write_run(place.root, (_counted(place, heap) for heap in heaps.each()), bits)
    finally:
        heaps.close()
    streams = {
        system: Covered(
            tuple(segment.path for segment in each),
            sum(segment.rows for segment in each),
            max((microseconds(segment.landed_at) for segment in each), default=-(2**62)),
        )
        for system, each in place.segments.items()
    }
    left_out = left_out_numbers(place)
    current = Current(
        rules,
        place.until_us(),
        place.matchers.order,
        streams,
        (run,),
        (seen,),
        (write_seen(place.root, [again], 0),),
        (write_seen(place.root, [left_out], 0),),
    )
    fsync(place.root)
    return current, CaughtUp(None, rows)


def _number_all(place: Place, bits: int) -> tuple[Run, Keys]:
    """Write the number of every activity that landed; give those that came more than once."""
    heaps = Heaps(place.root, bits, np.uint64)
    again: list[Keys] = []

    def each() -> Iterator[Keys]:
        for heap in map(_numbers, heaps.each()):
            heap.sort()
            repeated = heap[1:] == heap[:-1]
            if repeated.any():
                again.append(np.unique(heap[1:][repeated]))
                yield np.unique(heap)
            else:
                yield heap

    try:
        with place.lake.opened(place.segments, as_of=place.as_of) as ask:
            for batch in ask("SELECT h FROM landed"):
                numbers = batch.column(0).to_numpy()
                heaps.add(numbers, numbers)
        run = write_seen(place.root, each(), bits)
    finally:
        heaps.close()
    return run, np.concatenate([NONE, *again])


def _numbers(heap: npt.NDArray[Any]) -> Keys:
    return heap


def _counted(place: Place, heap: npt.NDArray[Any]) -> Hits:
    matched = Matched(heap["key"].copy(), heap["rule"].copy(), heap["instant_us"].copy())
    return hits_of(np.unique(matched.key), matched, place.matchers.spans_us, place.zone)


def left_out_numbers(place: Place) -> Keys:
    """Number what is left out, sorted."""
    if place.left_out is None or not place.left_out.num_rows:
        return NONE
    with place.lake.opened({}, as_of=place.as_of, tables=place.tables()) as ask:
        found = [batch.column(0).to_numpy() for batch in ask("SELECT DISTINCT hash(kind, id) AS h FROM left_out")]
    return np.unique(np.concatenate([NONE, *found]))
