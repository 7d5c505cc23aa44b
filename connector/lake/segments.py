"""One file of the lake: how it is packed, made durable, read and held against its checksum."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.domain.durable import fsync, make_folder, write_durably
from connector.errors import LocalFault
from connector.lake.checking import CURE, RIGHTS_CURE, Kind, state_of
from connector.lake.layout import ACTIVITY_COLUMNS
from connector.ports.store import Segment

STAGING = "staging"
CODE_UNREADABLE = "lake.segment_unreadable"

#: rows that are packed and can be skipped together
_ROW_GROUP = 131_072
#: a dictionary of this size still pays: the usual megabyte is full after 40,000 addresses
_DICTIONARY_BYTES = 8 << 20
#: zstd levels: what lands waits for the disk anyway, what is compacted stays for years
_QUICK, _DENSE = 1, 6
#: columns of activities in which a page that has just landed repeats enough to be worth the time; a merge packs all
_WORTH_PACKING = frozenset({"id", "occurred_at", "person_id", "url", "path", "subject"})
#: files of this process's life that had their checksum: (file, checksum) → (size, time of change)
_whole: dict[tuple[str, str], tuple[int, int]] = {}


def pack(table: pa.Table, *, dense: bool) -> bytes:
    """Write a table as Parquet; ``dense`` spends more time on fewer bytes.

    Rows of one kind stand together in order of time: instants are then small differences, and what one mailing or one
    page has in common repeats. A page of activities that has just landed stays in its source's order, which is mostly
    that of time, until the first merge. Ids never repeat, so a dictionary of them would only be a second copy, and
    searching them for repetitions (higher levels) makes random ones longer.
    """
    activities = table.schema.names == ACTIVITY_COLUMNS.names
    time = "occurred_at" if activities else "modified_at"
    if dense or not activities:
        by = ["kind", time, "id"] if activities else ["id", time, "landed_at"]
        table = table.sort_by([(name, "ascending") for name in by])
    names = table.schema.names
    encodings = {"occurred_at": "DELTA_BINARY_PACKED", "modified_at": "DELTA_BINARY_PACKED"}
    encodings |= {"created_at": "DELTA_BINARY_PACKED", "id": "DELTA_BYTE_ARRAY"}
    level = _DENSE if dense else _QUICK
    packed = [name for name in names if dense or not activities or name in _WORTH_PACKING]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=_ROW_GROUP,
        compression={name: "zstd" if name in packed else "none" for name in names},
        compression_level={name: _QUICK if name == "id" else level for name in packed},
        use_dictionary=[name for name in names if name not in encodings],
        column_encoding={name: how for name, how in encodings.items() if name in names},
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_statistics=[time, "landed_at"],
        store_schema=False,
    )
    if dense and not pq.read_table(pa.BufferReader(sink.getvalue())).equals(table):
        # What this file replaces will be deleted: it must be all there.
        raise LocalFault("lake.packing", "a compacted file does not read back as it was written", cure="report this")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def write_segment(root: Path, stream: str, table: pa.Table, *, landed_at: datetime, dense: bool = False) -> Segment:
    """Make a table durable as a file under its final name, listed nowhere yet.

    Raises:
        LocalFault: the disk is full, read-only or broken.
    """
    data = pack(table, dense=dense)
    digest = hashlib.sha256(data).hexdigest()
    name = f"{stream}/{landed_at:%Y%m%dT%H%M%S%f}-{digest[:16]}.parquet"
    draft = root / STAGING / f"{digest}.{os.getpid()}.parquet"
    try:
        try:
            make_folder(draft.parent)
            make_folder(root / stream)
            write_durably(draft, [data])
            draft.replace(root / name)
            fsync(root / stream)
        except OSError:
            # On a full disk every byte counts; what cannot be removed now is swept later.
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise cannot_write(root, error) from error
    low, high = (
        pc.min_max(table.column("occurred_at" if "occurred_at" in table.schema.names else "modified_at"))
        .as_py()
        .values()
    )
    return Segment(name, stream, table.num_rows, low, high, landed_at, digest, len(data))


def read_segment(root: Path, segment: Segment, columns: list[str] | None = None) -> pa.Table:
    """Read one segment.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    assure(root, segment)
    try:
        return pq.read_table(root / segment.path, columns=columns, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(root, segment, state_of(root, segment) or "corrupt") from error


def read_span(root: Path, segment: Segment, columns: list[str], time: str, low: datetime, high: datetime) -> pa.Table:
    """Read the rows of one segment between two instants, both included; groups of rows outside them are not touched.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    assure(root, segment)
    span = (pc.field(time) >= pa.scalar(low)) & (pc.field(time) <= pa.scalar(high))
    try:
        return pq.read_table(root / segment.path, columns=columns, filters=span, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(root, segment, state_of(root, segment) or "corrupt") from error


def assure(root: Path, segment: Segment) -> None:
    """Compare one segment with its checksum, once for each process and state of the file.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    path = root / segment.path
    try:
        about = path.stat()
    except OSError as error:
        raise _unreadable(root, segment, state_of(root, segment) or "unreadable") from error
    key, state = (str(path), segment.sha256), (about.st_size, about.st_mtime_ns)
    if _whole.get(key) != state:
        check_segment(root, segment)
        _whole[key] = state


def check_segment(root: Path, segment: Segment) -> None:
    """Compare one segment with its checksum.

    Raises:
        LocalFault: the file is missing or no longer what was written.
    """
    kind = state_of(root, segment)
    if kind is not None:
        raise _unreadable(root, segment, kind)


def forget_checks(root: Path, names: list[str]) -> None:
    """Forget that files had their checksums: they are gone."""
    gone = {str(root / name) for name in names}
    for key in [key for key in _whole if key[0] in gone]:
        del _whole[key]


def cannot_write(root: Path, error: OSError) -> LocalFault:
    """Say that the lake's folder does not take what we write."""
    return LocalFault(
        "lake.write_failed",
        f"the lake cannot be written: {error.strerror}",
        cure="free space or rights for the lake's folder, then run again; nothing was lost",
        at=str(root),
    )


def _unreadable(root: Path, segment: Segment, kind: Kind) -> LocalFault:
    cure = RIGHTS_CURE if kind == "unreadable" else CURE
    return LocalFault(CODE_UNREADABLE, f"segment {segment.path} is {kind}", cure=cure, at=str(root / segment.path))
