"""Activities of chosen segments, as landed or each once, handed on batch by batch: for readers of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connector.domain.sql_text import literal, moment
from connector.lake.asking import asking, rows_of
from connector.lake.layout import ACTIVITY_COLUMNS, activities_stream
from connector.ports.store import Manifest, Segment

#: rows that are handed on together
BATCH_ROWS = 500_000
_COLUMNS = ", ".join(ACTIVITY_COLUMNS.names)
Batches = Callable[[str], Iterator[pa.RecordBatch]]


class ActivityRows:
    """Streams activities of the lake under ``root``. Safe beside a writer: segments never change."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self._manifest = manifest

    def segments(self, systems: Sequence[str]) -> dict[str, list[Segment]]:
        """List the segments of some systems' activities, by system, in order of landing."""
        return {system: self._manifest.segments(activities_stream(system)) for system in systems}

    @contextmanager
    def opened(
        self,
        segments: Mapping[str, Sequence[Segment]],
        *,
        as_of: datetime,
        again: pa.Table | None = None,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> Iterator[Batches]:
        """Give a function that runs a query over activities of some segments and hands its rows on in batches.

        Seen are ``landed``, every row that had landed by ``as_of`` (``ACTIVITY_COLUMNS``, ``system``, and ``h``, a
        number of its kind and id), and ``tables``. Where ``again`` (column ``h``) says which numbers came more than
        once in these segments, be it some too many, ``activities`` is seen too: each that had occurred and is not
        deleted once, in its latest version.

        Raises:
            LocalFault: a segment is missing or damaged, or was replaced and swept meanwhile: then ask again.
        """
        listed = [segment for each in segments.values() for segment in each]
        instant = moment(as_of)
        with asking(self._root, listed) as connection:
            connection.register("none", ACTIVITY_COLUMNS.append(pa.field("system", pa.string())).empty_table())
            for name, table in (tables or {}).items():
                connection.register(name, table)
            parts = [f"SELECT {_COLUMNS}, system, 0::UBIGINT AS h FROM none"]
            for system, each in segments.items():
                if each:
                    parts.append(
                        f"SELECT {_COLUMNS}, {literal(system)} AS system, hash(kind, id) AS h "
                        f"FROM {rows_of(self._root, each)} WHERE landed_at <= {instant}"
                    )
            connection.execute(f"CREATE TEMP VIEW landed AS {' UNION ALL '.join(parts)}")
            if again is not None:
                connection.register("again", again)
                connection.execute(f"CREATE TEMP VIEW activities AS {_each_once(instant, repeated=again.num_rows > 0)}")

            def batches(query: str) -> Iterator[pa.RecordBatch]:
                yield from connection.sql(query).to_arrow_reader(BATCH_ROWS)

            yield batches


def _each_once(instant: str, *, repeated: bool) -> str:
    """Write the query for each activity's latest version; only those that came more than once are compared."""
    known = f"occurred_at <= {instant} AND NOT deleted"
    if not repeated:
        return f"SELECT * FROM landed WHERE {known}"
    return (
        f"SELECT * FROM landed WHERE {known} AND h NOT IN (SELECT h FROM again) UNION ALL "
        "SELECT * FROM (SELECT * FROM landed WHERE h IN (SELECT h FROM again) QUALIFY row_number() OVER "
        "(PARTITION BY system, kind, id ORDER BY modified_at DESC NULLS LAST, landed_at DESC, deleted DESC, "
        f"occurred_at DESC, person_system, person_object, person_id) = 1) WHERE {known}"
    )
