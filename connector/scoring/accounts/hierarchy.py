"""Which accounts take in whose people: the account itself, and its subsidiaries where the model lets it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.evaluate import evaluate, holds
from connector.scoring.compile import HierarchyC

#: how many steps up from an account its people are taken in at most
MOST_STEPS = 10
_PARENT = "account.parent_id"
_Numbers = npt.NDArray[np.int64]


def lineage(hierarchy: HierarchyC, facts: pa.Table, *, now: datetime) -> pa.Table:
    """List who takes in whose people: ``account``, ``member`` (places in ``facts``), ``own``; each pair once.

    ``facts`` has ``account_id`` and what is known of accounts as ``account.<column>``. A way up ends where a parent is
    not in ``facts`` and where it comes back to an account it has met, the first among them.
    """
    count = facts.num_rows
    everybody = np.arange(count, dtype=np.int64)
    takers, members = [everybody], [everybody]
    parents = _parents(facts)
    may = holds(evaluate(hierarchy.when, facts, now=now)).to_numpy(zero_copy_only=False)
    start, met = everybody, [everybody]
    here = everybody
    for _ in range(MOST_STEPS):
        above = parents[here]
        going = above >= 0
        for earlier in met:
            going &= above != earlier
        start, here = start[going], above[going]
        met = [*(earlier[going] for earlier in met), here]
        if not len(here):
            break
        takes = np.asarray(may, dtype=bool)[here]
        takers.append(here[takes])
        members.append(start[takes])
    account, member = np.concatenate(takers), np.concatenate(members)
    return pa.table(
        {
            "account": pa.array(account, pa.int32()),
            "member": pa.array(member, pa.int32()),
            "own": pa.array(account == member),
        }
    )


def _parents(facts: pa.Table) -> _Numbers:
    """Give each account's parent by place; -1 where there is none that is known."""
    if _PARENT not in facts.column_names:
        return np.full(facts.num_rows, -1, dtype=np.int64)
    ids = facts.column("account_id").combine_chunks()
    places = pc.index_in(facts.column(_PARENT).cast(pa.string()), value_set=ids)
    return np.array(pc.fill_null(places, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
