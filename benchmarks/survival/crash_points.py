"""Crash at every port call of a delivery, thousands of times, and end where an undisturbed twin ends.

``python -m benchmarks.survival.crash_points --seed 1 --points 10000 --database sqlite``

A history is some hours in a small town. In each the engine decides and up to three senders drain the outbox into the
CRM; any call of a port, in whatever thread, may be the last of its process: before it took effect, amid a batch, or
after, when the effect stands and nobody hears of it. All memory is gone then and the next process opens the state anew.
Between the crashes answers get lost, requests come true minutes later or twice, records are locked, limits strike,
people edit, convert, merge and delete, the switch is thrown, what limits hold is approved, clocks jump, leases run out,
and sleepers wake up late. At last quiet hours follow, and the CRM is compared with that of a twin to whom the same
happened at the same instants, without any of the faults.

A crash point is a distinct (seed, boundary, side, occurrence).
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from unittest import mock

from benchmarks.survival.crash_judge import Ending, complaints, ending_of
from benchmarks.survival.databases import Fresh, fresh_on, memory_disk
from benchmarks.survival.frail_crm import FrailCrm, GuardedCrm
from benchmarks.survival.gate import Crash, Gate, GuardedStore, Points, Slot
from benchmarks.survival.town import FREE, HOUR, LIMITS, T0, Deed, Town, decide_once, drawn_deeds, drawn_hands
from connector.delivery import sender
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.writes import RowState
from connector.ports.crm import Crm
from connector.ports.store import Store, Switches
from state import open_store

#: quiet hours at the end, after which both worlds are compared
_QUIET = 4
#: of one hour; each stands for a process that ends
_CRASHES = 30
_MOST_PASSES = 6


@dataclass(frozen=True, slots=True)
class Hour:
    """What happens in one hour, drawn before anything runs."""

    deeds: tuple[Deed, ...]
    hands: tuple[Deed, ...]
    senders: int
    #: whether everything is delivered before the next hour begins
    calm: bool
    pauses: bool
    approves: bool


@dataclass(frozen=True, slots=True)
class Script:
    """One history's inputs."""

    seed: int
    hours: tuple[Hour, ...]
    limited: bool
    unique_tasks: bool
    batch: int
    #: the share of batches that something happens to, while there is a storm
    bad: float = 0.25

    @classmethod
    def drawn(cls, seed: int, *, hours: int = 5) -> Script:
        """Draw it."""
        dice = random.Random(seed)
        serial = count(1).__next__
        limited = dice.random() < 0.3
        told: list[Hour] = []
        for _ in range(hours):
            # what a limit holds may be held on one side only, so that nobody can work on it on both
            after_calm = not limited and (not told or told[-1].calm)
            deeds = tuple(drawn_deeds(dice, serial, calm=after_calm))
            told.append(
                Hour(
                    deeds,
                    tuple(drawn_hands(dice, serial)),
                    dice.choice((1, 1, 2, 3)),
                    dice.random() < 0.6,
                    dice.random() < 0.3,
                    dice.random() < 0.3,
                )
            )
        return cls(seed, tuple(told), limited, dice.random() < 0.5, dice.choice((2, 2, 3, 5)))


