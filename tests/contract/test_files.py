"""The file adapters under the contract."""

import csv
import json
import os
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import adapters.files.crm
import adapters.files.source
from adapters.conformance.bench import BEFORE
from adapters.conformance.suite import crm_contract, source_contract
from adapters.files import FilesCrm, FilesSource

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS = {"lead": "Company", "contact": "Title", "account": "Website", "task": "Subject"}


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(adapters.files.source, "PAGE", 10)
    monkeypatch.setattr(adapters.files.crm, "PAGE", 10)


class FilesSourceBench:
    now = NOW
    suffix = ".csv"

    def __init__(self, folder):
        self._folder = folder
        self._people = [
            {"person_id": f"p{n}", "email": f"p{n}@example.com", "updated_at": "2026-04-01T09:00:00Z"}
            for n in range(25)
        ]
        self._activities = [
            {"activity_id": f"a{n}", "person_id": f"p{n}", "type": "page_view", "occurred_at": "2026-04-02T09:00:00Z"}
            for n in range(25)
        ]
        self._write("people", self._people[:12])
        self._write("people-2", self._people[12:])
        self._write("activities", self._activities)

    def _write(self, name, rows):
        path = self._folder / f"{name}{self.suffix}"
        if self.suffix == ".csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        elif self.suffix == ".ndjson":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)

    def source(self):
        return FilesSource(
            {
                "people": str(self._folder / f"people*{self.suffix}"),
                "activities": str(self._folder / f"activities*{self.suffix}"),
            }
        )

    def expected(self, stream):
        return {f"{stream[0]}{n}" for n in range(25)}

    def change(self, stream):
        if stream == "people":
            changed = {**self._people[3], "email": "moved@example.com", "updated_at": "2026-04-30T09:00:00Z"}
            self._write("people", [*self._people[:3], changed, *self._people[4:12]])
            return {"p3"}
        self._write("activities-2", [{**self._activities[0], "activity_id": "a99"}])
        return {"a99"}

    def spoil(self, stream):
        name, rows = ("people", self._people[:12]) if stream == "people" else ("activities", self._activities)
        bad = {**rows[5], "updated_at" if stream == "people" else "occurred_at": "soon"}
        self._write(name, [*rows[:5], bad, *rows[6:]])
        return f"{stream[0]}5"

    def close(self):
        pass


class NdjsonBench(FilesSourceBench):
    suffix = ".ndjson"


class ParquetBench(FilesSourceBench):
    suffix = ".parquet"


class FilesCrmBench:
    now = NOW

    def __init__(self, folder):
        self._folder = folder
        for object_, name in FIELDS.items():
            self._write(object_, [{"Id": f"{object_}{n:02}", name: BEFORE} for n in range(15)])

    def _path(self, object_):
        return self._folder / f"{object_}s.ndjson"

    def _write(self, object_, rows):
        path = self._path(object_)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def crm(self):
        return FilesCrm({"dir": str(self._folder)})

    source = crm

    def expected(self, stream):
        object_ = stream.removesuffix("s")
        return {f"{object_}{n:02}" for n in range(15)} if object_ in FIELDS else set()

    def change(self, stream):
        object_ = stream.removesuffix("s")
        if object_ not in FIELDS:
            return set()
        self.edit(object_, f"{object_}03", {FIELDS[object_]: "changed"})
        return {f"{object_}03"}

    def spoil(self, stream):
        if not self.expected(stream):
            return ""
        path = self._path(stream.removesuffix("s"))
        lines = path.read_text().splitlines()
        lines[4] = "{broken"
        path.write_text("\n".join(lines) + "\n")
        return f"{stream.removesuffix('s')}04"

    def creation(self, object_):
        return {FIELDS[object_]: "new"}

    def existing(self, object_):
        return f"{object_}00"

    def field(self, object_):
        return FIELDS[object_]

    def edit(self, object_, id_, values):
        path = self._path(object_)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        self._write(object_, [{**row, **values} if row["Id"] == id_ else row for row in rows])
        os.utime(path)

    def lose_answer(self):
        return False

    def close(self):
        pass


TestCsvSource = source_contract(FilesSourceBench)
TestNdjsonSource = source_contract(NdjsonBench)
TestParquetSource = source_contract(ParquetBench)
TestFilesCrmAsSource = source_contract(FilesCrmBench)
TestFilesCrm = crm_contract(FilesCrmBench)
