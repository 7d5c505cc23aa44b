"""What `/livez` and `/readyz` answer: whether the daemon goes on, and whether it does its work; no people in it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.errors import HandoffError

#: the scheduler beats every few seconds; without a beat for this long it hangs
SILENT_SECONDS = 60.0
#: a job that neither reads a page, sends a batch nor ends a step for this long hangs; scoring millions takes minutes
STUCK_SECONDS = 1800.0
#: less room than this on the lake's disk, and the next page may not fit
_ROOM_BYTES = 64 << 20
#: an answer of the state is believed this long, however many ask
_BELIEVED_SECONDS = 2.0

Answer = tuple[bool, dict[str, Any]]


@dataclass(slots=True)
class _Job:
    name: str
    began: float
    moved: float


@dataclass
class Health:
    """What the daemon's threads tell, and what is looked at when somebody asks. Safe from every thread.

    Attributes:
        monotonic: seconds on a clock that is never set.
        look_at_state: raises when the state does not answer or is not ours.
        lake: the lake's folder, which may not exist yet.
    """

    monotonic: Callable[[], float]
    look_at_state: Callable[[], None] = lambda: None
    lake: Path = Path()
    #: held | standing by | starting
    engine: str = "starting"
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _beat: float | None = field(default=None, init=False)
    _job: _Job | None = field(default=None, init=False)
    _verdict: str = field(default="", init=False)
    _failing: dict[str, str] = field(default_factory=dict, init=False)
    _silent: tuple[str, ...] = field(default=(), init=False)
    _state: tuple[float, dict[str, Any]] | None = field(default=None, init=False)

    # -- told by the daemon ------------------------------------------------------------------------

    def beat(self) -> None:
        """Note that the scheduler fires jobs."""
        self._beat = self.monotonic()

    def moved(self) -> None:
        """Note that the job in hand has got on: a page, a batch, a step."""
        job = self._job
        if job is not None:
            job.moved = self.monotonic()

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Watch a job for the length of the block."""
        now = self.monotonic()
        self._job = _Job(name, now, now)
        try:
            yield
        finally:
            self._job = None

    def ended(
        self, names: Sequence[str], *, verdict: str = "", code: str = "", silent: Sequence[str] | None = None
    ) -> None:
        """Note how a job and those it stood in for ended: a verdict, or the code of what failed; and what is silent."""
        with self._lock:
            for name in names:
                self._failing.pop(name, None)
            if silent is not None:
                self._silent = tuple(silent)
            if code:
                self._failing[names[0]] = code
            elif verdict:
                self._verdict = verdict

    # -- asked by others ---------------------------------------------------------------------------

    def live(self) -> Answer:
        """Say whether the daemon goes on; if not, only a restart helps."""
        now = self.monotonic()
        job = self._job
        silent = 0.0 if self._beat is None else now - self._beat
        checks = {"scheduler": _check(silent <= SILENT_SECONDS, f"no job was fired for {silent:.0f} s")}
        if job is not None:
            still = now - job.moved
            checks["job"] = {
                **_check(still <= STUCK_SECONDS, f"{job.name} has not moved for {still:.0f} s"),
                "name": job.name,
                "seconds": round(now - job.began, 1),
            }
        return _answer("alive", checks)

    def ready(self) -> Answer:
        """Say whether the daemon does its work, and what keeps it from it."""
        with self._lock:
            verdict, failing, silent = self._verdict, dict(self._failing), self._silent
        reasons = ", ".join(f"{name}: {code}" for name, code in sorted(failing.items()))
        if not verdict and not failing:
            # Who stands by has no cycles of its own.
            reasons = "" if self.engine == "standing by" else "the first cycle has not ended"
        elif verdict == "red" and not failing and silent:
            reasons = "; ".join(silent)
        elif verdict == "red" and not failing:
            reasons = "the last cycle was red; `handoff status` and `handoff outbox list` say why"
        checks = {
            "state": self._look(),
            "engine": {**_check(self.engine != "starting", "the daemon is starting"), "turn": self.engine},
            "lake": _room(self.lake),
            "cycle": {**_check(not reasons, reasons), "verdict": verdict or None},
        }
        return _answer("ready", checks)

    def _look(self) -> dict[str, Any]:
        known = self._state
        now = self.monotonic()
        if known is not None and now - known[0] < _BELIEVED_SECONDS:
            return known[1]
        try:
            self.look_at_state()
        except HandoffError as error:
            found = _check(False, f"{error.code}: {error.message}")
        else:
            found = _check(True, "")
        self._state = (now, found)
        return found


def _check(ok: bool, reason: str) -> dict[str, Any]:
    return {"ok": True} if ok else {"ok": False, "reason": reason}


def _answer(word: str, checks: dict[str, dict[str, Any]]) -> Answer:
    ok = all(check["ok"] for check in checks.values())
    return ok, {word: ok, "checks": checks}


def _room(folder: Path) -> dict[str, Any]:
    """Look whether files can be put into a folder, or into the nearest one above it that is there."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), Path("/"))
    if not os.access(there, os.W_OK | os.X_OK):
        return _check(False, "the lake's folder may not be written")
    free = shutil.disk_usage(there).free
    return _check(free >= _ROOM_BYTES, f"the lake's disk has {free >> 20} MiB left")
