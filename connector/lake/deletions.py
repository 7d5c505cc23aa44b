"""How many of the records that the lake knew at an instant have been deleted since."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from connector.domain.sql_text import moment
from connector.lake.asking import asking, rows_of
from connector.lake.layout import records_stream
from connector.ports.store import Manifest

_LATEST = "(modified_at, landed_at, serial)"


def deleted_since(root: Path, manifest: Manifest, system: str, object_: str, since: datetime) -> tuple[int, int]:
    """Count, of the records of one kind that were there before ``since``, those that are deleted now, and all.

    Who was merged into another is not deleted. Nothing is held but the ids.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    segments = manifest.segments(records_stream(system, object_))
    if not segments:
        return 0, 0
    query = f"""
        SELECT count(*) FILTER (was AND gone), count(*) FILTER (was) FROM (
            SELECT arg_max(NOT deleted AND merged_into IS NULL, {_LATEST}) FILTER (landed_at < {moment(since)}) AS was,
            arg_max(deleted AND merged_into IS NULL, {_LATEST}) AS gone
            FROM {rows_of(root, segments)} GROUP BY id)
    """
    with asking(root, segments) as connection:
        [(gone, there)] = connection.execute(query).fetchall()
    return int(gone), int(there)
