"""Let the daemon's jobs live through days of the orgs' clock, and watch what must stay small.

    python -m benchmarks.soak [--hours 72] [--people 200]

Local orgs run in a process of their own; this process is the connector: its house, its jobs, fired by the daemon's own
timetable on a clock that leaps from firing to firing. Buyers ask, visit and reply, and reps work on tasks, every other
hour. One line every six hours: memory, file descriptors, threads, the lake's files, the state's size, log lines.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from connector.bootstrap import open_house
from connector.daemon.clock import Clock
from connector.daemon.health import Health
from connector.daemon.jobs import Jobs
from connector.daemon.looks import JOBS
from connector.daemon.metrics import Metrics
from connector.daemon.serve import timetable
from connector.logs import log_step
from connector.pipeline.steps import StepDone
from connector.pipeline.turn import engine_turn

_CONFIG = """\
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}', calls_per_10s: 0,
     searches_per_second: 0}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: live
cutover: {{waived_by: ops, reason: local orgs, 'on': '2026-01-01'}}
limits: {{api_calls_per_day: {{salesforce: 1000000}}}}
schedule: {{source: 10m, crm: 30m, fast_lane: 5m, deliver: 5m, full_rescore: '02:00'}}
"""
_SIGNED = {"marketing: null": "marketing: M", "sales: null": "sales: S"}
_SIGNED |= {"approved_on: null": "approved_on: '2026-01-01'", "review_by: null": "review_by: '2099-01-01'"}


def handoff(folder: Path, *words: str) -> None:
    """Run a command in a folder, to its end."""
    subprocess.run([sys.executable, "-m", "connector", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program and our own words


@contextlib.contextmanager
def orgs(folder: Path, people: int) -> Iterator[dict[str, Any]]:
    """Run local orgs, and give their JSON line."""
    words = [sys.executable, "-m", "connector", "sandbox", "--dir", str(folder), "--people", str(people)]
    words += [f"--{vendor}-port=0" for vendor in ("salesforce", "hubspot", "marketo", "account-engagement", "mautic")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program and our own words
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)


class Town:
    """The orgs, and the people in and around them."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._urls = {vendor: ready[vendor]["url"] for vendor in ("hubspot", "salesforce")}
        self._token = ready["salesforce"]["access_token"]
        self._random = random.Random(1)
        with urllib.request.urlopen(f"{self._urls['hubspot']}/__sandbox__/snapshot", timeout=60) as answer:  # noqa: S310 - loopback
            records = json.load(answer)["records"]
        living = (record for record in records if record["object"] == "contacts" and not record["deleted"])
        emails = [record["fields"].get("email") for record in living]
        self._known = [email for email in emails if email and emails.count(email) == 1]
        self._strangers = 0

    def clock(self, at: datetime) -> None:
        """Move the orgs' clocks."""
        for vendor in self._urls:
            self._ask(vendor, "clock", {"at": at.isoformat()})

    def live(self) -> None:
        """Let somebody ask, somebody look around, and a rep finish a task."""
        self._strangers += 1
        known = self._random.sample(self._known, 3)
        acts: list[dict[str, Any]] = [
            {"do": "submit_form", "email": known[0], "form": "contact-us", "values": {}},
            {"do": "submit_form", "email": f"buyer{self._strangers}@new{self._strangers}-gmbh.de", "form": "contact-us",
             "values": {"firstname": "B", "lastname": f"Uyer{self._strangers}"}},
        ]  # fmt: skip
        acts += [{"do": "visit", "email": email, "path": "/pricing"} for email in known]
        self._ask("hubspot", "act", acts)
        for task in self._query("SELECT Id FROM Task WHERE Handoff_Key__c != null AND IsClosed = false LIMIT 1"):
            self._ask("salesforce", "act", [{"do": "complete_task", "id": task["Id"]}])

    def tasks(self) -> int:
        """Count the tasks of ours."""
        return len(self._query("SELECT Id FROM Task WHERE Handoff_Key__c != null"))

    def _query(self, soql: str) -> list[dict[str, Any]]:
        url = f"{self._urls['salesforce']}/services/data/v62.0/query?q={urllib.request.quote(soql)}"  # type: ignore[attr-defined]
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
            rows: list[dict[str, Any]] = json.load(answer)["records"]
        return rows

    def _ask(self, vendor: str, path: str, body: Any) -> None:
        request = urllib.request.Request(f"{self._urls[vendor]}/__sandbox__/{path}", data=json.dumps(body).encode())  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - loopback
            pass


