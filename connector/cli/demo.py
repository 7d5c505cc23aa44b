"""The whole job on local orgs, told step by step: what ``make demo`` runs.

Every step is the command a person would type, run as its own process against the sandbox, so that what is shown is
what the program does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from connector.cli.output import console
from connector.errors import AdapterFault, ConfigError

_CONFIG = """\
# The demo's own configuration: both systems are on loopback.
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}'}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: live
cutover: {{waived_by: the demo, reason: local orgs only, 'on': '{today}'}}
"""


class Demo:
    """One showing of the demo in one folder."""

    def __init__(self, folder: Path, people: int, screen: Console) -> None:
        self._folder = folder
        self._people = people
        self._screen = screen
        # A Tuesday morning, so that the pools' hours do not push what a newcomer wants to see to the next day.
        self._now = _tuesday_before(datetime.now(UTC))
        self._orgs: dict[str, Any] = {}
        self._spent: dict[str, tuple[int, int]] = {"hubspot": (0, 0), "salesforce": (0, 0)}

    def run(self) -> None:
        """Show everything."""
        self._title(f"Local orgs: a HubSpot with {self._people:,} people and a Salesforce")
        with _sandbox(self._folder / "orgs", self._people, self._now) as ready:
            self._orgs = ready
            self._prepare()
            self._provision()
            self._first_load()
            self._quiet()
            person = self._a_day_of_buyers()
            self._title("One lead explained: every line, and they add up")
            self._show("explain", person)
            self._costs()
        self._next()

    def _prepare(self) -> None:
        self._title("1. handoff init, check: configuration and mappings as text")
        self._show("init", str(self._folder / "project"), config=False)
        project = self._folder / "project"
        salesforce, hubspot = self._orgs["salesforce"], self._orgs["hubspot"]
        text = _CONFIG.format(hubspot=hubspot["url"], salesforce=salesforce["url"], today=self._now.date().isoformat())
        (project / "handoff.yaml").write_text(text, encoding="utf-8")
        lifecycle = project / "mappings" / "default" / "lifecycle.yaml"
        lifecycle.write_text(_signed(lifecycle.read_text(encoding="utf-8"), self._now), encoding="utf-8")
        self._screen.print("the demo signs its own copy of lifecycle.yaml; yours stays unsigned until both teams sign")
        self._show("check")

    def _provision(self) -> None:
        self._title("2. handoff provision: the fields, and the least rights our user needs")
        steps = self._json("provision")["steps"]
        done = sum(step["state"] == "done" for step in steps)
        self._screen.print(f"{done} of {len(steps)} steps done: fields, permission set, assignment")

    def _first_load(self) -> None:
        self._title("3. handoff run --once: the first load is the baseline: scores and stages, no tasks")
        self._mark()
        self._show("run", "--once", "--as-of", self._now.isoformat())
        self._calls("first load")

    def _quiet(self) -> None:
        self._title("4. the same again: nothing has changed, so nothing is planned and nothing is written")
        self._mark()
        document = self._json("run", "--once", "--as-of", self._now.isoformat())
        self._screen.print(f"planned {document['writes']['planned']}, written {document['writes']['written']}")
        self._calls("quiet run")

    def _a_day_of_buyers(self) -> str:
        self._title("5. a day later: buyers look around, and one asks to talk to sales")
        person = self._somebody()
        later = self._now + timedelta(days=1)
        for vendor in ("hubspot", "salesforce"):
            self._ask(vendor, "clock", {"at": later.isoformat()})
        visits = [{"do": "visit", "email": person, "path": path} for path in ("/products/overview", "/pricing")]
        form = {"do": "submit_form", "email": person, "form": "contact-us", "values": {}}
        self._ask("hubspot", "act", [*visits, form])
        self._mark()
        after = later + timedelta(minutes=2)
        for vendor in ("hubspot", "salesforce"):
            self._ask(vendor, "clock", {"at": after.isoformat()})
        plan = self._json("plan", "--as-of", after.isoformat())
        wishes = ", ".join(f"{count} {what}" for what, count in plan["plan"]["by_object"].items())
        self._screen.print(f"$ handoff plan: would write {wishes}", style="dim")
        self._show("run", "--plan", plan["plan_id"], "--as-of", after.isoformat())
        self._calls("the day after")
        self._title("6. and once more: the task is there, so nothing is planned")
        self._mark()
        document = self._json("run", "--once", "--as-of", after.isoformat())
        self._screen.print(f"planned {document['writes']['planned']}, written {document['writes']['written']}")
        self._calls("quiet run")
        return person

    def _somebody(self) -> str:
        """Choose a lead that nobody has called yet, the highest score first."""
        salesforce = self._orgs["salesforce"]
        query = (
            "SELECT Email FROM Lead WHERE IsConverted = false AND Handoff_Stage__c = 'nurture' "
            "AND Handoff_Disposition__c = 'nurture' AND Status = 'Open - Not Contacted' AND Email != null "
            "ORDER BY Handoff_Score__c DESC LIMIT 1"
        )
        url = f"{salesforce['url']}/services/data/v60.0/query"
        headers = {"Authorization": f"Bearer {salesforce['access_token']}"}
        answer = requests.get(url, params={"q": query}, headers=headers, timeout=30)
        return str(answer.json()["records"][0]["Email"])

    # -- doing -------------------------------------------------------------------------------------

    def _command(self, *words: str, config: bool = True) -> list[str]:
        more = ["--config", str(self._folder / "project" / "handoff.yaml")] if config else []
        return [sys.executable, "-m", "connector", *words, *more]

    def _environment(self) -> dict[str, str]:
        tokens = {"HUBSPOT_TOKEN": self._orgs["hubspot"]["token"], "SF_TOKEN": self._orgs["salesforce"]["access_token"]}
        return {**os.environ, **tokens, "PYTHONUNBUFFERED": "1"}

    def _show(self, *words: str, config: bool = True) -> None:
        shown = " ".join(word for word in words)
        self._screen.print(f"$ handoff {shown}", style="dim")
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            self._command(*words, config=config),
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        self._screen.print(done.stdout.rstrip())
        if done.returncode:
            raise AdapterFault("demo.failed", f"`handoff {words[0]}` ended with {done.returncode}")

    def _json(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            self._command(*words, "--json"), env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            self._screen.print(done.stderr.rstrip())
            raise AdapterFault(
                "demo.failed", f"`handoff {words[0]}` ended with {done.returncode}: {done.stdout[-500:]}"
            )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def _ask(self, vendor: str, path: str, body: Any) -> Any:
        return _control(self._orgs[vendor]["url"], path, body)

    def _mark(self) -> None:
        for vendor in ("hubspot", "salesforce"):
            self._ask(vendor, "calls/mark", {})

    def _calls(self, what: str) -> None:
        for vendor in ("hubspot", "salesforce"):
            calls = _control(self._orgs[vendor]["url"], "calls", None)
            apart = sum(calls["apart"].values()) if calls["apart"] else 0
            used, floor = self._spent[vendor]
            self._spent[vendor] = (used + calls["used"], floor + calls["floor"])
            self._screen.print(
                f"  {what}: {vendor} counted {_beside_floor(calls['used'], calls['floor'])} "
                f"({apart} apart: sign-in, describe, look-ups, overlap)"
            )

    def _costs(self) -> None:
        self._title("What it cost")
        for vendor, (used, floor) in self._spent.items():
            self._screen.print(f"{vendor}, four cycles: {_beside_floor(used, floor)}")

    def _title(self, words: str) -> None:
        self._screen.print(f"\n{words}", style="bold")

    def _next(self) -> None:
        self._title("Next")
        handoff = _own_name()
        for words, what in (
            (f"{handoff} init mine", "a project of your own: handoff.yaml and mappings, with comments"),
            (f"{handoff} sandbox --dir orgs", "the local orgs, to try it on"),
            (f"{handoff} check --online", "in your project: credentials, rights, fields"),
            (f"{handoff} plan", "what would be written, and why; nothing is written"),
            ("README.md", "the way from here to your own org"),
        ):
            self._screen.print(f"{words:<{len(handoff) + 20}} {what}")


def _beside_floor(used: int, floor: int) -> str:
    """Say how many calls were used beside the smallest number; below it only questions that travel together come."""
    together = ", were each question a call of its own" if used < floor else ""
    return f"{used} API calls; the smallest possible is {floor}{together}"


def _own_name() -> str:
    """Give the words by which this program can be called from where the reader is."""
    beside = Path(sys.executable).with_name("handoff")
    return "handoff" if shutil.which("handoff") or not beside.is_file() else os.path.relpath(beside)


@contextmanager
def _sandbox(folder: Path, people: int, at: datetime) -> Iterator[dict[str, Any]]:
    """Start the local orgs as a process of their own, and stop them by their id at the end."""
    words = [sys.executable, "-m", "connector", "sandbox", "--dir", str(folder), "--people", str(people)]
    words += ["--salesforce-port", "0", "--hubspot-port", "0", "--at", at.isoformat()]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own interpreter and words
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AdapterFault("demo.sandbox", "the local orgs did not start", cure="`handoff sandbox` says why")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _control(url: str, path: str, body: Any) -> Any:
    """Ask an org's control surface; no body reads."""
    place = f"{url}/__sandbox__/{path}"
    answer = requests.get(place, timeout=60) if body is None else requests.post(place, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def _tuesday_before(now: datetime) -> datetime:
    """Give the latest Tuesday, 09:00 UTC, that is at least two days past."""
    day = now.replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=2)
    return day - timedelta(days=(day.weekday() - 1) % 7)


def _signed(text: str, now: datetime) -> str:
    """Sign a copy of lifecycle.yaml, with dates around ``now``."""
    approved, review = (now - timedelta(days=30)).date(), (now + timedelta(days=180)).date()
    for old, new in (
        ("marketing: null", "marketing: The demo's marketing"),
        ("sales: null", "sales: The demo's sales"),
        ("approved_on: null", f"approved_on: '{approved}'"),
        ("review_by: null", f"review_by: '{review}'"),
    ):
        text = text.replace(old, new, 1)
    return text


def run_demo(folder: Path | None, *, people: int) -> int:
    """Show the demo; the folder is removed afterwards unless it was given."""
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("demo.folder", "the demo begins in an empty folder", cure="name another", at=str(folder))
    place = folder or Path(tempfile.mkdtemp(prefix="handoff-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        Demo(place, people, console()).run()
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    return 0
