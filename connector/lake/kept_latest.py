"""Latest versions of whole streams, kept by a process: each cycle of some asks for all accounts, tasks and users.

A table is kept with the files it was read from. Files never change: where the same are listed it serves as it is, where
some have come since, their rows are put in. As of an instant before one of them landed it does not serve.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from connector.lake import few
from connector.lake.layout import RECORD_COLUMNS
from connector.lake.segments import assure, read_segment
from connector.ports.store import Segment

#: tables that were asked for longest ago go first; with all columns 100,000
#: people, with 10,000 accounts and 50,000 tasks, take 55 MiB
MOST_BYTES = 64 << 20
#: more new rows than these are not put in one by one: everything is read anew
_MOST_NEW = 1_000


class _Kept(NamedTuple):
    """A table, and the files it was read from."""

    paths: frozenset[str]
    table: pa.Table


_lock = threading.Lock()
#: by lake, stream and columns; the one that was asked for last stands last
_tables: OrderedDict[tuple[str, str, frozenset[str] | None], _Kept] = OrderedDict()


def latest_kept(
    root: Path,
    segments: Sequence[Segment],
    columns: Collection[str] | None,
    read: Callable[[], pa.Table],
    *,
    as_of: datetime,
) -> pa.Table:
    """Give what ``read`` gives, by what is kept where that serves: the latest versions in ``segments`` by ``as_of``.

    ``segments`` are all of one stream, at least one; ``columns`` as in ``Lake.current``.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    if max(segment.landed_at for segment in segments) > as_of:
        return read()
    key = (str(root), segments[0].stream, None if columns is None else frozenset(columns))
    paths = frozenset(segment.path for segment in segments)
    with _lock:
        kept = _tables.get(key)
    table = None
    if kept is not None and kept.paths <= paths:
        for segment in segments:
            assure(root, segment)
        fresh = [segment for segment in segments if segment.path not in kept.paths]
        table = _with(kept.table, root, fresh, columns) if fresh else kept.table
    if table is None:
        table = read().combine_chunks()
    with _lock:
        _tables[key] = _Kept(paths, table)
        _tables.move_to_end(key)
        while sum(one.table.nbytes for one in _tables.values()) > MOST_BYTES:
            _tables.popitem(last=False)
    return table


def _with(table: pa.Table, root: Path, fresh: Sequence[Segment], columns: Collection[str] | None) -> pa.Table | None:
    """Put in what has come since; None where that is much, or tells of further columns."""
    if sum(segment.rows for segment in fresh) > _MOST_NEW:
        return None
    come = pa.concat_tables([read_segment(root, segment) for segment in fresh], promote_options="default")
    told = set(come.column_names) - set(RECORD_COLUMNS.names)
    if not (told if columns is None else told & set(columns)) <= set(table.column_names):
        return None
    rows = pa.table(
        [
            come.column(one.name).cast(one.type) if one.name in come.column_names else pa.nulls(come.num_rows, one.type)
            for one in table.schema
        ],
        schema=table.schema,
    )
    before = table.filter(pc.is_in(table.column("id"), value_set=pc.unique(rows.column("id"))))
    newest = few.latest(pa.concat_tables([before, rows]))
    ids = table.column("id")
    parts, done = [], 0
    for place, id_ in enumerate(newest.column("id").to_pylist()):
        at = bisect_left(range(len(ids)), id_, key=lambda number: ids[number].as_py())
        parts += [table.slice(done, at - done), newest.slice(place, 1)]
        done = at + (at < len(ids) and ids[at].as_py() == id_)
    return pa.concat_tables([*parts, table.slice(done)]).combine_chunks()
