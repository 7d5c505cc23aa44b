"""Time whole cycles: the first load and a quiet second cycle, each step in seconds, and the connector's peak memory.

Run from the checkout: ``python benchmarks/load.py --sizes 1000,10000`` (out of files) or
``python benchmarks/load.py --from sandbox --sizes 1000`` (local orgs over HTTP, their limits on). The command is a
child process of its own: its seconds and its memory are those of ``python -m connector run --once`` and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from load_files import write_files

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent
_SIGNED = {
    "marketing: null": "marketing: M. Arketing",
    "sales: null": "sales: S. Ales",
    "approved_on: null": "approved_on: '2026-11-01'",
    "review_by: null": "review_by: '2099-11-01'",
}
_FILES = """\
sources:
  - {name: files, adapter: files, people: 'data/people*.parquet', activities: 'data/activities*.parquet'}
crm: {name: crm, adapter: files, dir: crm}
"""
_ORGS = """\
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot[url]}', token: '${{HUBSPOT_TOKEN}}'}}
crm: {{adapter: salesforce, instance_url: '{salesforce[url]}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
"""
_COMMON = """\
install: main
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: live
cutover: {waived_by: ops, reason: benchmark, 'on': '2026-11-01'}
"""


@dataclass(frozen=True, slots=True)
class Orgs:
    """Local orgs at work: what their JSON line says, and what they ask to be in the environment."""

    ready: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)

    def ask(self, vendor: str, path: str, *, post: bool = False) -> Any:
        """Ask an org's control surface."""
        url = f"{self.ready[vendor]['url']}/__sandbox__/{path}"
        request = urllib.request.Request(url, data=b"{}" if post else None)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
            return json.load(answer)

    def calls(self) -> list[int]:
        """Give calls used, the smallest possible number, and violations, of all orgs together."""
        counted = [self.ask(vendor, "calls") for vendor in ("hubspot", "salesforce")]
        return [sum(one[name] for one in counted) for name in ("used", "floor", "violations")]

    def mark(self) -> None:
        """Begin to count anew."""
        for vendor in ("hubspot", "salesforce"):
            self.ask(vendor, "calls/mark", post=True)


@dataclass(frozen=True, slots=True)
class Child:
    """What one command said and took."""

    document: dict[str, Any]
    cpu_seconds: float
    peak_mib: float
    #: steps in order: name, seconds, the most memory held until their end (MiB)
    steps: list[tuple[str, float, int]]


def command(project: Path, environment: dict[str, str], *words: str) -> Child:
    """Run one command of the connector to its end.

    Raises:
        SystemExit: it failed; its words are shown.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "connector", *words],
            cwd=project,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdout=out,
            stderr=err,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}\n{texts[0][-3000:]}\n{texts[1][-3000:]}")
    document = json.loads(texts[0]) if "--json" in words else {}
    return Child(document, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, _steps(texts[1]))


def _steps(log: str) -> list[tuple[str, float, int]]:
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return [
        (line["step"], line["seconds"], line["counts"]["peak_mib"]) for line in lines if line.get("event") == "step"
    ]


def prepare(folder: Path, systems: str, environment: dict[str, str]) -> Path:
    """Make a signed project of the starter mappings beside the data, and provision the CRM."""
    command(folder, environment, "init", "project")
    project = folder / "project"
    for name in ("data", "crm"):
        if (folder / name).exists():
            (folder / name).rename(project / name)
    (project / "handoff.yaml").write_text(systems + _COMMON, encoding="utf-8")
    lifecycle = project / "mappings" / "default" / "lifecycle.yaml"
    text = lifecycle.read_text(encoding="utf-8")
    for null, signed in _SIGNED.items():
        text = text.replace(null, signed)
    lifecycle.write_text(text, encoding="utf-8")
    command(project, environment, "provision")
    return project


@contextmanager
def orgs_of(folder: Path, people: int) -> Iterator[Orgs]:
    """Start local orgs in a process of their own."""
    words = ["sandbox", "--dir", str(folder / "orgs"), "--people", str(people), "--seed", "1", "--at", AT.isoformat()]
    ports = [word for vendor in ("salesforce", "hubspot") for word in (f"--{vendor}-port", "0")]
    child = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "connector", *words, *ports], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        yield Orgs(json.loads(child.stdout.readline()))
    finally:
        child.terminate()
        child.wait(timeout=60)


def cycle(name: str, people: int, project: Path, environment: dict[str, str], at: datetime, orgs: Orgs | None) -> str:
    """Run one cycle and write its line of the table, and one for its steps."""
    if orgs is not None:
        orgs.mark()
    child = command(project, environment, "run", "--once", "--json", "--as-of", at.isoformat())
    seconds, writes, pulled = (child.document[part] for part in ("seconds", "writes", "pulled"))
    calls = "0 / 0 / 0" if orgs is None else " / ".join(map(str, orgs.calls()))
    cells = (
        name,
        f"{people:,}",
        f"{pulled['activities']:,}",
        *(f"{seconds[part]:.1f}" for part in ("pull", "score", "write", "total")),
        f"{child.cpu_seconds:.1f}",
        f"{child.peak_mib:,.0f}",
        f"{writes['written']:,} of {writes['planned']:,}",
        calls,
        child.document["verdict"],
    )
    steps = ", ".join(f"{step} {taken:.1f} s to {peak:,}" for step, taken, peak in child.steps)
    return "| " + " | ".join(cells) + f" |\n<!-- {name} {people:,}: {steps} MiB -->"


COLUMNS = (
    *("cycle", "people", "activities pulled", "pull s", "score s", "write s", "total s", "CPU s", "peak MiB"),
    *("written", "calls / floor / violations", "verdict"),
)
HEADING = f"| {' | '.join(COLUMNS)} |\n| --- |{' --: |' * (len(COLUMNS) - 2)} --- |"


def measure(source: str, people: int, activities: int, folder: Path) -> Iterator[str]:
    """Give the table's lines for one size: the first load, and a second cycle in which nothing has changed."""
    second = AT + timedelta(minutes=30)
    if source == "files":
        write_files(folder, people, activities, at=AT)
        project = prepare(folder, _FILES, {})
        for name, at in (("first", AT), ("quiet", second)):
            yield cycle(name, people, project, {}, at, None)
        return
    with orgs_of(folder, people) as orgs:
        ready = orgs.ready
        environment = {"HUBSPOT_TOKEN": ready["hubspot"]["token"], "SF_TOKEN": ready["salesforce"]["access_token"]}
        systems = _ORGS.format(**ready)
        project = prepare(folder, systems, environment)
        for name, at in (("first", AT), ("quiet", second)):
            yield cycle(name, people, project, environment, at, orgs)


def main(words: Sequence[str] | None = None) -> None:
    """Measure every size asked for and print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", choices=("files", "sandbox"), default="files")
    parser.add_argument("--sizes", default="1000,10000", help="numbers of people, with commas")
    parser.add_argument("--activities-each", type=int, default=5, help="activities per person (files)")
    parser.add_argument("--keep", type=Path, default=None, help="folder to work in and leave as it is")
    options = parser.parse_args(words)
    print(HEADING, flush=True)
    for people in (int(size) for size in options.sizes.split(",")):
        folder = Path(tempfile.mkdtemp(prefix="load-")) if options.keep is None else options.keep / str(people)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for line in measure(options.source, people, people * options.activities_each, folder):
                print(line, flush=True)
        finally:
            if options.keep is None:
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()
