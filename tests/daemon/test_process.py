"""The daemon as a process: its door opens, answers, and closes when it is asked to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from connector.mapping.starter import write_starter

_PATIENCE_SECONDS = 90


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose systems are folders."""
    write_starter(tmp_path)
    return tmp_path


def _write(project: Path, port: int) -> None:
    for name, head in (("people", "person_id,email,company"), ("activities", "activity_id,person_id,type,occurred_at")):
        (project / f"{name}.csv").write_text(f"{head}\n", "utf-8")
    (project / "handoff.yaml").write_text(
        "sources: [{name: exports, adapter: files, people: people.csv, activities: activities.csv}]\n"
        f"crm: {{adapter: files, dir: crm}}\nmode: paused\nconsole: {{port: {port}}}\n",
        "utf-8",
    )


def _start(project: Path) -> subprocess.Popen[str]:
    with (project / "log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "connector", "run"],
            cwd=project,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stderr=log,
            text=True,
        )


def _events(project: Path) -> list[dict[str, Any]]:
    lines = (project / "log").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def _until(project: Path, event: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for found in _events(project):
            if found["event"] == event:
                return found
        time.sleep(0.1)
    raise AssertionError((project / "log").read_text("utf-8")[-3000:])


def test_it_opens_a_door_tells_how_it_is_and_ends_when_asked(project: Path) -> None:
    _write(project, 0)
    with _start(project) as daemon:
        try:
            listening = _until(project, "daemon.started")["listening"]
            done = _until(project, "job.done")
            assert (done["job"], done["verdict"]) == ("crm", "green")
            for page, word in (
                ("/livez", '"alive": true'),
                ("/readyz", '"ready": true'),
                ("/metrics", "handoff_build_info"),
            ):
                with urllib.request.urlopen(listening + page, timeout=30) as answer:
                    assert word in answer.read().decode()
        finally:
            asked = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait(timeout=_PATIENCE_SECONDS)
    assert code == 0
    assert time.monotonic() - asked < 10
    assert next(line["step"] for line in _events(project) if line["event"] == "step") == "pull"


def test_a_port_that_is_taken_ends_it_with_5_and_the_cure(project: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        _write(project, other.getsockname()[1])
        with _start(project) as daemon:
            assert daemon.wait(timeout=_PATIENCE_SECONDS) == 5
    text = (project / "log").read_text("utf-8")
    assert "console.port_taken" in text
    assert "set console.port" in text
