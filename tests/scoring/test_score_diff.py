from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connector.scoring.score_diff import moved

ROWS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.integers(0, 1000), st.sampled_from(["A1", "B2"]), st.sampled_from([None, "decision", "awareness"])),
)


def table(rows):
    ids = sorted(rows)
    columns = {
        "person_id": pa.array(ids, pa.string()),
        "total": pa.array([rows[id_][0] / 10 for id_ in ids], pa.float64()),
        "grade": pa.array([rows[id_][1] for id_ in ids], pa.string()),
        "buying_stage": pa.array([rows[id_][2] for id_ in ids], pa.string()),
    }
    return pa.table(columns)


@given(before=ROWS, after=ROWS, step=st.sampled_from([0.1, 2.5, 5]))
def test_news_is_who_is_new_or_moved_by_the_step_or_has_another_grade_or_stage(before, after, step):
    wanted = [
        place
        for place, id_ in enumerate(sorted(after))
        if id_ not in before
        or before[id_][1:] != after[id_][1:]
        or abs(before[id_][0] - after[id_][0]) >= round(step * 10)
    ]
    assert moved(table(before), table(after), step=step).to_pylist() == wanted


@given(rows=ROWS)
def test_nothing_is_news_of_those_who_stayed_as_they_were(rows):
    assert moved(table(rows), table(rows), step=0.1).to_pylist() == []
