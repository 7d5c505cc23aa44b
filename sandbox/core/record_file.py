"""The SQLite file behind an org's rows: what was committed survives the end of the process."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sandbox.core.block import Block
from sandbox.core.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
PUT = "INSERT INTO record"
KEEP_SERIAL = "ON CONFLICT (obj, id) DO UPDATE SET doc = excluded.doc"


class RecordFile:
    """Read and write rows in one file; beside it stands the copy to which ``restore`` goes back."""

    def __init__(self, path: Path) -> None:
        """Open the file, or start an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._seed = path.with_suffix(".seed")
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The end of the process loses nothing that was committed; only the end of the machine may.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record (obj TEXT, id TEXT, serial INTEGER, doc TEXT,"
            " PRIMARY KEY (obj, id)) WITHOUT ROWID"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS block (obj TEXT PRIMARY KEY, data BLOB)")

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks."""
        for (data,) in self._database.execute("SELECT data FROM block ORDER BY obj"):
            yield Block.from_bytes(data)

    def add_block(self, block: Block) -> None:
        """Store a block."""
        self._database.execute("INSERT INTO block VALUES (?, ?)", (block.obj, block.to_bytes()))

    def load(self) -> Iterator[tuple[int, str, str, Record | None]]:
        """Yield (serial, object, id, record) in the order of creation; None for a row of a block that was erased."""
        read = datetime.fromisoformat
        rows = self._database.execute("SELECT obj, id, serial, doc FROM record ORDER BY serial")
        for obj, row_id, serial, text in rows:
            if text is None:
                yield serial, obj, row_id, None
                continue
            values, created_at, created_by, modified_at, modified_by, deleted, held = _DECODER.decode(text)
            yield (
                serial,
                obj,
                row_id,
                Record(
                    obj,
                    row_id,
                    values,
                    read(created_at),
                    created_by,
                    read(modified_at),
                    modified_by,
                    bool(deleted),
                    held,
                ),
            )

    def write(
        self,
        puts: Iterable[tuple[int, Record]],
        drops: Iterable[tuple[str, str]],
        voids: Iterable[tuple[str, str, int]] = (),
    ) -> None:
        """Store and take away rows in one transaction; a row that was there keeps its serial.

        ``voids`` (object, id, serial) are rows of blocks that are gone.
        """
        self._database.execute("BEGIN")
        try:
            self._database.executemany("DELETE FROM record WHERE obj = ? AND id = ?", drops)
            self._database.executemany(
                f"{PUT} VALUES (?, ?, ?, ?) {KEEP_SERIAL}",
                ((record.obj, record.id, serial, _doc(record)) for serial, record in puts),
            )
            self._database.executemany(f"{PUT} VALUES (?, ?, ?, NULL) {KEEP_SERIAL}", voids)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def clear(self) -> None:
        """Take everything away."""
        self._database.execute("DELETE FROM record")
        self._database.execute("DELETE FROM block")

    def seal(self) -> None:
        """Copy the present content."""
        draft = self._path.with_suffix(".draft")
        with contextlib.closing(sqlite3.connect(draft)) as target:
            self._database.backup(target)
        draft.replace(self._seed)

    @property
    def sealed(self) -> bool:
        """Tell whether the copy stands."""
        return self._seed.exists()

    def restore(self) -> None:
        """Put the copy in place of the present content."""
        with contextlib.closing(sqlite3.connect(self._seed)) as source:
            source.backup(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _doc(record: Record) -> str:
    return _ENCODER.encode(
        (
            record.values,
            record.created_at,
            record.created_by,
            record.modified_at,
            record.modified_by,
            int(record.deleted),
            record.held,
        )
    ).decode()
