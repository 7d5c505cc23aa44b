"""A turn settles what was answered and takes what is next; what went as it was asked for is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import OwnRows, Spent, Taken, Turned


def _as_asked(row: Taken) -> WriteOutcome:
    return WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id, row.write.expected)


def _turn(hand: Any, words: Any, answered: list[tuple[Taken, WriteOutcome]], limit: int = 0) -> Turned:
    turned = hand.outbox.turn(
        ([row for row, _ in answered], [outcome for _, outcome in answered]),
        spent=Spent("crm", 2, "write"),
        limit=limit,
        owner="me",
        now=words.NOW,
        lease=words.LEASE,
    )
    assert isinstance(turned, Turned)
    return turned


def _taken(hand: Any, words: Any, limit: int = 100) -> Sequence[Taken]:
    rows: Sequence[Taken] = hand.outbox.claim(limit, owner="me", now=words.NOW, lease=words.LEASE)
    return rows


def _changes(hand: Any) -> list[tuple[str, Any, Any]]:
    return [(change[1], change[3], change[4]) for change in hand.store.switches.before_values("run")]


def test_what_went_as_asked_is_done_and_journalled_with_what_was_expected(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), value=n, expected={"Score": -n}) for n in range(1, 6)))
    rows = _taken(hand, words, 3)
    turned = _turn(hand, words, [(row, _as_asked(row)) for row in rows], limit=10)
    assert turned.moved == [{row.id for row in rows}]
    assert [row.write.id for row in turned.rows] == ["4", "5"]
    assert hand.states() == ["done"] * 3 + ["doing"] * 2
    assert _changes(hand) == [("1", -1, 1), ("2", -2, 2), ("3", -3, 3)]
    assert hand.store.ledger.spent("crm", words.NOW) == 2
    assert [(row.record_id, row.written) for row in hand.outbox.each_done("update", "lead")] == [
        ("1", True),
        ("2", True),
        ("3", True),
    ]


def test_two_batches_are_settled_each_in_its_way_and_what_is_next_is_taken_from_among_both(
    hand: Any, words: Any
) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in range(1, 7)))
    rows = _taken(hand, words, 5)
    assert isinstance(rows, OwnRows)
    one, two = rows[:2], rows[2:4]
    assert isinstance(one, OwnRows)
    again = [WriteOutcome(row.write.key, OutcomeKind.RETRY) for row in two]
    turned = hand.outbox.turn(
        (one, AsAsked(one.updates)), (two, again), spent=None, limit=9, owner="me", now=words.NOW, lease=words.LEASE
    )
    assert turned.moved == [{row.id for row in one}, {row.id for row in two}]
    assert [(row.write.id, row.attempts) for row in turned.rows] == [("3", 2), ("4", 2), ("6", 1)]
    assert hand.states() == ["done"] * 2 + ["doing"] * 4


def test_of_two_batches_both_are_settled_or_none(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    one, two = _taken(hand, words)
    with pytest.raises(HandoffError, match="another write"):
        hand.outbox.turn(
            ([one], [_as_asked(one)]),
            ([two], [_as_asked(two).but(key="another")]),
            spent=Spent("crm", 2, "write"),
            limit=0,
            owner="me",
            now=words.NOW,
            lease=words.LEASE,
        )
    assert hand.states() == ["doing"] * 2
    assert hand.store.ledger.spent("crm", words.NOW) == 0


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
    turned = _turn(hand, words, [(one, _as_asked(one).but(**changes)), (two, _as_asked(two))])
    assert turned.moved == [{one.id, two.id}]
    assert _changes(hand) == journalled


def test_what_others_have_taken_over_is_left_to_them(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    one, two = _taken(hand, words)
    hand.settle(two, "retry")
    [again] = _taken(hand, words)
    assert (again.id, again.attempts) == (two.id, 2)
    assert _turn(hand, words, [(row, _as_asked(row)) for row in (one, two)]).moved == [{one.id}]
    assert hand.states() == ["done", "doing"]
    assert _turn(hand, words, [(again, _as_asked(again))]).moved == [{two.id}]
    assert hand.states() == ["done", "done"]


def test_rows_that_were_taken_several_times_are_settled_together(hand: Any, words: Any) -> None:
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2)))
    hand.settle(_taken(hand, words)[0], "retry")
    rows = [*hand.outbox.unsettled()]
    assert [row.attempts for row in rows] == [1, 1]
    [again] = _taken(hand, words)
    other = Taken(rows[1].id, rows[1].write, 2, rows[1].decided_at, 1, "", None)
    assert _turn(hand, words, [(again, _as_asked(again)), (other, _as_asked(other))]).moved == [{again.id, other.id}]
    assert hand.states() == ["done", "done"]


def test_an_outcome_of_another_write_is_refused(hand: Any, words: Any) -> None:
    hand.add(words.update("1", expected={"Score": 0}))
    [row] = _taken(hand, words)
    with pytest.raises(HandoffError, match="another write"):
        _turn(hand, words, [(row, _as_asked(row).but(key="another"))])
    assert hand.states() == ["doing"]


#: what only the patient reader takes, and what JSON and SQL write in their own ways
ODD = [
    '"',
    "\\",
    "'",
    "a\x00b",
    "\ud83d",
    "😀",
    "%s",
    ":now",
    "]",
    ",",
    "",
    None,
    True,
    0.1,
    float("inf"),
    2**70,
    -(2**63),
]


@pytest.mark.parametrize("odd", [ODD, [one for one in ODD if one not in ("\ud83d", float("inf"))]])
def test_rows_are_taken_as_they_were_put_in_and_in_order(hand: Any, words: Any, odd: list[Any]) -> None:
    wishes = [words.update(f"r{n}", value=value, expected={'"': value}) for n, value in enumerate(odd)]
    hand.add(*wishes, words.create('a "key"'), words.update("first", priority=0, value='"'))
    for one in hand.outbox.unsettled():
        if one.write.id == "r3":
            hand.outbox.hold([one.id], held_by="limit")
    rows = _taken(hand, words)
    first, created, *rest = rows if rows[1].write.kind == "create" else [rows[0], rows[-1], *rows[1:-1]]
    assert (first.write.id, first.write.fields) == ("first", {"Score": '"'})
    assert (created.write.key, created.write.id) == ('a "key"', None)
    left = [wish for wish in wishes if wish.write.id != "r3"]
    assert [(row.write.id, row.write.fields, row.write.expected) for row in rest] == [
        (wish.write.id, wish.write.fields, wish.write.expected) for wish in left
    ]
    assert {(row.attempts, row.code, row.not_before, row.decided_at) for row in rows} == {(1, "", None, words.NOW)}
    until = words.NOW
    hand.outbox.settle(
        {row.id: WriteOutcome(row.write.key, OutcomeKind.RETRY, code='"\\', not_before=until) for row in rest},
        now=words.NOW,
    )
    assert {(row.attempts, row.code, row.not_before) for row in _taken(hand, words)} == {(2, '"\\', until)}
