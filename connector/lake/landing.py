"""The lake's commit protocol: rows and the cursor behind them become durable together.

Write to ``staging/``, fsync, rename into the stream's folder, fsync the folder, then one transaction of the state adds
the segments to the manifest and moves the cursor. A crash before the transaction leaves a file nobody lists and the old
cursor: the rows are pulled again. A crash after it leaves nothing to do.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connector.domain.records import Activity, Page, RecordVersion
from connector.errors import LocalFault
from connector.lake.layout import activities_stream, activity_table, alias_of, record_table, records_stream, sound
from connector.ports.store import Manifest, Segment

#: unlisted files younger than this may belong to somebody who is just committing
_SWEEP_AFTER = timedelta(hours=24)


@dataclass(slots=True)
class Landed:
    """What a landing did, in rows."""

    records: int = 0
    activities: int = 0
    repeated: int = 0
    #: objects and how many of their versions are new
    by_object: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Landing:
    """Appends pages to the lake under ``root``. Only the holder of the engine lease may use it."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self._manifest = manifest

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
        tables: list[tuple[str, pa.Table, str]] = []
        by_object: dict[str, list[RecordVersion]] = defaultdict(list)
        activities: list[Activity] = []
        for page in pages:
            for version in page.records:
                by_object[version.ref.object].append(version)
            activities += page.activities
        for object_, versions in by_object.items():
            shape = shapes.get(object_, "")
            fresh = self._fresh_records(records_stream(system, object_), versions, shape)
            landed.repeated += len(versions) - len(fresh)
            landed.records += len(fresh)
            landed.by_object[object_] += len(fresh)
            if fresh:
                table = record_table(fresh, shape=shape, landed_at=landed_at)
                tables.append((records_stream(system, object_), table, "modified_at"))
        if activities:
            fresh_activities = self._fresh_activities(activities_stream(system), activities)
            landed.repeated += len(activities) - len(fresh_activities)
            landed.activities = len(fresh_activities)
            if fresh_activities:
                table = activity_table(fresh_activities, landed_at=landed_at)
                tables.append((activities_stream(system), table, "occurred_at"))
        segments = [self._write(name, table, time, landed_at) for name, table, time in tables]
        self._manifest.commit_segments(segments, (), {(system, stream): pages[-1].cursor})
        return landed

    def _fresh_records(self, stream: str, versions: list[RecordVersion], shape: str) -> list[RecordVersion]:
        times = [v.modified_at for v in versions]
        held = self._held(stream, min(times), max(times), ["id", "modified_at", "shape", "deleted", "merged_into"])
        fresh = []
        for version in versions:
            key = (sound(version.ref.id), version.modified_at, shape, version.deleted, alias_of(version))
            if key not in held:
                held.add(key)
                fresh.append(version)
        return fresh

    def _fresh_activities(self, stream: str, activities: list[Activity]) -> list[Activity]:
        times = [a.occurred_at for a in activities]
        held = self._held(stream, min(times), max(times), ["kind", "id", "modified_at", "deleted"])
        fresh = []
        for activity in activities:
            key = (activity.ref.object, sound(activity.ref.id), activity.modified_at, activity.deleted)
            if key not in held:
                held.add(key)
                fresh.append(activity)
        return fresh

    def _held(self, stream: str, low: datetime, high: datetime, columns: list[str]) -> set[tuple[object, ...]]:
        """Read the keys of segments whose time span touches ours."""
        held: set[tuple[object, ...]] = set()
        for segment in self._manifest.segments(stream):
            if segment.low <= high and segment.high >= low:
                table = read_segment(self._root, segment, columns)
                held.update(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
        return held

    def _write(self, stream: str, table: pa.Table, time_column: str, landed_at: datetime) -> Segment:
        staging = self._root / "staging"
        folder = self._root / stream
        try:
            staging.mkdir(parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression="zstd", use_dictionary=True)
            data = sink.getvalue().to_pybytes()
            digest = hashlib.sha256(data).hexdigest()
            draft = staging / f"{digest}.{os.getpid()}.parquet"
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path = folder / f"{landed_at:%Y%m%dT%H%M%S%f}-{digest[:16]}.parquet"
            draft.replace(path)
            _fsync_folder(folder)
        except OSError as error:
            raise LocalFault(
                "lake.write_failed",
                f"the lake cannot be written: {error.strerror}",
                cure="free space or rights for the lake's folder, then run again; nothing was lost",
                at=str(self._root),
            ) from error
        times = table.column(time_column)
        low, high = pa.compute.min_max(times).as_py().values()
        relative = path.relative_to(self._root).as_posix()
        return Segment(relative, stream, table.num_rows, low, high, landed_at, digest, len(data))

    def sweep(self, *, now: datetime) -> int:
        """Delete old files that no manifest row lists, and retired segments past their grace; return how many."""
        listed = {segment.path for segment in self._manifest.segments()}
        grace = now - _SWEEP_AFTER
        retired = set(self._manifest.retired_before(grace)) - listed
        swept = 0
        for path in self._root.rglob("*.parquet"):
            name = path.relative_to(self._root).as_posix()
            old = datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo) < grace
            if name not in listed and (old or name in retired):
                path.unlink(missing_ok=True)
                swept += 1
        if retired:
            self._manifest.forget_retired(sorted(retired))
        return swept


def read_segment(root: Path, segment: Segment, columns: list[str] | None = None) -> pa.Table:
    """Read one segment.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    try:
        return pq.read_table(root / segment.path, columns=columns, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(root, segment) from error


def check_segment(root: Path, segment: Segment) -> None:
    """Compare one segment with its checksum.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    try:
        with (root / segment.path).open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256
    except OSError as error:
        raise _unreadable(root, segment) from error
    if not same:
        raise _unreadable(root, segment)


def _unreadable(root: Path, segment: Segment) -> LocalFault:
    return LocalFault(
        "lake.segment_unreadable",
        f"segment {segment.path} is missing or corrupt",
        cure="restore the file from a backup; the manifest keeps its name and checksum",
        at=str(root / segment.path),
    )


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
