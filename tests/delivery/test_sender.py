"""Senders beside each other: the dead are told from the living, and who wakes up late does no harm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from outbox_words import NOW, create, decisions, update

from connector.delivery import sender as sender_module
from connector.delivery.sender import Sender
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import LocalFault, TransientError

LEASE = timedelta(minutes=15)


def _claimed(store: Any, by: Sender) -> list[Any]:
    rows: list[Any] = store.outbox.claim(10, owner=by.name, now=NOW, lease=LEASE)
    return rows


def _outcome(row: Any, kind: OutcomeKind) -> dict[int, WriteOutcome]:
    return {row.id: WriteOutcome(row.write.key, kind)}


def _age(store: Any, sender: Sender) -> None:
    """Let a sender's lease run out on the database's clock: its process sleeps."""
    with store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE leases SET until = 1 WHERE name = '{sender.name}'")


def test_rows_of_the_living_are_left_alone_and_those_of_the_dead_are_not(store: Any) -> None:
    store.knowledge.commit_decisions(decisions(update("1"), update("2")))
    with Sender(store.switches, "one") as one, Sender(store.switches, "two") as two:
        assert len(_claimed(store, one)) == 2
        assert store.outbox.lose_dead() == 0
        _age(store, one)
        assert store.outbox.lose_dead() == 2
        assert store.outbox.counts() == {"unknown": 2}
        assert not store.switches.renew(one.name, one.name, sender_module.TTL), "what was lost is lost for good"
        store.knowledge.commit_decisions(decisions(update("3"), plan_id="other"))
        assert _claimed(store, one) == []
        assert len(_claimed(store, two)) == 1


def test_who_ends_leaves_its_rows_to_others_at_once(store: Any) -> None:
    store.knowledge.commit_decisions(decisions(update("1")))
    with Sender(store.switches, "one") as one:
        _claimed(store, one)
    assert store.outbox.lose_dead() == 1


def test_an_answer_that_comes_too_late_changes_nothing(store: Any) -> None:
    store.knowledge.commit_decisions(decisions(update("1")))
    with Sender(store.switches, "one") as one, Sender(store.switches, "two") as two:
        [old] = _claimed(store, one)
        _age(store, one)
        store.outbox.lose_dead()
        store.outbox.settle(_outcome(old, OutcomeKind.RETRY), now=NOW, claims={old.id: old.attempts})
        [new] = _claimed(store, two)
        for kind in (OutcomeKind.WRITTEN, OutcomeKind.RETRY, OutcomeKind.UNKNOWN, OutcomeKind.REJECTED):
            assert store.outbox.settle(_outcome(old, kind), now=NOW, claims={old.id: old.attempts}) == set()
        assert store.outbox.counts() == {"doing": 1}
        moved = store.outbox.settle(_outcome(new, OutcomeKind.WRITTEN), now=NOW, claims={new.id: new.attempts})
        assert moved == {new.id}
        assert store.outbox.settle(_outcome(old, OutcomeKind.REJECTED), now=NOW, claims={old.id: 1}) == set()
        assert store.outbox.counts() == {"done": 1}


def test_an_answer_that_comes_before_anybody_looked_is_believed(store: Any) -> None:
    store.knowledge.commit_decisions(decisions(create("a")))
    with Sender(store.switches, "one") as one:
        [row] = _claimed(store, one)
        _age(store, one)
        store.outbox.lose_dead()
        assert store.outbox.settle(_outcome(row, OutcomeKind.WRITTEN), now=NOW, claims={row.id: 1}) == {row.id}
    assert store.outbox.counts() == {"done": 1}


@pytest.mark.parametrize("clock", [0, 1])
def test_who_slept_notices_before_it_sends_whichever_clock_tells(
    store: Any, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    clocks = [1000.0, 2000.0]
    monkeypatch.setattr(sender_module, "_clocks", lambda: tuple(clocks))
    with Sender(store.switches, "one") as one:
        one.may_send()
        name = one.name
        clocks[clock] += 6.9
        one.may_send()
        clocks[clock] += 0.2
        with pytest.raises(TransientError) as caught:
            one.may_send()
        assert caught.value.code == "sender.lost"
        one.ready()
        assert one.name != name
        one.may_send()


def test_a_leader_that_slept_through_anothers_turn_commits_nothing(store: Any) -> None:
    first = store.switches.acquire("engine", "one", timedelta(hours=1))
    store.switches.fence("engine", first)
    store.knowledge.commit_decisions(decisions(update("1")))
    store.switches.release("engine", "one")
    assert store.switches.acquire("engine", "two", timedelta(hours=1)) == first + 1
    store.switches.release("engine", "two")
    assert store.switches.acquire("engine", "one", timedelta(hours=1)) == first + 2, "ours again, but not the same turn"
    for commit in (
        lambda: store.knowledge.commit_decisions(decisions(update("2"), plan_id="late")),
        lambda: store.manifest.commit_segments([], [], {("crm", "leads"): "late"}),
        lambda: store.manifest.forget_retired(["x"]),
    ):
        with pytest.raises(LocalFault) as caught:
            commit()
        assert caught.value.code == "engine.lost"
    assert store.outbox.counts() == {"todo": 1}
    assert store.manifest.cursor("crm", "leads") is None
    store.switches.fence("engine", None)
    store.manifest.commit_segments([], [], {("crm", "leads"): "now"})


def test_it_renews_itself_and_knows_when_it_could_not(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "RENEW_SECONDS", 0.02)
    with Sender(store.switches, "one") as one:
        renewed = one._renewed
        for _ in range(500):
            if one._renewed != renewed:
                break
            sender_module.time.sleep(0.02)
        assert one._renewed != renewed
        _age(store, one)
        for _ in range(500):
            if one._lost:
                break
            sender_module.time.sleep(0.02)
        with pytest.raises(TransientError):
            one.may_send()