class World:
    """A town, its org and its state; ``disturbed`` or the twin."""

    def __init__(self, script: Script, url: str, *, disturbed: bool) -> None:
        """Settle in; the baseline is laid in calm."""
        self.script = script
        self.disturbed = disturbed
        self.gate = Gate(random.Random(script.seed + 1), T0)
        self.crm = FrailCrm(self.gate, unique_tasks=script.unique_tasks, batch=script.batch)
        self.gate.ticked = self.crm.tick
        self.town = Town(self.crm, LIMITS if script.limited else FREE)
        self.town.settle_in()
        self._url = url
        self._runs = count(1)

    # -- processes ---------------------------------------------------------------------------------

    def _in(self, slot: Slot, work: Callable[[GuardedStore, GuardedCrm, Slot], Any]) -> Any:
        """Work in a slot until it has been done, in as many lives as that takes."""
        while True:
            real = open_store(self._url, now=lambda: self.gate.now)
            try:
                return work(GuardedStore(self.gate, slot, real), GuardedCrm(self.gate, slot, self.crm), slot)
            except Crash:
                continue
            finally:
                real.close()

    def _alone(self, work: Callable[[GuardedStore, GuardedCrm, Slot], Any]) -> Any:
        (slot,) = self.gate.open("engine")
        try:
            return self._in(slot, work)
        finally:
            self.gate.close(slot)

    def _drain(self, store: GuardedStore, crm: GuardedCrm, slot: Slot) -> None:
        life = slot.life

        def sleep(seconds: float) -> None:
            self.gate.call(slot, life, "sleep", lambda _: self.gate.pass_time(timedelta(seconds=seconds)))

        drain = Drain(
            cast(Store, store),
            cast(Crm, crm),
            owner=slot.name,
            budget=Budget("crm", store.ledger, None, 0.5),
            patience=timedelta(seconds=60),
            clock=lambda: self.gate.now,
            sleep=sleep,
            timer=self._seconds,
        )
        drain.run(now=self.gate.now)

    def _seconds(self) -> float:
        return (self.gate.now - T0).total_seconds()

    def _send(self, senders: int) -> None:
        """Drain once with so many senders, each in a thread of its own and one call at a time."""
        slots = self.gate.open(*(f"sender{number}" for number in range(senders)))
        failures: list[BaseException] = []

        def live(slot: Slot) -> None:
            try:
                self._in(slot, self._drain)
            except BaseException as error:  # noqa: BLE001 - it goes on in the thread that waits
                failures.append(error)
            finally:
                self.gate.close(slot)

        threads = [threading.Thread(target=live, args=(slot,), name=slot.name) for slot in slots]
        if len(threads) == 1:
            live(*slots)  # a turn that is handed to another thread takes a while on a busy machine
            threads.clear()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _decide(self) -> None:
        now = self.gate.now

        def work(store: Any, crm: Any, _slot: Slot) -> None:
            decide_once(self.town, store, crm, now=now, run_id=f"r{next(self._runs)}")

        self._alone(work)

    def _approve(self) -> None:
        self._alone(lambda store, _crm, _slot: store.outbox.release(plan_id=None, held_by="limit", now=self.gate.now))

    # -- hours -------------------------------------------------------------------------------------

    def baseline(self) -> None:
        """Lay the mark: our own fields only."""
        self._decide()
        self._send(1)

    def hour(self, number: int, hour: Hour) -> None:
        """Live through one hour."""
        self._begin(number)
        for deed in hour.deeds:
            self.town.happen(deed, self.gate.now)
        if self.disturbed:
            self._stormy(hour)
            return
        if hour.approves:
            self._approve()
        self._decide()
        self._send(1)
        for deed in hour.hands:
            self.town.happen(deed, self.gate.now)

    def _begin(self, number: int) -> None:
        """Come to the hour's first instant, the same in both worlds."""
        self.gate.pass_time(max(T0 + HOUR * (number + 1) - self.gate.now, timedelta(0)))
        if self.gate.now != T0 + HOUR * (number + 1):
            raise RuntimeError(f"the hour before took too long: {self.gate.now}")

    def _stormy(self, hour: Hour) -> None:
        gate, crm = self.gate, self.crm
        gate.storm, crm.bad = _CRASHES, self.script.bad
        if hour.approves:
            self._approve()
        self._decide()
        waiting = list(hour.hands)
        beside = open_store(self._url, now=lambda: gate.now)

        def others() -> None:
            if waiting and gate.dice.random() < 0.05:
                self.town.happen(waiting.pop(0), gate.now)
            if hour.pauses and gate.dice.random() < 0.04:
                _throw(beside.switches, gate.now)

        gate.after_call = others
        try:
            for _ in range(_MOST_PASSES):
                self._send(hour.senders)
                gate.pass_time(timedelta(seconds=gate.dice.choice((1, 60, 240))))
                if not gate.storm or not self._waiting():
                    break
        finally:
            gate.after_call = lambda: None
            beside.close()
        gate.storm, crm.bad = 0, 0.0
        self._resume()
        for deed in waiting:
            self.town.happen(deed, gate.now)
        if hour.calm:
            self._calm_down()

    def _resume(self) -> None:
        store = open_store(self._url, now=lambda: self.gate.now)
        store.switches.resume("ann", self.gate.now)
        store.close()

    def _waiting(self) -> bool:
        store = open_store(self._url, now=lambda: self.gate.now)
        try:
            return bool(store.outbox.ids([RowState.TODO, RowState.DOING, RowState.UNKNOWN]))
        finally:
            store.close()

    def _calm_down(self) -> None:
        """Deliver what is left: a lost answer takes until the vendor can no longer be at work on it."""
        for _ in range(3):
            self._send(1)
            if not self._waiting():
                return
            self.gate.pass_time(timedelta(minutes=12))

    def quiet(self) -> Ending:
        """Let quiet hours go by, in which somebody approves what is held, and read what there is."""
        for number in range(_QUIET):
            self._begin(len(self.script.hours) + number)
            self._approve()
            self._decide()
            self._calm_down()
        store = open_store(self._url, now=lambda: self.gate.now)
        try:
            return ending_of(self.crm, store, self.town.fills)
        finally:
            store.close()


