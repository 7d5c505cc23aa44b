"""How long local orgs take to stand: the sample people alone, then ``handoff sandbox`` until it says it is ready.

``python benchmarks/sandbox_start.py --sizes 1000,10000`` prints one line per size: processor and clock seconds of
drawing the people, of the whole start, clock seconds of a restart, the peak memory of each, and how long the first
pages of both orgs take.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[1]
AT = "2026-11-22T09:00:00+00:00"
DRAW = """
import resource, sys, time
from datetime import datetime
from sandbox.people.build import build_world
world = build_world(1, datetime.fromisoformat(sys.argv[2]), int(sys.argv[1]))
own = resource.getrusage(resource.RUSAGE_SELF)
print(own.ru_utime + own.ru_stime, own.ru_maxrss // 1024, len(world.events), len(world.records), len(world.companies))
"""
NAMES = "people", "activities", "drawing CPU s", "drawing MiB", "ready s", "ready CPU s", "ready MiB", "first pages s"
HEAD = f"| {' | '.join(NAMES)} | restart s |"


def main() -> None:
    """Measure the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    print(HEAD)
    print("|" + " --: |" * 9)
    for size in sizes:
        print(_line(size), flush=True)


def _line(people: int) -> str:
    drawn = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", DRAW, str(people), AT], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    folder = Path(tempfile.mkdtemp(prefix="sandbox-start-"))
    try:
        first = _start(folder, people)
        again = _start(folder, people)
    finally:
        shutil.rmtree(folder)
    cells = [
        f"{people:,}", f"{int(drawn[2]):,}", f"{float(drawn[0]):.1f}", f"{int(drawn[1]):,}", f"{first['ready']:.1f}",
        f"{first['cpu']:.1f}", f"{first['peak']:,}", f"{first['pages']:.1f}", f"{again['ready']:.1f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _start(folder: Path, people: int) -> dict[str, Any]:
    """Start the orgs, ask both for a page of each kind, stop them."""
    words = [sys.executable, "-m", "sandbox", "--dir", str(folder), "--people", str(people), "--seed", "1", "--at", AT]
    words += ["--salesforce-port", "0", "--hubspot-port", "0"]
    began = time.monotonic()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - as above
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        stood = time.monotonic() - began
        pages = _pages(ready)
    finally:
        process.terminate()
        _, _, used = os.wait4(process.pid, 0)
    return {"ready": stood, "pages": pages, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss // 1024}


def _pages(ready: dict[str, Any]) -> float:
    hubspot, salesforce = ready["hubspot"], ready["salesforce"]
    began = time.monotonic()
    for path in (
        "/crm/v3/objects/contacts?limit=100",
        "/email/public/v1/events?limit=1000",
        "/events/v3/events?eventType=e_visited_page&limit=100",
    ):
        _get(hubspot["url"] + path, hubspot["token"])
    for soql in (
        "SELECT+Id,Email+FROM+Lead+ORDER+BY+SystemModstamp+LIMIT+200",
        "SELECT+Id,Name+FROM+Account+LIMIT+200",
    ):
        _get(f"{salesforce['url']}/services/data/v62.0/query?q={soql}", salesforce["access_token"])
    return time.monotonic() - began


def _get(url: str, token: str) -> None:
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=600)
    answer.raise_for_status()


if __name__ == "__main__":
    main()
