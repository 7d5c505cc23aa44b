from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert

from connector.ports.store import Run
from connector.trust.put_back import is_older_than_lake, notice_put_back, settle_put_back, witness
from state.tables import RUNS


def test_nothing_of_a_state_that_was_put_back_is_simply_sent_again(store, hand, words):
    hand.add(words.update("1"), words.create("sent"), words.update("2"), words.create("lost"))
    claimed = hand.claim()
    assert len(claimed) == 4
    hand.settle(next(row for row in claimed if row.write.key == "lost"), "unknown")
    hand.add(words.update("3"), words.create("held"), words.create("waiting"), plan_id="other")
    store.outbox.hold([row.id for row in store.outbox.unsettled() if row.write.key == "held"], held_by="limit")
    told = settle_put_back(store, now=words.NOW + timedelta(hours=1))
    left = store.outbox.unsettled()
    assert {row.state.value for row in left} == {"unknown"}
    assert {row.write.key for row in left} == {"sent", "lost"}
    assert told == {"looked_up": 2, "taken_as_it_is": 2, "decided_anew": 3}
    # what was let go is remembered nowhere: it may be wished for again
    assert store.outbox.known_keys(["held", "waiting", "sent"]) == {"sent"}
    assert settle_put_back(store, now=words.NOW + timedelta(hours=2))["decided_anew"] == 0


def test_a_dead_row_is_decided_anew(store, hand, words):
    hand.add(words.update("1"), words.create("k"))
    for row in hand.claim():
        hand.settle(row, "rejected")
    settle_put_back(store, now=words.NOW)
    assert store.outbox.counts() == {"superseded": 2}
    assert store.outbox.known_keys(["k"]) == set()


def test_the_lake_remembers_a_cycle_that_an_older_state_does_not_know(store, words, tmp_path):
    assert not is_older_than_lake(store, tmp_path)
    store.runs.begin(Run("first", "plan", "run", "live", words.NOW, words.NOW))
    witness(tmp_path, "first")
    assert notice_put_back(store, tmp_path, now=words.NOW) is None
    with store.database.write() as connection:  # a CRM that is away for days: none of these says anything to the lake
        run = {"plan_id": "plan", "kind": "run", "mode": "live", "as_of": words.NOW, "started_at": words.NOW}
        run |= {"verdict": "red", "report": ""}
        connection.execute(insert(RUNS), [{"number": n, "id": f"failed-{n}"} | run for n in range(2, 1_200)])
    assert not is_older_than_lake(store, tmp_path)
    witness(tmp_path, "second")
    assert notice_put_back(store, tmp_path, now=words.NOW) is not None
    (tmp_path / "last-run.json").write_text("[half")
    assert not is_older_than_lake(store, tmp_path)
