"""People and activities out of files that others put into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from glob import glob
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from adapters.files.listing import ListsByReading
from adapters.files.rows import ActivityRows, BadCells, PeopleRows
from adapters.files.settings import read_settings
from adapters.files.tables import BadLine, Row, Table, open_table
from connector.domain.records import OPT_OUTS, PERSON_COLUMNS, Activity, Page, RecordVersion, RefusedRow
from connector.domain.refs import Ref
from connector.errors import AdapterFault, ConfigError, LocalFault
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage

PAGE = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Seen(msgspec.Struct, array_like=True, frozen=True):
    """A file as it was when it was read: a file that differs in either is read again from its start."""

    size_bytes: int
    mtime_ns: int


class _Place(msgspec.Struct, omit_defaults=True):
    """The cursor: files read to the end, and how many rows of the one in hand."""

    done: dict[str, _Seen] = {}
    file: str = ""
    seen: _Seen = _Seen(0, 0)
    rows: int = 0


@dataclass(slots=True)
class _Gathered:
    """A page while it grows."""

    records: list[RecordVersion] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    rows: int = 0


#: Takes a row into a page.
_Taker = Callable[[list[Any], _Gathered], None]


class FilesSource(ListsByReading):
    """One set of files as a source; sends nothing anywhere.

    A changed file is read again as a whole, because nothing says which of its rows changed; rows that were there
    before come again and are known by their reference and stamp. ``updated_at`` is that stamp, or the file's own time
    where the column is missing: give the column where files are rewritten daily.
    """

    def __init__(self, options: dict[str, Any], *, system: str = "files") -> None:
        """Check the options (``settings.FilesSettings``); opens nothing.

        Raises:
            ConfigError: an option is unknown or has the wrong form.
        """
        self._settings = read_settings(options, at=system)
        self._system = system

    def traits(self) -> AdapterTraits:
        """Say what the engine must know: native names are the standard ones."""
        streams = []
        if self._settings.people:
            streams.append(StreamTraits("people", "contact"))
        if self._settings.activities:
            streams.append(StreamTraits("activities", ""))
        return AdapterTraits(
            self._system,
            {"contact": {name: name for name in PERSON_COLUMNS}},
            tuple(streams),
            opt_outs={"contact": OPT_OUTS},
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Take note of nothing: every column of a file is carried anyway."""

    def check(self) -> list[Finding]:
        """Open each file and read its header."""
        found: list[Finding] = []
        for stream, patterns in (("people", self._settings.people), ("activities", self._settings.activities)):
            for pattern in patterns:
                paths = _matching((pattern,))
                if not paths:
                    found.append(Finding(f"{stream}: {pattern}", ok=False, message="no such file"))
                found += [self._tried(stream, path) for path in paths]
        return found

    def unmatched(self, stream: str) -> list[str]:
        """Give the patterns of a stream that no file matches: misspelt, or the export has gone."""
        patterns = self._settings.people if stream == "people" else self._settings.activities
        return [pattern for pattern in patterns if not _matching((pattern,))]

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """List the columns of the people's files under ``contact``, as text."""
        if object != "contact":
            return []
        names = dict.fromkeys(PERSON_COLUMNS)
        heading = {own: standard for standard, own in self._settings.columns.items()}
        for path in _matching(self._settings.people):
            names |= {heading.get(name, name): None for name in _header(path)}
        return [FieldInfo("contact", name, "text", createable=False, updateable=False) for name in names if name]

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:  # noqa: ARG002 - files have times
        """Read files that are new or changed since ``cursor``, in the order of their names.

        Raises:
            ConfigError: there is no such stream, or a header is unusable.
            LocalFault: a file cannot be read.
        """
        place = self._read_cursor(cursor)
        if stream == "people" and self._settings.people:
            return self._pages(stream, self._settings.people, place)
        if stream == "activities" and self._settings.activities:
            return self._pages(stream, self._settings.activities, place)
        raise ConfigError("files.stream", f"there is no stream {stream!r}", at=self._system)

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read these people by reading every file once; the latest version of each counts."""
        ids = {ref.id for ref in refs}
        found: dict[str, RecordVersion] = {}
        if ids:
            for page in self._pages("people", self._settings.people, _Place()):
                for version in page.records:
                    known = found.get(version.ref.id)
                    if version.ref.id in ids and (known is None or known.modified_at <= version.modified_at):
                        found[version.ref.id] = version
        return [version for version in found.values() if not version.deleted]

    def usage(self) -> Usage | None:
        """Give nothing: nobody counts."""
        return None

    def calls(self) -> int:
        """Count no requests."""
        return 0

    def close(self) -> None:
        """Hold nothing open between pulls."""

    def _pages(self, stream: str, patterns: tuple[str, ...], place: _Place) -> Iterator[Page]:
        done = {path: seen for path, seen in place.done.items() if Path(path).exists()}
        todo = [(path, seen) for path in _matching(patterns) if (seen := _stat(path)) != done.get(path)]
        for path, seen in todo:
            skip = place.rows if path == place.file and seen == place.seen else 0
            for gathered, ended in self._read_file(stream, path, seen, skip):
                if ended:
                    done[path] = seen
                    break
                here = _Place(done, path, seen, gathered.rows)
                yield _page(gathered, here, last=False)
            yield _page(gathered, _Place(done), last=path == todo[-1][0])
        if not todo:
            yield _page(_Gathered(), _Place(done), last=True)

    def _read_file(self, stream: str, path: str, seen: _Seen, skip: int) -> Iterator[tuple[_Gathered, bool]]:
        """Give full pages of a file, then with True what is left."""
        table = open_table(Path(path))
        try:
            yield from self._read_table(table, stream, path, seen, skip)
        finally:
            table.close()

    def _read_table(
        self, table: Table, stream: str, path: str, seen: _Seen, skip: int
    ) -> Iterator[tuple[_Gathered, bool]]:
        modified_at = EPOCH + timedelta(microseconds=seen.mtime_ns // 1000)
        reader: PeopleRows | ActivityRows
        if stream == "people":
            reader = PeopleRows(self._settings, system=self._system)
            take = _taking_people(reader, modified_at)
        else:
            reader = ActivityRows(self._settings, system=self._system)
            take = _taking_activities(reader)
        if table.columns:
            reader.bind(table.columns, place=Path(path).name)
        width = len(table.columns)
        gathered = _Gathered(rows=skip)
        for row in islice(table.rows, skip, None):
            if len(table.columns) != width:
                width = len(table.columns)
                reader.bind(table.columns)
            self._take_row(stream, path, row, gathered, take)
            gathered.rows += 1
            if (gathered.rows - skip) % PAGE == 0:
                yield gathered, False
                gathered = _Gathered(rows=gathered.rows)
        yield gathered, True

    def _take_row(self, stream: str, path: str, row: Row, gathered: _Gathered, take: _Taker) -> None:
        if isinstance(row.cells, BadLine):
            bad = row.cells
        else:
            try:
                take(row.cells, gathered)
            except BadCells as error:
                bad = BadLine(error.code, str(error))
            else:
                return
        gathered.refused.append(RefusedRow(stream, f"{Path(path).name}:{row.line}", bad.code, bad.message))

    def _tried(self, stream: str, path: str) -> Finding:
        subject = f"{stream}: {Path(path).name}"
        reader = (PeopleRows if stream == "people" else ActivityRows)(self._settings, system=self._system)
        try:
            columns = _header(path)
            reader.bind(columns, place=Path(path).name if columns else "")
        except (ConfigError, LocalFault) as error:
            return Finding(subject, ok=False, message=error.message, cure=error.cure)
        return Finding(subject, ok=True, message=f"{len(columns)} columns")

    def _read_cursor(self, cursor: str | None) -> _Place:
        if cursor is None:
            return _Place()
        try:
            return msgspec.json.decode(cursor.encode(), type=_Place)
        except msgspec.MsgspecError:
            raise AdapterFault("files.cursor", "a stored cursor cannot be read", at=self._system) from None


def _taking_people(reader: PeopleRows, modified_at: datetime) -> _Taker:
    def take(cells: list[Any], gathered: _Gathered) -> None:
        person = reader.read(cells, modified_at)
        derived = reader.derived(person)
        gathered.records.append(person)
        gathered.activities += derived

    return take


def _taking_activities(reader: ActivityRows) -> _Taker:
    def take(cells: list[Any], gathered: _Gathered) -> None:
        gathered.activities.append(reader.read(cells))

    return take


def _page(gathered: _Gathered, place: _Place, *, last: bool) -> Page:
    cursor = msgspec.json.encode(place).decode()
    return Page(gathered.records, gathered.activities, gathered.refused, cursor, last)


def _matching(patterns: tuple[str, ...]) -> list[str]:
    return sorted({path for pattern in patterns for path in glob(pattern, recursive=True) if Path(path).is_file()})  # noqa: PTH207 - patterns may be absolute


def _header(path: str) -> list[str]:
    """Read a file's columns; none for NDJSON, which has no header."""
    table = open_table(Path(path))
    table.close()
    return table.columns


def _stat(path: str) -> _Seen:
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise LocalFault(
            "files.unreadable", f"{Path(path).name}: cannot be read", cure="check its rights, or put it back"
        ) from error
    return _Seen(stat.st_size, stat.st_mtime_ns)
