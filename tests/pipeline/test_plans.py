"""A plan is read as it was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.writes import Cause, RowState, Write
from connector.pipeline.decisions.plans import dump_plan, load_plan
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow, Review
from connector.ports.task_times import TaskEvent

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
words = st.text(max_size=6)
names = st.text("abcdef", min_size=1, max_size=3)
instants = st.integers(0, 10**12).map(lambda us: T0 + timedelta(microseconds=us))
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | words
fields = st.dictionaries(names, values, max_size=3)

writes = st.builds(
    Write,
    key=words,
    kind=st.sampled_from(["create", "update"]),
    object=st.sampled_from(["lead", "task"]),
    id=st.none() | words,
    fields=fields,
    expected=fields,
    ours=st.frozensets(names),
    if_blank=st.frozensets(names),
    references=st.dictionaries(names, words, max_size=2),
)
rows = st.builds(
    OutboxRow,
    id=st.just(0),
    write=writes,
    lane=words,
    group=words,
    cause=st.sampled_from(Cause),
    rule=words,
    person_id=words,
    reason=words,
    run_id=words,
    plan_id=words,
    priority=st.integers(0, 2),
    decided_at=instants,
    state=st.sampled_from([RowState.TODO, RowState.HELD]),
    held_by=words,
    depends_on=st.lists(words, max_size=2).map(tuple),
)
reviews = st.builds(
    Review,
    id=words,
    kind=st.sampled_from(["person", "account"]),
    person_id=words,
    candidates=words,
    opened_at=instants,
    state=st.just("open"),
    answer=words,
)


def _table(schema: pa.Schema, data: st.DataObject) -> pa.Table:
    kinds: dict[Any, Any] = {
        pa.string(): st.none() | words,
        pa.int64(): st.none() | st.integers(-9, 9),
        pa.float64(): st.none() | st.floats(-1e6, 1e6),
    }
    one = st.fixed_dictionaries({field.name: kinds.get(field.type, st.none() | instants) for field in schema})
    return pa.Table.from_pylist(data.draw(st.lists(one, max_size=2)), schema=schema)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=3), st.lists(reviews, max_size=2), instants, st.lists(words, max_size=2), st.data())
def test_round_trip(
    wishes: list[OutboxRow], asked: list[Review], at: datetime, gone: list[str], data: st.DataObject
) -> None:
    decisions = Decisions(
        run_id="run",
        plan_id="plan",
        at=at,
        identities=_table(IDENTITIES, data),
        persons=_table(PERSONS, data),
        stage_moves=_table(STAGE_MOVES, data),
        scores=_table(SCORE_HISTORY, data),
        accounts=data.draw(st.dictionaries(words, words, max_size=2)),
        rows=wishes,
        reviews=asked,
        rotations=data.draw(st.dictionaries(names, words, max_size=2)),
        marks=data.draw(st.dictionaries(names, instants, max_size=2)),
        gone=tuple(gone),
        withdrawn=tuple(data.draw(st.lists(st.integers(1, 99), max_size=2))),
        events=tuple(TaskEvent(word, "contact-us", "event", at) for word in gone),
    )
    body = dump_plan(decisions, mappings="m", rotations={"sdr": "{}"}, done=False)
    read, whole = load_plan(body)
    assert read == decisions
    assert whole["mappings"] == "m"
    assert whole["report"]["writes"] == len(wishes)
    assert dump_plan(read, mappings="m", rotations={"sdr": "{}"}, done=False) == body
