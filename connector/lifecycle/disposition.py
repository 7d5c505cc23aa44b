"""Every person always has exactly one disposition; this is the one place that says which."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.lifecycle import LifecycleFile

#: stages, beside the first, in which a person is marketing's
NURTURED = frozenset({"nurture", "recycled"})


def dispositions(lifecycle: LifecycleFile, facts: pa.Table) -> pa.Array:
    """Give one of fast_lane, sales, review, nurture, disqualified per row.

    ``facts`` holds ``stage``, ``verdict``, ``in_review`` (an open question of identity or match) and ``fast_lane`` (an
    event sales has yet to act on). In order: disqualified; then an unanswered question, since nothing is ever done for
    somebody who may be somebody else; then the fast lane; then the stage; a grey verdict goes to review.
    """
    stage, verdict = facts.column("stage"), facts.column("verdict")
    asleep = pc.is_in(stage, pa.array([lifecycle.stages[0], *sorted(NURTURED)]))
    disqualified = pc.or_kleene(pc.equal(stage, "disqualified"), pc.equal(verdict, "disqualified"))
    result = pc.if_else(
        asleep, pc.if_else(pc.fill_null(pc.equal(verdict, "review"), False), "review", "nurture"), "sales"
    )
    result = pc.if_else(facts.column("fast_lane"), "fast_lane", result)
    result = pc.if_else(facts.column("in_review"), "review", result)
    result = pc.if_else(pc.fill_null(disqualified, False), "disqualified", result)
    return result.combine_chunks() if isinstance(result, pa.ChunkedArray) else result
