"""Each move of the table, tried from each state: the database does what the table says and refuses the rest."""

from __future__ import annotations

import pytest

from connector.domain.outbox_states import BLOCKING, MOVES, OUTCOME_MOVES, UNSETTLED, Move, check_move
from connector.domain.writes import OutcomeKind, RowState
from connector.errors import HandoffError

OUTCOME = {
    Move.FINISH: OutcomeKind.WRITTEN,
    Move.POSTPONE: OutcomeKind.RETRY,
    Move.LOSE: OutcomeKind.UNKNOWN,
    Move.REJECT: OutcomeKind.REJECTED,
}


def _bring(hand, words, state):
    """Lead one row into a state by the doors of the outbox."""
    hand.add(words.update())
    [row] = hand.outbox.unsettled()
    if state in (RowState.DOING, RowState.UNKNOWN, RowState.DONE, RowState.DEAD):
        [row] = hand.claim()
    if state is RowState.UNKNOWN:
        hand.settle(row, "unknown")
    if state is RowState.DONE:
        hand.settle(row, "human_won")
    if state is RowState.DEAD:
        hand.settle(row, "rejected")
    if state in (RowState.HELD, RowState.SUPERSEDED):
        hand.outbox.hold([row.id], held_by="limit")
    if state is RowState.SUPERSEDED:
        hand.outbox.dismiss([row.id], who="ann", now=words.NOW)
    assert hand.states() == [state]
    with hand.store.database.read() as connection:
        key = connection.exec_driver_sql("SELECT key FROM outbox").scalar_one()
    return row.id, key


def _try(hand, words, move, row_id, key):
    from connector.domain.writes import WriteOutcome

    if move in OUTCOME:
        hand.outbox.settle({row_id: WriteOutcome(key=key, kind=OUTCOME[move])}, now=words.NOW)
    elif move is Move.CLAIM:
        hand.claim()
    elif move is Move.EXPIRE:
        hand.outbox.expire(now=words.NOW + words.LEASE)
    elif move is Move.HOLD:
        hand.outbox.hold([row_id], held_by="limit")
    elif move is Move.RELEASE:
        hand.outbox.release(plan_id=None, held_by="limit", now=words.NOW)
    elif move is Move.RETRY:
        hand.outbox.retry([row_id], now=words.NOW)
    elif move is Move.DISMISS:
        hand.outbox.dismiss([row_id], who="ann", now=words.NOW)
    else:
        hand.add(words.update(value=2, plan_id="newer"))


#: moves that name rows refuse; the others look for rows they fit and leave the rest alone
NAMED = {*OUTCOME, Move.HOLD, Move.RETRY, Move.DISMISS}


@pytest.mark.parametrize("state", RowState)
@pytest.mark.parametrize("move", Move)
def test_database_moves_as_the_table_says(hand, words, move, state):
    row_id, key = _bring(hand, words, state)
    lawful = state in MOVES[move].sources
    if not lawful and move in NAMED:
        with pytest.raises(HandoffError) as refusal:
            _try(hand, words, move, row_id, key)
        assert refusal.value.code == "outbox.unlawful_move"
    else:
        _try(hand, words, move, row_id, key)
    assert hand.states()[0] == (MOVES[move].target if lawful else state)


@pytest.mark.parametrize("state", RowState)
@pytest.mark.parametrize("move", Move)
def test_check_move_is_the_table(move, state):
    if state in MOVES[move].sources:
        assert check_move(move, state) is MOVES[move].target
    else:
        with pytest.raises(HandoffError, match=f"that is {state} cannot {move}"):
            check_move(move, state)


def test_table_keeps_the_promises_of_the_design():
    assert {OUTCOME_MOVES[kind] for kind in OutcomeKind} == {Move.FINISH, *OUTCOME}
    assert MOVES[Move.EXPIRE].target is RowState.UNKNOWN
    assert not {RowState.DOING, RowState.UNKNOWN, RowState.DONE} & set(MOVES[Move.SUPERSEDE].sources)
    assert not any(RowState.SUPERSEDED in move.sources or RowState.DONE in move.sources for move in MOVES.values())
    assert set(UNSETTLED) == set(RowState) - {RowState.DONE, RowState.SUPERSEDED}
    assert set(BLOCKING) <= set(UNSETTLED)


def test_database_itself_allows_one_row_of_a_lane_on_its_way(hand, words):
    hand.add(words.update(group="score"), words.update(group="stage"))
    hand.claim()
    with pytest.raises(HandoffError), hand.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'doing', lease_until = 1 WHERE state = 'todo'")
    assert hand.states() == ["doing", "todo"]
