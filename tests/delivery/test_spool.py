"""Rows on the disk are the rows that were decided, in one order, however many came at a time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_words import create, update

from connector.delivery.limits import Limits, Outline, hold_excess, judge, with_splits
from connector.delivery.pending import Pending
from connector.delivery.spool import JudgedRows, RowSpool, outlines_of
from connector.domain.writes import Cause
from connector.ports.store import OutboxRow

STAGE = frozenset({"Stage"})
_values = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5)


@st.composite
def rows(draw: st.DrawFn) -> list[OutboxRow]:
    found = []
    for number in range(draw(st.integers(0, 9))):
        words = {"priority": draw(st.integers(0, 2)), "person_id": f"p{number // 3}"}
        if draw(st.booleans()):
            fields = draw(st.dictionaries(st.sampled_from(["Score", "Stage"]), _values, min_size=1))
            cause = Cause.STAGE_MOVE if "Stage" in fields else Cause.SCORE
            found.append(update(str(number // 2), fields=fields, cause=cause, group=f"g{number}", **words))
        else:
            needs = (f"k{number - 1}",) if number and draw(st.booleans()) else ()
            found.append(create(f"k{number}", cause=Cause.TASK, depends_on=needs, **words))
    return found


def _spooled(folder: Path, all_rows: list[OutboxRow], totals: dict[str, float | None], sizes: list[int]) -> RowSpool:
    spool = RowSpool(folder / f"rows-{'-'.join(map(str, sizes))}")
    rest = list(all_rows)
    for size in sizes:
        spool.add(rest[:size], totals)
        del rest[:size]
    spool.add(rest, totals)
    spool.rank()
    return spool


@settings(max_examples=80, deadline=None)
@given(
    rows(),
    st.lists(st.integers(0, 4), max_size=4),
    st.dictionaries(st.sampled_from(["p0", "p1", "p2"]), st.none() | st.sampled_from([0.0, 40.0, 71.5])),
    st.integers(0, 3),
)
def test_one_order_and_the_limits_of_a_list(
    some: list[OutboxRow], sizes: list[int], totals: dict[str, float | None], most: int
) -> None:
    with TemporaryDirectory() as folder:
        spool = _spooled(Path(folder), some, totals, sizes)
        ranked = sorted(
            some,
            key=lambda row: (row.priority, -(totals.get(row.person_id) or 0.0), bool(row.depends_on), row.lane),
        )
        assert list(spool) == ranked == spool[:] == [spool[at] for at in range(len(spool))]
        assert list(outlines_of(spool)) == [Outline.of(row) for row in ranked]
        assert spool.lanes() == sorted({row.lane for row in some})
        assert spool.summary()["by_cause"] == dict(sorted(Counter(row.cause.value for row in some).items()))
        limits = Limits({Cause.TASK: most, Cause.STAGE_MOVE: most}, share=1, share_from=0)
        held = hold_excess(ranked, limits, used={}, living=100, stage_fields=STAGE)
        verdicts = judge(outlines_of(spool), limits, used={}, living=100)
        judged = JudgedRows(spool, with_splits(spool, verdicts, STAGE), STAGE)
        assert list(judged) == held
        assert len(judged) == len(held)
        assert (judged.untouched is spool) == (held == ranked)


def test_pending_says_what_waits_and_what_repeats_it() -> None:
    waiting = update("1", fields={"Score": 1.0, "Grade": "A"}, group="score")
    pending = Pending([update("1", fields={"Score": 5}, group="score"), waiting, create("k1", cause=Cause.TASK)])
    assert pending.creations == {"k1"}
    assert pending.repeats(update("1", fields={"Grade": "A", "Score": 1}, group="score"))
    assert not pending.repeats(update("1", fields={"Score": 5}, group="score"))
    assert not pending.repeats(update("2", fields={"Score": 1, "Grade": "A"}, group="score"))


def test_a_stage_repeats_what_is_on_its_way_with_scores_unless_another_one_comes_after_it() -> None:
    loaded = update("1", fields={"Score": 5, "Stage": "mql"}, group="score")
    again = update("1", fields={"Score": 5, "Stage": "mql"}, group="stage")
    assert Pending([loaded]).repeats(again)
    assert not Pending([loaded]).repeats(update("1", fields={"Score": 5, "Stage": "mql"}, group="owner"))
    moved = update("1", fields={"Score": 6, "Stage": "accepted"}, group="stage")
    assert not Pending([loaded, moved]).repeats(again), "what was shown before is wanted again"
