"""What a turn takes is one line until somebody else writes or looks: nobody may ever see it as waiting."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from connector.domain.writes import OutcomeKind, RowState, WriteOutcome
from connector.errors import HandoffError
from connector.ports.store import SENDER, Taken
from state import open_store
from state.outbox_folded import lines


@pytest.fixture
def flying(hand: Any, words: Any) -> list[Taken]:
    """Two updates, taken by a turn: on SQLite they stand in one line."""
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in (1, 2, 3)))
    rows: list[Taken] = _turn(hand, words, limit=2).rows
    assert [row.write.id for row in rows] == ["1", "2"]
    assert _folded(hand) in ([], [row.id for row in rows])
    assert bool(_folded(hand)) == (hand.store.database.make == "sqlite")
    return rows


def _turn(hand: Any, words: Any, *answered: tuple[Taken, WriteOutcome], limit: int = 0, owner: str = "me") -> Any:
    batches = [tuple(zip(*answered, strict=True))] if answered else []
    return hand.outbox.turn(*batches, spent=None, limit=limit, owner=owner, now=words.NOW, lease=words.LEASE)


def _as_asked(row: Taken, **changes: Any) -> tuple[Taken, WriteOutcome]:
    return row, WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id, row.write.expected).but(**changes)


def _folded(hand: Any) -> list[int]:
    with hand.store.database.read() as connection:
        return [id_ for line in lines(hand.store.database, connection) for id_ in line.ids]


def test_whoever_looks_sees_rows_on_their_way(hand: Any, words: Any, flying: list[Taken]) -> None:
    before = _folded(hand)
    one, two, three = hand.outbox.unsettled()
    assert [row.state for row in (one, two, three)] == [RowState.DOING, RowState.DOING, RowState.TODO]
    assert [(row.attempts, row.sent_at) for row in (one, two, three)] == [(1, words.NOW), (1, words.NOW), (0, None)]
    assert _folded(hand) == before, "and a look changes nothing"


@pytest.mark.parametrize(
    "look",
    [
        lambda outbox: outbox.counts()["doing"],
        lambda outbox: outbox.counts("run")["doing"],
        lambda outbox: outbox.unsettled_counts()["doing"],
        lambda outbox: len(outbox.ids([RowState.DOING])),
        lambda outbox: outbox.tally("run", [])["doing"],
        lambda outbox: 2 if "doing" in outbox.oldest() else 0,
        lambda outbox: sum(row.state is RowState.DOING for row in outbox.each_unsettled()),
    ],
)
def test_every_way_to_look_does(hand: Any, flying: list[Taken], look: Any) -> None:
    assert look(hand.outbox) == 2
    assert look(hand.outbox) == 2


def test_what_is_on_its_way_does_not_wait_to_go(hand: Any, words: Any, flying: list[Taken]) -> None:
    [three] = _turn(hand, words, limit=5).rows
    assert three.write.id == "3"
    assert not hand.outbox.any_by(words.NOW)


def test_what_went_as_asked_is_done_from_the_line(hand: Any, words: Any, flying: list[Taken]) -> None:
    one, two = flying
    assert _turn(hand, words, _as_asked(one), limit=5).moved == [{one.id}]
    assert hand.states() == ["done", "doing", "doing"]
    assert hand.outbox.counts() == {"done": 1, "doing": 2}
    assert _turn(hand, words, _as_asked(two)).moved == [{two.id}]
    with hand.store.database.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT state, attempts, sent_at > 0, lease_owner, lease_until, settled_at > 0, result"
            " FROM outbox ORDER BY id"
        )
        rows = [tuple(row) for row in found]
    assert [(row[0], row[1], bool(row[2]), *row[3:5], bool(row[5]), row[6]) for row in rows[:2]] == [
        ("done", 1, True, None, None, True, "written")
    ] * 2


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_what_went_otherwise_is_settled_as_ever(hand: Any, words: Any, flying: list[Taken], kind: OutcomeKind) -> None:
    one, two = flying
    moved = _turn(hand, words, _as_asked(one, kind=kind), _as_asked(two, message="told", before={"Score": 5})).moved
    assert moved == [{one.id, two.id}]
    first = {"retry": "todo", "unknown": "unknown", "rejected": "dead"}.get(kind, "done")
    assert hand.states() == [first, "done", "todo"]
    assert ("2", 5, 1) in [(change[1], *change[3:]) for change in hand.store.switches.before_values("run")]


def test_nothing_of_a_record_on_its_way_is_taken(hand: Any, words: Any, flying: list[Taken]) -> None:
    hand.add(words.update("1", group="owner"), plan_id="later", run_id="later")
    again = _turn(hand, words, limit=10)
    assert [row.write.id for row in again.rows] == ["3"]
    assert hand.states() == ["doing", "doing", "doing", "todo"]
    assert _turn(hand, words, *map(_as_asked, flying), limit=10).rows[0].write.id == "1"


def test_a_newer_wish_does_not_take_the_place_of_what_is_on_its_way(hand: Any, words: Any, flying: list[Taken]) -> None:
    hand.add(words.update("1", value=2, plan_id="later"), plan_id="later", run_id="later")
    assert hand.states() == ["doing", "doing", "todo", "todo"]
    _turn(hand, words, *map(_as_asked, flying))
    assert hand.states() == ["done", "done", "todo", "todo"]


def test_people_cannot_move_what_is_on_its_way(hand: Any, words: Any, flying: list[Taken]) -> None:
    for move in (
        lambda: hand.outbox.hold([flying[0].id], held_by="limit"),
        lambda: hand.outbox.dismiss([flying[0].id], who="ann", now=words.NOW),
        lambda: hand.outbox.retry([flying[0].id], now=words.NOW),
    ):
        with pytest.raises(HandoffError, match="cannot"):
            move()
    # what was refused was undone with what it had laid open
    assert hand.states() == ["doing", "doing", "todo"]
    _turn(hand, words, *map(_as_asked, flying))
    assert hand.states() == ["done", "done", "todo"]


def test_who_is_erased_meanwhile_is_emptied_when_the_answer_comes(hand: Any, words: Any, flying: list[Taken]) -> None:
    hand.store.knowledge.erase(["p1"], hashes=["h"], who="ann", at=words.NOW)
    assert hand.states() == ["doing", "doing", "superseded"]
    assert _turn(hand, words, *map(_as_asked, flying), limit=5) == ([{row.id for row in flying}], [])
    with hand.store.database.read() as connection:
        bodies = set(connection.exec_driver_sql("SELECT body FROM outbox").scalars())
    assert hand.states() == ["done", "done", "superseded"]
    assert not [body for body in bodies if "Score" in body]


def test_what_a_dead_sender_had_taken_is_unknown(hand: Any, words: Any, state_url: str) -> None:
    hand.add(*(words.update(str(n)) for n in (1, 2, 3)))
    store, name = open_store(state_url), f"{SENDER}gone"
    assert store.switches.acquire(name, name, timedelta(hours=1))
    asleep = store.outbox.turn(spent=None, limit=2, owner=name, now=words.NOW, lease=words.LEASE).rows
    store.switches.release(name, name)
    store.close()
    assert hand.outbox.lose_dead() == 2
    assert hand.states() == ["unknown", "unknown", "todo"]
    assert [row.attempts for row in hand.outbox.unknown(5)] == [1, 1]
    # it wakes up: what it knows is of its own sending still
    assert _turn(hand, words, *map(_as_asked, asleep), owner=name).moved == [{row.id for row in asleep}]
    assert hand.states() == ["done", "done", "todo"]


def test_another_sender_leaves_what_is_on_its_way(hand: Any, words: Any, flying: list[Taken], state_url: str) -> None:
    other = open_store(state_url)
    try:
        [three] = other.outbox.turn(spent=None, limit=5, owner="you", now=words.NOW, lease=words.LEASE).rows
        assert three.write.id == "3"
        assert other.outbox.claim(5, owner="you", now=words.NOW, lease=words.LEASE) == []
    finally:
        other.close()
    assert _turn(hand, words, *map(_as_asked, flying)).moved == [{row.id for row in flying}]
    assert hand.states() == ["done", "done", "doing"]


def test_rows_that_are_gone_are_no_secret(sqlite_url: str, words: Any) -> None:
    store = open_store(sqlite_url)
    hand = words.Hand(store)
    hand.add(words.update("1"))
    _turn(hand, words, limit=1)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as state:
        state.execute("DELETE FROM outbox")
    with pytest.raises(HandoffError, match="do not exist"):
        hand.outbox.counts()
    store.close()
