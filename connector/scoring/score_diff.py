"""What a rescore changed: whose grade, verdict or stage is another, or whose number moved far enough to be told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: texts that are told whenever they change
TEXTS = ("grade", "verdict", "buying_stage", "disqualified_because")


def moved(before: pa.Table, after: pa.Table, *, step: float, texts: Sequence[str] = TEXTS) -> pa.Array:
    """Give the places in ``after`` of people whose scores are news; both are in order of ``person_id``.

    News is who was not there before, whoever has another value in ``texts`` (columns that are absent are passed over),
    and whose ``total`` moved by ``step`` points or more. ``step`` is compared in tenths of a point, as scores are.
    """
    places = _before(before, after)
    known = None if places is None else pa.array(places >= 0)
    if places is not None:
        before = before.take(pa.array(np.maximum(places, 0))) if before.num_rows else after.slice(0, 0)
        if not before.num_rows:
            return pa.array(np.arange(after.num_rows))
    tenths = [pc.round(pc.multiply(one.column("total"), 10)).cast(pa.int64()) for one in (before, after)]
    news = pc.greater_equal(pc.abs(pc.subtract(*tenths)), round(step * 10))
    for name in texts:
        if name in before.column_names and name in after.column_names:
            news = pc.or_(news, _differs(before.column(name), after.column(name)))
    if known is not None:
        news = pc.or_(news, pc.invert(known))
    if isinstance(news, pa.ChunkedArray):
        news = news.combine_chunks()
    return pc.indices_nonzero(news)


def _before(before: pa.Table, after: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """Find each person's place before, -1 = new; None where both list the same people."""
    old, new = before.column("person_id"), after.column("person_id")
    if len(old) == len(new) and pc.all(pc.equal(old, new)).as_py() is not False:
        return None
    places = pc.index_in(new.cast(pa.string()), value_set=old.cast(pa.string()).combine_chunks())
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    return found


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Say where two texts differ; nothing is a text of its own."""
    either = pc.not_equal(one, other)
    return pc.fill_null(either, pc.not_equal(pc.is_null(one), pc.is_null(other))) if either.null_count else either
