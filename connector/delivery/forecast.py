"""How many calls rows will cost: the batches that a sender will make of them, counted before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.delivery.limits import Verdict
from connector.delivery.spool import JudgedRows, RowSpool
from connector.ports.crm import BatchShape, Crm, Estimating
from connector.ports.store import OutboxRow

_Whole = npt.NDArray[np.int64]
_GOES = (Verdict.OPEN, Verdict.GO, Verdict.SPLIT)


def calls_ahead(rows: Sequence[OutboxRow], crm: Crm, *, in_jobs: frozenset[str] = frozenset()) -> int:
    """Forecast the calls that sending these rows takes when nothing goes wrong; sends nothing.

    Rows that a limit holds cost nothing. A row that follows another one of its record, or needs what another one
    creates, goes in a later batch than that. Where people have been there before us it may be a call less.

    Args:
        rows: what was decided, as the disk holds it, with or without the limits' verdicts.
        crm: where they go.
        in_jobs: objects whose updates of our own fields go as a job, and are counted there.
    """
    spool, verdicts = (rows.rows, rows.verdicts) if isinstance(rows, JudgedRows) else (rows, None)
    if not isinstance(spool, RowSpool) or not len(spool):
        return 0
    shapes = batch_shapes(spool.index, verdicts, size=crm.traits().batch_size, in_jobs=in_jobs)
    if isinstance(crm, Estimating):
        return sum(map(crm.calls_of, shapes))
    return sum(1 for _ in shapes)


def batch_shapes(
    index: pa.Table, verdicts: bytes | None, *, size: int, in_jobs: frozenset[str] = frozenset()
) -> Iterator[BatchShape]:
    """Cut rows into batches as the outbox gives them out; of each, say what is in it."""
    creates = index.column("creation").is_valid().to_numpy(zero_copy_only=False)
    own = index.column("own").to_numpy(zero_copy_only=False)
    priority = index.column("priority").to_numpy()
    objects, codes = _codes(index.column("object"))
    goes = np.ones(len(index), dtype=bool)
    if verdicts is not None:
        goes = np.isin(np.frombuffer(verdicts, dtype=np.uint8), [int(verdict) for verdict in _GOES])
    jobs = [number for number, name in enumerate(objects) if name in in_jobs]
    goes &= ~(own & (priority > 0) & np.isin(codes, jobs))
    depths = _depths(index, goes)
    places = np.flatnonzero(goes)
    # The outbox's own order of giving out; ``index`` is in the order in which rows were stored.
    order = places[np.lexsort((places, codes[places], ~creates[places], priority[places], depths[places]))]
    for depth in np.unique(depths[order]):
        level = order[depths[order] == depth]
        for first in range(0, len(level), size):
            some = level[first : first + size]
            made, ours = int(creates[some].sum()), int(own[some].sum())
            yield BatchShape(creations=made, own=ours, contested=len(some) - made - ours)


def _codes(column: pa.ChunkedArray) -> tuple[list[str], _Whole]:
    """Give the distinct words in order, and of each row the place of its word among them."""
    words, codes = np.unique(column.to_numpy(), return_inverse=True)
    return [str(word) for word in words], codes.astype(np.int64)


def _depths(index: pa.Table, goes: npt.NDArray[np.bool_]) -> _Whole:
    """Say of each row how many rounds of sending it waits for others."""
    _, lanes = _codes(index.column("lane"))
    serial = index.column("serial").to_numpy()
    order = np.lexsort((serial, ~goes, lanes))
    starts = np.flatnonzero(np.diff(lanes[order], prepend=-1))
    nth = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    depths = np.empty(len(order), dtype=np.int64)
    depths[order] = nth
    needs = index.column("depends_on")
    waiting = np.flatnonzero(index.column("waits").to_numpy(zero_copy_only=False))
    if len(waiting):
        wanted = {key for at in waiting.tolist() for key in needs[at].as_py()}
        made = {key: at for at, key in enumerate(index.column("creation").to_pylist()) if key in wanted}
        for at in waiting.tolist():
            for key in needs[at].as_py():
                if key in made:
                    depths[at] = max(depths[at], depths[made[key]] + 1)
    return depths
