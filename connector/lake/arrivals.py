"""What has come to the lake since an instant: read from the files that have come since, and no others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal, moment, quoted
from connector.lake.asking import asking, rows_of
from connector.ports.store import Segment

#: Who did something that has come, in any version of it.
DOERS = pa.schema([("system", pa.string()), ("object", pa.string()), ("id", pa.string())])


def records_since(root: Path, segments: Sequence[Segment], since: datetime, columns: Collection[str] = ()) -> pa.Table:
    """Give ``id`` and ``columns`` of all versions of one stream that have landed after ``since``, each pair once.

    A column that no version has is null.

    Raises:
        LocalFault: a segment is missing or damaged, or was replaced and swept meanwhile.
    """
    with asking(root, segments) as connection:
        files = rows_of(root, segments)
        held = set(connection.sql(f"SELECT * FROM {files} LIMIT 0").columns)
        named = ", ".join(quoted(n) if n in held else f"NULL::VARCHAR AS {quoted(n)}" for n in ("id", *sorted(columns)))
        query = f"SELECT DISTINCT {named} FROM {files} WHERE landed_at > {moment(since)}"
        return answer(connection, query)


def landed_at(root: Path, segments: Sequence[Segment], at: datetime) -> bool:
    """Say whether any row of some files, at least one, has landed at that very instant; ``segments`` of one stream.

    Raises:
        LocalFault: a segment is missing or damaged, or was replaced and swept meanwhile.
    """
    with asking(root, segments) as connection:
        found = connection.sql(f"SELECT 1 FROM {rows_of(root, segments)} WHERE landed_at = {moment(at)} LIMIT 1")
        return bool(found.fetchall())


@dataclass(frozen=True, slots=True)
class Doers:
    """Who did something that has come.

    Attributes:
        all: everybody (schema ``DOERS``).
        urgent: those who did something of some types.
        count: how many activities that is.
    """

    all: pa.Table
    urgent: pa.Table
    count: int


def doers_since(
    root: Path,
    segments: Sequence[Segment],
    changed: Sequence[Segment],
    since: datetime,
    until: datetime,
    *,
    urgent: Collection[str] = (),
) -> Doers:
    """Say whose activities of one system have come, or come to their time, between two instants (schema ``DOERS``).

    Args:
        root: the lake.
        segments: all files of the stream.
        changed: those of them in which something new may be.
        since: what had landed and occurred by then is known.
        until: what occurs later has yet to come.
        urgent: types of activity whose doers are told apart.

    What changes may go from one person to another: every version of such an activity counts.

    Raises:
        LocalFault: a segment is missing or damaged, or was replaced and swept meanwhile.
    """
    with asking(root, segments) as connection:
        files = rows_of(root, changed)
        fresh = connection.sql(
            f"SELECT kind, id, type, modified_at, person_system, person_object, person_id FROM {files} "
            f"WHERE (landed_at > {moment(since)} OR occurred_at > {moment(since)}) AND occurred_at <= {moment(until)}"
        ).to_arrow_table()
        connection.register("fresh", fresh)
        doers = "SELECT DISTINCT person_system AS system, person_object AS object, person_id AS id FROM "
        types = ", ".join(literal(name) for name in sorted(urgent)) or "''"
        pressing = answer(connection, f"{doers} fresh WHERE type IN ({types})")
        found = [answer(connection, doers + "fresh")]
        if fresh.column("modified_at").null_count < fresh.num_rows:
            again = (
                f"{doers} {rows_of(root, segments)} a SEMI JOIN "
                "(FROM fresh WHERE modified_at IS NOT NULL) f ON f.kind = a.kind AND f.id = a.id"
            )
            found.append(answer(connection, again))
        count = len(set(zip(fresh.column("kind").to_pylist(), fresh.column("id").to_pylist(), strict=True)))
        return Doers(pa.concat_tables(found).cast(DOERS), pressing.cast(DOERS), count)
