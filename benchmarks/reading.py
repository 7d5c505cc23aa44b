"""What reading costs: CPU time per row from the bytes of an answer, or of a file, to versions and activities.

Run ``python benchmarks/reading.py``; the official HubSpot client's own objects stand beside ours for comparison.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hubspot.crm.contacts
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from adapters.files import FilesSource
from adapters.hubspot.behaviour import Mail, Submission, Visit, mail_activity, submission_activity, visit_activity
from adapters.hubspot.reading import PageReader, Record
from adapters.hubspot.records import CONTACTS, versions

CONTACT_PAGES = 50
FILE_ROWS = 100_000
NOW = datetime(2026, 5, 1, tzinfo=UTC)
dice = random.Random(7)


def contact_page(start: int) -> bytes:
    """A page of 200 contacts with every property that is asked for."""
    rows = []
    for number in range(start, start + 200):
        properties: dict[str, str | None] = {name: f"{name} {number}" for name in CONTACTS.properties}
        properties |= {"lastmodifieddate": "2026-03-02T10:00:00.456Z", "createdate": "2024-03-01T09:00:00.123Z"}
        properties |= {"hs_merged_object_ids": None, "hs_calculated_merged_vids": None, "industry": None}
        stamps = {"createdAt": "2024-03-01T09:00:00.123Z", "updatedAt": "2026-03-02T10:00:00.456Z"}
        rows.append({"id": str(number), "properties": properties, **stamps, "archived": False})
    return json.dumps({"total": 10_000, "results": rows, "paging": {"next": {"after": "200"}}}).encode()


def visit_page() -> bytes:
    """A page of 100 page views."""
    rows = [
        {
            "objectType": "CONTACT",
            "objectId": str(number),
            "eventType": "e_visited_page",
            "occurredAt": "2024-05-01T12:00:00.000Z",
            "id": f"b9e-{number}",
            "properties": {"hs_url": f"https://example.com/pricing/{number}?utm_source=x", "hs_title": "Pricing"},
        }
        for number in range(100)
    ]
    return json.dumps({"results": rows, "paging": {"next": {"after": "x"}}}).encode()


def mail_page() -> bytes:
    """A page of 1,000 e-mail events."""
    rows = [
        {
            "id": f"17d3fcc4-{number}",
            "type": "OPEN",
            "recipient": f"ana{number}@example.com",
            "created": 1714567890000,
            "portalId": 62515,
            "emailCampaignId": 2399117,
            "sentBy": {"id": "99e", "created": 1714560000000},
            "browser": {"name": "Chrome", "family": "Chrome", "type": "Browser"},
            "userAgent": "Mozilla/5.0",
        }
        for number in range(1000)
    ]
    return json.dumps({"hasMore": True, "offset": "MTAx", "events": rows}).encode()


def submission_page() -> bytes:
    """A page of 50 form submissions."""
    values = [{"name": name, "value": "ana@example.com", "objectTypeId": "0-1"} for name in ("email", "firstname")]
    rows = [
        {"conversionId": f"c{n}", "submittedAt": 1714567890000, "values": values, "pageUrl": "https://example.com/demo"}
        for n in range(50)
    ]
    return json.dumps({"results": rows}).encode()


def measure(name: str, rows: int, work: Callable[[], Any], *, rounds: int = 5) -> None:
    """Print the best CPU time per row of some rounds, in microseconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    print(f"{name:52} {best / rows * 1e6:8.2f} µs per row")


def vendor_objects(body: bytes) -> Any:
    """Build the official client's objects from the same bytes."""
    client = hubspot.crm.contacts.ApiClient()
    return client.deserialize(SimpleNamespace(data=body), "CollectionResponseWithTotalSimplePublicObjectForwardPaging")


def answers() -> None:
    """Measure HubSpot's answers."""
    pages = [contact_page(1 + 200 * number) for number in range(CONTACT_PAGES)]
    read, count = PageReader(Record), 200 * CONTACT_PAGES
    measure("contacts: bytes to versions", count, lambda: [versions(CONTACTS, read(p).rows, system="h") for p in pages])
    measure("contacts: json.loads alone", count, lambda: [json.loads(page) for page in pages])
    measure("contacts: the client's own objects", 200, lambda: vendor_objects(pages[0]), rounds=2)
    visits, mails, forms = visit_page(), mail_page(), submission_page()
    read_visits, read_mails, read_forms = PageReader(Visit), PageReader(Mail), PageReader(Submission)
    measure(
        "page views: bytes to activities",
        10_000,
        lambda: [[visit_activity(r, "page_view", system="h") for r in read_visits(visits).rows] for _ in range(100)],
    )
    measure(
        "e-mail events: bytes to activities",
        10_000,
        lambda: [[mail_activity(r, system="h") for r in read_mails(mails).rows] for _ in range(10)],
    )
    measure(
        "submissions: bytes to activities",
        10_000,
        lambda: [
            [submission_activity(r, form="demo", form_id="f", system="h") for r in read_forms(forms).rows]
            for _ in range(200)
        ],
    )


def files(folder: Path) -> None:
    """Measure files of people and activities."""
    people = {
        "person_id": [f"p{n}" for n in range(FILE_ROWS)],
        **{name: [f"{name} {n}" for n in range(FILE_ROWS)] for name in ("first_name", "last_name", "title", "company")},
        "email": [f"p{n}@example.com" for n in range(FILE_ROWS)],
        "country": ["DE"] * FILE_ROWS,
        "updated_at": ["2026-04-01T09:00:00Z"] * FILE_ROWS,
    }
    activities = {
        "activity_id": [f"a{n}" for n in range(FILE_ROWS)],
        "person_id": [f"p{dice.randrange(FILE_ROWS)}" for n in range(FILE_ROWS)],
        "type": ["page_view"] * FILE_ROWS,
        "occurred_at": ["2026-04-01T09:00:00Z"] * FILE_ROWS,
        "url": ["https://example.com/pricing"] * FILE_ROWS,
    }
    for name, table in (("people", pa.table(people)), ("activities", pa.table(activities))):
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
        pq.write_table(table, folder / f"{name}.parquet")
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    for ending in ("csv", "ndjson", "parquet"):
        source = FilesSource({"people": f"{folder}/people.{ending}", "activities": f"{folder}/activities.{ending}"})
        for stream in ("people", "activities"):
            measure(f"{stream} from {ending}", FILE_ROWS, lambda s=source, n=stream: drain(s, n), rounds=3)
    with (folder / "activities.csv").open(newline="") as file:
        measure("activities: csv.reader alone", FILE_ROWS, lambda: list(csv.reader(file)), rounds=1)


def drain(source: FilesSource, stream: str) -> int:
    """Read a stream to its end."""
    return sum(len(page.records) + len(page.activities) for page in source.pull(stream, None, now=NOW))


if __name__ == "__main__":
    answers()
    with tempfile.TemporaryDirectory() as name:
        files(Path(name))