class Watch:
    """What is counted and measured on the way."""

    def __init__(self, project: Path) -> None:
        self._var = project / "var"
        self.lines = 0
        self.cycles = 0

    def event(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        """Count a line of the log, and drop it."""
        self.lines += 1
        self.cycles += event["event"] == "job.done"
        raise structlog.DropEvent

    def figures(self, hours: float, tasks: int) -> dict[str, float]:
        """Measure this process and its folders."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        lake = [path.stat().st_size for path in (self._var / "lake").rglob("*.parquet")]
        return {
            "hours": hours,
            "cycles": self.cycles,
            "rss_mib": pages * resource.getpagesize() / 2**20,
            "fds": sum(1 for _ in Path("/proc/self/fd").iterdir()),
            "threads": threading.active_count(),
            "lake_files": len(lake),
            "lake_kib": sum(lake) / 1024,
            "state_kib": sum(path.stat().st_size for path in self._var.glob("handoff.db*")) / 1024,
            "lines": self.lines,
            "tasks": tasks,
        }


def soak(project: Path, town: Town, watch: Watch, hours: float) -> list[dict[str, float]]:
    """Live so many hours; give the figures of every sixth."""
    begin = now = datetime.now(UTC)
    state = {"now": begin}

    def seconds() -> float:
        return state["now"].timestamp()

    clock = Clock(lambda: state["now"], seconds)
    health = Health(clock.monotonic)
    found = []
    with contextlib.ExitStack() as stack:
        told: list[Metrics] = []

        def step(done: StepDone) -> None:
            log_step(done)
            told[0].step(done)

        house = stack.enter_context(open_house(project / "handoff.yaml", on_step=step))
        turn = stack.enter_context(engine_turn(house.store, house.engine.owner))
        metrics = Metrics(JOBS, ["hubspot", "salesforce"])
        told.append(metrics)
        house.engine.clock, house.engine.still_ours = clock.now, turn.renew
        jobs = Jobs(house, turn, clock, health, metrics, lambda: False)
        table = timetable(house.settings.schedule, "UTC")
        jobs.fire("crm")
        due = {name: trigger.get_next_fire_time(None, now) for name, trigger in table.items()}
        next_act, next_figures = begin + timedelta(hours=1), begin
        while now < begin + timedelta(hours=hours):
            now = min(due.values())
            state["now"] = now
            town.clock(now)
            if now >= next_act:
                town.live()
                next_act = now + timedelta(hours=2)
            for name in [name for name, at in due.items() if at <= now]:
                jobs.fire(name)
                assert jobs.fatal is None, jobs.fatal
                due[name] = table[name].get_next_fire_time(now, now + timedelta(microseconds=1))
            if now >= next_figures:
                metrics.exposition()
                found.append(watch.figures((now - begin) / timedelta(hours=1), town.tasks()))
                tell(found[-1])
                next_figures = now + timedelta(hours=6)
        ready, document = health.ready()
        assert ready, document
    return found


def tell(row: dict[str, float]) -> None:
    """Print one line of the table."""
    print("| " + " | ".join(f"{value:,.0f}" for value in row.values()) + " |", flush=True)


def main() -> None:
    """Make orgs and a project, live, and hold the end to the beginning."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--hours", type=float, default=72)
    words.add_argument("--people", type=int, default=200)
    asked = words.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, orgs(Path(name) / "orgs", asked.people) as ready:
        handoff(Path(name), "init", "project")
        project = Path(name) / "project"
        urls = {vendor: ready[vendor]["url"] for vendor in ("hubspot", "salesforce")}
        (project / "handoff.yaml").write_text(_CONFIG.format(**urls), encoding="utf-8")
        path = project / "mappings" / "default" / "lifecycle.yaml"
        text = path.read_text("utf-8")
        for null, signed in _SIGNED.items():
            text = text.replace(null, signed)
        path.write_text(text, encoding="utf-8")
        os.environ["HUBSPOT_TOKEN"] = ready["hubspot"]["token"]
        os.environ["SF_TOKEN"] = ready["salesforce"]["access_token"]
        handoff(project, "provision")
        watch = Watch(project)
        structlog.configure(processors=[watch.event])
        print("| hours | cycles | RSS MiB | fds | threads | lake files | lake KiB | state KiB | log lines | tasks |")
        print("| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |")
        rows = soak(project, Town(ready), watch, asked.hours)
    cpu = time.process_time()
    print(
        f"\n{asked.hours:g} hours in {time.monotonic() - started:.0f} s, {cpu:.0f} s of this process's processor time"
    )
    middle, last = rows[len(rows) // 3], rows[-1]
    assert last["rss_mib"] < middle["rss_mib"] + 32, "memory grows"
    assert last["fds"] <= middle["fds"] + 5, "file descriptors grow"
    assert last["threads"] <= middle["threads"] + 2, "threads grow"


if __name__ == "__main__":
    main()
