"""When streams and kinds of event brought something: by the hour, from the times in the files alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from connector.domain.sql_text import literal
from connector.errors import LocalFault
from connector.lake.engine import querying
from connector.lake.layout import activities_stream, records_stream
from connector.lake.segments import assure
from connector.ports.store import Manifest, Segment

_HOURS = pa.schema([("kind", pa.string()), ("hour", pa.timestamp("us", "UTC"))])


def hours_of_records(root: Path, manifest: Manifest, system: str, object_: str, since: datetime) -> list[datetime]:
    """Give the hours after ``since`` in which records of one kind changed, in order.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    found = _hours(root, manifest.segments(records_stream(system, object_)), "''", "modified_at", since)
    return [row["hour"] for row in found.to_pylist()]


def hours_of_events(
    root: Path, manifest: Manifest, system: str, since: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """Give, for each type of activity, the hours between in which there was one, in order.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    found: dict[str, list[datetime]] = {}
    segments = manifest.segments(activities_stream(system))
    # meetings lie ahead, which says nothing of now
    for row in _hours(root, segments, "type", "occurred_at", since, until).to_pylist():
        found.setdefault(row["kind"], []).append(row["hour"])
    return found


def _hours(
    root: Path, segments: Sequence[Segment], kind: str, time: str, since: datetime, until: datetime | None = None
) -> pa.Table:
    lately = [segment for segment in segments if segment.high >= since]
    if not lately:
        return _HOURS.empty_table()
    for segment in lately:
        assure(root, segment)
    paths = ", ".join(literal(str(root / segment.path)) for segment in lately)
    upto = "" if until is None else f" AND {time} <= {_literal(until)}"
    query = (
        f"SELECT DISTINCT {kind} AS kind, date_trunc('hour', {time}) AS hour "
        f"FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false) "
        f"WHERE {time} >= {_literal(since)}{upto} AND NOT deleted ORDER BY ALL"
    )
    with querying() as connection:
        try:
            table: pa.Table = connection.sql(query).to_arrow_table()
        except duckdb.IOException as error:
            cure = "run it again; a file that stays unreadable is named by `handoff status --deep`"
            raise LocalFault("lake.unreadable", "a file went while it was read", cure=cure, at=str(root)) from error
    return table


def _literal(instant: datetime) -> str:
    return f"TIMESTAMPTZ '{instant.astimezone(UTC).isoformat()}'"
