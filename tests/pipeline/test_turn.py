"""One engine at a time, and time never runs backwards."""

from __future__ import annotations

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
            turn.time.sleep(0.02)
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
