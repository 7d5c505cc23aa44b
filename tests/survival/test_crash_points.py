"""Crash points in short: two databases, and three mistakes that the judge finds out.

The long form is ``python -m benchmarks.survival.crash_points``.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from adapters.conformance.write_rule import effect_of
from benchmarks.survival.crash_judge import Ending, complaints
from benchmarks.survival.crash_points import Campaign
from benchmarks.survival.databases import memory_disk, on_postgresql, on_sqlite
from connector.delivery.lost import LostAnswers
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from state.outbox import SqlOutbox


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory_disk()) as name:
        yield Path(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, folder: Path) -> Callable[[], str]:
    if request.param == "sqlite":
        return on_sqlite(folder)
    return on_postgresql(str(request.getfixturevalue("postgres_url")))


@pytest.mark.timeout(600)
def test_the_crm_ends_as_if_nothing_had_crashed(fresh: Callable[[], str]) -> None:
    campaign = Campaign()
    # One history is struck some ninety times; where its threads take turns otherwise, less often: then another follows.
    for seed in range(1, 6):
        assert campaign.history(seed, fresh, hours=3) == []
        if _struck_enough(campaign):
            return
    pytest.fail(f"five histories were struck so rarely: {campaign.points.struck}")


def _struck_enough(campaign: Campaign) -> bool:
    struck = campaign.points.struck
    sides = {side for _, side in struck}
    return struck.total() >= 50 and sides >= {"before", "after"} and "crm.apply" in {place for place, _ in struck}


@contextmanager
def resending_at_once() -> Iterator[None]:
    """A drain that takes every creation for one that repeats safely."""
    with mock.patch.object(LostAnswers, "_repeatable", lambda _self, row: row.write.kind == "create"):
        yield


@contextmanager
def settling_before_sending() -> Iterator[None]:
    """An outbox that believes in a write as soon as somebody takes it."""
    claim, turn, settle = SqlOutbox.claim, SqlOutbox.turn, SqlOutbox.settle

    def believe(outbox: SqlOutbox, rows: Any, now: Any) -> None:
        taken = [row for row in rows if row.write.kind == "update" or row.write.object == "task"]
        settle(
            outbox, {row.id: WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id) for row in taken}, now=now
        )

    def claiming(outbox: SqlOutbox, *words: Any, now: Any, **named: Any) -> Any:
        rows = claim(outbox, *words, now=now, **named)
        believe(outbox, rows, now)
        return rows

    def turning(outbox: SqlOutbox, *words: Any, now: Any, **named: Any) -> Any:
        turned = turn(outbox, *words, now=now, **named)
        believe(outbox, turned.rows, now)
        return turned

    with mock.patch.object(SqlOutbox, "claim", claiming), mock.patch.object(SqlOutbox, "turn", turning):
        yield


@contextmanager
def writing_unread() -> Iterator[None]:
    """An adapter that does not look what stands there before it writes where people write too."""

    def blind(write: Write, current: Any, wanted: Any = None) -> Any:
        all_ours = replace(write, expected={}, if_blank=frozenset(), ours=frozenset(write.fields))
        return effect_of(all_ours, current, wanted)

    with mock.patch("adapters.memory.crm.effect_of", blind):
        yield


@pytest.mark.parametrize(
    ("planted", "complaint", "first"),
    [(resending_at_once, "doubled", 0), (settling_before_sending, "lost", 0), (writing_unread, "overwritten", 4)],
)
@pytest.mark.timeout(900)
def test_a_planted_mistake_is_found_out(
    planted: Callable[[], AbstractContextManager[None]], complaint: str, first: int, folder: Path
) -> None:
    campaign, fresh = Campaign(), on_sqlite(folder)
    # Threads of a drain are not walked in one order, so what strikes in one seed today may strike in the next.
    for seed in range(first, first + 30):
        with planted():
            found = campaign.history(seed, fresh, hours=3, bad=0.7, unique_tasks=False, limited=False)
        if any(line.startswith(complaint) for line in found):
            return
    pytest.fail(f"thirty histories and nothing {complaint}")


def _titled(title: str, *, fills: list[str], put: list[str], by_hand: bool = False) -> Ending:
    """One lead whose blank title ended as ``title``."""
    place = ("jo@acme.example", "Title")
    records: dict[Any, Any] = {("lead", "L1"): [{"email": place[0], "Title": title}]}
    hands: dict[Any, Any] = {("lead", "L1", "Title"): title} if by_hand else {}
    filled: dict[Any, Any] = {place: list(fills)}
    wrote: dict[Any, Any] = {place: list(put)}
    return Ending(records, hands, filled, wrote, set(), Counter(), set(), Counter(), [], {})


@pytest.mark.parametrize(
    ("ending", "guilty"),
    [
        (_titled("CEO", fills=["Engineer", "CEO"], put=["CEO"]), False),
        # the first was sent, and is not there: something wrote over it
        (_titled("CEO", fills=["Engineer", "CEO"], put=["Engineer", "CEO"]), True),
        # the newer wish came first, or nobody wished for it, or it was never sent, or a person typed it
        (_titled("CEO", fills=["CEO", "Engineer"], put=["CEO"]), True),
        (_titled("CEO", fills=["Engineer"], put=["CEO"]), True),
        (_titled("CEO", fills=["Engineer", "CEO"], put=[]), True),
        (_titled("CEO", fills=["Engineer", "CEO"], put=["CEO"], by_hand=True), True),
    ],
)
def test_only_a_newer_wish_for_a_blank_may_stand_in_the_place_of_one_that_waited(ending: Ending, guilty: bool) -> None:
    twin = _titled("Engineer", fills=["Engineer"], put=["Engineer"])
    assert bool(complaints(ending, twin)) == guilty
