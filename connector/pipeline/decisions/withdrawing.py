"""What waits in the outbox and must not be sent any more goes out of it, before it could be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.domain.writes import RowState
from connector.errors import HandoffError
from connector.lake.reading import Lake
from connector.ports.outbox import Outbox
from connector.ports.store import OutboxRow, Store

#: what rows that are taken out are held by for a moment, and who it was, for the audit
OPTED_OUT = "opted_out"
RECORD_DELETED = "record_deleted"


def withdraw(outbox: Outbox, ids: Sequence[int], *, now: datetime, who: str = OPTED_OUT) -> int:
    """Take rows out for good that are todo, held or dead; return how many.

    A row that a sender has claimed meanwhile goes its way: what it makes is closed by the next cycle.
    """
    gone, todo = 0, set(outbox.ids([RowState.TODO])) if ids else set()
    for id_ in ids:
        try:
            if id_ in todo:
                outbox.hold([id_], held_by=who)
            outbox.dismiss([id_], who=who, now=now)
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


def of_deleted_records(lake: Lake, rows: Iterable[OutboxRow], system: str, *, now: datetime) -> set[int]:
    """Find updates of records that the CRM has shown as deleted, not as merged: nobody can make them come true.

    Should a record come back, what it shows is compared with what was shown last, and written anew.
    """
    by_object: defaultdict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        if row.write.kind == "update" and row.write.id:
            by_object[row.write.object].append(row)
    found: set[int] = set()
    for object_, some in by_object.items():
        these = pa.Table.from_pylist([{"system": system, "object": object_, "id": row.write.id} for row in some])
        last = lake.of(these, [(system, object_)]).current(system, object_, as_of=now, columns=())
        gone = pc.and_(last.column("deleted"), pc.is_null(last.column("merged_into")))
        deleted = set(last.filter(gone).column("id").to_pylist())
        found.update(row.id for row in some if row.write.id in deleted)
    return found
