"""How fast the HubSpot sandbox answers: ``python benchmarks/sandbox_hubspot.py [contacts]`` (default 200,000).

Figures are answers per second of processor time, the server's and that of its one client in the same process, asked
over HTTP on a kept connection; beside them per second of the wall's clock, which other work of the machine blurs.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# The script's own folder holds a sandbox.py, which would stand before the package.
sys.path[0] = str(Path(__file__).parents[1])
from sandbox.core.clock import OrgClock  # noqa: E402
from sandbox.core.door import Door  # noqa: E402
from sandbox.core.server import Server  # noqa: E402
from sandbox.hubspot.access.gate import Limits  # noqa: E402
from sandbox.hubspot.org import HubSpotOrg  # noqa: E402
from sandbox.people.build import build_world  # noqa: E402

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ENOUGH = 10**9
STEP = 2_000
BASE = "/crm/v3/objects/contacts"


class Bench:
    """One account with many contacts, and a client of it in the same process."""

    def __init__(self, directory: Path, contacts: int) -> None:
        """Fill the account as imports do, ``STEP`` contacts at one moment each."""
        limits = Limits(burst=ENOUGH, oauth_burst=ENOUGH, search=ENOUGH, associations=ENOUGH, daily=ENOUGH)
        clock = OrgClock(AT)
        self.contacts = contacts
        self.org = HubSpotOrg(directory, clock, world=build_world(1, AT, 0), limits=limits)
        for first in range(0, contacts, STEP):
            moment = AT - timedelta(days=1) + timedelta(seconds=first)
            many = min(STEP, contacts - first)
            self.org.act([{"do": "create_contacts", "count": many, "at": moment.isoformat()}])
        self.server = Server(Door(self.org).handle, clock)
        self.server.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.headers = {"Authorization": f"Bearer {self.org.credentials.token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask once and return the JSON."""
        self.connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status not in {200, 201}:
            raise RuntimeError(f"{method} {path}: {response.status} {answer}")
        return answer

    def close(self) -> None:
        """Close client, port and files."""
        self.connection.close()
        self.server.stop()
        self.org.close()


def timed(name: str, number: int, ask: Callable[[int], object]) -> None:
    """Ask once to warm up and then ``number`` times; print what one answer costs."""
    ask(0)
    began, cpu = time.perf_counter(), time.process_time()
    for place in range(1, number + 1):
        ask(place)
    spent, busy = time.perf_counter() - began, time.process_time() - cpu
    print(f"{name:42} {number / busy:8.0f}/s of CPU {number / spent:8.0f}/s {1000 * busy / number:8.2f} ms")


def main(contacts: int) -> None:
    """Measure reads, upserts and searches."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), contacts)
        ids = [row["id"] for row in bench.call("GET", f"{BASE}?limit=100")["results"]]

        def upsert(first: int) -> Any:
            rows = [f"bulk{(first * 100 + place) % contacts}@bulk.example" for place in range(100)]
            inputs = [{"id": row, "idProperty": "email", "properties": {"city": f"c{first}"}} for row in rows]
            return bench.call("POST", f"{BASE}/batch/upsert", {"inputs": inputs})

        def create(first: int) -> Any:
            rows = [f"new{first * 100 + place}@bulk.example" for place in range(100)]
            inputs = [{"id": row, "idProperty": "email", "properties": {"city": f"c{first}"}} for row in rows]
            return bench.call("POST", f"{BASE}/batch/upsert", {"inputs": inputs})

        def search(filters: list[dict[str, str]], sort: str) -> Any:
            sorts = [{"propertyName": sort, "direction": "ASCENDING"}]
            wish = {"filterGroups": [{"filters": filters}], "sorts": sorts, "limit": 200, "properties": ["email"]}
            return bench.call("POST", f"{BASE}/search", wish)

        def window(place: int) -> Any:
            since = AT - timedelta(days=1) + timedelta(seconds=place * STEP % contacts)
            low = str(int(since.timestamp() * 1000))
            return search([{"propertyName": "lastmodifieddate", "operator": "GTE", "value": low}], "lastmodifieddate")

        def ties(place: int) -> Any:
            moment = str(int((AT - timedelta(days=1)).timestamp() * 1000))
            filters = [
                {"propertyName": "lastmodifieddate", "operator": "EQ", "value": moment},
                {"propertyName": "hs_object_id", "operator": "GT", "value": ids[place % 100]},
            ]
            return search(filters, "hs_object_id")

        def both(place: int) -> None:
            create(1_000 + place)
            window(place)

        print(f"{contacts} contacts")
        timed("read one record", 2_000, lambda place: bench.call("GET", f"{BASE}/{ids[place % 100]}?properties=email"))
        timed("upsert 100 records that are there", 40, upsert)
        timed("upsert 100 new records", 40, create)
        timed("search a window by time, 200 a page", 60, window)
        timed("search the ties of one moment by id", 60, ties)
        timed("list 100 records", 60, lambda place: bench.call("GET", f"{BASE}?limit=100&after={ids[place % 100]}"))
        timed("upsert 100 new records and search a window", 20, both)
        bench.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
