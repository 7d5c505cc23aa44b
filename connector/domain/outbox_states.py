"""States of an outbox row and the moves allowed between them: one table, which SQL, delivery and tests read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from connector.domain.writes import OutcomeKind, RowState
from connector.errors import HandoffError


class Move(StrEnum):
    """What can happen to an outbox row."""

    #: a sender takes it
    CLAIM = "claim"
    #: the CRM holds what was wanted, or a person's value that stays
    FINISH = "finish"
    #: certainly not applied; to be sent again later
    POSTPONE = "postpone"
    #: sent, and no clear answer came
    LOSE = "lose"
    #: refused for this record
    REJECT = "reject"
    #: its sender did not come back before the lease ran out
    EXPIRE = "expire"
    #: a limit, the budget, the mode or a dependency keeps it back
    HOLD = "hold"
    #: what kept it back is gone
    RELEASE = "release"
    #: somebody wants a dead or held row to be tried again
    RETRY = "retry"
    #: somebody does not want it any more
    DISMISS = "dismiss"
    #: a newer wish of the same lane and group replaces it
    SUPERSEDE = "supersede"


class Lawful(NamedTuple):
    """From which states a move starts and where it ends."""

    sources: tuple[RowState, ...]
    target: RowState


#: Every lawful move. The order inside ``sources`` is that of the partial indexes, which SQLite compares as text.
MOVES: Mapping[Move, Lawful] = MappingProxyType(
    {
        Move.CLAIM: Lawful((RowState.TODO,), RowState.DOING),
        Move.FINISH: Lawful((RowState.DOING, RowState.UNKNOWN), RowState.DONE),
        Move.POSTPONE: Lawful((RowState.DOING, RowState.UNKNOWN), RowState.TODO),
        Move.LOSE: Lawful((RowState.DOING, RowState.UNKNOWN), RowState.UNKNOWN),
        Move.REJECT: Lawful((RowState.DOING, RowState.UNKNOWN), RowState.DEAD),
        Move.EXPIRE: Lawful((RowState.DOING,), RowState.UNKNOWN),
        Move.HOLD: Lawful((RowState.TODO,), RowState.HELD),
        Move.RELEASE: Lawful((RowState.HELD,), RowState.TODO),
        Move.RETRY: Lawful((RowState.DEAD, RowState.HELD), RowState.TODO),
        Move.DISMISS: Lawful((RowState.DEAD, RowState.HELD), RowState.SUPERSEDED),
        Move.SUPERSEDE: Lawful((RowState.TODO, RowState.HELD, RowState.DEAD), RowState.SUPERSEDED),
    }
)

#: The move behind each outcome of a write.
OUTCOME_MOVES: Mapping[OutcomeKind, Move] = MappingProxyType(
    {
        OutcomeKind.WRITTEN: Move.FINISH,
        OutcomeKind.UNCHANGED: Move.FINISH,
        OutcomeKind.HUMAN_WON: Move.FINISH,
        OutcomeKind.RETRY: Move.POSTPONE,
        OutcomeKind.UNKNOWN: Move.LOSE,
        OutcomeKind.REJECTED: Move.REJECT,
    }
)

#: States in which a row keeps younger rows of its lane from being sent.
BLOCKING: tuple[RowState, ...] = (RowState.TODO, RowState.DOING, RowState.UNKNOWN)
#: States in which something is still to happen to a row, by us or by a person.
UNSETTLED: tuple[RowState, ...] = (RowState.TODO, RowState.DOING, RowState.UNKNOWN, RowState.HELD, RowState.DEAD)
#: States of a creation for which rows that depend on it wait; in any other state they are held.
HOPEFUL: tuple[RowState, ...] = (RowState.TODO, RowState.DOING, RowState.UNKNOWN, RowState.DONE)
#: By what a row is held that repeats what an undo took back.
UNDONE = "undone"
#: Groups of updates of our own fields; which one depends on what people notice of it.
OWN_GROUPS = frozenset({"score", "stage"})
#: States in which a row may be put into the outbox.
INITIAL: tuple[RowState, ...] = (RowState.TODO, RowState.HELD)


def check_move(move: Move, state: RowState) -> RowState:
    """Give the state a row in ``state`` comes to by ``move``.

    Raises:
        HandoffError: ``outbox.unlawful_move``, when the table does not have the move from there: our bug.
    """
    lawful = MOVES[move]
    if state not in lawful.sources:
        raise HandoffError("outbox.unlawful_move", f"a row that is {state} cannot {move}")
    return lawful.target
