from __future__ import annotations

import pytest

from connector.domain.writes import RowState


def _by_lane(hand):
    return {lane: f"{state}:{held_by}" if held_by else state for lane, state, held_by in hand.all()}


def test_task_waits_for_its_lead(hand, words):
    hand.add(words.create("task", depends_on=("lead",), priority=0), words.create("lead", kind="lead"))
    [lead] = hand.claim()
    assert lead.lane == "lead"
    assert hand.claim() == []
    hand.settle(lead, "written", id="00Q1")
    [task] = hand.claim()
    assert (task.lane, task.depends_on) == ("task", ("lead",))


def test_all_of_several_are_awaited(hand, words):
    hand.add(words.create("task", depends_on=("a", "b", "a")), words.create("a"), words.create("b"))
    a, b = hand.claim()
    hand.settle(a, "written")
    assert hand.claim() == []
    hand.settle(b, "unchanged")
    assert [row.lane for row in hand.claim()] == ["task"]


@pytest.mark.parametrize("fate", ["dead", "dismissed", "held", "missing", "erased"])
def test_hopeless_row_is_held_down_the_whole_chain(hand, words, fate):
    first = [] if fate == "missing" else [words.create("lead", person_id="lead")]
    hand.add(
        *first,
        words.create("task", depends_on=("lead",)),
        words.update("note", depends_on=("task",)),
    )
    if fate in ("dead", "dismissed"):
        hand.settle(hand.claim()[0], "rejected")
    if fate == "held":
        hand.outbox.hold([hand.outbox.unsettled()[0].id], held_by="limit")
    if fate == "dismissed":
        hand.outbox.dismiss([hand.outbox.unsettled()[0].id], who="ann", now=words.NOW)
    if fate == "erased":
        hand.store.knowledge.erase(["lead"], hashes=[], who="ann", at=words.NOW)
    left = {lane: state for lane, state in _by_lane(hand).items() if lane != "lead"}
    assert left == {"task": "held:dependency", "crm:lead:note": "held:dependency"}
    assert hand.claim() == []


def test_hope_comes_back_with_the_creation(hand, words):
    hand.add(words.create("lead"), words.create("task", depends_on=("lead",)))
    hand.settle(hand.claim()[0], "rejected")
    assert _by_lane(hand) == {"lead": "dead", "task": "held:dependency"}
    assert hand.outbox.release(plan_id=None, held_by="dependency", now=words.NOW) == 0
    assert hand.outbox.retry([hand.outbox.unsettled()[0].id], now=words.NOW) == 1
    assert _by_lane(hand) == {"lead": "todo", "task": "todo"}
    assert [row.lane for row in hand.claim()] == ["lead"]


def test_dependency_decided_later_frees_the_row(hand, words):
    hand.add(words.create("task", depends_on=("lead",)))
    assert _by_lane(hand) == {"task": "held:dependency"}
    hand.add(words.create("lead"), plan_id="p2")
    assert _by_lane(hand) == {"task": "todo", "lead": "todo"}


def test_row_held_for_another_reason_stays_held_when_its_lead_is_there(hand, words):
    hand.add(words.create("lead"), words.create("task", depends_on=("lead",), state=RowState.HELD, held_by="limit"))
    hand.settle(hand.claim()[0], "written")
    assert _by_lane(hand) == {"lead": "done", "task": "held:limit"}


def test_retry_of_everything_leaves_waiting_rows_waiting(hand, words):
    hand.add(words.create("task", depends_on=("lead",)))
    assert hand.outbox.retry(None, now=words.NOW) == 0
    assert _by_lane(hand) == {"task": "held:dependency"}
