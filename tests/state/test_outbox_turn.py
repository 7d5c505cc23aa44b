"""A turn settles what was answered and takes what is next; what went as it was asked for is one statement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import Spent, Taken, Turned


def _as_asked(row: Taken) -> WriteOutcome:
    return WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id, row.write.expected)


def _turn(hand: Any, words: Any, answered: list[tuple[Taken, WriteOutcome]], limit: int = 0) -> Turned:
    turned = hand.outbox.turn(
        answered, spent=Spent("crm", 2, "write"), limit=limit, owner="me", now=words.NOW, lease=words.LEASE
    )
    assert isinstance(turned, Turned)
    return turned


def _taken(hand: Any, words: Any, limit: int = 100) -> list[Taken]:
    rows: list[Taken] = hand.outbox.claim(limit, owner="me", now=words.NOW, lease=words.LEASE)
    return rows


def _changes(hand: Any) -> list[tuple[str, Any, Any]]:
    return [(change[1], change[3], change[4]) for change in hand.store.switches.before_values("run")]


def test_what_went_as_asked_is_done_and_journalled_with_what_was_expected(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), value=n, expected={"Score": -n}) for n in range(1, 6)))
    rows = _taken(hand, words, 3)
    turned = _turn(hand, words, [(row, _as_asked(row)) for row in rows], limit=10)
    assert turned.moved == {row.id for row in rows}
    assert [row.write.id for row in turned.rows] == ["4", "5"]
    assert hand.states() == ["done"] * 3 + ["doing"] * 2
    assert _changes(hand) == [("1", -1, 1), ("2", -2, 2), ("3", -3, 3)]
    assert hand.store.ledger.spent("crm", words.NOW) == 2
    assert [(row.record_id, row.written) for row in hand.outbox.each_done("update", "lead")] == [
        ("1", True),
        ("2", True),
        ("3", True),
    ]


@pytest.mark.parametrize(
    ("changes", "journalled"),
    [
        ({"before": {"Score": 7}}, [("1", 7, 1), ("2", 0, 1)]),
        ({"kind": OutcomeKind.UNCHANGED}, [("2", 0, 1)]),
        ({"id": "merged"}, [("merged", 0, 1), ("2", 0, 1)]),
        ({"kind": OutcomeKind.RETRY}, [("2", 0, 1)]),
        ({"kind": OutcomeKind.REJECTED, "message": "no"}, [("2", 0, 1)]),
    ],
)
def test_what_went_otherwise_is_told_beside_it(hand: Any, words: Any, changes: Any, journalled: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    one, two = _taken(hand, words)
    turned = _turn(hand, words, [(one, replace(_as_asked(one), **changes)), (two, _as_asked(two))])
    assert turned.moved == {one.id, two.id}
    assert _changes(hand) == journalled


def test_what_others_have_taken_over_is_left_to_them(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    one, two = _taken(hand, words)
    hand.settle(two, "retry")
    [again] = _taken(hand, words)
    assert (again.id, again.attempts) == (two.id, 2)
    assert _turn(hand, words, [(row, _as_asked(row)) for row in (one, two)]).moved == {one.id}
    assert hand.states() == ["done", "doing"]
    assert _turn(hand, words, [(again, _as_asked(again))]).moved == {two.id}
    assert hand.states() == ["done", "done"]


def test_rows_that_were_taken_several_times_are_settled_together(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    hand.settle(_taken(hand, words)[0], "retry")
    rows = [*hand.outbox.unsettled()]
    assert [row.attempts for row in rows] == [1, 1]
    [again] = _taken(hand, words)
    other = Taken(rows[1].id, rows[1].write, 2, rows[1].decided_at, 1, "", None)
    assert _turn(hand, words, [(again, _as_asked(again)), (other, _as_asked(other))]).moved == {again.id, other.id}
    assert hand.states() == ["done", "done"]


def test_an_outcome_of_another_write_is_refused(hand: Any, words: Any) -> None:
    hand.add(words.update("1", expected={"Score": 0}))
    [row] = _taken(hand, words)
    with pytest.raises(HandoffError, match="another write"):
        _turn(hand, words, [(row, replace(_as_asked(row), key="another"))])
    assert hand.states() == ["doing"]
