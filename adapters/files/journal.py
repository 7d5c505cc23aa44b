"""The journal of a folder CRM: what we wrote, appended and never changed.

One JSON object per line. A batch is one write followed by fsync, under a lock that other processes respect; a line
without its line end was cut by a crash, counts for nothing, and is removed before the next batch.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from connector.domain.durable import fsync
from connector.domain.records import Value
from connector.errors import LocalFault


class Entry(msgspec.Struct, omit_defaults=True, frozen=True):
    """One record written, or one field defined.

    Attributes:
        kind: ``create``, ``update`` or ``field``.
        object: our word.
        id: the record, or the name of the field.
        key: of the write.
        at: ISO 8601 UTC, the clock of the cycle.
        set: values written; of a field, its description.
        before: values that stood there.
    """

    kind: str
    object: str
    id: str
    key: str = ""
    at: str = ""
    set: dict[str, Value] = {}
    before: dict[str, Value] = {}


class Journal:
    """One file of entries. For one thread; processes may share the file."""

    def __init__(self, path: Path) -> None:
        """Take the path; the file is made by the first batch."""
        self._path = path
        self._read_bytes = 0
        self._decoder = msgspec.json.Decoder(Entry)

    def news(self) -> Iterator[Entry]:
        """Read the entries that were added since the last call, ours and those of other processes, one by one.

        Raises:
            LocalFault: the journal cannot be read or a whole line of it is no entry.
        """
        for entry, end in self._read(self._read_bytes):
            self._read_bytes = end
            yield entry

    def again(self) -> Iterator[Entry]:
        """Read the entries once more that are known already. Exceptions as for ``news``."""
        if self._read_bytes:
            for entry, end in self._read(0):
                yield entry
                if end >= self._read_bytes:
                    return

    def rewind(self) -> None:
        """Forget what was read: the next ``news`` are all entries."""
        self._read_bytes = 0

    def _read(self, start: int) -> Iterator[tuple[Entry, int]]:
        """Read whole lines from a place on, each with the place where it ends."""
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    start += len(line)
                    yield self._decoder.decode(line), start
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalFault("files.journal", "the journal cannot be read") from error
        except msgspec.MsgspecError as error:
            raise LocalFault("files.journal", "a line of the journal is no entry", cure="restore it") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing, until the block ends. Read ``news`` inside, decide, then ``append``.

        Raises:
            LocalFault: the folder cannot be written to.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("ab")
        except OSError as error:
            raise LocalFault("files.journal", "the folder cannot be written to") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, entries: Sequence[Entry]) -> bool:
        """Add entries durably; call under ``locked`` after ``news``. False: whether they are stored is not known."""
        if not entries:
            return True
        text = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        try:
            with self._path.open("r+b") as file:
                file.truncate(self._read_bytes)
                file.seek(self._read_bytes)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fsync(self._path.parent)
        except OSError:
            return False
        self._read_bytes += len(text)
        return True
