from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.domain.refs import digest
from connector.domain.writes import Cause, OutcomeKind, RowState, Write
from connector.errors import HandoffError

MINUTE = timedelta(minutes=1)


def test_row_comes_back_as_it_went_in(hand, words):
    bad = "half \ud800 surrogate, NUL \x00, ünï"
    row = words.update(fields={"A": bad, "B": 1.5, "C": None, "D": True}, expected={"A": "old"}, priority=1)
    row = replace(row, write=replace(row.write, ours=frozenset({"B", "C"}), if_blank=frozenset({"D"})))
    hand.add(row)
    [claimed] = hand.claim()
    key = digest("crm:lead:1", "score", "1")
    assert claimed == replace(
        row, id=claimed.id, write=replace(row.write, key=key), state=RowState.DOING, attempts=1, sent_at=words.NOW
    )


def test_words_that_a_database_cannot_keep_are_mended_not_refused(hand, words):
    hand.add(words.update(reason="nul \x00 surrogate \ud800"))
    [row] = hand.claim()
    hand.settle(row, "rejected", message="\x00\udfff", code="X", fixer="ops")
    [dead] = hand.outbox.unsettled()
    assert "\x00" not in dead.reason + dead.message
    assert (dead.state, dead.code, dead.fixer) == (RowState.DEAD, "X", "ops")


def test_fast_lane_goes_first_then_equal_writes_together_then_oldest(hand, words):
    hand.add(
        words.update("1"),
        words.update("2", object="contact"),
        words.update("3"),
        words.create("key", priority=0),
        words.update("4", priority=1),
    )
    assert [row.lane for row in hand.claim()] == ["key", "crm:lead:4", "crm:lead:2", "crm:lead:1", "crm:lead:3"]


def test_limit_takes_the_first_and_leaves_the_rest(hand, words):
    hand.add(*(words.update(str(n)) for n in range(5)))
    assert len(hand.claim(3)) == 3
    assert len(hand.claim(3)) == 2
    assert hand.claim(3) == []


def test_lane_sends_one_row_at_a_time_in_order(hand, words):
    hand.add(words.update(group="score"), words.update(group="stage"))
    [first] = hand.claim()
    assert first.group == "score"
    assert hand.claim() == []
    hand.settle(first, "written")
    assert [row.group for row in hand.claim()] == ["stage"]


@pytest.mark.parametrize("kind", ["unknown", "retry"])
def test_unsettled_row_keeps_its_lane(hand, words, kind):
    hand.add(words.update(group="score"), words.update(group="stage"))
    [first] = hand.claim()
    hand.settle(first, kind, not_before=words.NOW + MINUTE)
    assert hand.claim() == []


@pytest.mark.parametrize("how", ["held", "dead", "done"])
def test_settled_or_kept_back_row_frees_its_lane(hand, words, how):
    hand.add(words.update(group="score"), words.update(group="stage"))
    if how == "held":
        hand.outbox.hold([hand.outbox.unsettled()[0].id], held_by="limit")
    else:
        hand.settle(hand.claim()[0], {"dead": "rejected", "done": "human_won"}[how])
    assert [row.group for row in hand.claim()] == ["stage"]


def test_retry_waits_for_its_instant(hand, words):
    hand.add(words.update())
    hand.settle(hand.claim()[0], "retry", not_before=words.NOW + MINUTE)
    assert hand.claim(now=words.NOW + MINUTE - timedelta(microseconds=1)) == []
    [again] = hand.claim(now=words.NOW + MINUTE)
    assert again.attempts == 2


def test_a_b_a_is_three_rows_with_three_keys(hand, words):
    for value in ("A", "B", "A"):
        hand.add(words.update(value=value))
        hand.settle(hand.claim()[0], "written")
    assert hand.states() == ["done"] * 3
    with hand.store.database.read() as connection:
        assert len(set(connection.exec_driver_sql("SELECT key FROM outbox").scalars())) == 3


