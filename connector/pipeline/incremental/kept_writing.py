"""Writes down what a cycle keeps for the next, in a folder that gets its name last (``kept`` reads it)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.errors import LocalFault
from connector.pipeline.incremental.kept import ACCOUNTS, FOLDER, HEAD, PER_PERSON, Head, Kept
from connector.pipeline.incremental.kept_tables import END, forget_all_but, table_of, where

#: people who are no longer as earlier folders have them
_GONE = pa.schema([("person_id", pa.string())])
#: an earlier folder of some stays beside a later one that has not a quarter of its people; else they become one. So
#: there are few of them, and a cycle of a handful writes down a handful
_MERGED = 4
#: once those laid over it count for more than this part of the people, everybody's folder is written anew
_FOLDED = 0.5
#: rows of one table that wait in memory to be written in one go
_WAITING_ROWS = 20_000


@dataclass
class Keeping:
    """Takes down what a cycle finds out, table by table, until it is committed (``finish``) or dropped."""

    lake_root: Path
    #: where a cycle of some is laid over
    over: Kept | None = None
    _folder: Path = field(init=False)
    _writers: dict[str, pq.ParquetWriter] = field(init=False, default_factory=dict)
    #: what waits to be written
    _waiting: dict[str, list[pa.Table]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make a folder of its own."""
        self._folder = self.lake_root / FOLDER / f".{uuid4().hex}"
        try:
            self._folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise _unwritable(self._folder) from error

    def put(self, name: str, table: pa.Table) -> None:
        """Add rows to one table.

        Raises:
            LocalFault: the disk is full or may not be written.
        """
        schema = ACCOUNTS if name == "accounts" else PER_PERSON.get(name)
        table = table if schema is None else table.select(schema.names).cast(schema)
        waiting = self._waiting.setdefault(name, [])
        waiting.append(table)
        if name in self._writers or sum(each.num_rows for each in waiting) > _WAITING_ROWS:
            self._write(name)

    def finish(self, head: Head, persons: pa.Array | None = None) -> None:
        """Keep it under the name of the run that decided; what was kept before goes.

        Args:
            head: with everything but ``base``, ``layers`` and ``overlaid``.
            persons: of a cycle of some: all that were worked or were found to be others.
        """
        head.base = head.decided
        if self.over is not None:
            assert persons is not None
            if self.over.head.overlaid + len(persons) > _FOLDED * head.living:
                self._fold(self.over, persons)
            else:
                head.base = self.over.head.base
                head.layers, head.overlaid = self._laid_over(self.over, persons, head.decided)
        for name in self._waiting:
            self._write(name)
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        root = self._folder.parent
        try:
            (self._folder / HEAD).write_text(head.dump(), encoding="utf-8")
            shutil.rmtree(root / head.decided, ignore_errors=True)
            self._folder.replace(root / head.decided)
        except OSError as error:
            raise _unwritable(self._folder) from error
        needed = {head.base, head.decided, *(name for name, _ in head.layers)}
        for old in root.iterdir():
            if old.name not in needed:
                shutil.rmtree(old, ignore_errors=True)
        forget_all_but(root, needed)

    def _write(self, name: str) -> None:
        """Write what waits of one table: what is little without what would make reading parts of it faster."""
        tables, self._waiting[name] = self._waiting[name], []
        if not tables:
            return
        table = pa.concat_tables(tables)
        path = self._folder / f"{name}{END}"
        try:
            if name not in self._writers and table.num_rows <= _WAITING_ROWS:
                pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
                return
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
            self._writers[name].write_table(table)
        except OSError as error:
            raise _unwritable(self._folder) from error

    def _fold(self, kept: Kept, persons: pa.Array) -> None:
        """Take in everybody else's rows: this folder becomes that of everybody."""
        for name, schema in PER_PERSON.items():
            written = pq.read_schema(kept.folders[0] / f"{name}{END}") if schema is None else schema
            self.put(name, kept.beside(name, persons).cast(written))

    def _laid_over(self, kept: Kept, persons: pa.Array, decided: str) -> tuple[list[tuple[str, int]], int]:
        """Take in the last of the folders laid over everybody that are not much larger, but for those worked now.

        Gives what is laid over everybody from now on, and for how many people it counts.
        """
        layers = list(kept.head.layers)
        gone: list[pa.Array] = [persons]
        count = len(persons)
        while layers and layers[-1][1] <= _MERGED * count:
            folder = kept.folders[len(layers)]
            for name in PER_PERSON:
                self.put(name, where(table_of(folder, name), "person_id", pa.concat_arrays(gone), among=False))
            gone += table_of(folder, "gone").column("person_id").chunks
            count += layers.pop()[1]
        for name, schema in PER_PERSON.items():
            if name not in self._waiting:
                self.put(name, (table_of(kept.folders[0], name).schema if schema is None else schema).empty_table())
        here = pc.unique(pa.chunked_array(gone, pa.string()))
        self.put("gone", pa.table({"person_id": here}).cast(_GONE))
        for folder in kept.folders[1 : len(layers) + 1]:
            gone += table_of(folder, "gone").column("person_id").chunks
        return [*layers, (decided, len(here))], len(pc.unique(pa.chunked_array(gone, pa.string())))

    def drop(self) -> None:
        """Let go of it; nothing happens after ``finish``."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._waiting.clear()
        shutil.rmtree(self._folder, ignore_errors=True)


def _unwritable(place: Path) -> LocalFault:
    cure = "free space on the disk of the lake, or allow writing there"
    return LocalFault("kept.unwritable", "nothing can be kept for the next cycle", cure=cure, at=str(place))
