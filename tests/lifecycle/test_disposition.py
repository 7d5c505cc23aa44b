"""Everybody has exactly one disposition, by one order of precedence."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pyarrow as pa

from connector.lifecycle.disposition import dispositions
from connector.mapping.lifecycle import Disposition, LifecycleFile


def _wanted(stage: str, verdict: str | None, *, in_review: bool, fast: bool) -> str:
    if stage == "disqualified" or verdict == "disqualified":
        return "disqualified"
    if in_review:
        return "review"
    if fast:
        return "fast_lane"
    if stage in {"inquiry", "nurture", "recycled"}:
        return "review" if verdict == "review" else "nurture"
    return "sales"


def test_exactly_one_for_every_standing(sample: LifecycleFile) -> None:
    verdicts = (None, "sales", "review", "nurture", "disqualified")
    rows = list(product(sample.stages, verdicts, (False, True), (False, True)))
    columns = list(zip(*rows, strict=True))
    facts = pa.table(
        {
            "stage": pa.array(columns[0], pa.string()),
            "verdict": pa.array(columns[1], pa.string()),
            "in_review": pa.array(columns[2], pa.bool_()),
            "fast_lane": pa.array(columns[3], pa.bool_()),
        }
    )
    found = dispositions(sample, facts).to_pylist()
    assert found == [_wanted(stage, verdict, in_review=asked, fast=fast) for stage, verdict, asked, fast in rows]
    assert set(found) == set(get_args(Disposition))


def test_chunks_and_nobody(sample: LifecycleFile) -> None:
    facts = pa.table(
        {
            "stage": pa.chunked_array([["mql"], ["nurture"]]),
            "verdict": pa.chunked_array([["sales", "review"]]),
            "in_review": pa.chunked_array([[False, False]]),
            "fast_lane": pa.chunked_array([[False], [False]]),
        }
    )
    assert dispositions(sample, facts).to_pylist() == ["sales", "review"]
    assert dispositions(sample, facts.slice(0, 0)).to_pylist() == []