def test_newer_wish_replaces_what_waits_but_not_what_is_on_its_way(hand, words):
    hand.add(words.update("todo"), words.update("held"), words.update("dead"), words.update("doing"))
    hand.add(words.update("unknown"), plan_id="p0")
    by_lane = {row.lane[9:]: row for row in hand.outbox.unsettled()}
    hand.outbox.hold([by_lane["held"].id, by_lane["todo"].id], held_by="limit")
    claimed = {row.lane[9:]: row for row in hand.claim()}
    hand.settle(claimed["dead"], "rejected")
    hand.settle(claimed["unknown"], "unknown")
    hand.outbox.release(plan_id=None, held_by="limit", now=words.NOW)
    hand.outbox.hold([by_lane["held"].id], held_by="limit")
    before = dict(zip(by_lane, hand.states(), strict=True))
    assert before == {"todo": "todo", "held": "held", "dead": "dead", "doing": "doing", "unknown": "unknown"}
    hand.add(*(words.update(name, value=2, plan_id="p2") for name in by_lane))
    after = hand.states()
    assert dict(zip(by_lane, after, strict=False)) == {
        "todo": "superseded", "held": "superseded", "dead": "superseded", "doing": "doing", "unknown": "unknown",
    }  # fmt: skip
    assert after[5:] == ["todo"] * 5


def test_whether_anything_may_go_by_then_is_told_by_its_moment_and_by_lost_writes_of_its_lane(hand, words):
    soon, late = words.NOW + timedelta(minutes=1), words.NOW + timedelta(minutes=11)
    assert not hand.outbox.any_by(late)
    hand.add(words.update(value=1))
    assert hand.outbox.any_by(words.NOW)
    [lost] = hand.claim()
    hand.add(words.update(value=2, plan_id="p2"))
    hand.settle(lost, "unknown", not_before=late)
    assert (hand.outbox.any_by(soon), hand.outbox.any_by(late)) == (False, True)
    hand.settle(lost, "retry", not_before=soon)  # what was lost itself is sent again
    assert (hand.outbox.any_by(words.NOW), hand.outbox.any_by(soon)) == (False, True)


def test_other_group_of_the_lane_is_not_replaced(hand, words):
    hand.add(words.update(group="score"))
    hand.add(words.update(group="stage", plan_id="p2"))
    assert hand.states() == ["todo", "todo"]


@pytest.mark.parametrize("kind", ["retry", "rejected"])
def test_row_overtaken_on_its_way_does_not_come_back(hand, words, kind):
    hand.add(words.update(value="old"))
    [old] = hand.claim()
    hand.add(words.update(value="new", plan_id="p2"))
    hand.settle(old, kind)
    assert hand.states() == ["superseded", "todo"]
    assert hand.claim()[0].write.fields == {"Score": "new"}


def test_unclear_row_is_sent_again_before_the_newer_one(hand, words):
    hand.add(words.update(value="old"))
    [old] = hand.claim()
    hand.add(words.update(value="new", plan_id="p2"))
    bound = words.NOW + 10 * MINUTE
    hand.settle(old, "unknown", not_before=bound)
    [lost] = hand.outbox.unknown(10)
    assert lost.not_before == bound
    hand.settle(old, "retry")
    [again] = hand.claim()
    assert (again.id, again.write.fields) == (old.id, {"Score": "old"})
    hand.settle(again, "written")
    assert hand.claim() == [], "the vendor may still be at work on the lost one"
    [newer] = hand.claim(now=bound)
    assert newer.write.fields == {"Score": "new"}


def test_lease_that_ran_out_leaves_unknown_never_todo(hand, words):
    hand.add(words.update())
    [row] = hand.claim()
    assert hand.outbox.expire(now=words.NOW + words.LEASE - timedelta(microseconds=1)) == 0
    assert hand.outbox.expire(now=words.NOW + words.LEASE) == 1
    assert [r.id for r in hand.outbox.unknown(5)] == [row.id]
    assert hand.claim(now=words.NOW + 2 * words.LEASE) == []
    hand.settle(row, "written")
    assert hand.states() == ["done"]


def test_overtaken_held_row_is_not_released(hand, words):
    hand.add(words.update(value="old"))
    [old] = hand.claim()
    hand.add(words.update(value="new", plan_id="p2"))
    hand.settle(old, "unknown")
    hand.settle(old, "retry")
    hand.outbox.hold([old.id], held_by="retry")
    hand.settle(hand.claim()[0], "written")
    assert hand.outbox.release(plan_id=None, held_by="retry", now=words.NOW) == 0
    assert hand.states() == ["superseded", "done"]


