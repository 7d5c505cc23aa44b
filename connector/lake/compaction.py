"""Many small segments of a stream become few: sizes stand in tiers, and a full tier becomes one segment of the next.

Each row is rewritten about once per tier, a merge is bounded in rows and bytes, and what has grown large is left
alone. The new file becomes durable first; one transaction of the manifest lists it and retires those it replaces. A
crash before that leaves a file nobody lists, a crash after it nothing to do. Rows are moved, never dropped: superseded
versions and the time they landed stay, so that every past instant reads as before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from connector.lake.segments import check_segment, read_segment, write_segment
from connector.ports.store import Manifest, Segment

#: this many segments of one tier become one
FAN = 8
#: the most files, rows and bytes that one merge reads
MOST_FILES = 64
MOST_ROWS = 1_000_000
MOST_BYTES = 32 << 20
#: segments below it are the lowest tier; each further tier is ``FAN`` times as large
_SMALL_BYTES = 256 << 10


def choose(segments: Sequence[Segment]) -> list[Segment]:
    """Pick the segments to merge next, in order of landing; none when no tier is full."""
    tiers: dict[int, list[Segment]] = defaultdict(list)
    for segment in segments:
        # Of segments up to half the bounds at least two always fit into a merge.
        if segment.size_bytes <= MOST_BYTES // 2 and segment.rows <= MOST_ROWS // 2:
            tiers[_tier(segment)].append(segment)
    for _, members in sorted(tiers.items()):
        if len(members) >= FAN:
            return _bounded(members)
    return []


def compact(root: Path, manifest: Manifest, stream: str) -> tuple[list[Segment], Segment] | None:
    """Merge one full tier of a stream; give what was replaced and by what, or None. For the engine lease's holder.

    Raises:
        LocalFault: a segment is missing or corrupt, or the disk is full, read-only or broken; nothing has changed.
    """
    chosen = choose(manifest.segments(stream))
    if not chosen:
        return None
    parts = []
    for segment in chosen:
        # What is damaged must not become sound by getting a new checksum.
        check_segment(root, segment)
        parts.append(read_segment(root, segment))
    table = pa.concat_tables(parts, promote_options="default").combine_chunks()
    landed_at = max(segment.landed_at for segment in chosen)
    merged = write_segment(root, stream, table, landed_at=landed_at, dense=True)
    manifest.commit_segments([merged], [segment.path for segment in chosen], {})
    return chosen, merged


def _tier(segment: Segment) -> int:
    tier, bound = 0, _SMALL_BYTES
    while segment.size_bytes >= bound:
        tier, bound = tier + 1, bound * FAN
    return tier


def _bounded(members: Sequence[Segment]) -> list[Segment]:
    chosen: list[Segment] = []
    rows = size = 0
    for segment in members[:MOST_FILES]:
        rows, size = rows + segment.rows, size + segment.size_bytes
        if rows > MOST_ROWS or size > MOST_BYTES:
            break
        chosen.append(segment)
    return chosen
