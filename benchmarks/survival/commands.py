"""Runs commands of the connector: each in a process of its own, forked from one that has imported everything."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.survival.boundaries import Watch

_FORGE = "benchmarks.survival.forge"
_POLL_SECONDS = 0.01


def processor_seconds() -> float:
    """Give what this process and all those that ended below it have used; commands count once their forge has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def on_this_machine(seconds: float) -> float:
    """Give what a promise of so many seconds comes to where more processes want the processors than there are."""
    return seconds * max(1.0, max(os.getloadavg()) / (os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: exit code (negative: the signal that killed it), standard output and error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(slots=True)
class Started:
    """A command at work."""

    pid: int
    out: Path
    err: Path
    commands: Commands

    def wait(self) -> Done:
        """Wait for its end."""
        return self.commands.wait(self)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def state(self) -> str:
        """Say how it is, in the letter of /proc: ``T`` is stopped, ``Z`` has ended; empty once it is gone."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return ""

    def errors(self) -> str:
        """Give what stands on its standard error so far."""
        return self.err.read_text(encoding="utf-8")


@dataclass(slots=True)
class Commands:
    """The door to the forge (``forge.py``)."""

    _process: subprocess.Popen[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", _FORGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # the root stands on the path only where pytest itself found the packages there, not in a wheel
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def start(
        self,
        words: list[str],
        *,
        folder: Path,
        env: dict[str, str],
        watch: Watch | None = None,
    ) -> Started:
        """Start a command in a folder, with a watch around it or none."""
        with self._lock:
            self._count += 1
            out, err = folder / f"out-{self._count}.txt", folder / f"err-{self._count}.txt"
        order = {
            "words": words,
            "folder": str(folder),
            "env": env,
            "out": str(out),
            "err": str(err),
            "watch": None if watch is None else asdict(watch),
        }
        return Started(self._ask(order)["pid"], out, err, self)

    def wait(self, started: Started) -> Done:
        while (code := self._ask({"wait": started.pid})["code"]) is None:
            time.sleep(_POLL_SECONDS)
        done = Done(code, started.out.read_text(encoding="utf-8"), started.err.read_text(encoding="utf-8"))
        started.out.unlink()
        started.err.unlink()
        return done

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer
