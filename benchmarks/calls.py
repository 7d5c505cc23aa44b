"""Count the API calls of a first load and of a quiet cycle against local orgs, beside the smallest possible number.

Run from the checkout: ``python benchmarks/calls.py --people 10000``. Prints, per cycle and vendor, the calls used, the
floor, those that stand apart (sign-in, describe, overlap, own echo, look-ups), broken limits and seconds; then every
stream that cost more than its own floor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.serve import Sandbox

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
VENDORS = ("hubspot", "salesforce")
_CONFIG = """\
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}'}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: live
cutover: {{waived_by: a benchmark, reason: local orgs only, 'on': '2026-11-01'}}
"""
_SIGNED = {
    "marketing: null": "marketing: benchmark",
    "sales: null": "sales: benchmark",
    "approved_on: null": "approved_on: '2026-11-01'",
    "review_by: null": "review_by: '2099-11-01'",
}


def _handoff(project: Path, ready: dict[str, Any], *words: str) -> dict[str, Any]:
    tokens = {"HUBSPOT_TOKEN": ready["hubspot"]["token"], "SF_TOKEN": ready["salesforce"]["access_token"]}
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-m", "connector", *words, "--json"],
        cwd=project,
        env={**os.environ, **tokens},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"handoff {words[0]} ended with {done.returncode}: {done.stdout[-2000:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _ask(ready: dict[str, Any], vendor: str, path: str, *, post: bool = False) -> Any:
    url = f"{ready[vendor]['url']}/__sandbox__/{path}"
    request = urllib.request.Request(url, data=b"{}" if post else None)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def _prepare(folder: Path, ready: dict[str, Any]) -> Path:
    project = folder / "project"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-m", "connector", "init", str(project)], check=True, stdout=subprocess.DEVNULL
    )
    urls = {vendor: ready[vendor]["url"] for vendor in VENDORS}
    (project / "handoff.yaml").write_text(_CONFIG.format(**urls), encoding="utf-8")
    lifecycle = project / "mappings" / "default" / "lifecycle.yaml"
    text = lifecycle.read_text(encoding="utf-8")
    for null, signed in _SIGNED.items():
        text = text.replace(null, signed)
    lifecycle.write_text(text, encoding="utf-8")
    _handoff(project, ready, "provision")
    return project


def _cycle(project: Path, ready: dict[str, Any], name: str) -> None:
    for vendor in VENDORS:
        _ask(ready, vendor, "calls/mark", post=True)
    started = time.monotonic()
    document = _handoff(project, ready, "run", "--once", "--as-of", AT.isoformat())
    seconds = time.monotonic() - started
    over: list[str] = []
    for vendor in VENDORS:
        calls = _ask(ready, vendor, "calls")
        apart = sum(calls["apart"].values())
        print(
            f"{name:12} {vendor:12} {calls['used']:>7,} {calls['floor']:>7,} {apart:>7,} {calls['violations']:>10,}"
            f" {seconds:>8.1f}"
        )
        over += [
            f"  {vendor} {stream}: {counts['used']} used, {counts['floor']} would do"
            for stream, counts in calls["streams"].items()
            if counts["used"] > counts["floor"]
        ]
    for line in over:
        print(line)
    print(f"  pulled {document['pulled']}, writes {document['writes']}")


def main() -> None:
    """Run the two cycles and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="handoff-calls-") as name:
        folder = Path(name)
        with Sandbox(folder / "orgs", people=asked.people, seed=asked.seed, at=AT) as sandbox:
            ready = sandbox.ready()
            project = _prepare(folder, ready)
            print(f"{asked.people:,} people, seed {asked.seed}")
            head = ("cycle", "vendor", "used", "floor", "apart", "violations", "seconds")
            print("{:12} {:12} {:>7} {:>7} {:>7} {:>10} {:>8}".format(*head))
            for cycle in ("first load", "quiet cycle"):
                _cycle(project, ready, cycle)


if __name__ == "__main__":
    main()
