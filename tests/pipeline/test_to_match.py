"""What matching is told of people."""

from __future__ import annotations

import pyarrow as pa

from connector.matching import PERSONS_IN
from connector.pipeline.people.columns import to_match


def test_everything_that_is_evidence_is_handed_on_and_nothing_else():
    people = pa.table({name: ["x"] for name in ("score.total", *reversed(PERSONS_IN.names))})
    assert to_match(people).column_names == PERSONS_IN.names
    assert to_match(people.select(["person_id", "postal_code", "score.total"])).column_names == [
        "person_id",
        "postal_code",
    ]
