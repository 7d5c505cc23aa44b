"""Tables of what is kept, in the memory of a process: each cycle of some asks them for a handful of rows.

A file never changes once its folder has its name; one that is not as it was is read again. So the answers are those of
the files, and a damaged one is found out by whoever reads it first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.domain.engine_memory import machine_bytes
from connector.errors import LocalFault

#: Parquet, by a name of its own: whoever sweeps the lake of unlisted segments leaves it alone
END = ".kept"

#: tables that were asked for longest ago go first; those of 100,000 people take 45 MiB, and half as much beside them
MOST_BYTES = 96 << 20
#: of one person, in all tables together
_BYTES_EACH = 600


class _Held(NamedTuple):
    """A table, and what its file looked like: time of change and size."""

    stamp: tuple[int, int]
    table: pa.Table


_lock = threading.Lock()
#: by path; the one that was asked for last stands last
_tables: OrderedDict[Path, _Held] = OrderedDict()


def holds(people: int) -> bool:
    """Say whether the tables of so many people are held in memory: those of more are read, as far as is asked for."""
    return people * _BYTES_EACH <= min(MOST_BYTES, machine_bytes() // 16)


def table_of(folder: Path, name: str) -> pa.Table:
    """Give one table of a folder.

    Raises:
        LocalFault: its file is missing or damaged.
    """
    try:
        return _table_at(folder / f"{name}{END}")
    except (OSError, pa.ArrowException) as error:
        raise harmed(folder) from error


def where(table: pa.Table, column: str, values: pa.Array | pa.ChunkedArray, *, among: bool = True) -> pa.Table:
    """Keep the rows whose value is among some, or those whose value is not."""
    there = pc.is_in(table.column(column), value_set=values)
    return table.filter(there if among else pc.invert(there))


def harmed(place: Path) -> LocalFault:
    """Tell of a file that is missing or damaged."""
    return LocalFault("kept.harmed", "what was kept of the last cycle cannot be read", cure="", at=str(place))


def _table_at(path: Path) -> pa.Table:
    told = path.stat()
    stamp = (told.st_mtime_ns, told.st_size)
    with _lock:
        held = _tables.get(path)
        if held is not None and held.stamp == stamp:
            _tables.move_to_end(path)
            return held.table
    table = pq.ParquetFile(path).read(use_threads=False)
    with _lock:
        _tables[path] = _Held(stamp, table)
        _tables.move_to_end(path)
        while sum(each.table.nbytes for each in _tables.values()) > MOST_BYTES:
            _tables.popitem(last=False)
    return table


def forget_all_but(root: Path, folders: Collection[str] = ()) -> None:
    """Let go of all tables below a root but those of some folders: the others are gone, whoever deleted them."""
    with _lock:
        for path in [path for path in _tables if path.parent.parent == root and path.parent.name not in folders]:
            del _tables[path]
