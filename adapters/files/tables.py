"""Reading a table file row by row: CSV, TSV, NDJSON, Parquet. Memory holds one batch, never a file.

Rows come as lists in the order of the header. A row that cannot be read comes as ``BadLine`` in its place, and reading
goes on. The csv module is used rather than Arrow's reader: it is as fast where rows are wanted one by one, and it
knows the line of each.
"""

from __future__ import annotations

import codecs
import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from connector.errors import ConfigError, LocalFault

#: Longest field of a CSV file, in characters: an unclosed quote swallows no more than this.
LARGEST_FIELD = 8_000_000
#: Beginnings of gzip, zip (Excel's files too), zstandard, bzip2 and xz.
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
#: Zeros among the first eight bytes from which on they are no text.
_ZEROS = 3
#: Rows of a Parquet file held at once.
BATCH = 10_000
_DECODER = msgspec.json.Decoder()


class BadLine(NamedTuple):
    """A row that cannot be read."""

    code: str
    message: str


class Row(NamedTuple):
    """One row: its line (CSV, NDJSON) or number (Parquet), both from 1, and its cells."""

    line: int
    cells: list[Any] | BadLine


@dataclass(frozen=True, slots=True)
class Table:
    """A file opened for reading: its columns and its rows, which can be iterated once.

    ``columns`` of NDJSON grows while rows are read: a row is as long as the list was when it came.
    """

    columns: list[str]
    rows: Iterator[Row]
    #: gives the file back; rows read to their end do so by themselves
    close: Callable[[], None]


def open_table(path: Path) -> Table:
    """Open a file by its ending: ``.csv``, ``.tsv``, ``.ndjson`` or ``.jsonl``, ``.parquet``.

    Raises:
        ConfigError: the ending is another one, or the header is missing or names a column twice.
        LocalFault: the file cannot be read.
    """
    readers = {
        ".csv": lambda: _csv(path, ","),
        ".tsv": lambda: _csv(path, "\t"),
        ".ndjson": lambda: _ndjson(path),
        ".jsonl": lambda: _ndjson(path),
        ".parquet": lambda: _parquet(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(
            "files.format", f"{path.name}: unknown kind of file", cure="use .csv, .tsv, .ndjson or .parquet"
        )
    try:
        if path.suffix.lower() != ".parquet":
            _refuse_what_is_no_text(path)
        return reader()
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror or 'damaged'}") from error


def _unreadable(path: Path, why: str) -> LocalFault:
    return LocalFault(
        "files.unreadable", f"{path.name}: {why}", cure="check its rights, or put a whole copy in its place"
    )


def _refuse_what_is_no_text(path: Path) -> None:
    """Refuse a file whose first bytes say that it is packed, or text in an encoding other than UTF-8.

    Raises:
        ConfigError: it is.
    """
    with path.open("rb") as file:
        head = file.read(256)
    if head.startswith(_PACKED):
        raise ConfigError("files.format", f"{path.name}: is compressed", cure="unpack it, or export it as plain text")
    # Text has no zeros; in UTF-16 and UTF-32 every letter of a header has at least one.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or head[:8].count(0) >= _ZEROS:
        raise ConfigError("files.encoding", f"{path.name}: is not UTF-8 text", cure="export or save it as UTF-8")


def _csv(path: Path, delimiter: str) -> Table:
    csv.field_size_limit(LARGEST_FIELD)
    # Bytes that are no UTF-8 become lone surrogates here and refuse their row below, not the file.
    lines = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    watch = _Watch()
    reader = csv.reader(watch.lines(lines), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
    except csv.Error:
        header = None
    if not header:
        lines.close()
        raise ConfigError(
            "files.header", f"{path.name}: the first line must name the columns", cure="write a header above the rows"
        )
    columns = [name.strip() for name in header]
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        lines.close()
        raise ConfigError(
            "files.header",
            f"{path.name}: columns appear twice: {', '.join(twice)}",
            cure="rename or remove one of them",
        )

    def rows() -> Iterator[Row]:
        width = len(columns)
        with lines:
            while True:
                start = reader.line_num + 1
                watch.odd = False
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    yield Row(start, BadLine("malformed", "the line is not valid CSV (a quote out of place?)"))
                    continue
                if not cells:
                    continue
                if len(cells) != width:
                    yield Row(start, BadLine("columns", f"the row has {len(cells)} columns, the header {width}"))
                elif watch.odd and not _encodable(cells):
                    yield Row(start, BadLine("encoding", "the row is not UTF-8"))
                else:
                    yield Row(start, cells)

    return Table(columns, rows(), lines.close)


class _Watch:
    """Looks at the lines of a file on their way to the csv module."""

    def __init__(self) -> None:
        #: a line since this was last set to False was not plain ASCII
        self.odd = False

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Hand lines on, without NUL, which no database takes."""
        for line in lines:
            if not line.isascii():
                self.odd = True
            yield line.replace("\x00", "\ufffd") if "\x00" in line else line


def _encodable(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _ndjson(path: Path) -> Table:
    columns: dict[str, int] = {}
    names: list[str] = []
    # Opened now, so that a file we may not read is known before its first row is asked for.
    lines = path.open("rb")

    def rows() -> Iterator[Row]:
        with lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                document = _object(line)
                if isinstance(document, BadLine):
                    yield Row(number, document)
                    continue
                for name in document:
                    if name not in columns:
                        columns[name] = len(columns)
                        names.append(_scalar(name))
                yield Row(number, [_scalar(document.get(name)) for name in columns])

    return Table(names, rows(), lines.close)


def _object(line: bytes) -> dict[str, Any] | BadLine:
    try:
        document = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Forgives what msgspec does not: control characters, halves of surrogate pairs, NaN.
        try:
            document = json.loads(line, strict=False)
        except UnicodeDecodeError:
            return BadLine("encoding", "the line is not UTF-8")
        except (ValueError, RecursionError):
            return BadLine("malformed", "the line is not JSON")
    if not isinstance(document, dict):
        return BadLine("malformed", "the line is not a JSON object")
    return document


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        if value.isascii() and "\x00" not in value:
            return value
        # An escape may stand for half a surrogate pair or NUL, which no database takes.
        return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parquet(path: Path) -> Table:
    try:
        file = pq.ParquetFile(path)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise _unreadable(path, "is no Parquet file, or a damaged one") from error
    columns = [str(name) for name in file.schema_arrow.names]

    def rows() -> Iterator[Row]:
        number = 0
        with file:
            batches = file.iter_batches(batch_size=BATCH)
            while True:
                try:
                    batch = next(batches, None)
                    columns = None if batch is None else [_plain(column) for column in batch.columns]
                except (OSError, ValueError, TypeError, pa.ArrowException) as error:
                    raise _unreadable(path, f"is damaged behind row {number}") from error
                if columns is None:
                    break
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield Row(number, list(cells))
            if number != file.metadata.num_rows:
                # A file can be harmed so that its reader stops early without a word.
                raise _unreadable(path, f"is damaged: it gives {number} rows and says it has {file.metadata.num_rows}")

    return Table(columns, rows(), file.close)


def _plain(column: pa.Array) -> list[Any]:
    """Give a column's values as text, numbers, truths and None; times as ISO 8601 text."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_floating(kind):
        return [_scalar(value) for value in column.to_pylist()]
    if pa.types.is_temporal(kind):
        return [value if value is None else value.isoformat() for value in column.to_pylist()]
    if pa.types.is_nested(kind):
        return [value if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
    return [value if value is None else str(value) for value in column.to_pylist()]
