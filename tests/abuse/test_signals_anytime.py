"""SIGTERM and SIGINT at any time: it ends within ten seconds, and a further run ends as an undisturbed one."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from abuse_words import nothing_lost, silent

from benchmarks.survival.commands import on_this_machine
from benchmarks.survival.place import Place

_SEED = int(os.environ.get("HANDOFF_SIGNAL_SEED", "1"))
_POINTS = int(os.environ.get("HANDOFF_SIGNALS", "10" if os.environ.get("HANDOFF_ABUSE") == "all" else "2"))
_STOP_SECONDS = 10


def _points(longest_seconds: float, count: int) -> list[float]:
    dice = random.Random(_SEED)
    return sorted(round(dice.uniform(0.02, longest_seconds), 3) for _ in range(count))


def _requests(place: Place) -> int:
    return sum(call["count"] for calls in place.calls().values() for call in calls["calls"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("seconds", _points(4, _POINTS))
def test_a_signal_at_any_time_ends_the_same(number, seconds, buyers, place_of: Callable[[Path], Place]):
    place = place_of(buyers.template)
    words = ("run", "--once", "--as-of", buyers.at.isoformat(), "--json")
    started = place.start(*words)
    # The point is meant to be anywhere: no two machines are equally fast.
    time.sleep(seconds)
    asked = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        started.signal(number)
    done = started.wait()
    assert time.monotonic() - asked < on_this_machine(_STOP_SECONDS)
    # Before the handlers stand nothing has begun: then the signal does what it does to every program.
    assert done.code in {0, 130, -number}, done
    if done.code == 0:
        assert done.json["verdict"] in {"green", "amber"}
        silent(place, [done.err])
    assert "Traceback" not in done.err or done.code in {130, -number}, done.err
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_daemon_stops_at_any_time_and_starts_again(number, real_time):
    place = real_time
    for seconds in _points(3, 3):
        daemon = place.start("run")
        time.sleep(seconds)
        asked = time.monotonic()
        daemon.signal(number)
        done = daemon.wait()
        assert time.monotonic() - asked < on_this_machine(_STOP_SECONDS)
        assert done.code in {0, 130, -number}, done
        assert "job.crashed" not in done.err
        silent(place, [done.err])
    assert place.json("run", "--once")["verdict"] == "green"
    again = place.json("run", "--once")
    assert again["writes"]["planned"] == 0
    nothing_lost(place, None)
