"""Files with anything in them: every row that is there is read, or refused with its file and line; never neither."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz_settings import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from json_mutations import NASTY

from adapters.files.source import FilesSource
from adapters.files.tables import BadLine, Row, open_table
from connector.domain.records import Page
from connector.errors import ConfigError, LocalFault

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
_CELLS = st.sampled_from(
    [
        *(
            "",
            " ",
            "x",
            '"',
            "a,b",
            "a\nb",
            "a\r\nb",
            "a\rb",
            "\ufeff",
            "\x00",
            "\u2028",
            "\x0b",
            "\x1c",
            "\x85",
            "é",
            "'",
        ),
        *("p@corp.example", "2026-11-17", "7", "🙂", '""', ";", "\t", "\\", "x" * 70_000),
    ]
)
_COLUMNS = ("person_id", "email", "title")


@contextmanager
def _file(name: str, data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def _rows(name: str, data: bytes) -> list[Row]:
    with _file(name, data) as path:
        table = open_table(path)
        try:
            return list(table.rows)
        finally:
            table.close()


def _pulled(name: str, data: bytes) -> list[Page]:
    with _file(name, data) as path:
        return list(FilesSource({"people": str(path)}, system="exports").pull("people", None, now=NOW))


def _written(rows: list[list[str]], end: str) -> bytes:
    """Write a CSV file as RFC 4180 says: quotes around what needs them, and doubled inside."""
    lines = [",".join(_quoted(cell) for cell in row) for row in [list(_COLUMNS), *rows]]
    return "".join(line + end for line in lines).encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell


@fuzzed(150)
@given(st.lists(st.lists(_CELLS, min_size=2, max_size=4), max_size=8), _ENDS)
def test_every_row_that_was_written_is_read_or_refused_with_its_line(rows, end):
    data = _written(rows, end)
    read = _rows("people.csv", data)
    assert len(read) == len(rows)
    for row, cells in zip(read, rows, strict=True):
        if len(cells) != len(_COLUMNS):
            assert isinstance(row.cells, BadLine)
        else:
            assert row.cells == [cell.replace("\x00", "\ufffd") for cell in cells]
    lines = data.decode().count("\n") + data.decode().count("\r") + 1
    assert all(1 < row.line <= lines for row in read)
    assert [row.line for row in read] == sorted({row.line for row in read}), "each row has a line of its own"
    pages = _pulled("people.csv", data)
    landed = sum(len(page.records) for page in pages)
    refused = [row.row for page in pages for row in page.refused]
    assert landed + len(refused) == len(rows)
    assert all(name.startswith("people.csv:") and name.partition(":")[2].isdecimal() for name in refused)
    assert pages[-1].last


_LINES = st.sampled_from(
    [
        *(
            b"1,a@corp.example,x",
            b'2,"b@corp.example",x',
            b'3,"unclosed,x',
            b'4,a"b,c',
            b"5,x",
            b"6,x,x,x",
            b"",
            b" ",
            b",",
        ),
        *(
            b"\xff\xfe\x00",
            b"\xc3",
            b"\xed\xa0\x80",
            b"\x00\x00",
            b'"',
            b'""',
            b'7,"a\nb",x',
            b'8,"a"b,c',
            b"\xef\xbb\xbf9,x,y",
        ),
    ]
)


@fuzzed(200)
@given(st.lists(_LINES, max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_broken_lines_of_csv_are_counted_one_by_one(lines, end):
    data = end.join([b"person_id,email,title", *lines])
    rows = _rows("people.csv", data)
    # An unclosed quote takes the lines up to the next one into its row, as the format says; nothing else may.
    quotes = any(line.count(b'"') % 2 or b"\n" in line or b'"b' in line for line in lines)
    if not quotes:
        blank = sum(line == b"" for line in lines)
        assert len(rows) == len(lines) - blank
    pages = _pulled("people.csv", data)
    landed = sum(len(page.records) for page in pages)
    refused = sum(len(page.refused) for page in pages)
    assert landed + refused == len(rows)
    known = [record.ref.id for page in pages for record in page.records]
    if not quotes:
        assert known.count("1") == lines.count(b"1,a@corp.example,x")


@fuzzed(200)
@given(
    st.binary(max_size=300),
    st.sampled_from(["people.csv", "people.tsv", "people.ndjson", "people.jsonl", "people.parquet"]),
)
def test_any_bytes_are_rows_or_refusals_or_an_error_that_names_the_file(data, name):
    refused: ConfigError | LocalFault | None = None
    try:
        rows, pages = _rows(name, data), _pulled(name, data)
    except (ConfigError, LocalFault) as error:
        refused = error
    if refused is not None:
        assert name in refused.message
        assert refused.cure
        return
    assert sum(len(page.records) + len(page.refused) for page in pages) == len(rows)


_OBJECTS = st.fixed_dictionaries({"person_id": st.sampled_from(["1", "2", 3, None, ""]) | NASTY, "title": NASTY})


@fuzzed(150)
@given(st.lists(_OBJECTS | NASTY, max_size=6), st.booleans(), _ENDS)
def test_every_line_of_ndjson_is_read_or_refused(documents, spare, end):
    if end == "\r":
        end = "\n"  # a carriage return alone is white space in JSON, and ends no line
    data = end.join([json.dumps(document) for document in documents] + ([""] if spare else [])).encode()
    rows = _rows("people.ndjson", data)
    assert [row.line for row in rows] == list(range(1, len(documents) + 1))
    objects = sum(isinstance(document, dict) for document in documents)
    assert sum(not isinstance(row.cells, BadLine) for row in rows) == objects
    pages = _pulled("people.ndjson", data)
    assert sum(len(page.records) + len(page.refused) for page in pages) == len(documents)


@fuzzed(60)
@given(st.lists(st.tuples(st.none() | st.text(max_size=5), st.none() | st.integers() | st.just(2**40)), max_size=6))
def test_every_row_of_parquet_is_read_or_refused(cells):
    ids = [None if text is None else text.encode("utf-8", "replace").decode() for text, _ in cells]
    numbers = [None if number is None else number % 2**40 for _, number in cells]
    table = pa.table({"person_id": pa.array(ids, pa.string()), "employees": pa.array(numbers, pa.int64())})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    pages = _pulled("people.parquet", sink.getvalue())
    assert sum(len(page.records) + len(page.refused) for page in pages) == len(cells)


@fuzzed(60)
@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_harmed_parquet_file_is_an_error_that_names_it_or_whole(place, byte, cut):
    sink = io.BytesIO()
    pq.write_table(pa.table({"person_id": ["1", "2", "3"]}), sink)
    data = bytearray(sink.getvalue())
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] = byte
    refused: ConfigError | LocalFault | None = None
    try:
        pages = _pulled("people.parquet", bytes(data))
    except (ConfigError, LocalFault) as error:
        refused = error
    if refused is not None:
        assert "people.parquet" in refused.message
        return
    assert sum(len(page.records) + len(page.refused) for page in pages) == 3


GOOD = b"person_id,email,title\n1,a@corp.example,x\n2,b@corp.example,y\n"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("people.csv", b"", "first line"),
        ("people.csv", b"\n", "first line"),
        ("people.csv", b"\n" + GOOD, "first line"),
        ("people.csv", b"1,a@corp.example,x\n2,b@corp.example,y\n", "person_id"),
        ("people.csv", b"person_id,email,email\n1,a,b\n", "twice"),
        ("people.csv", GOOD.decode().encode("utf-16"), "UTF-8"),
        ("people.csv", GOOD.decode().encode("utf-16-le"), "UTF-8"),
        ("people.csv", GOOD.decode().encode("utf-32"), "UTF-8"),
        ("people.csv", gzip.compress(GOOD, mtime=0), "compressed"),
        ("people.ndjson", gzip.compress(GOOD, mtime=0), "compressed"),
        ("people.csv", b"PK\x03\x04" + GOOD, "compressed"),
        ("people.ndjson", '{"person_id": "1"}\n'.encode("utf-16"), "UTF-8"),
        ("people.parquet", GOOD, "Parquet"),
        ("people.parquet", b"", "Parquet"),
        ("people.xlsx", GOOD, "kind of file"),
        ("people.csv.gz", gzip.compress(GOOD, mtime=0), "kind of file"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_named_with_what_to_do(name, data, words):
    with pytest.raises((ConfigError, LocalFault)) as caught:
        _pulled(name, data)
    assert name in caught.value.message
    assert words in caught.value.message
    assert caught.value.cure != caught.value.usual_cure, "it says what to do with this very file"
    assert "corp.example" not in str(caught.value)


def test_a_cell_of_five_megabytes_is_one_row_and_a_larger_one_takes_nobody_with_it():
    for size, refused in ((5_000_000, 0), (9_000_000, 1)):
        data = GOOD + b"3,c@corp.example," + b"x" * size + b"\n4,d@corp.example,z\n"
        pages = _pulled("people.csv", data)
        assert sum(len(page.refused) for page in pages) == refused
        assert [r.ref.id for page in pages for r in page.records][-1] == "4"
        assert sum(len(page.records) for page in pages) == 4 - refused


@pytest.mark.parametrize("name", ["people.csv", "people.ndjson"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(name):
    data = GOOD if name.endswith("csv") else b'{"person_id": "1"}\n{"person_id": "2"}\n'
    pages = _pulled(name, b"\xef\xbb\xbf" + data)
    assert [record.ref.id for page in pages for record in page.records] == ["1", "2"]
