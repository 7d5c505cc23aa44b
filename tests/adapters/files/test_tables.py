"""Tables are read row by row, and a bad row costs only itself."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.files.tables import BadLine, open_table
from connector.errors import ConfigError, LocalFault

cell = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
grids = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), max_size=8))


def read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    table = open_table(path)
    rows = list(table.rows)
    return table.columns, rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@settings(deadline=None)
@given(grid=grids)
def test_what_goes_into_a_csv_file_comes_out(folder, grid):
    width = len(grid[0]) if grid else 1
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow([f"c{n}" for n in range(width)])
    writer.writerows(grid)
    columns, rows = read(folder / "t.csv", text.getvalue())
    assert columns == [f"c{n}" for n in range(width)]
    assert [row.cells for row in rows] == grid


@settings(deadline=None)
@given(body=st.binary(max_size=200))
def test_no_csv_file_stops_the_reading(folder, body):
    _, rows = read(folder / "f.csv", b"a,b\n" + body)
    for row in rows:
        assert isinstance(row.cells, BadLine) or len(row.cells) == 2
        if not isinstance(row.cells, BadLine):
            "".join(row.cells).encode()


@settings(deadline=None)
@given(
    lines=st.lists(
        st.one_of(st.binary(max_size=30), st.dictionaries(cell, st.none() | cell | st.integers(), max_size=3))
    )
)
def test_no_ndjson_file_stops_the_reading(folder, lines):
    written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    # a file that is packed or in another encoding as a whole is refused as such (tests/fuzz/test_table_files.py)
    columns, rows = read(folder / "f.ndjson", b'{"first": 1}\n' + b"\n".join(written))
    good = [row for row in rows if not isinstance(row.cells, BadLine)]
    objects = [line for line in lines if isinstance(line, dict)]
    assert len(good) >= len(objects)
    assert set(columns) >= {name for line in objects for name in line}


def test_bad_lines_are_named_by_their_line(tmp_path):
    text = b'a,b\n1,2\n\n3\n"x\ny",4\n"bad"quote,5\n6,\xff\n7,8\n'
    _, rows = read(tmp_path / "t.csv", text)
    assert [(row.line, row.cells.code if isinstance(row.cells, BadLine) else row.cells) for row in rows] == [
        (2, ["1", "2"]),
        (4, "columns"),
        (5, ["x\ny", "4"]),
        (7, "malformed"),
        (8, "encoding"),
        (9, ["7", "8"]),
    ]


def test_a_byte_order_mark_and_umlauts_are_no_fault(tmp_path):
    columns, rows = read(tmp_path / "t.csv", "\ufeffname\nZoë\n")
    assert (columns, rows[0].cells) == (["name"], ["Zoë"])


def test_parquet_values_become_text_numbers_truths_and_nothing(tmp_path):
    path = tmp_path / "t.parquet"
    row = {
        "text": "a",
        "number": 1,
        "share": 0.5,
        "nan": float("nan"),
        "truth": True,
        "none": None,
        "time": datetime(2026, 5, 1, tzinfo=UTC),
        "day": date(2026, 5, 1),
        "list": [1, 2],
    }
    pq.write_table(pa.Table.from_pylist([row]), path)
    table = open_table(path)
    assert dict(zip(table.columns, next(table.rows).cells, strict=True)) == {
        **row,
        "nan": None,
        "time": "2026-05-01T00:00:00+00:00",
        "day": "2026-05-01",
        "list": "[1, 2]",
    }
    table.close()


def test_lists_in_ndjson_become_text_and_late_columns_are_added(tmp_path):
    columns, rows = read(tmp_path / "t.ndjson", '{"a":1}\n{"b":[1],"a":"\\ud800\\u0000"}\n')
    assert columns == ["a", "b"]
    assert [row.cells for row in rows] == [[1], ["?\ufffd", "[1]"]]


@pytest.mark.parametrize(("name", "text"), [("t.xlsx", "a"), ("t.csv", ""), ("t.csv", "a,a\n")])
def test_unusable_files_are_refused_with_their_name(tmp_path, name, text):
    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        read(tmp_path / name, text)


def test_damaged_and_missing_files_are_local_faults(tmp_path):
    with pytest.raises(LocalFault, match=r"t\.parquet"):
        read(tmp_path / "t.parquet", "no parquet")
    with pytest.raises(LocalFault, match=r"gone\.csv"):
        open_table(tmp_path / "gone.csv")
