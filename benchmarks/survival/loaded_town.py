"""A town of local orgs in a process of their own, loaded once, and a signed project beside them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VENDORS = ("salesforce", "hubspot")
_CONFIG = """\
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}'{pace}}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: live
cutover: {{waived_by: ops, reason: local orgs, 'on': '2026-01-01'}}
limits: {{api_calls_per_day: {{salesforce: 1000000}}, left_to_others: 0, tasks_per_day: 100000,
  fast_lane_tasks_per_day: 100000, creations_per_day: 100000, owner_changes_per_day: 100000,
  stage_moves_per_day: 100000, edits_per_day: 100000, share_per_day: 1}}
schedule: {{source: {source}, crm: 5m, fast_lane: {poll}, deliver: 5s, full_rescore: '02:00'}}
console: {{port: 0}}
"""
_SIGNED = {"marketing: null": "marketing: M", "sales: null": "sales: S"}
_SIGNED |= {"approved_on: null": "approved_on: '2026-01-01'", "review_by: null": "review_by: '2099-01-01'"}
#: the first load is not what is measured, so it need not keep the vendor's pace
_NO_PACE = ", calls_per_10s: 0, searches_per_second: 0"
_LIMITS = ("burst", "search", "associations", "daily")


@dataclass
class Town:
    """Orgs at work, and the project beside them."""

    folder: Path
    ready: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.folder / "project"

    def ask(self, vendor: str, path: str, body: Any = None) -> Any:
        """Ask the control surface; with a body it is a POST."""
        url = f"{self.ready[vendor]['url']}/__sandbox__/{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=600) as answer:
            return json.load(answer)

    def configure(self, *, poll: str, source: str, pace: str) -> None:
        """Write handoff.yaml for the ports of these orgs."""
        urls = {vendor: self.ready[vendor]["url"] for vendor in VENDORS}
        text = _CONFIG.format(**urls, poll=poll, source=source, pace=pace)
        (self.project / "handoff.yaml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Give what a command needs in its environment."""
        tokens = {"HUBSPOT_TOKEN": self.ready["hubspot"]["token"], "SF_TOKEN": self.ready["salesforce"]["access_token"]}
        return {**os.environ, **tokens, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def handoff(self, folder: Path, *words: str) -> str:
        """Run a command to its end; give what it printed."""
        command = [sys.executable, "-m", "connector", *words]
        environment = self.environment()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{words} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout


@contextlib.contextmanager
def town_of(folder: Path, people: int) -> Iterator[Town]:
    """Start orgs in a process of their own, and load them once if that has not been done."""
    words = [sys.executable, "-m", "connector", "sandbox", "--dir", str(folder / "orgs"), "--people", str(people)]
    words += ["--seed", "1"]
    words += [f"--{vendor}-port=0" for vendor in (*VENDORS, "marketo", "account-engagement", "mautic")]
    # A session of its own: the kernel shares the machine out among sessions, and this one is not the daemon's.
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            town = Town(folder, json.loads(process.stdout.readline()), process)
            if not town.project.exists():
                load(town)
            yield town
        finally:
            process.send_signal(signal.SIGTERM)


def load(town: Town) -> None:
    """Make a signed project, provision the CRM, load everything and set the baseline."""
    limits = [{"do": "set_limit", "limit": name, "value": 10_000_000} for name in _LIMITS]
    town.ask("hubspot", "act", limits)
    draft = town.folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    town.handoff(town.folder, "init", "draft")
    path = draft / "mappings" / "default" / "lifecycle.yaml"
    text = path.read_text("utf-8")
    for null, signed in _SIGNED.items():
        text = text.replace(null, signed)
    path.write_text(text, encoding="utf-8")
    draft.rename(town.project)
    try:
        town.configure(poll="15s", source="60s", pace=_NO_PACE)
        town.handoff(town.project, "provision")
        for _ in range(2):
            town.handoff(town.project, "run", "--once", "--json")
    except BaseException:
        # A project that is only half prepared, be it by Ctrl+C, must not be found ready by the next run.
        town.project.rename(draft)
        raise
