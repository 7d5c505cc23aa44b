"""Updates of fields of ours that are alike are taken, sent and settled as one thing, and are rows like any other."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import OwnRows, Taken


def _take(hand: Any, words: Any, limit: int = 100) -> Any:
    return hand.outbox.turn(spent=None, limit=limit, owner="me", now=words.NOW, lease=words.LEASE).rows


def _came_true(hand: Any, words: Any, rows: OwnRows) -> set[int]:
    answered = (rows, AsAsked(rows.updates))
    moved: set[int]
    [moved] = hand.outbox.turn(answered, spent=None, limit=0, owner="me", now=words.NOW, lease=words.LEASE).moved
    return moved


def _own(words: Any, record: str, **changes: Any) -> Any:
    return words.update(
        record, **{"fields": {"Score": 1, "Grade": "A"}, "expected": {"Score": 0, "Grade": None}, **changes}
    )


@pytest.fixture
def own(hand: Any, words: Any) -> OwnRows:
    hand.add(*(_own(words, str(n)) for n in (1, 2, 3)))
    rows = _take(hand, words)
    assert isinstance(rows, OwnRows)
    return rows


def test_they_are_rows_once_somebody_looks(hand: Any, words: Any, own: OwnRows) -> None:
    wish = _own(words, "1").write
    assert (len(own), own.updates.object, list(own.updates.ids)) == (3, "lead", ["1", "2", "3"])
    assert [json.loads(fields) for fields in own.updates.fields] == [wish.fields] * 3
    assert [row.write.id for row in own] == [write.id for write in own.updates] == ["1", "2", "3"]
    keys = [row.write.key for row in hand.outbox.unsettled()]
    for row, key in zip(own, keys, strict=True):
        assert row == Taken(row.id, row.write, 2, words.NOW, 1, "", None)
        assert (row.write.key, row.write.fields, row.write.expected) == (key, wish.fields, wish.expected)
        assert (row.write.ours, row.write.if_blank, row.write.references) == (wish.ours, frozenset(), {})
    assert list(AsAsked(own.updates)) == [
        WriteOutcome(key, OutcomeKind.WRITTEN, row.write.id, wish.expected) for row, key in zip(own, keys, strict=True)
    ]


def test_a_part_of_them_is_as_they_are(own: OwnRows) -> None:
    some = own[1:]
    assert isinstance(some, OwnRows)
    assert (list(some.ids), list(some.updates.ids), len(some.updates.fields)) == (list(own.ids[1:]), ["2", "3"], 2)
    assert [row.id for row in some] == [write_row.id for write_row in own][1:]
    assert [write.id for write in some.updates] == ["2", "3"]


def test_what_came_true_is_done_and_journalled(hand: Any, words: Any, own: OwnRows) -> None:
    assert _came_true(hand, words, own) == set(own.ids)
    assert hand.states() == ["done"] * 3
    told = [(change[1], change[2], change[3], change[4]) for change in hand.store.switches.before_values("run")]
    assert sorted(told) == sorted(change for n in "123" for change in [(n, "Score", 0, 1), (n, "Grade", None, "A")])


def test_what_others_know_better_is_left_to_them(hand: Any, words: Any, own: OwnRows) -> None:
    one, two, three = own
    hand.outbox.settle({two.id: WriteOutcome(two.write.key, OutcomeKind.RETRY)}, now=words.NOW)
    [again] = hand.outbox.claim(9, owner="you", now=words.NOW, lease=words.LEASE)
    assert _came_true(hand, words, own) == {one.id, three.id}
    assert (hand.states(), again.attempts) == (["done", "doing", "done"], 2)


def test_a_part_that_came_true_leaves_the_rest_on_its_way(hand: Any, words: Any, own: OwnRows) -> None:
    some = own[:2]
    assert isinstance(some, OwnRows)
    assert _came_true(hand, words, some) == set(some.ids)
    assert hand.states() == ["done", "done", "doing"]


def test_outcomes_of_other_updates_are_not_taken_for_theirs(hand: Any, words: Any, own: OwnRows) -> None:
    one, other = own[:1], own[1:2]
    assert isinstance(one, OwnRows)
    assert isinstance(other, OwnRows)
    answered = (one, AsAsked(other.updates))
    with pytest.raises(HandoffError, match="another write"):
        hand.outbox.turn(answered, spent=None, limit=0, owner="me", now=words.NOW, lease=words.LEASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"ours": frozenset({"Score"})},
        {"ours": frozenset({"Score", "Grade", "Stage"})},
        {"expected": {"Score": 0}},
        {"expected": {"Score": 0, "Grade": None, "Stage": None}, "ours": frozenset({"Score", "Grade"})},
        {"if_blank": frozenset({"Grade"})},
        {"fields": {"Score": float("nan"), "Grade": "A"}},
        {"object": "contact"},
        {"priority": 1},
        {"decided_at": True},
    ],
)
def test_one_that_is_otherwise_is_looked_at_and_so_are_all(hand: Any, words: Any, changes: dict[str, Any]) -> None:
    if "decided_at" in changes:
        changes = {"decided_at": words.NOW - timedelta(hours=2)}
    other = _own(words, "2", **changes)
    hand.add(_own(words, "1"), other)
    rows = _take(hand, words)
    assert not isinstance(rows, OwnRows)
    found = next(row.write for row in rows if row.write.id == "2")
    assert repr((found.fields, found.expected)) == repr((other.write.fields, other.write.expected))
    assert (found.ours, found.if_blank) == (other.write.ours, other.write.if_blank)
