"""One place where everything is: the orgs' folder, the project's folder, and what people and operators do in them."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from benchmarks.survival.boundaries import Watch
from benchmarks.survival.commands import Commands, Done, Started
from sandbox.serve import Sandbox

#: A Tuesday morning in the hours of the starter's pools.
AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
SEED = 1
VENDORS = ("hubspot", "salesforce")

_CONFIG = """\
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}'}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {auth}}}
state: {state}
lake: var/lake
mappings: mappings/default
mode: {mode}
cutover: {cutover}
limits: {limits}
schedule: {schedule}
console: {{host: 127.0.0.1, port: 0}}
"""
_TOKEN = "{flow: token, access_token: '${SF_TOKEN}'}"
#: what a place's handoff.yaml says unless a test says otherwise
_USUAL = {
    "state": "sqlite:///var/handoff.db",
    "mode": "live",
    "cutover": "{waived_by: ops, reason: local orgs, 'on': '2026-11-01'}",
    "auth": _TOKEN,
    "limits": "{}",
    "schedule": "{}",
}
_SIGNED = {
    "marketing: null": "marketing: M. Arketing",
    "sales: null": "sales: S. Ales",
    "approved_on: null": "approved_on: '2026-11-01'",
    "review_by: null": "review_by: '2099-11-01'",
}


class Place:
    """A running sandbox and a project that points at it."""

    def __init__(self, folder: Path, commands: Commands, *, people: int | None = None) -> None:
        self.folder = folder
        self.project = folder / "project"
        self._commands = commands
        self._sandbox = Sandbox(folder / "orgs", people=people, seed=None if people is None else SEED, at=AT)
        self._settings = dict(_USUAL)
        self._more_env: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._sandbox.__enter__()
        if self.project.exists():
            self.configure()
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.__exit__(None, None, None)

    # -- what operators do -----------------------------------------------------------------------

    @property
    def ready(self) -> dict[str, Any]:
        """The sandbox's JSON line."""
        return self._sandbox.ready()

    def configure(self, **settings: str) -> None:
        """Write handoff.yaml for the ports of this sandbox; settings stay for later calls."""
        self._settings |= settings
        urls = {vendor: self.ready[vendor]["url"] for vendor in VENDORS}
        (self.project / "handoff.yaml").write_text(_CONFIG.format(**(urls | self._settings)), encoding="utf-8")

    def env(self, **words: str) -> None:
        """Set environment variables of later commands."""
        self._more_env |= words

    def environment(self) -> dict[str, str]:
        """Give what a command needs in its environment."""
        ready = self.ready
        tokens = {"HUBSPOT_TOKEN": ready["hubspot"]["token"], "SF_TOKEN": ready["salesforce"]["access_token"]}
        return {**tokens, "NO_COLOR": "1", **self._more_env}

    def sign(self) -> None:
        """Let both teams sign the project's own lifecycle.yaml."""
        path = self.project / "mappings" / "default" / "lifecycle.yaml"
        text = path.read_text(encoding="utf-8")
        for null, signed in _SIGNED.items():
            assert null in text
            text = text.replace(null, signed)
        path.write_text(text, encoding="utf-8")

    def start(self, *words: str, watch: Watch | None = None) -> Started:
        """Start a command in the project's folder; see ``Commands.start``."""
        return self._commands.start(list(words), folder=self.project, env=self.environment(), watch=watch)

    def handoff(self, *words: str, watch: Watch | None = None) -> Done:
        """Run a command to its end."""
        return self.start(*words, watch=watch).wait()

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a command that must end with ``code``, and give its document."""
        done = self.handoff(*words, "--json")
        assert done.code == code, (words, done.code, done.out[-3000:], done.err[-3000:])
        document: dict[str, Any] = done.json
        return document

    def cycle(self, at: datetime = AT, *, code: int = 0) -> dict[str, Any]:
        """Run one cycle at a clock, and hold its document to what every one of them promises."""
        document = self.json("run", "--once", "--as-of", at.isoformat(), code=code)
        writes = document["writes"]
        parts = ("written", "unchanged", "superseded", "held", "dead")
        assert writes["planned"] == sum(writes[name] for name in parts), writes
        assert sum(document["held_by"].values()) == writes["held"], document["held_by"]
        return document

    # -- what the orgs see -----------------------------------------------------------------------

    def ask(self, vendor: str, path: str, body: Any = None) -> Any:
        """Ask the control surface; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.ready[vendor]['url']}/__sandbox__/{path}", data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def snapshot(self, vendor: str = "salesforce") -> dict[str, Any]:
        """Give an org's content."""
        content: dict[str, Any] = self.ask(vendor, "snapshot")
        return content

    def snapshots(self) -> dict[str, bytes]:
        """Give both orgs' content, byte for byte."""
        found = {}
        for vendor in VENDORS:
            with urllib.request.urlopen(f"{self.ready[vendor]['url']}/__sandbox__/snapshot", timeout=60) as answer:
                found[vendor] = answer.read()
        return found

    def clock(self, at: datetime) -> None:
        """Move both orgs' clocks."""
        for vendor in VENDORS:
            self.ask(vendor, "clock", {"at": at.isoformat()})

    def act(self, vendor: str, *acts: dict[str, Any]) -> list[dict[str, Any]]:
        """Let people do something."""
        done: list[dict[str, Any]] = self.ask(vendor, "act", list(acts))["done"]
        return done

    def faults(self, vendor: str, *faults: dict[str, Any]) -> None:
        """Plant faults in place of those that are there."""
        self.ask(vendor, "faults", list(faults))

    def struck(self, vendor: str) -> list[int]:
        """Say how often each planted fault has struck; the control surface does not tell."""
        return [fault.hits for fault in self._sandbox.running[vendor].org.faults._faults]

    def mark(self) -> None:
        """Begin to count calls anew."""
        for vendor in VENDORS:
            self.ask(vendor, "calls/mark", {})

    def calls(self) -> dict[str, dict[str, Any]]:
        """Give what each org counted."""
        return {vendor: self.ask(vendor, "calls") for vendor in VENDORS}

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Ask Salesforce as its administrator would; ends outside any test that counts calls."""
        ready = self.ready["salesforce"]
        url = f"{ready['url']}/services/data/v62.0/query?q={quote(soql)}"
        rows: list[dict[str, Any]] = []
        while True:
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ready['access_token']}"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                page = json.load(answer)
            rows += page["records"]
            if page["done"]:
                return rows
            url = ready["url"] + page["nextRecordsUrl"]


def prepare(folder: Path, commands: Commands, *, people: int) -> None:
    """Make orgs of so many people and a signed, provisioned project in a folder."""
    with Place(folder, commands, people=people) as place:
        environment = place.environment()
        done = commands.start(["init", "project"], folder=folder, env=environment).wait()
        assert done.code == 0, done
        place.configure()
        place.sign()
        checked = place.handoff("check")
        assert checked.code == 0, checked
        steps = place.json("provision")["steps"]
        assert {step["state"] for step in steps} <= {"done", "present"}, steps


def later(**span: float) -> datetime:
    """Give an instant after the first load."""
    return AT + timedelta(**span)
