"""When streams and kinds of event brought something: by the hour, from the times in the files alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connector.domain.sql_text import literal, moment
from connector.lake.asking import asking, rows_of
from connector.lake.layout import activities_stream, records_stream
from connector.ports.store import Manifest, Segment

_HOURS = pa.schema([("kind", pa.string()), ("hour", pa.timestamp("us", "UTC"))])


def hours_of_records(
    root: Path, manifest: Manifest, system: str, objects: Sequence[str], since: datetime
) -> dict[str, list[datetime]]:
    """Give the hours after ``since`` in which records of each kind changed, in order; empty where none did.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    found: dict[str, list[datetime]] = {object_: [] for object_ in objects}
    streams = [(literal(object_), manifest.segments(records_stream(system, object_))) for object_ in found]
    for row in _hours(root, streams, "modified_at", since).to_pylist():
        found[row["kind"]].append(row["hour"])
    return found


def hours_of_events(
    root: Path, manifest: Manifest, system: str, since: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """Give, for each type of activity, the hours between in which there was one, in order.

    Raises:
        LocalFault: a file is missing or damaged.
    """
    found: dict[str, list[datetime]] = {}
    streams = [("type", manifest.segments(activities_stream(system)))]
    # meetings lie ahead, which says nothing of now
    for row in _hours(root, streams, "occurred_at", since, until).to_pylist():
        found.setdefault(row["kind"], []).append(row["hour"])
    return found


def _hours(
    root: Path,
    streams: Sequence[tuple[str, Sequence[Segment]]],
    time: str,
    since: datetime,
    until: datetime | None = None,
) -> pa.Table:
    """Ask all streams, each with the SQL for its kind, at once: a query costs more than what it reads here."""
    lately = [(kind, [segment for segment in segments if segment.high >= since]) for kind, segments in streams]
    lately = [(kind, segments) for kind, segments in lately if segments]
    if not lately:
        return _HOURS.empty_table()
    upto = "" if until is None else f" AND {time} <= {moment(until)}"
    query = " UNION ALL ".join(
        f"SELECT DISTINCT {kind} AS kind, date_trunc('hour', {time}) AS hour "
        f"FROM {rows_of(root, segments)} "
        f"WHERE {time} >= {moment(since)}{upto} AND NOT deleted"
        for kind, segments in lately
    )
    with asking(root, [segment for _, segments in lately for segment in segments]) as connection:
        table: pa.Table = connection.sql(f"{query} ORDER BY ALL").to_arrow_table()
    return table
