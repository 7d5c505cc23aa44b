"""Measure the Salesforce sandbox: reads, batch upserts and queries per second over bare HTTP connections.

Run from the checkout: ``python benchmarks/sandbox.py --people 20000``. The org runs in a process of its own. Prints,
with one and with four connections, single-record reads and collection upserts of 200 rows per second of the wall's
clock, and the processor time of the org per request; then that of queries: some that an index serves, one that looks at
every row.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

VENDORS = ("salesforce", "hubspot", "marketo", "account-engagement", "mautic")
AT = "2026-03-01T09:00:00Z"
TICKS = os.sysconf("SC_CLK_TCK")
BATCH = 200


class Org:
    """One org in a process of its own, and clients of it."""

    def __init__(self, people: int, directory: str, *more: str) -> None:
        """Start the org and wait until it answers; ``more`` are further words of the sandbox's command."""
        ports = [word for vendor in VENDORS for word in (f"--{vendor}-port", "0")]
        words = ["-m", "sandbox", "--dir", directory, "--people", str(people), "--at", AT, *ports, *more]
        started = time.perf_counter()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        assert self._process.stdout is not None
        #: the sandbox's JSON line, and what it says of Salesforce
        self.vendors: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.entry: dict[str, Any] = self.vendors["salesforce"]
        self.ready_s = time.perf_counter() - started
        self.base = self.entry["url"] + "/services/data/v62.0"

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def processor_s(self) -> float:
        """Return the processor time that the org has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> int:
        """Return the memory the org holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    def client(self) -> requests.Session:
        """Return a connection of its own."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.entry['access_token']}"
        return session


def rate(org: Org, connections: int, number: int, one: Callable[[requests.Session, int], None]) -> tuple[float, float]:
    """Return calls per second and the org's processor milliseconds per call."""
    sessions = [org.client() for _ in range(connections)]
    for session in sessions:
        session.get(f"{org.base}/limits", timeout=60)

    def work(place: int) -> None:
        for call in range(place, number, connections):
            one(sessions[place], call)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(connections)]
    before, started = org.processor_s(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - started
    for session in sessions:
        session.close()
    return number / spent, (org.processor_s() - before) / number * 1000


def upsert(org: Org) -> Callable[[requests.Session, int], None]:
    """Return the call that upserts 200 contacts by external id."""

    def one(session: requests.Session, call: int) -> None:
        records = [
            {
                "attributes": {"type": "Contact"},
                "External_Id__c": f"bench-{call % 10}-{row}",
                "LastName": f"Name {call}",
                "Title": "Head of Benchmarks",
                "Email": f"bench{call % 10}.{row}@bench.example",
            }
            for row in range(BATCH)
        ]
        path = f"{org.base}/composite/sobjects/Contact/External_Id__c"
        answer = session.patch(path, json={"records": records}, timeout=60)
        assert all(row["success"] for row in answer.json()), answer.text[:300]

    return one


def questions(some_id: str) -> dict[str, str]:
    """Return the queries whose time is taken."""
    start = "2026-02-28T09:00:00Z"
    cursor = f"SystemModstamp > {start} OR (SystemModstamp = {start} AND Id > '{some_id}')"
    return {
        "window by stamp": f"SELECT Id FROM Contact WHERE SystemModstamp > {start} ORDER BY SystemModstamp LIMIT 2000",
        "cursor by stamp and id": f"SELECT Id FROM Contact WHERE {cursor} ORDER BY SystemModstamp, Id LIMIT 200",
        "ids behind an id": f"SELECT Id FROM Contact WHERE Id > '{some_id}' ORDER BY Id LIMIT 200",
        "by e-mail": "SELECT Id FROM Contact WHERE Email IN ('bench1.1@bench.example', 'nobody@x.example')",
        "by external id": "SELECT Id FROM Contact WHERE External_Id__c = 'bench-1-1'",
        "latest": "SELECT Id FROM Contact ORDER BY SystemModstamp DESC LIMIT 1",
        "all rows, by their title": "SELECT Id FROM Contact WHERE Title = 'Nobody has this'",
    }


def measure(org: Org, reads: int, batches: int) -> None:
    """Print the figures of a running org."""
    session = org.client()
    limit = [{"do": "set_limit", "values": {"DailyApiRequests": 100_000_000}}]
    session.post(org.entry["url"] + "/__sandbox__/act", json=limit, timeout=60)
    found = session.get(f"{org.base}/query", params={"q": "SELECT Id FROM Contact LIMIT 500"}, timeout=600).json()
    ids = [row["Id"] for row in found["records"]]
    print(f"ready after {org.ready_s:.1f} s, {org.resident_mb()} MB")

    def read(client: requests.Session, call: int) -> None:
        client.get(f"{org.base}/sobjects/Contact/{ids[call % len(ids)]}", timeout=60)

    upsert(org)(session, 0)
    for connections in (1, 4):
        for name, number, one in (("reads", reads, read), ("upserts of 200", batches, upsert(org))):
            per_s, milliseconds = rate(org, connections, number, one)
            cost = f"{milliseconds:7.2f} ms of the org's processor each"
            print(f"{connections} connections: {per_s:7.1f} {name + '/s':18} {cost}")
    for name, text in questions(ids[0]).items():
        session.get(f"{org.base}/query", params={"q": text}, timeout=600)
        before = org.processor_s()
        for _ in range(5):
            answer = session.get(f"{org.base}/query", params={"q": text}, timeout=600)
        spent = (org.processor_s() - before) / 5 * 1000
        print(f"{name:30} {answer.json()['totalSize']:7} rows {spent:8.1f} ms of the org's processor")
    session.close()


def main() -> None:
    """Start an org, measure it, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--reads", type=int, default=2000)
    parser.add_argument("--batches", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        org = Org(asked.people, directory)
        try:
            measure(org, asked.reads, asked.batches)
        finally:
            org.stop()


if __name__ == "__main__":
    main()