def test_release_takes_one_plan_or_one_reason(hand, words):
    hand.add(*(words.update(str(n), plan_id=plan) for n, plan in enumerate(["a", "a", "b"])))
    ids = [row.id for row in hand.outbox.unsettled()]
    hand.outbox.hold(ids[:1], held_by="limit")
    hand.outbox.hold(ids[1:], held_by="budget")
    assert hand.outbox.counts() == {"held:limit": 1, "held:budget": 2}
    assert hand.outbox.release(plan_id="a", held_by="limit", now=words.NOW) == 1
    assert hand.outbox.release(plan_id="a", held_by=None, now=words.NOW) == 1
    assert hand.outbox.release(plan_id=None, held_by="budget", now=words.NOW) == 1
    assert hand.outbox.release(plan_id=None, held_by="budget", now=words.NOW) == 0
    assert hand.states() == ["todo"] * 3
    with pytest.raises(HandoffError, match="plan or a reason"):
        hand.outbox.release(plan_id=None, held_by=None, now=words.NOW)


def test_retry_of_all_and_of_some(hand, words):
    hand.add(*(words.update(str(n)) for n in range(3)))
    rows = hand.claim()
    for row in rows:
        hand.settle(row, "rejected", code="BAD", message="no", fixer="ops")
    assert hand.outbox.retry([rows[0].id], now=words.NOW) == 1
    assert hand.outbox.retry(None, now=words.NOW) == 2
    assert {(r.state, r.code, r.message, r.fixer) for r in hand.outbox.unsettled()} == {(RowState.TODO, "", "", "")}


def test_dismissed_creation_is_not_asked_for_again(hand, words):
    hand.add(words.create("k"))
    hand.settle(hand.claim()[0], "rejected")
    assert hand.outbox.dismiss([hand.outbox.unsettled()[0].id], who="ann", now=words.NOW) == 1
    hand.add(words.create("k", plan_id="p2"))
    assert hand.states() == ["superseded"]
    assert hand.outbox.known_keys(["k", "other"]) == {"k"}
    assert [(who, what) for _, who, what, _ in hand.store.switches.audited()] == [("ann", "outbox dismiss")]


def test_what_the_mode_held_may_be_asked_for_anew(hand, words):
    hand.add(
        words.create("k", state=RowState.HELD, held_by="mode"), words.create("l", state=RowState.HELD, held_by="mode")
    )
    hand.outbox.dismiss([hand.outbox.unsettled()[0].id], who="ann", now=words.NOW)
    assert hand.outbox.drop(held_by="mode", now=words.NOW) == 1
    assert hand.outbox.known_keys(["k", "l"]) == set()
    hand.add(words.create("k", plan_id="p2"), words.create("l", plan_id="p2"))
    assert hand.states() == ["superseded", "superseded", "todo", "todo"]


def test_creation_whose_key_has_a_row_adds_nothing(hand, words):
    hand.add(words.create("k"), words.create("k"))
    hand.add(words.create("k", plan_id="p2"))
    assert hand.states() == ["todo"]
    hand.settle(hand.claim()[0], "written", id="00T1")
    hand.add(words.create("k", plan_id="p3"))
    assert hand.states() == ["done"]
    assert hand.outbox.created_ids(["k", "x"]) == {"k": "00T1"}


def test_what_was_created_for_somebody_is_known_by_its_id(hand, words):
    hand.add(words.create("k", kind="lead"), words.create("l", kind="lead"), words.create("m", person_id="p2"))
    for row in hand.claim():
        hand.settle(row, "rejected" if row.write.key == "l" else "written", id=f"id-{row.write.key}")
    assert hand.outbox.created_for(["p1"]) == [("lead", "id-k")]
    assert hand.outbox.created_for(["p3", "p2"]) == [("task", "id-m")]
    assert hand.outbox.created_for([]) == []


def test_settling_again_after_a_lost_commit_answer_changes_nothing(hand, words):
    hand.add(words.update())
    [row] = hand.claim()
    hand.settle(row, "written", before={"Score": 0})
    hand.settle(row, "written", before={"Score": 9})
    assert hand.store.switches.before_values("run") == [("lead", "1", "Score", 0, 1)]
    with pytest.raises(HandoffError, match="done cannot postpone"):
        hand.settle(row, "retry")


