"""Those who are not worked in a cycle of some: what the report counts of them, and what they were asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from connector.pipeline.incremental.touched import Touched


@dataclass(frozen=True)
class Others:
    """People who stay as the last cycle left them.

    Attributes:
        living: how many there are.
        methods, dispositions, stages: how many of them by each word.
        asked: ids of the questions about them.
        reviews: how many of these ask who they are.
    """

    living: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    asked: frozenset[str] = frozenset()
    reviews: int = 0


def others_than(touched: Touched | None) -> Others:
    """Count everybody but the touched: what the last cycle counted less what it counted of these.

    There is nobody else where everybody is worked (None).
    """
    if touched is None:
        return Others()
    head = touched.kept.head
    worked = touched.kept.of("people", touched.persons)
    asked = touched.others("asked")
    return Others(
        living=head.living - worked.num_rows,
        methods=_less(head.methods, worked, "method"),
        dispositions=_less(head.dispositions, worked, "disposition"),
        stages=_less(head.stages, worked, "stage"),
        asked=frozenset(asked.column("id").to_pylist()),
        reviews=asked.column("about").to_pylist().count("person"),
    )


def _less(counted: dict[str, int], worked: pa.Table, column: str) -> Counter[str]:
    counts = Counter(counted)
    counts.subtract(worked.column(column).to_pylist())
    return +counts
