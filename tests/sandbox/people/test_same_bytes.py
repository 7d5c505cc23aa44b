"""The same seed, size and clock give the same orgs, byte for byte, whatever Python's hashes of text are."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib, sys, tempfile
from datetime import UTC, datetime
from pathlib import Path
from sandbox.core.clock import OrgClock
from sandbox.hubspot.org import HubSpotOrg
from sandbox.people.build import build_world
from sandbox.salesforce.org import SalesforceOrg

at = datetime(2026, 11, 22, 9, tzinfo=UTC)
world = build_world(int(sys.argv[1]), at, 60)
with tempfile.TemporaryDirectory() as folder:
    for made in (SalesforceOrg, HubSpotOrg):
        room = Path(folder) / made.vendor
        org = made(room, OrgClock(at, room / "clock.json"), world=world)
        print(hashlib.sha256(org.snapshot()).hexdigest())
        org.close()
        again = made(room, OrgClock(at, room / "clock.json"))
        print(hashlib.sha256(again.snapshot()).hexdigest())
        again.close()
"""


def snapshots(seed: int, salt: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    return done.stdout.split()


def test_both_orgs_are_the_same_bytes_in_any_process_and_after_a_restart():
    first = snapshots(3, "1")
    assert first[0] == first[1]
    assert first[2] == first[3]
    assert snapshots(3, "2") == first
    assert not set(snapshots(4, "1")) & set(first)
