"""One engine at a time, and time never runs backwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import ConfigError, LocalFault
from connector.pipeline import turn

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def test_two_owners_never_hold_it_together(store: Any) -> None:
    with turn.engine_turn(store, "one"):
        with pytest.raises(LocalFault) as caught, turn.engine_turn(store, "two", patience_seconds=0):
            pytest.fail("two engines at once")
        assert caught.value.code == "engine.busy"
        assert caught.value.exit_code == 5
    with turn.engine_turn(store, "two", patience_seconds=0):
        pass


def test_it_is_given_back_after_a_failure(store: Any) -> None:
    with pytest.raises(ZeroDivisionError), turn.engine_turn(store, "one"):
        raise ZeroDivisionError
    with turn.engine_turn(store, "two", patience_seconds=0):
        pass


def test_a_dead_holder_is_replaced(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.switches.acquire(turn.LEASE, "dead", timedelta(milliseconds=1))
    with turn.engine_turn(store, "heir", patience_seconds=5):
        assert not store.switches.acquire(turn.LEASE, "dead", timedelta(seconds=1))


def test_it_is_renewed_while_held_even_through_a_busy_moment(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from state import open_store

    store: Any = open_store(state_url)
    monkeypatch.setattr(turn, "_RENEW_SECONDS", 0.02)
    seen: list[str] = []
    acquire = type(store.switches).acquire

    def counting(self: Any, name: str, owner: str, ttl: timedelta) -> bool:
        seen.append(owner)
        if len(seen) == 3:
            raise LocalFault("state.busy", "somebody else is writing")
        return bool(acquire(self, name, owner, ttl))

    monkeypatch.setattr(type(store.switches), "acquire", counting)
    with turn.engine_turn(store, "one"):
        for _ in range(500):
            if len(seen) > 5:
                break
            time.sleep(0.02)
    assert len(seen) > 5
    assert set(seen) == {"one"}
    store.close()


def test_the_clock_goes_forward_only(store: Any) -> None:
    assert turn.cycle_clock(store, T0) == T0
    turn.remember_clock(store, T0)
    assert turn.cycle_clock(store, T0) == T0
    with pytest.raises(ConfigError) as caught:
        turn.cycle_clock(store, T0 - timedelta(microseconds=1))
    assert caught.value.code == "as_of.past"
    assert turn.cycle_clock(store, None) > T0
    future = datetime.now(UTC) + timedelta(days=400)
    turn.remember_clock(store, future)
    assert turn.cycle_clock(store, None) == future


def test_a_command_gets_the_turn_between_two_jobs_and_the_daemon_takes_it_back(
    state_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from state import open_store

    monkeypatch.setattr(turn, "_RENEW_SECONDS", 0.02)
    # A daemon and a command are two processes: each has a store of its own.
    store, beside = open_store(state_url), open_store(state_url)
    with closing(store), closing(beside), turn.engine_turn(store, "daemon") as daemon:
        assert not daemon.give_way(), "nobody asks"
        began = threading.Event()
        done = threading.Event()

        def command() -> None:
            with turn.guest_turn(beside, "undo", patience_seconds=30):
                began.set()
                done.wait(30)

        asking = threading.Thread(target=command)
        asking.start()
        _until(lambda: daemon.asked)
        assert not began.is_set(), "the job in hand is not cut"
        assert daemon.give_way()
        assert began.wait(30)
        assert not daemon.take(), "while the command works no job begins"
        assert store.switches.holder(turn.LEASE) == "undo"
        done.set()
        asking.join()
        _until(lambda: daemon.held)
        assert daemon.take()
        assert not daemon.asked


def test_who_stands_by_leaves_the_turn_to_a_command_that_asked_first(state_url: str) -> None:
    from state import open_store

    store, beside = open_store(state_url), open_store(state_url)
    with closing(store), closing(beside):
        heir = turn.Turn(store, "heir")
        assert beside.switches.acquire(turn.GUEST, "undo", timedelta(seconds=30))
        assert not heir.take()
        beside.switches.release(turn.GUEST, "undo")
        assert heir.take()


def test_a_command_that_is_killed_while_it_asks_keeps_nobody_away(state_url: str) -> None:
    from state import open_store

    store, beside = open_store(state_url), open_store(state_url)
    with closing(store), closing(beside):
        assert beside.switches.acquire(turn.GUEST, "killed", timedelta(milliseconds=1))
        time.sleep(0.01)
        assert turn.Turn(store, "heir").take()


def _until(what: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(days=-200), timedelta(days=200)])
def test_status_counts_the_day_by_the_clock_of_the_cycles(store: Any, apart: timedelta) -> None:
    real = [T0]
    assert turn.by_cycles(store, clock=lambda: real[0]) == T0
    turn.remember_clock(store, T0 + apart, clock=lambda: real[0])
    real[0] += timedelta(hours=3)
    assert turn.by_cycles(store, clock=lambda: real[0]) == T0 + apart + timedelta(hours=3)
    turn.remember_clock(store, T0 + timedelta(days=300), clock=lambda: T0 + timedelta(days=300))
    assert turn.by_cycles(store, clock=lambda: T0 + timedelta(days=301)) == T0 + timedelta(days=301)
