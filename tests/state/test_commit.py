"""A cycle's decisions are stored together, once."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from connector.errors import HandoffError
from connector.ports.store import ACCOUNT_MOVES, IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Review


def _persons(words, **changes):
    row = {
        "person_id": "p1",
        "subject": "hubspot:contact:1",
        "stage": "mql",
        "stage_since": words.NOW,
        "stage_entry": 2,
        "cool_off_until": None,
        "disposition": "sales",
        "account_id": None,
        "match_method": "",
        "match_confidence": 0.1 + 0.2,
        "match_evidence": 'he said "hi",\nthen \\. left \x00',
        "runner_up": None,
        "shown": "{}",
    }
    return pa.Table.from_pylist([{**row, **changes}], PERSONS)


def _everything(words):
    moves = [("p1", 1, None, "inquiry", words.NOW), ("p1", 2, "inquiry", "mql", words.NOW + timedelta(microseconds=1))]
    return {
        "identities": pa.Table.from_pylist(
            [{"system": "hubspot", "object": "contact", "id": "1", "person_id": "p1"}], IDENTITIES
        ),
        "persons": _persons(words),
        "stage_moves": pa.Table.from_pylist(
            [
                {"person_id": p, "entry": e, "from_stage": f, "to_stage": t, "at": at, "because": "so", "run_id": "run"}
                for p, e, f, t, at in moves
            ],
            STAGE_MOVES,
        ),
        "scores": pa.Table.from_pylist(
            [
                {
                    "person_id": "p1",
                    "at": words.NOW,
                    "run_id": "run",
                    "model": "default",
                    "fit": 40.0,
                    "interest": None,
                    "qualification": 20.5,
                    "total": 1 / 3,
                    "grade": "A1",
                    "verdict": "sales",
                    "lines": "[]",
                }
            ],
            SCORE_HISTORY,
        ),
        "accounts": {"001": '{"score":1}'},
        "reviews": [Review("rev", "account", "p1", "[]", words.NOW)],
        "rotations": {"sdr": '{"next":1}'},
        "marks": {"baseline": words.NOW},
    }


def _known(store):
    know = store.knowledge
    return (
        know.identities().to_pylist(),
        know.persons().to_pylist(),
        know.stage_moves("p1").to_pylist(),
        know.score_history("p1").to_pylist(),
        know.accounts(),
        know.reviews(),
        know.rotations(),
        know.marks(),
    )


def test_everything_comes_back_as_decided_and_a_repeat_adds_nothing(hand, words):
    decided = _everything(words)
    hand.add(words.update(), words.create("k"), **decided)
    mended = pa.Table.from_pylist(
        [{**decided["persons"].to_pylist()[0], "match_evidence": 'he said "hi",\nthen \\. left \ufffd'}], PERSONS
    )
    expected = (
        decided["identities"].to_pylist(),
        mended.to_pylist(),
        decided["stage_moves"].to_pylist(),
        decided["scores"].to_pylist(),
        decided["accounts"],
        decided["reviews"],
        decided["rotations"],
        decided["marks"],
    )
    assert _known(hand.store) == expected
    assert hand.store.knowledge.persons().schema == PERSONS
    assert hand.store.knowledge.stage_moves("nobody").equals(STAGE_MOVES.empty_table())
    hand.add(words.update(), words.create("k"), **decided)
    assert _known(hand.store) == expected
    assert hand.states() == ["todo", "todo"]


def test_repeat_after_the_rows_were_sent_adds_nothing(hand, words):
    hand.add(words.update(), words.create("k"))
    for row in hand.claim():
        hand.settle(row, "written")
    hand.add(words.update(), words.create("k"))
    assert hand.states() == ["done", "done"]


def test_same_wish_of_a_later_plan_is_a_new_row(hand, words):
    hand.add(words.update())
    hand.add(words.update(plan_id="p2"))
    hand.add(words.update(plan_id="", run_id="r3"))
    hand.add(words.update(plan_id="", run_id="r3"))
    hand.add(words.update(plan_id="", run_id="r4"))
    assert hand.states() == ["superseded", "superseded", "superseded", "todo"]


def test_failure_at_the_end_leaves_nothing(hand, words):
    with pytest.raises(HandoffError, match="two wishes"):
        hand.add(words.update(value=1), words.update(value=2), **_everything(words))
    assert _known(hand.store) == ([], [], [], [], {}, [], {}, {})
    assert hand.states() == []


def test_memory_is_replaced_and_history_grows(hand, words):
    hand.add(**_everything(words))
    hand.add(persons=_persons(words, stage="accepted", account_id="001"))
    [person] = hand.store.knowledge.persons().to_pylist()
    assert (person["stage"], person["account_id"]) == ("accepted", "001")
    hand.add(gone=["p1"])
    assert hand.store.knowledge.persons().num_rows == 0
    assert hand.store.knowledge.stage_moves("p1").num_rows == 2


def test_last_of_equal_keys_counts(hand, words):
    both = pa.concat_tables([_persons(words, stage="first"), _persons(words, stage="last")])
    hand.add(persons=both)
    assert hand.store.knowledge.persons()["stage"].to_pylist() == ["last"]


def test_marks_are_set_once(hand, words):
    hand.add(marks={"baseline": words.NOW})
    hand.add(marks={"baseline": words.NOW + timedelta(days=1), "baseline:hubspot": words.NOW})
    assert hand.store.knowledge.marks() == {"baseline": words.NOW, "baseline:hubspot": words.NOW}


def test_answered_review_is_never_reopened(hand, words):
    know = hand.store.knowledge
    hand.add(reviews=[Review("a", "person", "p1", "[1]", words.NOW), Review("b", "account", "p2", "[]", words.NOW)])
    hand.add(reviews=[Review("a", "person", "p1", "[1,2]", words.NOW)])
    assert [(r.id, r.candidates) for r in know.reviews("open")] == [("a", "[1,2]"), ("b", "[]")]
    assert know.answer_review("a", state="accepted", answer="2", who="ann", at=words.NOW)
    assert not know.answer_review("a", state="rejected", answer="", who="bob", at=words.NOW)
    assert not know.answer_review("nothing", state="rejected", answer="", who="bob", at=words.NOW)
    hand.add(reviews=[Review("a", "person", "p1", "[3]", words.NOW)])
    answered = Review("a", "person", "p1", "[1,2]", words.NOW, "accepted", "2", "ann", words.NOW)
    assert know.reviews("accepted") == [answered]
    assert [r.id for r in know.reviews()] == ["a", "b"]
    assert [deed[1:] for deed in hand.store.switches.audited()] == [
        ("ann", "review accepted", {"review": "a", "answer": "2"})
    ]


def test_an_answer_taken_back_is_an_open_question_that_remembers(hand, words):
    know = hand.store.knowledge
    hand.add(reviews=[Review("a", "person", "p1", "[1]", words.NOW)])
    assert not know.reopen_review("a", who="bob", at=words.NOW)
    assert know.answer_review("a", state="accepted", answer="2", who="ann", at=words.NOW)
    assert know.reopen_review("a", who="bob", at=words.NOW)
    hand.add(reviews=[Review("a", "person", "p9", "[1,2]", words.NOW)])
    assert know.reviews("open") == [
        Review("a", "person", "p9", "[1,2]", words.NOW, "open", "withdrawn:accepted:2", "bob", words.NOW)
    ]
    hand.add(moot=["a"])
    assert know.reviews("open"), "nobody has been identified without the answer yet"
    identities = pa.table({"system": ["s"], "object": ["o"], "id": ["1"], "person_id": ["p1"]}, IDENTITIES)
    hand.add(moot=["a"], identities=identities)
    assert know.reviews() == []


def test_only_open_questions_are_moot(hand, words):
    know = hand.store.knowledge
    hand.add(reviews=[Review(name, "person", "p1", "[1]", words.NOW) for name in ("a", "b", "c")])
    assert know.answer_review("a", state="rejected", answer="", who="ann", at=words.NOW)
    hand.add(moot=["a", "b"])
    assert [(r.id, r.state) for r in know.reviews()] == [("a", "rejected"), ("c", "open")]


def test_ways_between_accounts_are_kept_in_order_of_time(hand, words):
    def move(day, before, after):
        at = words.NOW + timedelta(days=day)
        return {"person_id": "p1", "at": at, "from_account": before, "to_account": after, "cause": "x", "run_id": "r"}

    for moves in ([move(1, "A", "B")], [move(0, "", "A")], [move(1, "A", "B")]):
        hand.add(account_moves=pa.Table.from_pylist(moves, ACCOUNT_MOVES))
    assert hand.store.knowledge.account_moves("p1").to_pylist() == [move(0, "", "A"), move(1, "A", "B")]
    assert hand.store.knowledge.account_moves("p2").num_rows == 0


def test_many_people_come_back(hand, words):
    count = 120_000
    table = pa.table(
        {
            "system": ["hubspot"] * count,
            "object": ["contact"] * count,
            "id": [str(n) for n in range(count)],
            "person_id": [f"p{n}" for n in range(count)],
        },
        IDENTITIES,
    )
    hand.add(identities=table)
    assert hand.store.knowledge.identities().sort_by("person_id").equals(table.sort_by("person_id"))