def _throw(switches: Switches, now: datetime) -> None:
    """Throw the switch, from another process that nothing happens to."""
    if switches.paused() is None:
        switches.pause("ann", now)
    else:
        switches.resume("ann", now)


def lived(script: Script, url: str, *, disturbed: bool) -> tuple[Ending, World]:
    """Live through a history."""
    world = World(script, url, disturbed=disturbed)
    with own_time(world.gate):
        world.baseline()
        for number, hour in enumerate(script.hours):
            world.hour(number, hour)
        return world.quiet(), world


@contextmanager
def own_time(gate: Gate) -> Iterator[None]:
    """Let senders' leases run on the world's clock, on which nobody renews them beside a call."""

    def clocks() -> tuple[float, float]:
        seconds = (gate.now - T0).total_seconds()
        return seconds, seconds

    with mock.patch.object(sender, "_clocks", clocks), mock.patch.object(sender, "RENEW_SECONDS", 3600.0):
        yield


@dataclass(slots=True)
class Campaign:
    """What many histories showed."""

    points: Points = field(default_factory=Points)
    histories: int = 0
    #: seed → what the judge says
    guilty: dict[int, list[str]] = field(default_factory=dict)

    def history(self, seed: int, fresh: Fresh, *, hours: int = 5, **changes: Any) -> list[str]:
        """Live through one history and its twin, and judge; ``changes`` to its script are for whoever wants it so."""
        script = replace(Script.drawn(seed, hours=hours), **changes)
        twin, _ = lived(script, fresh(), disturbed=False)
        ending, world = lived(script, fresh(), disturbed=True)
        self.histories += 1
        self.points.add(world.gate.points)
        found = complaints(ending, twin)
        if found:
            self.guilty[seed] = found
        return found


def main() -> None:
    """Crash, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="tell what there is after so long")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    words = parser.parse_args()
    campaign, began = Campaign(), time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory_disk()) as name, fresh_on(words.database, Path(name)) as fresh:
        for seed in count(words.seed * 1_000_000):
            late = time.monotonic() - began > words.minutes * 60
            if late or campaign.points.struck.total() >= words.points:
                break
            for line in campaign.history(seed, fresh):
                print(f"seed {seed}: {line}", flush=True)
    tell(campaign, words.seed, words.database)


def tell(campaign: Campaign, seed: int, database: str) -> None:
    """Print the figures."""
    points = campaign.points
    used = sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime for who in (0, -1))
    never = [place for place in points.reached if not points.struck[place] and not place[0].startswith("sleep")]
    print(f"{database}, seed {seed}: {campaign.histories} histories, {len(campaign.guilty)} guilty")
    print(f"{points.struck.total()} crash points of {points.reached.total()} places reached; {points.slept} sleepers")
    for (boundary, side), reached in sorted(points.reached.items()):
        print(f"  {boundary:32} {side:7} {points.struck[boundary, side]:6} of {reached}")
    print(
        f"never struck: {never or 'none'}; {used / 60:.1f} processor minutes (a PostgreSQL server's own are not in it)"
    )


if __name__ == "__main__":
    main()
