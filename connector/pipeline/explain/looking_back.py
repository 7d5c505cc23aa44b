"""Taking stock of an earlier instant: with what was known then, or, in hindsight, with what is known now.

*As of T* is what a cycle at T would have seen: what had occurred and landed by then, who was who and what people had
answered by then, and the model in use then. *In hindsight* asks what had happened by T by all that is known now: when
it landed does not count, and identities, answers and model are today's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.lifecycle import LifecycleFile
from connector.pipeline.people.census import Census
from connector.pipeline.versions import mappings_at
from connector.ports.store import PERSONS, Knowledge, OutboxRow, Review, Store


@dataclass(frozen=True, slots=True)
class Ground:
    """What an explanation stands on.

    Attributes:
        census: what to take stock with.
        as_of: the instant that is looked at.
        hindsight: with what is known now.
        past: whether cycles have run since: memory is then that of the time, not today's.
    """

    census: Census
    as_of: datetime
    hindsight: bool
    past: bool


def stand_at(census: Census, as_of: datetime, *, last: datetime | None, hindsight: bool = False) -> Ground:
    """Prepare to take stock of an instant. ``last`` is the last cycle's clock; what lies after it is today's.

    Raises:
        ConfigError: the mappings of that time cannot be read any more.
    """
    past = last is not None and as_of < last
    if hindsight:
        census = replace(census, lake=census.lake.in_hindsight())
    if not past:
        return Ground(census, as_of, hindsight, past)
    store = census.store
    if not hindsight:
        then = mappings_at(store, as_of)
        if then is not None:
            census = replace(census, mappings=then[0])
    remembered = _Remembered(store, as_of, census.mappings.lifecycle, known_now=hindsight)
    census = replace(census, store=cast(Store, _StoreThen(store, remembered)))
    return Ground(census, as_of, hindsight, past)


class _StoreThen:
    """The store as it stood; what is not named here is today's."""

    def __init__(self, store: Store, knowledge: _Remembered) -> None:
        self._store = store
        self.knowledge = knowledge
        self.outbox = _NothingWaits()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _NothingWaits:
    """An outbox nobody waits in: what waited then has long been settled, and shows in the CRM's records."""

    def each_unsettled(self) -> Iterator[OutboxRow]:
        """Give no row."""
        return iter(())


class _Remembered:
    """What was remembered at an instant; what is not named here is today's."""

    def __init__(self, store: Store, at: datetime, lifecycle: LifecycleFile, *, known_now: bool) -> None:
        self._today: Knowledge = store.knowledge
        self._past = store.past
        self._at = at
        self._lifecycle = lifecycle
        self._known_now = known_now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._today, name)

    def identities(self) -> pa.Table:
        """Give whose references are, or were."""
        return self._today.identities() if self._known_now else self._past.identities(self._at)

    def retired(self) -> list[str]:
        """List persons who are, or were, others."""
        return self._today.retired() if self._known_now else self._past.retired(self._at)

    def reviews(self, state: str | None = None) -> list[Review]:
        """List questions with the answers that count."""
        return self._today.reviews(state) if self._known_now else self._past.reviews(self._at, state)

    def unasked(self, reviews: Sequence[Review]) -> list[Review]:
        """Ask nothing: nobody looks back to be asked."""
        del reviews
        return []

    def marks(self) -> dict[str, datetime]:
        """Give the marks set by then."""
        return {name: at for name, at in self._today.marks().items() if at <= self._at}

    def accounts(self) -> dict[str, str]:
        """Give nothing: what accounts were made to show has no history."""
        return {}

    def persons(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Give the memory of some people as it stood, cool-offs worked out anew from the moves."""
        memory = self._past.persons(list(ids or ()), self._at)
        cooling = [self._cool_off(row) for row in memory.select(["person_id", "stage", "stage_since"]).to_pylist()]
        place = memory.schema.get_field_index("cool_off_until")
        return memory.set_column(place, PERSONS.field("cool_off_until"), pa.array(cooling, PERSONS.field(place).type))

    def _cool_off(self, row: dict[str, Any]) -> datetime | None:
        """Say until when somebody was left in peace who entered their stage by a move that says so."""
        spans = {one.cool_off for one in self._lifecycle.transitions if one.to == row["stage"]} - {None}
        if not spans or row["stage_since"] is None:
            return None
        moves = self.stage_moves(row["person_id"]).to_pylist()
        return _until(self._lifecycle, moves[-1]) if moves else None

    def stage_moves(self, person_id: str) -> pa.Table:
        """Give one person's moves by then."""
        return self._by_then(self._today.stage_moves(person_id))

    def account_moves(self, person_id: str) -> pa.Table:
        """Give one person's ways between accounts by then."""
        return self._by_then(self._today.account_moves(person_id))

    def score_history(self, person_id: str) -> pa.Table:
        """Give one person's shown numbers by then."""
        return self._by_then(self._today.score_history(person_id))

    def _by_then(self, table: pa.Table) -> pa.Table:
        return table.filter(pc.less_equal(table.column("at"), pa.scalar(self._at, table.schema.field("at").type)))


def _until(lifecycle: LifecycleFile, move: dict[str, Any]) -> datetime | None:
    """Say when the cool-off of a move ends: that of the first transition between these stages with these words."""
    for one in lifecycle.transitions:
        if one.to == move["to_stage"] and one.cool_off is not None and (one.because or "") == (move["because"] or ""):
            span: timedelta = one.cool_off
            at: datetime = move["at"]
            return at + span
    return None
