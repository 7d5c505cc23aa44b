"""What a run changed, for undo."""

from __future__ import annotations


def test_what_was_read_before_the_write_counts_then_what_was_expected(hand, words):
    hand.add(words.update(fields={"A": 1, "B": 2, "C": 3, "D": 4}, expected={"A": 0, "B": 0, "D": 4}))
    hand.settle(hand.claim()[0], "written", before={"B": 9})
    assert hand.store.switches.before_values("run") == [
        ("lead", "1", "A", 0, 1),
        ("lead", "1", "B", 9, 2),
        ("lead", "1", "C", None, 3),
    ]


def test_only_what_was_written_is_listed(hand, words):
    hand.add(*(words.update(str(n), expected={"Score": 0}) for n in range(4)), words.update("9", run_id="r2"))
    for row, kind in zip(hand.claim(), ("unchanged", "human_won", "rejected", "written", "written"), strict=True):
        hand.settle(row, kind)
    assert [change[1] for change in hand.store.switches.before_values("run")] == ["3"]
    assert [change[1] for change in hand.store.switches.before_values("r2")] == ["9"]


def test_blank_that_was_not_blank_was_not_written(hand, words):
    hand.add(words.update(fields={"Title": "VP", "City": "Bonn"}, if_blank=frozenset({"Title", "City"})))
    hand.settle(hand.claim()[0], "written", before={"Title": "CEO", "City": None})
    assert hand.store.switches.before_values("run") == [("lead", "1", "City", None, "Bonn")]


def test_created_record_is_listed_with_its_id(hand, words):
    hand.add(words.create("k"))
    hand.settle(hand.claim()[0], "written", id="00T9")
    assert hand.store.switches.before_values("run") == [("task", "00T9", "Subject", None, "k")]


def test_value_found_after_a_lost_answer_is_ours_to_undo(hand, words):
    hand.add(words.update(value=5))
    [row] = hand.claim()
    hand.settle(row, "unknown", before={"Score": 1})
    hand.settle(row, "unchanged", before={"Score": 5})
    assert hand.store.switches.before_values("run") == [("lead", "1", "Score", 1, 5)]


def test_look_before_a_try_that_certainly_failed_is_forgotten(hand, words):
    hand.add(words.update(value=5))
    [row] = hand.claim()
    hand.settle(row, "unknown", before={"Score": 1})
    hand.settle(row, "retry", before={"Score": 1})
    [row] = hand.claim()
    hand.settle(row, "written", before={"Score": 2})
    assert hand.store.switches.before_values("run") == [("lead", "1", "Score", 2, 5)]
