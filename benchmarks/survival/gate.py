"""One port call at a time, whichever thread makes it; before and after each of them the process may end or fall asleep.

A process is a *slot* of the gate. Ending it (``Crash``) makes every further call of the same life fail as well, from
whatever thread it comes: nothing that a ``finally`` would still like to say gets out, as after a ``kill -9``. The next
life in the slot opens the state anew. Which slot goes on, and when, is drawn by a seeded die alone: a second run of the
same seed walks the same steps.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Side = Literal["before", "amid", "after"]
#: a call takes this long on the clock of the world
_CALL = timedelta(milliseconds=50)
#: nobody waits so long in real time for a turn but a campaign that hangs
_PATIENCE_SECONDS = 120.0
#: calls that are rare in a history and are struck more often for it
_RARE = frozenset(
    {"crm.apply", "outbox.turn", "crm.find_applied", "outbox.settle", "knowledge.commit_decisions", "outbox.hold"}
)


class Crash(BaseException):
    """The process is gone."""


class Hung(RuntimeError):
    """Nobody got a turn: the campaign itself is broken."""


@dataclass(slots=True)
class Points:
    """What was reached and what was struck: (boundary, side) → how often; ``struck`` are distinct occurrences."""

    reached: Counter[tuple[str, Side]] = field(default_factory=Counter)
    struck: Counter[tuple[str, Side]] = field(default_factory=Counter)
    slept: int = 0

    def add(self, other: Points) -> None:
        """Take over another history's; its occurrences are others, for so is its seed."""
        self.reached += other.reached
        self.struck += other.struck
        self.slept += other.slept


@dataclass(eq=False, slots=True)
class Slot:
    """Where one process after the other lives."""

    name: str
    life: int = 0
    #: calls of others that go by before it wakes up
    sleeps: int = 0
    #: how far the clock has gone on by then
    jump: timedelta = timedelta(0)


class Gate:
    """The turnstile, the die and the world's clock."""

    def __init__(self, dice: random.Random, now: datetime) -> None:
        """Begin calm, at ``now``."""
        self.dice = dice
        self.now = now
        self.points = Points()
        #: crashes and sleeps still to come; 0 is calm
        self.storm = 0
        self.sleepy = True
        #: told after every call, while nobody else may make one
        self.after_call: Callable[[], None] = lambda: None
        #: told whenever the clock has gone on
        self.ticked: Callable[[], None] = lambda: None
        self._free = threading.Condition()
        self._slots: list[Slot] = []
        self._holder: Slot | None = None
        self._quota = 0

    def pass_time(self, span: timedelta) -> None:
        """Let the clock go on."""
        self.now += span
        self.ticked()

    def open(self, *names: str) -> list[Slot]:
        """Make slots; the first call may come from any of them."""
        with self._free:
            slots = [Slot(name) for name in names]
            self._slots += slots
            self._hand_on()
        return slots

    def close(self, slot: Slot) -> None:
        """Take a slot away."""
        with self._free:
            slot.life += 1
            self._slots.remove(slot)
            self._hand_on()

    def call(self, slot: Slot, life: int, boundary: str, effect: Callable[[Crasher], Any]) -> Any:
        """Make one call when the slot's turn has come.

        Raises:
            Crash: this life has ended, now or before.
        """
        with self._free:
            self._await(slot, life)
            try:
                self._point(slot, boundary, "before")
                result = effect(lambda: self._strike(slot, boundary, "amid"))
                self._point(slot, boundary, "after")
            finally:
                self.pass_time(_CALL)
                self.after_call()
                self._step(slot)
            return result

    def _await(self, slot: Slot, life: int) -> None:
        if not self._free.wait_for(lambda: slot.life != life or self._holder is slot, _PATIENCE_SECONDS):
            raise Hung(f"{slot.name} waited in vain")
        if slot.life != life:
            raise Crash

    def _point(self, slot: Slot, boundary: str, side: Side) -> None:
        if self._strike(slot, boundary, side):
            slot.life += 1
            raise Crash
        if self.storm and self.sleepy and boundary in _RARE and self.dice.random() < 0.05:
            self.points.slept += 1
            slot.sleeps = self.dice.randint(3, 40)
            slot.jump = timedelta(seconds=self.dice.choice((0, 5, 20, 700)))
            life = slot.life
            self._step(slot)
            self._await(slot, life)

    def _strike(self, slot: Slot, boundary: str, side: Side) -> bool:
        """Say whether the process ends here; every place where it could is counted."""
        place = (boundary, side)
        self.points.reached[place] += 1
        odds = 0.4 if side == "amid" else 0.25 if boundary in _RARE else 0.07
        if not self.storm or slot.life < 0 or self.dice.random() >= odds:
            return False
        self.storm -= 1
        self.points.struck[place] += 1
        return True

    def _step(self, slot: Slot) -> None:
        for other in self._slots:
            if other is not slot and other.sleeps:
                self._doze(other)
        self._quota -= 1
        if self._quota <= 0 or slot.sleeps:
            self._hand_on()

    def _doze(self, slot: Slot) -> None:
        slot.sleeps -= 1
        if not slot.sleeps:
            self.pass_time(slot.jump)
            slot.jump = timedelta(0)

    def _hand_on(self) -> None:
        while self._slots and all(slot.sleeps for slot in self._slots):
            self._doze(self._slots[0])
        awake = [slot for slot in self._slots if not slot.sleeps]
        self._holder = self.dice.choice(awake) if awake else None
        self._quota = self.dice.randint(1, 9)
        self._free.notify_all()


#: asked in the middle of an effect: whether the process ends there
Crasher = Callable[[], bool]


class Guarded:
    """An object whose every method is a port call; what it gives piece by piece is read at once."""

    def __init__(self, gate: Gate, slot: Slot, part: str, real: Any) -> None:
        """Guard ``real`` for the slot's present life."""
        self._gate, self._slot, self._life = gate, slot, slot.life
        self._part = part
        self._real = real

    def __getattr__(self, name: str) -> Any:
        """Give a guarded method, or what is no method as it is."""
        found = getattr(self._real, name)
        if not callable(found):
            return found
        boundary = f"{self._part}.{name}"

        def guarded(*words: Any, **named: Any) -> Any:
            def effect(_crasher: Crasher) -> Any:
                result = found(*words, **named)
                self._answered()
                return iter(list(result)) if isinstance(result, Iterator) else result

            return self._gate.call(self._slot, self._life, boundary, effect)

        return guarded

    def _answered(self) -> None:
        """Take note that a call has taken effect."""


#: parts of a store whose methods are port calls
_PARTS = (
    *("outbox", "knowledge", "switches", "ledger", "runs", "manifest", "versions", "past", "quarantine", "journal"),
    "task_times",
)


class GuardedStore:
    """A store of one life of a slot."""

    outbox: Any
    ledger: Any

    def __init__(self, gate: Gate, slot: Slot, real: Any) -> None:
        """Guard every part."""
        self.real = real
        self.shared = real.shared
        self.check = real.check
        self.close = real.close
        for name in _PARTS:
            setattr(self, name, Guarded(gate, slot, name, getattr(real, name)))
