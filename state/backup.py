"""A consistent copy of a SQLite state while others go on writing, and the way back."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from connector.domain.durable import fsync
from connector.errors import ConfigError, HandoffError, LocalFault
from connector.ports.store import Segment
from state.database import Database
from state.faults import faults_named
from state.manifest import SqlManifest
from state.store import PATIENCE, open_store

#: between the name of the state and the instant of the restore that kept it
_ASIDE = ".before-restore-"
#: how integrity_check begins what it says of a value that is missing: ``NULL value in TABLE.COLUMN``
_NULL = "NULL value in "
#: findings it tells before it stops (SQLite: 100 unless told), so that the harmless ones hide no other
_FINDINGS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StateCopy:
    """A copy of the state.

    Attributes:
        size_bytes: how large it is.
        segments: the files of the lake it lists: without them the copy cannot be used.
    """

    size_bytes: int
    segments: list[Segment]


def is_copied_by_us(url: str) -> bool:
    """Say whether the state is a file; PostgreSQL is copied by its own tools."""
    return url.startswith("sqlite:")


def aside_of(url: str, now: datetime) -> Path:
    """Name the place where a restore at this instant keeps what stood there."""
    place = Path(url.removeprefix("sqlite:///"))
    return place.with_name(f"{place.name}{_ASIDE}{now:%Y%m%dT%H%M%SZ}")


def kept_aside(url: str) -> list[Path]:
    """List what restores have kept of former states, oldest first; nothing where the state is no file."""
    if not is_copied_by_us(url):
        return []
    place = Path(url.removeprefix("sqlite:///"))
    return sorted(path for path in place.parent.glob(f"{place.name}{_ASIDE}*") if path.name.endswith("Z"))


def back_up(url: str, target: Path, *, patience: timedelta = PATIENCE) -> StateCopy:
    """Copy the state to ``target`` as of one instant.

    The copy appears under its name only once it is whole and on the disk; a copy that was there is replaced.

    Raises:
        ConfigError: ``state.backup``: PostgreSQL is copied by its own tools.
        LocalFault: state or target cannot be read or written.
    """
    place = _place(url, patience)
    if not place.is_file():
        raise LocalFault("state.missing", "there is no state to copy", cure="check `state:`", at=str(place))
    part = target.with_name(f"{target.name}.part")
    with _disk_named(part):
        part.unlink(missing_ok=True)
    with (
        faults_named(str(place)),
        closing(sqlite3.connect(place, timeout=patience.total_seconds())) as source,
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)
    segments = _segments_of(part, patience)
    with faults_named(str(part)), closing(sqlite3.connect(part)) as copy:
        # the copy leaves WAL mode, so that it is one file that can be moved about
        copy.execute("PRAGMA journal_mode=DELETE")
    with _disk_named(part):
        fsync(part)
        part.replace(target)
        fsync(target.parent)
    return StateCopy(target.stat().st_size, segments)


def put_back(url: str, copy: Path, *, aside: Path, patience: timedelta = PATIENCE) -> None:
    """Put a copy in the place of the state; what stood there is kept at ``aside``. Nobody else may have it open.

    Whoever was erased since the copy was made stays erased, where the state that stood there can be read.

    Killed on the way, either the old or the copied state stands there, never half of one. Where the disk takes no more
    the old one stands there, and nothing is left beside it that would take what room there is.

    Raises:
        ConfigError: ``state.backup``: PostgreSQL is restored by its own tools.
        LocalFault: the copy is damaged, or a place cannot be written.
    """
    place = _place(url, patience)
    with faults_named(str(copy)), closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as looked:
        sound = _is_sound(looked)
    if not sound:
        raise LocalFault("state.corrupt", "the copy of the state is damaged", cure="use an older backup", at=str(copy))
    part = place.with_name(f"{place.name}.part")
    try:
        with _disk_named(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            _set_aside(url, place, aside, patience)
            shutil.copyfile(copy, part)
            _bury(aside, part, patience)
            fsync(part)
    except HandoffError:
        for left in (part, aside, aside.with_name(f"{aside.name}.part")):
            for rest in ("", "-wal", "-shm"):
                left.with_name(left.name + rest).unlink(missing_ok=True)
        raise
    with _disk_named(place):
        # what the old state has beside its file must not be taken for the new one's
        for rest in ("-wal", "-shm"):
            place.with_name(place.name + rest).unlink(missing_ok=True)
        part.replace(place)
        fsync(place.parent)


def _is_sound(copy: sqlite3.Connection) -> bool:
    """Ask SQLite whether the file is whole.

    SQLite 3.40 takes values for NULL that it checks in tables without row ids whose key ends with a later column
    (``account_moves``); it reads them rightly, so such columns are looked at once more.
    """
    empty: set[str] = set()
    for (finding,) in copy.execute(f"PRAGMA integrity_check({_FINDINGS})"):
        if finding != "ok" and not finding.startswith(_NULL):
            return False
        if finding != "ok":
            empty.add(finding.removeprefix(_NULL))
    for column in sorted(empty):
        table, _, name = column.partition(".")
        # not IS NULL: of a column that is NOT NULL SQLite answers that without looking
        if copy.execute(f'SELECT 1 FROM "{table}" WHERE typeof("{name}") = \'null\' LIMIT 1').fetchone():
            return False
    return True


def _set_aside(url: str, place: Path, aside: Path, patience: timedelta) -> None:
    """Keep what stands there; a state that is damaged, and cannot be read, just as it is."""
    if not place.is_file():
        return
    try:
        back_up(url, aside, patience=patience)
        # the copy has all of it: nothing may be left that a kill between two steps could lose
        with faults_named(str(place)), closing(sqlite3.connect(place, timeout=patience.total_seconds())) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except LocalFault as fault:
        if fault.code != "state.corrupt":
            raise
        shutil.copyfile(place, aside)


def _bury(old: Path, new: Path, patience: timedelta) -> None:
    """Bring the tombstones of one state into another, which comes to this program's version on the way."""
    open_store(f"sqlite:///{new}", patience=patience).close()
    with faults_named(str(new)), closing(sqlite3.connect(new)) as target:
        target.executemany("INSERT OR IGNORE INTO tombstones (hash, at, grave) VALUES (?, ?, ?)", _tombstones(old))
        target.commit()
        target.execute("PRAGMA journal_mode=DELETE")


