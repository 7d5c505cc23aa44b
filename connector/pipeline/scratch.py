"""What a cycle sets aside so that memory need not hold it: a folder of its own, gone at the end, or after a crash."""

from __future__ import annotations

import fcntl
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from connector.errors import LocalFault

FOLDER = "scratch"
_LOCK = "lock"
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")


class Scratch:
    """Tables by name and number, on the disk."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that is nobody else's; see ``open_scratch``."""
        self._folder = folder
        self._rows: Counter[str] = Counter()

    def folder(self, name: str) -> Path:
        """Give the folder of one name, in which others may spread rows as ``part=N/*.parquet``."""
        return self._folder / name

    def within(self, name: str) -> Scratch:
        """Give a place of its own below this one: for work that may have to begin anew.

        Raises:
            LocalFault: the disk is full or may not be written.
        """
        try:
            self.folder(name).mkdir()
        except OSError as error:
            raise _no_room(self._folder, error) from error
        return Scratch(self.folder(name))

    def put(self, name: str, number: int, table: pa.Table) -> None:
        """Set a table aside.

        Raises:
            LocalFault: the disk is full or may not be written.
        """
        path = self._path(name, number)
        try:
            path.parent.mkdir(exist_ok=True)
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=_PACKED) as writer:
                writer.write_table(table)
        except OSError as error:
            raise _no_room(self._folder, error) from error
        self._rows[name] += table.num_rows

    def take(self, name: str, number: int) -> pa.Table:
        """Give a table that was set aside."""
        with pa.OSFile(str(self._path(name, number)), "rb") as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()

    def spread(self, name: str, number: int) -> pa.Table | None:
        """Give the rows that were spread to one part; None where there are none."""
        files = sorted((self.folder(name) / f"part={number}").glob("*.parquet"))
        if not files:
            return None
        # One by one: read as a data set, their folder would become a column.
        return pa.concat_tables([pq.ParquetFile(file).read() for file in files])

    def drop(self, name: str, number: int) -> None:
        """Forget what was set aside or spread under a name and number."""
        self._path(name, number).unlink(missing_ok=True)
        shutil.rmtree(self.folder(name) / f"part={number}", ignore_errors=True)

    def all(self, name: str, schema: pa.Schema) -> Spilled:
        """Give every table set aside under a name, in order of numbers."""
        return Spilled(self, name, schema, self._rows[name])

    def numbers(self, name: str) -> list[int]:
        """List the numbers under which tables of a name were set aside."""
        return sorted(int(path.stem) for path in self.folder(name).glob("*.arrow"))

    def _path(self, name: str, number: int) -> Path:
        return self.folder(name) / f"{number:06}.arrow"


class Spilled:
    """Tables of one schema that are read one at a time, as often as somebody asks."""

    def __init__(self, scratch: Scratch, name: str, schema: pa.Schema, rows: int) -> None:
        self._scratch = scratch
        self._name = name
        self.schema = schema
        self.num_rows = rows

    def __iter__(self) -> Iterator[pa.Table]:
        """Read one table after the other."""
        for number in self._scratch.numbers(self._name):
            yield self._scratch.take(self._name, number)


@contextmanager
def open_scratch(base: Path) -> Iterator[Scratch]:
    """Make a folder below ``base`` that goes at the end of the block; those of crashed processes go at its beginning.

    Raises:
        LocalFault: the folder cannot be made.
    """
    folder = base / FOLDER / uuid4().hex
    try:
        sweep_crashed(base)
        folder.mkdir(parents=True, mode=0o700)
        lock = (folder / _LOCK).open("wb")
    except OSError as error:
        raise _no_room(base, error) from error
    with lock:
        # Whoever lives holds the lock of their folder: the system lets it go when a process dies, whatever kills it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield Scratch(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()


def sweep_crashed(base: Path) -> None:
    """Take away what crashed processes have set aside below ``base``; what the living have stays.

    Raises:
        OSError: a folder may not be changed.
    """
    for folder in (base / FOLDER).glob("*"):
        try:
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        except FileNotFoundError:
            # Between its making and its lock somebody's folder has none, for a moment.
            with suppress(OSError):
                folder.rmdir()


def _no_room(place: Path, error: OSError) -> LocalFault:
    return LocalFault(
        "scratch.unwritable",
        f"nothing can be set aside: {error.strerror or 'the disk does not take it'}",
        cure="free space on the disk of the lake, or allow writing there",
        at=str(place),
    )
