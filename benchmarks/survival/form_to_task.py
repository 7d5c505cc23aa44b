"""From a buyer's form to the task in the CRM, while a crowd does other things.

    python -m benchmarks.survival.form_to_task --people 100000 --minutes 6 [--folder DIR] [--events 50] [--poll 5s]

Local orgs run in a process of their own, and so does ``handoff run``. Before the clock runs everything has been loaded
once and the baseline is set. Then so many events a second happen in marketing, and every other second somebody fills in
the contact form. A form's instant is taken before it is sent to the org; a task's is taken by a watcher that looks into
the org's own file every tenth of a second, without asking the org anything: so each time is at most that much too long.
With ``--folder`` the loaded town stays there for further runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.survival.loaded_town import Town, town_of

LOOK_SECONDS = 0.1
#: what the crowd does, and how often of a hundred
_PATHS = ("/", "/pricing", "/demo", "/products/crm", "/docs/start", "/customers/acme", "/careers", "/blog/handover")


class Crowd(threading.Thread):
    """Does so many things a second, and asks for sales every other second."""

    def __init__(self, town: Town, *, events: int, pause: float, accounts: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._town, self._events, self._pause, self._accounts = town, events, pause, accounts
        self._dice = random.Random(seed)
        self._known = _addresses(town.folder)
        self._buyers = self._dice.sample(self._known, min(4000, len(self._known)))
        self.done = threading.Event()
        #: address → instant of the form (seconds since 1970)
        self.forms: dict[str, float] = {}
        self.acts = 0
        self.late = 0.0

    def run(self) -> None:
        """Act once a second, forms at instants of their own."""
        began = time.monotonic()
        next_form = began + self._dice.random() * self._pause
        seconds_each = 3600 / self._accounts if self._accounts else float("inf")
        for second in range(1_000_000):
            if self.done.is_set():
                return
            acts = [self._deed() for _ in range(self._events)]
            if acts:
                self._town.ask("hubspot", "act", acts)
                self.acts += len(acts)
            if int((second + 1) / seconds_each) > int(second / seconds_each):
                self._account()
            ends = began + second + 1
            self.late = max(self.late, time.monotonic() - ends)
            while (wait := min(next_form, ends) - time.monotonic()) > 0 or next_form < ends:
                if wait > 0:
                    time.sleep(wait)
                if next_form <= time.monotonic() and next_form < ends:
                    self._form()
                    next_form += self._pause * (0.5 + self._dice.random())

    def _form(self) -> None:
        address = self._buyers.pop()
        # taken before the org hears of it: what the org itself needs for a form counts as well
        self.forms[address] = time.time()
        form = {"do": "submit_form", "email": address, "form": "contact-us", "values": {}}
        self._town.ask("hubspot", "act", [form])

    def _account(self) -> None:
        values = {"Name": f"Newcomer {self._dice.randrange(10**9)} Ltd"}
        self._town.ask("salesforce", "act", [{"do": "create", "object": "Account", "values": values}])

    def _deed(self) -> dict[str, Any]:
        address = self._dice.choice(self._known)
        if self._dice.random() < 0.02:
            return {"do": "download", "email": address, "asset": "buyers-guide"}
        return {"do": "visit", "email": address, "path": self._dice.choice(_PATHS)}


def _database(folder: Path, vendor: str) -> sqlite3.Connection:
    """Open an org's own file beside the org; nothing is written."""
    found = [path for path in (folder / "orgs" / vendor).iterdir() if path.suffix in {".db", ".sqlite"}]
    return sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True, timeout=30)


def _addresses(folder: Path) -> list[str]:
    """List who can be told apart in marketing by address, and may be called."""
    seen: dict[str, int] = defaultdict(int)
    with contextlib.closing(_database(folder, "hubspot")) as file:
        for (doc,) in file.execute("SELECT doc FROM record WHERE obj = 'contacts' AND doc IS NOT NULL ORDER BY id"):
            values, *_, deleted, _held = json.loads(doc)
            address = values.get("email", "").lower()
            if address and not deleted and values.get("hs_email_optout") != "true":
                seen[address] += 1
    return [address for address, count in seen.items() if count == 1]


