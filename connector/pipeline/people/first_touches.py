"""By when people who were handed over are to be touched, as long as nobody has."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.routing import RoutingFile
from connector.ports.memory_tables import INSTANT
from connector.routing.first_touch import stages_with_a_clock, touch_due


def with_touch_due(people: pa.Table, routing: RoutingFile) -> pa.Table:
    """Set ``touch_due`` beside each person: null where the stage has no clock, or somebody in sales has touched them.

    A touch is what a human did after the stage was entered.
    """
    clocks = list(stages_with_a_clock(routing))
    if not clocks:
        return people.append_column("touch_due", pa.nulls(people.num_rows, INSTANT))
    since = people.column("stage_since").cast(INSTANT)
    touched = pc.fill_null(pc.greater(people.column("human_last").cast(INSTANT), since), False)
    waiting = pc.and_not(pc.is_in(people.column("stage"), value_set=pa.array(clocks)), touched)
    rows = pc.indices_nonzero(pc.and_(waiting, pc.is_valid(since)))
    some = pa.table({"stage": people.column("stage").take(rows), "since": since.take(rows)}).to_pylist()
    known = {place: touch_due(routing, *place) for place in {(one["stage"], one["since"]) for one in some}}
    due = pa.array([known[one["stage"], one["since"]] for one in some], INSTANT)
    mask = pa.array([False] * people.num_rows).to_numpy(zero_copy_only=False).copy()
    mask[rows.to_numpy(zero_copy_only=False)] = True
    return people.append_column(
        "touch_due", pc.replace_with_mask(pa.nulls(people.num_rows, INSTANT), pa.array(mask), due)
    )
