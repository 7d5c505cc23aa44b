"""Limits: never more than a day may disturb, and nothing held but what must be."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_words import NOW, create, update

from connector.delivery.budget import Budget
from connector.delivery.limits import Limits, hold_excess, split_stage
from connector.domain.writes import Cause, RowState
from connector.ports.store import OutboxRow
from connector.ports.traits import Usage
from state import open_store

STAGE = frozenset({"Stage", "Entry"})
causes = st.sampled_from(list(Cause))


@st.composite
def batches(draw: st.DrawFn) -> list[OutboxRow]:
    rows = []
    for number in range(draw(st.integers(0, 14))):
        if draw(st.booleans()):
            fields = draw(st.sampled_from([{"Score": 1}, {"Stage": "mql"}, {"Score": 1, "Stage": "mql", "Entry": 2}]))
            cause = Cause.STAGE_MOVE if "Stage" in fields else draw(causes.filter(lambda c: c is not Cause.STAGE_MOVE))
            rows.append(update(str(number), fields=fields, cause=cause, group="stage"))
        else:
            # odd rows hang on even ones, before or after them; nothing hangs together in a circle
            needs = draw(st.none() | st.integers(0, 7).map(lambda half: 2 * half))
            depends = () if needs is None or not number % 2 else (f"k{needs}",)
            cause = draw(causes.filter(lambda c: c is not Cause.STAGE_MOVE))
            rows.append(create(f"k{number}", cause=cause, depends_on=depends))
    return rows


limits_ = st.builds(
    Limits,
    per_day=st.dictionaries(causes.filter(lambda c: c is not Cause.SCORE), st.integers(0, 4)),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    share_from=st.sampled_from([0, 10, 500]),
)
used_ = st.dictionaries(causes, st.integers(0, 5))


@settings(max_examples=200)
@given(batches(), limits_, used_, st.integers(0, 40))
def test_never_more_than_allowed_and_nothing_lost(
    rows: list[OutboxRow], limits: Limits, used: dict[Cause, int], living: int
) -> None:
    result = hold_excess(rows, limits, used=used, living=living, stage_fields=STAGE)
    going = Counter(row.cause for row in result if row.state is RowState.TODO)
    for cause, count in going.items():
        allowed = limits.allowed(cause, living)
        asked = sum(row.cause is cause for row in rows)
        if allowed is not None:
            assert count <= max(0, allowed - used.get(cause, 0))
        elif cause is not Cause.SCORE:
            assert count <= asked
    # every wish is there once, field by field, in the order given
    wishes = [(row.lane, name) for row in rows for name in sorted(row.write.fields)]
    assert sorted((row.lane, name) for row in result for name in row.write.fields) == sorted(wishes)
    assert list(dict.fromkeys(row.lane for row in result)) == [row.lane for row in rows]
    # what depends on something held is held, and only that is held by dependency
    held = {row.write.key for row in result if row.write.kind == "create" and row.state is RowState.HELD}
    for row in result:
        waits = bool(held.intersection(row.depends_on))
        if row.state is RowState.HELD:
            assert row.held_by == ("dependency" if waits else "limit")
        else:
            assert not waits
    # our own numbers are never held
    assert all(row.state is RowState.TODO for row in result if row.cause is Cause.SCORE and not row.depends_on)


@given(batches(), used_)
def test_without_limits_nothing_is_held(rows: list[OutboxRow], used: dict[Cause, int]) -> None:
    assert hold_excess(rows, Limits({}, share=0, share_from=0), used=used, living=9, stage_fields=STAGE) == rows


def test_the_first_in_order_go() -> None:
    rows = [create(f"k{number}") for number in range(5)]
    result = hold_excess(rows, Limits({Cause.TASK: 3}, 1, 500), used={Cause.TASK: 1}, living=9)
    assert [row.state for row in result] == [RowState.TODO] * 2 + [RowState.HELD] * 3


def test_a_dependent_before_its_creation_waits_with_it() -> None:
    rows = [create("task", depends_on=("lead",)), create("lead", cause=Cause.CREATION), create("other")]
    result = hold_excess(rows, Limits({Cause.CREATION: 0, Cause.TASK: 1}, 1, 500), used={}, living=9)
    assert [(row.write.key, row.held_by) for row in result] == [
        ("task", "dependency"),
        ("lead", "limit"),
        ("other", ""),
    ]


def test_a_held_move_lets_the_score_go() -> None:
    row = update(fields={"Score": 1, "Stage": "mql"}, cause=Cause.STAGE_MOVE, group="stage", priority=1)
    kept, held = hold_excess([row], Limits({Cause.STAGE_MOVE: 0}, 1, 500), used={}, living=9, stage_fields=STAGE)
    assert (kept.write.fields, kept.group, kept.cause, kept.state) == (
        {"Score": 1},
        "score",
        Cause.SCORE,
        RowState.TODO,
    )
    assert (held.write.fields, held.group, held.held_by) == ({"Stage": "mql"}, "stage", "limit")
    assert split_stage(update(), STAGE) == (None, update())


@pytest.mark.parametrize(
    ("cause", "living", "allowed"),
    [
        (Cause.TASK, 499, 200),
        (Cause.TASK, 500, 50),
        (Cause.TASK, 5000, 200),
        (Cause.FAST_LANE_TASK, 500, 100),
        (Cause.SCORE, 500, None),
    ],
)
def test_number_and_share(cause: Cause, living: int, allowed: int | None) -> None:
    limits = Limits({Cause.TASK: 200, Cause.FAST_LANE_TASK: 100}, share=0.1, share_from=500)
    assert limits.allowed(cause, living) == allowed


@pytest.mark.parametrize(
    ("ceiling", "vendor", "spent", "left"),
    [
        (None, None, 10, None),
        (100, None, 10, 90),
        (100, None, 110, 0),
        (100, 150, 10, 65),
        (None, 150, 10, 65),
        (100, 0, 10, 90),
    ],
)
def test_budget(state_url: str, ceiling: Any, vendor: Any, spent: int, left: int | None) -> None:
    store = open_store(state_url)
    store.ledger.spend("crm", 1000, cause="pull", at=NOW - timedelta(hours=25))
    store.ledger.spend("other", 1000, cause="pull", at=NOW)
    store.ledger.spend("crm", spent, cause="write", at=NOW - timedelta(hours=23))
    usage = None if vendor is None else Usage(0, vendor, NOW)
    assert Budget("crm", store.ledger, ceiling, 0.5).remaining(usage, now=NOW) == left
    store.close()


@pytest.mark.parametrize(
    ("ceiling", "used", "ago", "left"),
    [
        (None, 10, 0, 90),  # what we sent is all that was used
        (None, 60, 0, 65),  # others have sent 50: of the 150 they leave half is ours
        (30, 60, 0, 20),  # our own number is the lower one
        (30, 175, 0, 7),
        (None, 150, 0, 20),  # others have more than their part, and we still get on
        (None, 210, 0, 0),
        (None, 150, 25, 90),  # counted yesterday
    ],
)
def test_what_others_have_used_counts(sqlite_url: str, ceiling: int | None, used: int, ago: int, left: int) -> None:
    """Of 200 calls half is left to others; of the other half we have sent 10."""
    store = open_store(sqlite_url)
    store.ledger.spend("crm", 10, cause="write", at=NOW - timedelta(hours=1))
    usage = Usage(used, 200, NOW - timedelta(hours=ago))
    assert Budget("crm", store.ledger, ceiling, 0.5).remaining(usage, now=NOW) == left
    store.close()