class Watcher(threading.Thread):
    """Notes when tasks of ours turn up in the CRM's own file, and whom they are about."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self.done = threading.Event()
        #: address → instant of the first task (seconds since 1970)
        self.tasks: dict[str, float] = {}
        #: the longest time between two looks: by so much an instant may be too late
        self.blind = 0.0

    def run(self) -> None:
        """Look until told to end."""
        with contextlib.closing(_database(self._folder, "salesforce")) as file:
            (last,) = file.execute("SELECT coalesce(max(id), '') FROM record WHERE obj = 'Task'").fetchone()
            before = time.time()
            while not self.done.wait(LOOK_SECONDS):
                query = "SELECT id, doc FROM record WHERE obj = 'Task' AND id > ? ORDER BY id"
                found = file.execute(query, (last,)).fetchall()
                at = time.time()
                self.blind, before = max(self.blind, at - before), at
                for id_, doc in found:
                    last = id_
                    values = json.loads(doc)[0]
                    if values.get("Handoff_Rule__c") == "contact-us":
                        self.tasks.setdefault(_address_of(file, values["WhoId"]), at)


def _address_of(file: sqlite3.Connection, who: str) -> str:
    row = file.execute("SELECT doc FROM record WHERE obj IN ('Lead', 'Contact') AND id = ?", (who,)).fetchone()
    return str(json.loads(row[0])[0].get("Email", "")).lower() if row else ""


@dataclass
class Log:
    """What the daemon said of its cycles."""

    path: Path
    jobs: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def read(self) -> None:
        """Read it anew."""
        self.jobs.clear()
        self.steps.clear()
        for line in self.path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if said.get("event") == "job.done":
                    self.jobs.append(said)
                elif said.get("event") == "step":
                    self.steps[said["run"]].append(said)


def cpu_seconds(pid: int) -> float:
    """Give the processor time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def live(town: Town, asked: argparse.Namespace) -> None:
    """Let the daemon work, the crowd act, and tell what came of it."""
    town.configure(poll=asked.poll, source=asked.source, pace="")
    said = town.folder / "daemon.log"
    with said.open("w") as log:
        command = [sys.executable, "-m", "connector", "run"]
        environment = town.environment()
        streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": log, "start_new_session": True}
        daemon = subprocess.Popen(command, cwd=town.project, env=environment, **streams)
        try:
            heard = Log(said)
            _until(lambda: _looked(heard), daemon, minutes=asked.patience)
            settled = len(heard.jobs)
            crowd = Crowd(town, events=asked.events, pause=asked.pause, accounts=asked.accounts, seed=asked.seed)
            watcher = Watcher(town.folder)
            before = [cpu_seconds(one) for one in (daemon.pid, town.process.pid)]
            began = time.monotonic()
            watcher.start()
            crowd.start()
            time.sleep(asked.minutes * 60)
            crowd.done.set()
            crowd.join()
            spent = time.monotonic() - began
            after = [cpu_seconds(one) for one in (daemon.pid, town.process.pid)]
            with contextlib.suppress(TimeoutError):
                _until(lambda: set(crowd.forms) <= set(watcher.tasks), daemon, minutes=asked.grace)
            watcher.done.set()
            watcher.join()
            heard.read()
        finally:
            daemon.terminate()
            daemon.wait(timeout=60)
    _tell_times(crowd, watcher, spent)
    _tell_missing(town, sorted(set(crowd.forms) - set(watcher.tasks)))
    shares = [(end - start) / spent for start, end in zip(before, after, strict=True)]
    print(
        f"processor: connector {shares[0]:.2f} of a core, orgs {shares[1]:.2f} of a core; load {os.getloadavg()[0]:.1f}"
    )
    _tell_cycles(heard, heard.jobs[settled:])


def _looked(heard: Log) -> bool:
    heard.read()
    return any(job["job"] == "crm" for job in heard.jobs)


def _until(done: Any, daemon: subprocess.Popen[bytes], *, minutes: float) -> None:
    end = time.monotonic() + minutes * 60
    while not done():
        if daemon.poll() is not None:
            raise SystemExit(f"the daemon ended with {daemon.returncode}")
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.5)


