"""The SQLite file behind an org's rows: what was committed survives the end of the process."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(slots=True, frozen=True)
class Record:
    """One version of one row; an update makes a new Record and leaves the old one as it was."""

    obj: str
    id: str
    #: Only fields that are not null.
    values: dict[str, Any]
    #: Aware UTC.
    created_at: datetime
    created_by: str
    #: Aware UTC; the vendor's modification stamp.
    modified_at: datetime
    modified_by: str
    deleted: bool = False
    #: Earlier values per field, oldest first, only for fields that changed since creation.
    held: dict[str, list[Any]] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field's value, or the default when it is null."""
        return self.values.get(name, default)

    def ever(self, name: str) -> list[Any]:
        """Return all values the field has held, oldest first; null only where a value was cleared."""
        past = self.held.get(name)
        if past is None:
            return [self.values[name]] if name in self.values else []
        return [*past, self.values.get(name)]


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

    def load(self) -> Iterator[tuple[int, Record]]:
        """Yield (serial, record) in the order of creation."""
        read = datetime.fromisoformat
        rows = self._database.execute("SELECT obj, id, serial, doc FROM record ORDER BY serial")
        for obj, row_id, serial, text in rows:
            values, created_at, created_by, modified_at, modified_by, deleted, held = json.loads(text)
            yield (
                serial,
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

    def write(self, puts: Iterable[tuple[int, Record]], drops: Iterable[tuple[str, str]]) -> None:
        """Store and take away rows in one transaction."""
        self._database.execute("BEGIN")
        self._database.executemany("DELETE FROM record WHERE obj = ? AND id = ?", drops)
        self._database.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)",
            ((record.obj, record.id, serial, _doc(record)) for serial, record in puts),
        )
        self._database.execute("COMMIT")

    def clear(self) -> None:
        """Take everything away."""
        self._database.execute("DELETE FROM record")

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
    return json.dumps(
        [
            record.values,
            record.created_at.isoformat(),
            record.created_by,
            record.modified_at.isoformat(),
            record.modified_by,
            int(record.deleted),
            record.held,
        ],
        separators=(",", ":"),
        ensure_ascii=False,
    )
