"""What is spread into parts is what is read at once, each row in its part, of the columns asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref
from connector.lake.layout import RECORD_COLUMNS

T0 = datetime(2026, 3, 1, tzinfo=UTC)
LATE = T0 + timedelta(days=99)


def _version(id_: str, day: int, **fields: Any) -> RecordVersion:
    return RecordVersion(Ref("crm", "contact", id_), T0 + timedelta(days=day), T0, fields, {"account": "A"})


def _rows(folder: Path) -> dict[int, list[dict[str, Any]]]:
    return {
        int(part.name.removeprefix("part=")): [
            row for file in sorted(part.glob("*.parquet")) for row in pq.ParquetFile(file).read().to_pylist()
        ]
        for part in sorted(folder.iterdir())
    }


def test_records_are_spread_in_their_latest_version(places: Any, tmp_path: Path) -> None:
    place = places()
    place.land(*(_version(str(n), 0, Name=f"n{n}", Title="x") for n in range(6)), at=T0)
    place.land(_version("1", 1, Name="again", Title="y"), at=T0 + timedelta(days=1))
    parts = pa.table({"id": [str(n) for n in range(5)], "part": pa.array([n % 2 for n in range(5)], pa.int32())})
    lake, folder = place.lake, tmp_path / "spread"
    for _ in range(2):  # what is there goes
        lake.spread_records("crm", "contact", parts, folder, as_of=LATE, columns={"f:Name", "f:None"})
    whole = {row["id"]: row for row in lake.current("crm", "contact", as_of=LATE, columns={"f:Name"}).to_pylist()}
    assert set(whole["1"]) == {*RECORD_COLUMNS.names, "f:Name"}
    assert whole["1"]["f:Name"] == "again"
    found = _rows(folder)
    assert {part: sorted(row["id"] for row in rows) for part, rows in found.items()} == {
        0: ["0", "2", "4"],
        1: ["1", "3"],
    }
    assert all(row == whole[row["id"]] for rows in found.values() for row in rows)
    assert lake.current("crm", "contact", as_of=T0).column("f:Name").to_pylist()[1] == "n1"
    assert "l:account" in lake.versions("crm", "contact", as_of=LATE).column_names
    lake.spread_records("crm", "nothing", parts, tmp_path / "none", as_of=LATE)
    assert not (tmp_path / "none").exists()


def test_activities_are_spread_once(places: Any, tmp_path: Path) -> None:
    place = places()
    deeds = [
        Activity(Ref("crm", "task", str(n)), "call", Ref("crm", "contact", str(n % 3)), T0, modified_at=T0)
        for n in range(6)
    ]
    place.land(*deeds, at=T0)
    place.land(deeds[0]._replace(modified_at=T0 + timedelta(hours=1), subject="again"), at=T0 + timedelta(days=1))
    who = pa.table({"id": ["0", "1"], "part": pa.array([7, 8], pa.int32())})
    query = "SELECT i.part, a.id, a.subject FROM activities a JOIN who i ON i.id = a.person_id"
    place.lake.spread_activities(query, ["crm"], tmp_path / "deeds", as_of=LATE, tables={"who": who})
    found = {
        part: sorted((row["id"], row["subject"]) for row in rows) for part, rows in _rows(tmp_path / "deeds").items()
    }
    assert found == {7: [("0", "again"), ("3", None)], 8: [("1", None), ("4", None)]}
