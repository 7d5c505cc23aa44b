"""Two daemons on one PostgreSQL that live by a set clock, and what is done to them while they work."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.survival.boundaries import Order, Watch
from benchmarks.survival.commands import Started
from benchmarks.survival.place import Place
from benchmarks.survival.set_clock import write_clock

#: leases of turn and senders; by default both run eight seconds
LEASE_SECONDS = 3.0
_PATIENCE_SECONDS = 240.0
#: by then the vendor can no longer be at work on what a killed sender had sent, and newer wishes go
_LATER = timedelta(minutes=12)
_LOOKS = ("crm", "full_rescore")
#: where somebody is ended: around requests that write, around what is committed, anywhere
_MATCHES = ("POST", "after POST", "commit", "")


@dataclass(slots=True)
class Replica:
    """One daemon and the next one in its place."""

    place: Place
    number: int
    process: Started | None = None
    #: when to continue it, or to start it anew
    due: float | None = None
    _read: int = 0

    @property
    def orders(self) -> Path:
        """The file in which it is told where to end."""
        return self.place.folder / f"orders-{self.number}"

    def start(self, clock: Path) -> None:
        """Start it."""
        watch = Watch(
            turn_seconds=LEASE_SECONDS,
            sender_seconds=LEASE_SECONDS,
            clock=str(clock),
            orders=str(self.orders),
            reads=True,
        )
        self.process = self.place.start("run", watch=watch)
        self.due, self._read = None, 0

    def signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.signal(signal.Signals(number))

    def news(self) -> list[dict[str, Any]]:
        """Give what it has logged since the last look."""
        if self.process is None or not self.process.err.exists():
            return []
        with self.process.err.open(encoding="utf-8") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole.encode())
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


@dataclass(slots=True)
class Pair:
    """Two replicas and the clock they live by."""

    place: Place
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    replicas: list[Replica] = field(init=False)

    def __post_init__(self) -> None:
        """Make both, not yet at work."""
        self.replicas = [Replica(self.place, number) for number in (1, 2)]

    @property
    def clock(self) -> Path:
        """The file of the instant."""
        return self.place.folder / "clock"

    def start(self, at: datetime) -> None:
        """Start both."""
        write_clock(self.clock, at)
        for replica in self.replicas:
            replica.start(self.clock)

    def stop(self) -> None:
        """End both."""
        for replica in self.replicas:
            if replica.process is not None:
                replica.signal(signal.SIGKILL)
                replica.process.wait()
                replica.process = None

    def live(self, at: datetime, *, meanwhile: Callable[[], object]) -> datetime | None:
        """Let the clock move on and disturb both until all that was planned has happened; then wait until all is quiet.

        Say when it became quiet, at ``at`` or later, or None. ``meanwhile`` is what people do beside them, at a moment
        of the dice.
        """
        plans = self._plans()
        write_clock(self.clock, at)
        began = time.monotonic()
        acts_at: float | None = began + self.dice.uniform(0.0, 3.0)
        strikes = sorted(began + self.dice.uniform(0.2, 4.0) for _ in range(plans))
        patience_ends = began + self.dice.uniform(5.0, 8.0)
        while True:
            now = time.monotonic()
            stopped = self._mind(now)
            if acts_at is not None and (now >= acts_at or stopped):
                meanwhile()
                acts_at = None
            while strikes and now >= strikes[0]:
                self._strike(self.dice.choice(self.replicas))
                strikes.pop(0)
            ordered = any(replica.orders.exists() for replica in self.replicas)
            if acts_at is None and not strikes and not self._in_trouble() and (not ordered or now > patience_ends):
                break
            if now > began + _PATIENCE_SECONDS:
                return None
            time.sleep(0.03)
        return self._quiet(at)

    def _plans(self) -> int:
        """Tell each where to end, or nothing; give how many signals shall come out of the blue besides."""
        for replica in self.replicas:
            if self.dice.random() < 0.6:
                by = self.dice.choice((signal.SIGKILL, signal.SIGSTOP))
                match = self.dice.choice(_MATCHES)
                count = self.dice.randint(1, 6 if "POST" in match else 30)
                Order(match, count, by).give(replica.orders)
        return self.dice.choice((0, 0, 1, 2))

    def _strike(self, replica: Replica) -> None:
        replica.signal(self.dice.choice((signal.SIGKILL, signal.SIGSTOP)))

    def _in_trouble(self) -> bool:
        return any(replica.due is not None for replica in self.replicas)

    def _mind(self, now: float) -> bool:
        """Wake up who was stopped and replace who is gone, when it is time; say whether one was stopped just now."""
        noticed = False
        for replica in self.replicas:
            assert replica.process is not None
            state = replica.process.state()
            if replica.due is None:
                if state == "T":
                    self.counts["stopped"] += 1
                    replica.due = now + self.dice.uniform(0.3, 2.2) * LEASE_SECONDS
                    noticed = True
                elif state in ("Z", ""):
                    done = replica.process.wait()
                    self.counts["killed" if done.code == -signal.SIGKILL else f"ended with {done.code}"] += 1
                    replica.due = now + self.dice.uniform(0.0, 1.5) * LEASE_SECONDS
            elif now >= replica.due:
                if state == "T":
                    replica.due = None
                    replica.signal(signal.SIGCONT)
                else:
                    replica.start(self.clock)
        return noticed

    def _quiet(self, at: datetime) -> datetime | None:
        """Let the leader look until a look finds nothing more to do; say at which instant it came to that.

        Where all that is left waits, because a sender was killed with an update of the same record on the wire, the
        clock goes on until it may go.
        """
        latest = at + _LATER
        for replica in self.replicas:
            replica.orders.unlink(missing_ok=True)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        asked = 0.0
        while time.monotonic() < deadline:
            now = time.monotonic()
            self._mind(now)
            for line in [line for replica in self.replicas for line in replica.news()]:
                self._note(line)
                if line["event"] != "job.done" or line["job"] not in _LOOKS or now - line["seconds"]["total"] < asked:
                    continue
                if asked and not line["code"] and line["verdict"] == "green" and not line["writes"]["planned"]:
                    return at
                if asked and line["writes"]["planned"] == line["writes"]["held"] > 0 and at < latest:
                    at = latest
                    self.place.clock(at)
                    self.counts["waited for what was on the wire"] += 1
                asked = 0.0
            if not asked:
                write_clock(self.clock, at)
                asked = time.monotonic()
            elif now - asked > 20.0:
                asked = 0.0  # nobody led at that moment, or the look failed
            time.sleep(0.05)
        return None

    def _note(self, line: dict[str, Any]) -> None:
        if line["event"] in ("engine.taken_over", "engine.retaken", "engine.lost", "sender.outdated", "job.crashed"):
            self.counts[line["event"]] += 1
        elif line["event"] == "job.done" and line["job"] == "deliver":
            self.counts["delivered apart from a look"] += 1
        elif line["event"] == "job.failed":
            self.counts[f"job.failed {line['code']}"] += 1
