"""When streams and kinds of event brought something: by the hour, from the times in the files alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connector.domain.sql_text import moment
from connector.lake.asking import asking, rows_of
from connector.lake.layout import activities_stream, records_stream
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
    upto = "" if until is None else f" AND {time} <= {moment(until)}"
    query = (
        f"SELECT DISTINCT {kind} AS kind, date_trunc('hour', {time}) AS hour "
        f"FROM {rows_of(root, lately)} "
        f"WHERE {time} >= {moment(since)}{upto} AND NOT deleted ORDER BY ALL"
    )
    with asking(root, lately) as connection:
        table: pa.Table = connection.sql(query).to_arrow_table()
    return table