def _tombstones(old: Path) -> list[tuple[object, ...]]:
    """Read who was erased; of a state that is damaged there, or is none, nobody can tell."""
    if not old.is_file():
        return []
    with faults_named(str(old)), closing(sqlite3.connect(old)) as state:
        try:
            return state.execute("SELECT hash, at, grave FROM tombstones").fetchall()
        except sqlite3.DatabaseError as error:
            # a disk that is full or fails is no answer: who was erased would come back
            if error.sqlite_errorname not in ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"):
                raise
            return []


@contextmanager
def _disk_named(place: Path) -> Iterator[None]:
    """Turn what the disk refuses into the fault that a statement refused by it would be."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        code, words = ("state.full", "is full") if full else ("state.disk", "fails")
        cure = "make room on the disk" if full else "check the disk, and its rights"
        raise LocalFault(code, f"the disk of the state database {words}", cure=cure, at=str(place)) from error


def _place(url: str, patience: timedelta) -> Path:
    database = Database(url, now=None, patience=patience)
    database.close()
    if database.make != "sqlite":
        cure = "use pg_dump and pg_restore, or the backups of your PostgreSQL service"
        raise ConfigError("state.backup", "only a SQLite state is copied by us", cure=cure, at=database.where)
    return Path(database.where)


def _segments_of(copy: Path, patience: timedelta) -> list[Segment]:
    """Read which files of the lake a copied state lists, whatever program wrote it."""
    open_store(f"sqlite:///{copy}", patience=patience).close()
    database = Database(f"sqlite:///{copy}", now=None, patience=patience)
    try:
        return SqlManifest(database).segments()
    finally:
        database.close()
