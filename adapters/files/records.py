"""Records of a folder, kept in a private temporary database: memory holds a few megabytes of them, not all.

The file has no name, belongs to this process alone and is gone when it ends; SQLite puts it where temporary files go.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.domain.records import Value
from connector.errors import LocalFault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TABLES = """
CREATE TABLE record (object TEXT, id TEXT, base BLOB, laid BLOB, changed INTEGER, entry INTEGER,
    PRIMARY KEY (object, id)) WITHOUT ROWID;
CREATE TABLE creation (object TEXT, key TEXT, id TEXT, PRIMARY KEY (object, key)) WITHOUT ROWID;
"""


@dataclass(slots=True)
class Held:
    """One record as it stands.

    Attributes:
        base: what people's files say; None for a record that we have made.
        laid: what our journal says beside it; it counts before the base.
        modified_at: when a value last changed.
        entry: the place in the journal of our last write to it; 0 for none.
    """

    base: dict[str, Value] | None
    laid: dict[str, Value]
    modified_at: datetime
    entry: int = 0

    @property
    def fields(self) -> dict[str, Value]:
        """All values."""
        return {**(self.base or {}), **self.laid}


class Shelf:
    """All records of a folder, by object and id."""

    def __init__(self) -> None:
        """Open the database; nothing is on the disk before it has grown."""
        with _named():
            self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16384"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_TABLES)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Group changes, which is faster; what was changed stays even when the block raises."""
        with _named():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def clear(self, object_: str) -> None:
        """Forget one object."""
        for table in ("record", "creation"):
            self._db.execute(f"DELETE FROM {table} WHERE object = ?", (object_,))

    def put(self, object_: str, id_: str, held: Held) -> None:
        """Keep a record, in place of one with its id."""
        base = None if held.base is None else marshal.dumps(held.base)
        changed = (held.modified_at - _EPOCH) // _MICROSECOND
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)",
            (object_, id_, base, marshal.dumps(held.laid), changed, held.entry),
        )

    def put_key(self, object_: str, key: str, id_: str, *, replace: bool) -> None:
        """Remember which record was created with a key; one that is known stays unless ``replace``."""
        word = "REPLACE" if replace else "IGNORE"
        self._db.execute(f"INSERT OR {word} INTO creation VALUES (?, ?, ?)", (object_, key, id_))

    def by_key(self, object_: str, key: str) -> str | None:
        """Give the record that was created with a key."""
        row = self._one("SELECT id FROM creation WHERE object = ? AND key = ?", (object_, key))
        return None if row is None else str(row[0])

    def get(self, object_: str, id_: str) -> Held | None:
        """Give one record."""
        row = self._one("SELECT base, laid, changed, entry FROM record WHERE object = ? AND id = ?", (object_, id_))
        return None if row is None else _held(*row)

    def has(self, object_: str, id_: str) -> bool:
        """Say whether a record is there."""
        return self._one("SELECT 1 FROM record WHERE object = ? AND id = ?", (object_, id_)) is not None

    def count(self, object_: str) -> int:
        """Count the records of one object."""
        row = self._one("SELECT count(*) FROM record WHERE object = ?", (object_,))
        return 0 if row is None else int(row[0])

    def page(self, object_: str, *, after: str, entry: int, rows: int) -> list[tuple[str, Held]]:
        """Give the next records in order of id whose last entry in the journal is ``entry`` or later."""
        with _named():
            found = self._db.execute(
                "SELECT id, base, laid, changed, entry FROM record WHERE object = ? AND id > ? AND entry >= ? "
                "ORDER BY id LIMIT ?",
                (object_, after, entry, rows),
            )
            return [(str(row[0]), _held(*row[1:])) for row in found]

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _one(self, query: str, values: Iterable[Any]) -> tuple[Any, ...] | None:
        with _named():
            row: tuple[Any, ...] | None = self._db.execute(query, tuple(values)).fetchone()
            return row


def _held(base: bytes | None, laid: bytes, changed: int, entry: int) -> Held:
    # Written by this very process, into a file that nobody else can open.
    return Held(
        None if base is None else marshal.loads(base),  # noqa: S302
        marshal.loads(laid),  # noqa: S302
        _EPOCH + timedelta(microseconds=changed),
        entry,
    )


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LocalFault(
            "files.temporary", "records cannot be set aside", cure="free space where temporary files go, or set TMPDIR"
        ) from error
