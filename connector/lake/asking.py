"""Queries over files of the lake: of whole files only, and where one fails, the file it stumbled over is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from connector.domain.sql_text import literal
from connector.errors import LocalFault
from connector.lake.engine import querying
from connector.lake.segments import assure, check_segment
from connector.ports.store import Segment


def rows_of(root: Path, segments: Sequence[Segment]) -> str:
    """Write the table of all rows of some segments, at least one; columns are joined by name.

    Raises:
        LocalFault: a segment is missing or damaged.
    """
    for segment in segments:
        assure(root, segment)
    paths = ", ".join(literal(str(root / segment.path)) for segment in segments)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


@contextmanager
def asking(root: Path, segments: Sequence[Segment]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection for queries over ``rows_of`` these segments.

    Raises:
        LocalFault: a query failed; its own words do not always say over which file, so all of them are looked at.
    """
    with querying(files=bool(segments)) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            for segment in segments:
                check_segment(root, segment)
            streams = sorted({segment.stream for segment in segments})
            raise LocalFault(
                "lake.unreadable",
                f"{', '.join(streams) or 'the lake'} cannot be read although its files are whole",
                cure="free memory and space for temporary files, then try again",
                at=str(root),
            ) from error
