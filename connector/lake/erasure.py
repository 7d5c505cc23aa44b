"""People go out of the lake for good: files that tell of them are written anew without them, and the old ones deleted.

A row tells of somebody when it is a record of theirs, something they did, or a record that points at theirs (a task).
The new files become durable first; one transaction of the manifest lists them and retires the old ones. A crash before
it leaves files nobody lists, a crash after it old files. Those go too: what compaction has replaced, and what any crash
has left, drafts among it, would otherwise tell of them until the next sweep is due. Rows that stay keep
their serial and the time they landed, so every past instant reads as before, but for those who are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.lake.arranged import forget_arranged
from connector.lake.copies import PART
from connector.lake.layout import LINK
from connector.lake.segments import STAGING, cannot_write, check_segment, forget_checks, read_segment, write_segment
from connector.ports.store import Manifest

_RECORDS, _ACTIVITIES = "records", "activities"


@dataclass(frozen=True, slots=True)
class Purged:
    """What an erasure took out: rows, and files that were written anew."""

    rows: int = 0
    files: int = 0


def purge_people(root: Path, manifest: Manifest, *, kinds: Collection[str], is_erased: Callable[[str], bool]) -> Purged:
    """Take every row out of the lake that tells of an erased person. For the engine lease's holder; may be repeated.

    Args:
        root: the lake's folder.
        manifest: its list of files.
        kinds: our words for records of people (``contact``, ``lead``); links of these names point at people.
        is_erased: asked with references as text, once per distinct one of a file.

    Raises:
        LocalFault: a segment is missing or corrupt, or the disk is full, read-only or broken; what was not listed
            before stays unlisted.
    """
    rows = files = 0
    for segment in manifest.segments():
        kept = _without(read_segment(root, segment), segment.stream, kinds, is_erased)
        if kept is None:
            continue
        # What is damaged must not become sound by getting a new checksum.
        check_segment(root, segment)
        added = []
        if kept.num_rows:
            added = [write_segment(root, segment.stream, kept, landed_at=segment.landed_at, dense=True)]
        manifest.commit_segments(added, [segment.path], {})
        rows, files = rows + segment.rows - kept.num_rows, files + 1
        _delete(root, manifest, segment.path)
    live = {segment.path for segment in manifest.segments()}
    for path in [*(root / _RECORDS).rglob("*.parquet"), *(root / _ACTIVITIES).rglob("*.parquet")]:
        name = path.relative_to(root).as_posix()
        if name not in live and _may_tell(path, name, kinds, is_erased):
            _delete(root, manifest, name)
    _drop_drafts(root)
    return Purged(rows, files)


def _drop_drafts(root: Path) -> None:
    """Take away what a crash has left half-way to its place: with the engine's turn ours, nobody is at work on it."""
    try:
        for path in [*(root / STAGING).glob("*"), *root.rglob(f"*{PART}")]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(root, error) from error


def _may_tell(path: Path, name: str, kinds: Collection[str], is_erased: Callable[[str], bool]) -> bool:
    """Say whether a file that is no longer live tells of erased people; one that cannot be read is not kept for it."""
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException):
        return True
    return _without(table, name.rpartition("/")[0], kinds, is_erased) is not None


def _delete(root: Path, manifest: Manifest, path: str) -> None:
    """Delete at once: readers that have the file open read it to its end, later ones ask for the newer set."""
    try:
        (root / path).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(root, error) from error
    forget_checks(root, [path])
    forget_arranged(root, [path])
    manifest.forget_retired([path])


def _without(table: pa.Table, stream: str, kinds: Collection[str], is_erased: Callable[[str], bool]) -> pa.Table | None:
    """Give the rows of a stream without erased people; None where they tell of none of them."""
    kind, system, *rest = stream.split("/")
    if kind == _RECORDS:
        pointing = {LINK + word: word for word in sorted(kinds) if LINK + word in table.column_names}
        own = {"id": rest[0]} if rest[0] in kinds else {}
        people = [
            pc.binary_join_element_wise(f"{system}:{object_}", table.column(column), ":")
            for column, object_ in (own | pointing).items()
        ]
    else:
        parts = [table.column(f"person_{part}") for part in ("system", "object", "id")]
        people = [pc.binary_join_element_wise(*parts, ":")]
    tells = pa.array([False] * table.num_rows, pa.bool_())
    for references in people:
        tells = pc.or_(tells, _told(references, is_erased))
    return table.filter(pc.invert(tells)) if pc.any(tells).as_py() else None


def _told(references: pa.ChunkedArray, is_erased: Callable[[str], bool]) -> pa.ChunkedArray:
    """Ask about each distinct reference once; rows without one tell of nobody."""
    coded = pa.chunked_array(references, pa.string()).combine_chunks().dictionary_encode()
    erased = pa.array([is_erased(text) for text in coded.dictionary.to_pylist()], pa.bool_())
    return pc.fill_null(erased.take(coded.indices), False)
