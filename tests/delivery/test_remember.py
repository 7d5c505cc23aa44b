"""Memories written all at once are those written one by one."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.shown import Shown, remember

_NUMBERS = ("grade", "verdict", "stage", "disposition", "reasons_key", "record")
_texts = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=0x20), max_size=12)
_maybe = st.none() | _texts
_kept = st.builds(
    Shown,
    personas=st.lists(_texts, max_size=2),
    blanks=st.dictionaries(_texts, _texts | st.integers(0, 9) | st.none(), max_size=2),
    fast=st.dictionaries(_texts, _texts, max_size=2),
    tasks=st.dictionaries(_texts, _texts, max_size=2),
    created=_maybe,
)
_renewed = st.fixed_dictionaries(
    {
        "total": st.none() | st.integers(-1000, 1000).map(lambda tenths: tenths / 10),
        **dict.fromkeys(_NUMBERS, _maybe),
        "fields": st.fixed_dictionaries({"B__c": _maybe, "A__c": _maybe}),
    }
)


@given(st.lists(st.tuples(st.none() | _kept, _renewed), min_size=1, max_size=5))
def test_memories_at_once_are_memories_one_by_one(cases: list[tuple[Shown | None, dict[str, object]]]) -> None:
    """What is renewed is renewed and what is kept is kept, byte for byte."""
    table = pa.table(
        {
            "shown": pa.array([None if kept is None else kept.dump() for kept, _ in cases], pa.string()),
            "total": pa.array([renewed["total"] for _, renewed in cases], pa.float64()),
            **{name: pa.array([renewed[name] for _, renewed in cases], pa.string()) for name in _NUMBERS},
        }
    )
    fields = {
        name: pa.array([renewed["fields"][name] for _, renewed in cases], pa.string())  # type: ignore[index]
        for name in ("B__c", "A__c")
    }
    expected = [
        replace(kept or Shown(), **(renewed if renewed["record"] is not None else renewed | {"fields": {}})).dump()  # type: ignore[arg-type]
        for kept, renewed in cases
    ]
    assert remember(table, table, fields).to_pylist() == expected