def _tell_times(crowd: Crowd, watcher: Watcher, spent: float) -> None:
    waits = sorted(watcher.tasks[who] - at for who, at in crowd.forms.items() if who in watcher.tasks)
    missing = len(crowd.forms) - len(waits)
    rate = crowd.acts / spent
    print(
        f"{len(crowd.forms)} forms, {missing} without a task; {rate:.1f} events/s, the crowd late by {crowd.late:.1f} s"
    )
    if waits:
        p50, p99 = median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))]
        print(f"form to task: p50 {p50:.2f} s, p99 {p99:.2f} s, longest {waits[-1]:.2f} s; looked every "
              f"{LOOK_SECONDS:g} s, at the rarest {watcher.blind:.2f} s")  # fmt: skip


def _tell_missing(town: Town, addresses: Sequence[str]) -> None:
    """Say why somebody who asked got no task, as ``handoff explain`` has it."""
    for address in addresses:
        told = json.loads(town.handoff(town.project, "explain", address, "--json"))
        stage = told["stage"] or {}
        called = any(task["rule"] == "contact-us" for task in told["tasks"] or ())
        why = "has an open task from before" if called else f"disposition {stage.get('disposition')}"
        why += ", several records could be this person" if told["identity"]["in_review"] else ""
        print(f"no task for {address}: {why}, stage {stage.get('stage')}")


def _tell_cycles(heard: Log, jobs: Sequence[dict[str, Any]]) -> None:
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        decided = any(step["step"] == "store" for step in heard.steps[job["run"]])
        by_kind[f"{job['job']}, {'decided' if decided else 'nothing came or stood aside'}"].append(job)
    print("\n| cycles | how many | seconds, median | longest | pull | score | write | touched, median |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    for kind, each in sorted(by_kind.items()):
        parts = [median(job["seconds"][part] for job in each) for part in ("pull", "score", "write")]
        totals = sorted(job["seconds"]["total"] for job in each)
        steps = [step for job in each for step in heard.steps[job["run"]] if step["step"] == "identify"]
        touched = median([step["counts"].get("touched", 0) for step in steps] or [0])
        row = [f"{len(each)}", *(f"{value:.2f}" for value in (median(totals), totals[-1], *parts)), f"{touched:.0f}"]
        print(f"| {kind} | {' | '.join(row)} |")
    fast = [job["run"] for job in by_kind.get("fast_lane, decided", ())]
    named: dict[str, list[float]] = defaultdict(list)
    for run in fast:
        for step in heard.steps[run]:
            named[step["step"]].append(step["seconds"])
    words = ", ".join(f"{name} {median(each):.2f}" for name, each in named.items())
    print(f"\nin a cycle of the fast lane, seconds, median: {words}")


def main() -> None:
    """Load a town, or take one that is loaded, and live in it."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--people", type=int, default=100_000)
    words.add_argument("--minutes", type=float, default=6)
    words.add_argument("--events", type=int, default=50, help="of the crowd, a second")
    words.add_argument("--pause", type=float, default=2, help="seconds between two forms, on average")
    words.add_argument("--accounts", type=float, default=0, help="that come in the CRM, an hour")
    words.add_argument("--poll", default="5s", help="between two looks at forms")
    words.add_argument("--source", default="60s", help="between two looks at all of marketing")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--folder", type=Path, default=None, help="where the loaded town is, or is to stay")
    words.add_argument("--grace", type=float, default=2, help="minutes for the last tasks to come")
    words.add_argument("--patience", type=float, default=30, help="minutes for the daemon's first look")
    asked = words.parse_args()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        said = f"{asked.people:,} people, {asked.events} events/s, a form every {asked.pause:g} s, poll {asked.poll}"
        said += f", all of marketing every {asked.source}, {asked.accounts:g} new accounts an hour"
        print(f"{said}, seed {asked.seed}", flush=True)
        live(stack.enter_context(town_of(folder, asked.people)), asked)


if __name__ == "__main__":
    main()
