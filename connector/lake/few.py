"""All versions of the records of a few people, in memory: a cycle of the touched asks for them again and again.

What a query over files answers in five statements of the embedded engine, some milliseconds each whatever they read, is
a filter and a sorting of a few rows here. The answers are those of ``connector.lake.reading`` to the row and the order.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.lake.layout import RECORD_COLUMNS

#: the later version of one record first
_NEWEST = [("id", "ascending"), ("modified_at", "descending"), ("landed_at", "descending"), ("serial", "descending")]
_OLDEST = [("id", "ascending"), ("modified_at", "ascending"), ("landed_at", "ascending"), ("serial", "ascending")]


def known(versions: pa.Table, columns: Collection[str] | None, *, as_of: datetime) -> pa.Table:
    """Keep what had landed by an instant; columns are those of every record, then others in order of their names."""
    wanted = sorted(set(versions.column_names) - set(RECORD_COLUMNS.names))
    if columns is not None:
        wanted = [name for name in wanted if name in columns]
    landed = versions.column("landed_at")
    return versions.filter(pc.less_equal(landed, pa.scalar(as_of, landed.type))).select(
        [*RECORD_COLUMNS.names, *wanted]
    )


def latest(versions: pa.Table) -> pa.Table:
    """Give each record's latest version, in order of id."""
    rows = versions.take(pc.sort_indices(versions, _NEWEST))
    ids = rows.column("id").combine_chunks()
    if len(ids) < 2:
        return rows
    first = np.concatenate([[True], pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)])
    return rows if first.all() else rows.filter(pa.array(first))


def in_order(versions: pa.Table) -> pa.Table:
    """Give every version, in order of id and modification."""
    return versions.take(pc.sort_indices(versions, _OLDEST))


def mergers(versions: pa.Table) -> pa.Table:
    """Give every merger that was told, each once: ``id``, ``merged_into``."""
    told = versions.filter(pc.is_valid(versions.column("merged_into"))).select(["id", "merged_into"])
    if not told.num_rows:
        return told
    once = told.group_by(["id", "merged_into"], use_threads=False).aggregate([])
    return once.select(told.column_names).sort_by([("id", "ascending"), ("merged_into", "ascending")])


def spread(records: pa.Table, parts: pa.Table, folder: Path) -> None:
    """Write records to ``folder/part=N/``, by the ``part`` that ``parts`` has for each id; others are left out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    place = pc.index_in(records.column("id"), value_set=parts.column("id").combine_chunks())
    number = parts.column("part").take(place)
    for one in pc.drop_null(pc.unique(number)).to_pylist():
        (folder / f"part={one}").mkdir()
        pq.write_table(records.filter(pc.equal(number, one)), folder / f"part={one}" / "few.parquet")