def test_wrong_outcomes_change_nothing(hand, words):
    hand.add(words.update("1"), words.update("2"))
    one, two = hand.claim()
    good = {one.id: _outcome(one)}
    with pytest.raises(HandoffError, match="another write"):
        hand.outbox.settle({**good, two.id: _outcome(one)}, now=words.NOW)
    with pytest.raises(HandoffError, match="do not exist"):
        hand.outbox.settle({**good, 999: _outcome(two)}, now=words.NOW)
    assert hand.states() == ["doing", "doing"]


def test_counts_by_cause_leave_out_what_nobody_notices(hand, words):
    hand.add(*(words.update(str(n), cause=Cause.TASK) for n in range(4)), words.update("9", cause=Cause.EDIT))
    hand.add(words.update("8", cause=Cause.EDIT, decided_at=words.NOW - MINUTE), plan_id="p0")
    hand.add(words.update("7", cause=Cause.SCORE))
    by_id = {row.write.id: row for row in hand.claim()}
    hand.settle(by_id["0"], "written")
    hand.settle(by_id["1"], "unchanged")
    hand.settle(by_id["2"], "rejected")
    hand.settle(by_id["3"], "unknown")
    assert hand.outbox.used_by_cause(words.NOW) == {Cause.TASK: 2, Cause.EDIT: 1}


def test_tally_counts_each_row_of_the_run_and_each_named_row_once(hand, words):
    hand.add(words.update("1"), words.update("2"), words.update("3"), words.update("4"))
    one, two, three, four = hand.claim()
    hand.settle(one, "written")
    hand.settle(two, "unchanged")
    hand.settle(three, "human_won")
    hand.add(words.update("5", run_id="r2", plan_id="p2"), words.update("6", run_id="r2", plan_id="p2"))
    hand.outbox.hold([hand.outbox.unsettled()[-1].id], held_by="limit")
    assert hand.outbox.tally("run", []) == {"written": 1, "unchanged": 2, "doing": 1}
    assert hand.outbox.tally("r2", [four.id, one.id]) == {"todo": 1, "held:limit": 1, "doing": 1, "written": 1}
    assert hand.outbox.counts("r2") == {"todo": 1, "held:limit": 1}


def test_rows_start_as_todo_or_held_with_a_reason(hand, words):
    for state, held_by in ((RowState.DONE, ""), (RowState.HELD, ""), (RowState.TODO, "limit")):
        with pytest.raises(HandoffError, match="cannot start"):
            hand.add(words.update(state=state, held_by=held_by))
    assert hand.states() == []


def test_lists_of_any_length(hand, words):
    count = 40_000  # more than SQLite's 32,766 variables and PostgreSQL's 65,535 halves
    hand.add(*(words.update(str(n)) for n in range(count)))
    rows = hand.claim(count)
    assert len(rows) == count
    hand.outbox.settle({row.id: _outcome(row) for row in rows}, now=words.NOW)
    assert hand.outbox.counts() == {"done": count}
    assert hand.outbox.known_keys([str(n) for n in range(count)]) == set()


def _outcome(row):
    from connector.domain.writes import WriteOutcome

    return WriteOutcome(key=row.write.key, kind=OutcomeKind.WRITTEN)


def test_creation_keeps_the_key_it_was_given(hand, words):
    hand.add(words.create("k", kind="task"))
    [row] = hand.claim()
    assert row.write == Write(key="k", kind="create", object="task", id=None, fields={"Subject": "k"})


def test_tasks_made_since_an_instant_are_found_and_nothing_else(hand, words):
    hand.add(words.create("a"), words.create("b"), words.create("c", kind="lead"), words.update("1"))
    rows = {row.write.key if row.write.kind == "create" else "": row for row in hand.claim()}
    hand.settle(rows["a"], "written", id="00T1")
    hand.settle(rows["b"], "rejected", code="NO")
    hand.settle(rows["c"], "written", id="00Q1")
    hand.settle(rows[""], "written")
    [made] = hand.outbox.tasks_made(words.NOW - MINUTE)
    assert (made.write.key, made.record_id) == ("a", "00T1")
    assert hand.outbox.tasks_made(words.NOW + timedelta(days=1)) == []
