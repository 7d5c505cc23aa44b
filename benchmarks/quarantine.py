"""What judging machines costs: a first look at millions of events, a quiet one, and one after a thousand new events.

``python -m benchmarks.quarantine [--events 5000000]``. Figures are processor seconds of this process and the kernel's
count of its memory; generating the events is not counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.lake.layout import ACTIVITY_COLUMNS, activities_stream
from connector.lake.reading import Lake
from connector.lake.segments import write_segment
from connector.mapping.bots import Bots
from connector.ports.store import IDENTITIES
from connector.quarantine import keep_apart, keep_apart_of
from state import open_store

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
SYSTEM = "hubspot"
_SEGMENT = 500_000
_YEAR_US = 365 * 86_400 * 1_000_000
_TYPES = np.array(["email_sent", "email_delivered", "email_open", "email_click", "page_view", "form_submit"])


def made(rng: np.random.Generator, count: int, people: int, first: int, *, at: datetime, span_us: int) -> pa.Table:
    """Make events: a third mailings with deliveries, a gateway behind each eighth address, visits after clicks."""
    messages = count // 4
    who = rng.integers(0, people, messages)
    campaign = rng.integers(0, 200, messages)
    sent = int(at.timestamp() * 1e6) - rng.integers(0, span_us, messages)
    delivered = sent + rng.integers(1, 40, messages) * 1_000_000
    gateway = (who % 8 == 0) & (rng.random(messages) < 0.5)
    clicked = ~gateway & (rng.random(messages) < 0.12)
    scan = delivered + rng.integers(1, 6, messages) * 1_000_000
    human = delivered + rng.integers(60, 200_000, messages) * 1_000_000
    parts = [(0, sent, who, campaign, 0), (1, delivered, who, campaign, 0)]
    parts += [(3, scan[gateway], who[gateway], campaign[gateway], link) for link in range(3)]
    parts += [(2, human[clicked] - 5_000_000, who[clicked], campaign[clicked], 0)]
    parts += [(3, human[clicked], who[clicked], campaign[clicked], 1)]
    parts += [(4, human[clicked] + 2_000_000, who[clicked], campaign[clicked], 1)]
    rest = count - sum(len(part[1]) for part in parts)
    walkers = rng.integers(0, people, rest)
    views = int(at.timestamp() * 1e6) - rng.integers(0, span_us, rest)
    parts += [(4, views, walkers, np.zeros(rest, np.int64), 2)]
    kind = np.concatenate([np.full(len(p[1]), p[0]) for p in parts])
    when = np.concatenate([p[1] for p in parts])
    person = np.concatenate([p[2] for p in parts])
    mailing = np.concatenate([p[3] for p in parts])
    link = np.concatenate([np.full(len(p[1]), p[4]) for p in parts])
    order = np.argsort(when, kind="stable")
    return _table(kind[order], when[order], person[order], mailing[order], link[order], first, at)


def _table(kind: Any, when: Any, person: Any, mailing: Any, link: Any, first: int, at: datetime) -> pa.Table:
    count = len(kind)
    mail = pa.array(kind < 4)
    text = pa.array(person).cast(pa.string())
    address = pc.binary_join_element_wise("p", text, "@company.example", "")
    none = pa.nulls(count, pa.string())
    columns = {
        "kind": pc.if_else(mail, "email_event", "page_view"),
        "id": pc.binary_join_element_wise("e", pa.array(np.arange(first, first + count)).cast(pa.string()), ""),
        "type": pa.array(_TYPES[kind]),
        "person_system": pa.repeat(pa.scalar(SYSTEM), count),
        "person_object": pc.if_else(mail, "email", "contact"),
        "person_id": pc.if_else(mail, address, text),
        "occurred_at": pa.array(np.minimum(when, int(at.timestamp() * 1e6))).cast(pa.timestamp("us", "UTC")),
        "path": pa.array(np.array(["/pricing", "/products", "/blog"])[link]),
        "campaign": pc.if_else(mail, pa.array(mailing).cast(pa.string()), pa.scalar(None, pa.string())),
        "landed_at": pa.repeat(pa.scalar(at, pa.timestamp("us", "UTC")), count),
        "deleted": pa.repeat(pa.scalar(False), count),
        "modified_at": pa.nulls(count, pa.timestamp("us", "UTC")),
    }
    return pa.table([columns.get(name, none) for name in ACTIVITY_COLUMNS.names], schema=ACTIVITY_COLUMNS)


def everybody(people: int) -> pa.Table:
    """Give identities: a contact and an address for each person."""
    ids = pa.array(np.arange(people)).cast(pa.string())
    address = pc.binary_join_element_wise("p", ids, "@company.example", "")
    rows = [(object_, of) for object_, of in (("contact", ids), ("email", address))]
    tables = [
        pa.table([pa.repeat(pa.scalar(SYSTEM), people), pa.repeat(pa.scalar(o), people), of, ids], schema=IDENTITIES)
        for o, of in rows
    ]
    return pa.concat_tables(tables)


def _timed(words: str, work: Callable[[], Any]) -> Any:
    clock, before = time.perf_counter(), getrusage(RUSAGE_SELF)
    found = work()
    after = getrusage(RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{words}: {cpu:.2f} s of processor, {time.perf_counter() - clock:.2f} s; peak {after.ru_maxrss >> 10} MiB")
    return found


def main() -> None:
    """Make a lake and look at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng, people = np.random.default_rng(given.seed), max(1000, given.events // 50)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "lake"
        store = open_store(f"sqlite:///{name}/state.db")
        for first in range(0, given.events, _SEGMENT):
            count = min(_SEGMENT, given.events - first)
            table = made(rng, count, people, first, at=AT, span_us=2 * _YEAR_US)
            segment = write_segment(root, activities_stream(SYSTEM), table, landed_at=AT, dense=True)
            store.manifest.commit_segments([segment], (), {})
        identities, bots = everybody(people), Bots()
        print(f"made; peak so far {getrusage(RUSAGE_SELF).ru_maxrss >> 10} MiB")

        def look(at: datetime) -> Any:
            lake = Lake(root, store.manifest)
            return keep_apart(store.quarantine, lake, [SYSTEM], identities, bots, as_of=at)

        kept = _timed(f"first look at {given.events:,} events", lambda: look(AT))
        print(f"  {kept.held:,} held")
        _timed("quiet look", lambda: look(AT + timedelta(minutes=1)))
        later = AT + timedelta(minutes=5)
        table = made(rng, 1000, people, given.events, at=later, span_us=3_600_000_000)
        segment = write_segment(root, activities_stream(SYSTEM), table, landed_at=later)
        store.manifest.commit_segments([segment], (), {})
        some = pc.unique(table.column("person_id").slice(0, 30))
        these = identities.filter(pc.is_in(identities.column("id"), value_set=some))
        lake = Lake(root, store.manifest).of(these, [(SYSTEM, "contact")])
        _timed(
            "look at 30 references alone",
            lambda: keep_apart_of(store.quarantine, lake, [SYSTEM], these, bots, as_of=later),
        )
        kept = _timed("look after 1,000 new events of an hour", lambda: look(later))
        print(f"  {kept.held:,} held")
        _timed("list of what is held", store.quarantine.held)
        store.close()
        size = sum(path.stat().st_size for path in Path(name).glob("state.db*"))
        print(f"  state: {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
