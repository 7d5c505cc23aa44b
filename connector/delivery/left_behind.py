"""What waits for a record that its person has left: a lead that was converted, or merged into another.

Nothing is written to such a record, nor points at one. What is still true is decided anew for the record that they have
now: our own fields because it is another record, blanks where they are blank there, its owner by the rules.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.ground import Ground
from connector.delivery.pending import Waiting
from connector.delivery.shown import Shown


def left_behind(ground: Ground) -> dict[int, list[Waiting]]:
    """Find, by the place of their person, the rows that wait for another record than theirs.

    Of people of whom nobody knows yet who they are, or who have no record, nothing is known.
    """
    waiting = ground.pending.waiting
    if not waiting:
        return {}
    people = ground.people.select(["person_id", "record", "crm_id", "in_review", "erased"])
    people = people.append_column("place", pa.array(range(people.num_rows), pa.int64()))
    people = people.filter(pc.is_in(people.column("person_id"), pa.array(list(waiting), pa.string())))
    who, found = ground.native("task", "who"), {}
    for person in people.to_pylist():
        if person["record"] is None or person["in_review"] or person["erased"]:
            continue
        rows = [
            one
            for one in waiting[person["person_id"]]
            if (one.record or person["record"]) != person["record"]
            or (not one.record and one.fields.get(who) not in {None, person["crm_id"]})
        ]
        if rows:
            found[person["place"]] = rows
    return found


def forget_fills(memory: Shown, rows: Iterable[Waiting]) -> None:
    """Forget that blanks and boxes were wished for, so that they are where they are blank on the other record."""
    for one in rows:
        if one.record:
            for name, value in one.fields.items():
                if memory.blanks.get(name) == value:
                    del memory.blanks[name]
