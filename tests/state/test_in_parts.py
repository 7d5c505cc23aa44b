"""A decision that comes in parts is stored as one, and what is read in parts is what is there."""

from __future__ import annotations

import pyarrow as pa
import pytest

from connector.domain.writes import RowState
from connector.errors import HandoffError
from connector.ports.store import PERSONS, Review
from state import outbox, outbox_enqueue


def _people(*names: str, stage: str = "mql") -> pa.Table:
    return pa.Table.from_pylist([{"person_id": name, "stage": stage} for name in names], PERSONS)


class _Parts:
    """Tables that are read as often as somebody asks."""

    schema = PERSONS

    def __init__(self, *tables: pa.Table) -> None:
        self._tables = tables
        self.num_rows = sum(table.num_rows for table in tables)

    def __iter__(self):
        return iter(self._tables)


def test_memory_in_parts_is_memory(hand):
    parts = _Parts(_people("p1", "p2"), _people("p3"), _people("p1", stage="last"))
    hand.add(persons=parts)
    know = hand.store.knowledge
    assert know.remembered() == 3
    found = {row["person_id"]: row["stage"] for row in know.persons(["p3", "p1", "nobody"]).to_pylist()}
    assert found == {"p1": "last", "p3": "mql"}
    assert know.persons([]).equals(PERSONS.empty_table())


def test_a_part_that_fails_undoes_those_before_it(hand, words):
    def tables():
        yield _people("p1")
        raise RuntimeError("the disk went away")

    class Failing(_Parts):
        def __iter__(self):
            return tables()

    with pytest.raises(RuntimeError):
        hand.add(words.update(), persons=Failing(_people("p1")))
    assert hand.store.knowledge.remembered() == 0
    assert hand.states() == []


def test_rows_go_in_some_at_a_time_and_still_belong_together(hand, words, monkeypatch):
    monkeypatch.setattr(outbox_enqueue, "_AT_ONCE", 2)
    monkeypatch.setattr(outbox, "_AT_ONCE", 2)
    rows = [words.create("task", depends_on=("lead",)), *(words.update(str(n)) for n in range(4)), words.create("lead")]
    hand.add(*rows)
    stored = list(hand.outbox.each_unsettled())
    assert [row.lane for row in stored] == [row.lane for row in rows]
    assert stored == hand.outbox.unsettled()
    assert hand.outbox.ids([RowState.TODO, RowState.HELD]) == [row.id for row in stored]
    # the task waits for the lead, though that came with a later part
    claimed = hand.claim()
    assert "task" not in {row.lane for row in claimed}
    assert "lead" in {row.lane for row in claimed}
    hand.add(*rows)
    assert len(hand.outbox.unsettled()) == len(rows)


def test_two_wishes_are_found_across_parts_and_nothing_stays(hand, words, monkeypatch):
    monkeypatch.setattr(outbox_enqueue, "_AT_ONCE", 2)
    rows = [words.update("1"), words.update("2"), words.update("3"), words.update("1", value=2)]
    with pytest.raises(HandoffError) as error:
        hand.add(*rows)
    assert error.value.code == "outbox.two_wishes"
    assert hand.states() == []


def test_only_questions_that_change_something_are_asked_again(hand, words):
    know = hand.store.knowledge
    one, two, three = (Review(name, "account", "p1", "[]", words.NOW) for name in ("r1", "r2", "r3"))
    assert know.unasked([]) == []
    assert know.unasked([one, two]) == [one, two]
    hand.add(reviews=[one, two])
    assert know.open_questions() == 2
    moved = Review("r2", "account", "p9", "[]", words.NOW)
    assert know.unasked([one, moved, three]) == [moved, three]
    know.answer_review("r2", state="accepted", answer="A1", who="ann", at=words.NOW)
    assert know.unasked([one, moved, three]) == [three]
    assert know.open_questions() == 1
