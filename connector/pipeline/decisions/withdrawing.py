"""What waits in the outbox and must not be sent any more goes out of it, before it could be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.domain.writes import RowState
from connector.errors import HandoffError
from connector.ports.outbox import Outbox
from connector.ports.store import Store

#: what rows that are taken out are held by for a moment, and who it was, for the audit
OPTED_OUT = "opted_out"


def withdraw(outbox: Outbox, ids: Sequence[int], *, now: datetime) -> int:
    """Take rows out for good that are todo, held or dead; return how many.

    A row that a sender has claimed meanwhile goes its way: what it makes is closed by the next cycle.
    """
    gone, todo = 0, set(outbox.ids([RowState.TODO])) if ids else set()
    for id_ in ids:
        try:
            if id_ in todo:
                outbox.hold([id_], held_by=OPTED_OUT)
            outbox.dismiss([id_], who=OPTED_OUT, now=now)
            gone += 1
        except HandoffError as error:
            if error.code != "outbox.unlawful_move":
                raise
    return gone


def of_left_records(store: Store, pending: Pending, people: pa.Table, system: str) -> list[int]:
    """List rows by which an undo holds back fields of records that these people have left, or that are gone.

    A record that no pull has shown yet is neither. ``people``: columns ``person_id record in_review``.
    """
    if not pending.kept:
        return []
    ids = pa.array(list(pending.kept), pa.string())
    held = people.select(["person_id", "record", "in_review"])
    rows = held.filter(pc.is_in(held.column("person_id"), value_set=ids)).to_pylist()
    bare = [row["person_id"] for row in rows if row["record"] is None]
    known = store.knowledge.identities(bare).to_pylist() if bare else []
    seen = {f"{row['object']}:{row['id']}" for row in known if row["system"] == system}
    return [
        id_
        for row in rows
        if not row["in_review"]
        for id_, record in pending.kept[row["person_id"]]
        if (record in seen if row["record"] is None else record != row["record"])
    ]
