"""Orgs in a process of their own, and the programs of others that are pointed at them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: where `make test` puts clients whose dependencies cannot meet ours
INSTALLED = Path(sys.prefix) / "clients"
DRIVERS = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def orgs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The JSON line of a sandbox that runs as the command starts it."""
    command = [sys.executable, "-m", "sandbox", "--dir", str(tmp_path_factory.mktemp("orgs")), "--people", "120"]
    command += ["--at", "2026-03-03T09:00:00Z"]
    for vendor in ("salesforce", "hubspot", "marketo", "account-engagement", "mautic"):
        command += [f"--{vendor}-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Run one of the drivers beside this file under Node.js; give the JSON document it prints."""
    modules = INSTALLED / "node" / "node_modules"
    assert modules.is_dir(), f"{modules} is missing: `make test` installs the clients of others"

    # Node looks for packages beside the script
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").symlink_to(modules)

    def run(driver: str, entry: dict[str, Any]) -> dict[str, Any]:
        script = folder / driver
        script.write_bytes((DRIVERS / driver).read_bytes())
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "node", script, json.dumps(entry)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(entry.get("ca_file", ""))},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return run
