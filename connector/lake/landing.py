"""The lake's commit protocol: rows and the cursor behind them become durable together.

Write to ``staging/``, fsync, rename into the stream's folder, fsync the folder, then one transaction of the state adds
the segments to the manifest and moves the cursor. A crash before the transaction leaves a file nobody lists and the old
cursor: the rows are pulled again. A crash after it leaves nothing to do.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.records import Activity, Page, RecordVersion
from connector.lake.arranged import forget_arranged
from connector.lake.compaction import FAN, compact
from connector.lake.layout import activities_stream, activity_table, record_table, records_stream
from connector.lake.repeats import ACTIVITY_KEY, RECORD_KEY, Keys, KnownKeys
from connector.lake.segments import cannot_write, forget_checks, write_segment
from connector.ports.store import Manifest, Segment

#: unlisted files younger than this may belong to somebody who is just committing
_SWEEP_AFTER = timedelta(hours=24)
#: readers are given this long to finish with a file that a compaction replaced; one that is later asks anew
_RETIRED_AFTER = timedelta(hours=1)
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Landed:
    """What a landing did, in rows."""

    records: int = 0
    activities: int = 0
    repeated: int = 0
    #: objects and how many of their versions are new
    by_object: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    #: objects and how many of those tell of a deletion, mergers left out
    deleted: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class _Part:
    """New rows of one stream."""

    stream: str
    table: pa.Table
    keys: Keys


class Landing:
    """Appends pages to the lake under ``root``. Only the holder of the engine lease may use it.

    ``clock`` is the clock that files are stamped by, not the cycle's; ``known`` what is known of files from before.
    """

    def __init__(
        self,
        root: Path,
        manifest: Manifest,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        known: KnownKeys | None = None,
    ) -> None:
        self._root = root
        self._manifest = manifest
        self._clock = clock
        self._known = known or KnownKeys(root)
        self._grown: set[str] = set()

    def land(
        self, system: str, stream: str, pages: list[Page], *, shapes: dict[str, str], landed_at: datetime
    ) -> Landed:
        """Store the new rows of consecutive pages of one stream, and the last page's cursor, together.

        Rows that the lake holds already (same id, modification time and shape) are dropped and counted as repeated.
        ``shapes`` names, per object, the set of fields that was asked for.

        Raises:
            LocalFault: the disk is full, read-only or broken; nothing was committed.
        """
        landed = Landed()
        parts: list[_Part] = []
        by_object: dict[str, list[RecordVersion]] = defaultdict(list)
        activities: list[Activity] = []
        for page in pages:
            for version in page.records:
                by_object[version.ref.object].append(version)
            activities += page.activities
        for object_, versions in by_object.items():
            table = record_table(versions, shape=shapes.get(object_, ""), landed_at=landed_at)
            part = self._fresh(records_stream(system, object_), table, RECORD_KEY, "modified_at")
            landed.repeated += len(versions) - part.table.num_rows
            landed.records += part.table.num_rows
            landed.by_object[object_] += part.table.num_rows
            landed.deleted[object_] += _deleted(part.table)
            parts.append(part)
        if activities:
            table = activity_table(activities, landed_at=landed_at)
            part = self._fresh(activities_stream(system), table, ACTIVITY_KEY, "occurred_at")
            landed.repeated += len(activities) - part.table.num_rows
            landed.activities = part.table.num_rows
            parts.append(part)
        self._commit([part for part in parts if part.table.num_rows], {(system, stream): pages[-1].cursor}, landed_at)
        return landed

    def _fresh(self, stream: str, table: pa.Table, key: tuple[str, ...], time: str) -> _Part:
        return _Part(stream, *self._known.fresh(table, key, time, self._manifest.segments(stream)))

    def _commit(self, parts: Sequence[_Part], cursors: dict[tuple[str, str], str], landed_at: datetime) -> None:
        segments: list[Segment] = [
            write_segment(self._root, part.stream, part.table, landed_at=landed_at) for part in parts
        ]
        self._manifest.commit_segments(segments, (), cursors)
        for part, segment in zip(parts, segments, strict=True):
            self._known.landed(segment, part.keys)
            self._grown.add(part.stream)

    def compact(self, *, everywhere: bool = False, enough: Callable[[], bool] = lambda: False) -> int:
        """Merge small segments of streams that have grown since the last call, one merge each; return how many files.

        ``everywhere``: of all streams, whoever let them grow; no further one is begun where it is ``enough``.

        Raises:
            LocalFault: a segment is missing or corrupt, or the disk is full, read-only or broken; what was landed and
                listed stays as it is.
        """
        replaced = 0
        if everywhere:
            self._grown |= {segment.stream for segment in self._manifest.segments()}
        while self._grown and not enough():
            stream = self._grown.pop()
            if len(self._manifest.segments(stream)) > FAN:
                done = compact(self._root, self._manifest, stream)
                if done is not None:
                    self._known.compacted(*done)
                    replaced += len(done[0])
        return replaced

    def rest(self) -> None:
        """Give back most of what is known of files; some is kept for the next landing."""
        self._known.rest()

    def sweep(self, *, now: datetime) -> int:
        """Delete old files that no manifest row lists, and retired segments past their grace; return how many.

        ``now`` may lie ahead of the clock that stamps files; then that clock counts.

        Raises:
            LocalFault: the folder may not be changed.
        """
        now = min(now, self._clock())
        listed = {segment.path for segment in self._manifest.segments()}
        retired = set(self._manifest.retired_before(_ALWAYS)) - listed
        due = set(self._manifest.retired_before(now - _RETIRED_AFTER)) & retired
        swept = []
        root = str(self._root)
        try:
            for folder, _, files in os.walk(root):
                inside = folder[len(root) :].strip(os.sep).replace(os.sep, "/")
                for file in files:
                    name = f"{inside}/{file}" if inside else file
                    known = name in listed or name in retired
                    if not file.endswith(".parquet") or (known and name not in due):
                        continue
                    path = self._root / name
                    if known or self._old(path, now):
                        path.unlink(missing_ok=True)
                        swept.append(name)
        except OSError as error:
            raise cannot_write(self._root, error) from error
        forget_checks(self._root, swept)
        forget_arranged(self._root, swept)
        if due:
            self._manifest.forget_retired(sorted(due))
        return len(swept)

    @staticmethod
    def _old(path: Path, now: datetime) -> bool:
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) < now - _SWEEP_AFTER
        except FileNotFoundError:
            return False


def _deleted(versions: pa.Table) -> int:
    gone = pc.and_(versions.column("deleted"), pc.is_null(versions.column("merged_into")))
    return int(pc.sum(gone).as_py() or 0)
