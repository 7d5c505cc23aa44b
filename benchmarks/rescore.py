"""Rescore everybody from kept hits, beside the same by hand-written SQL and by loops, in one run and in turn.

Run: ``python -m benchmarks.rescore --people 1000000`` (50 activities each, 40 rules, one account for five people; all
generated from a seed below ``--folder``). Each contender runs in a process of its own, so that its peak memory is the
kernel's count for it alone. ``--growth`` prints the engine's figures from 10,000 people up. The touched are timed by
``benchmarks.rescore_touched``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import rescore_loops, rescore_sql
from benchmarks.rescore_data import NOW, OBJECT, SYSTEM, make, model
from connector.lake.streaming import ActivityRows
from connector.ports.store import Segment
from connector.scoring.compile import compile_model
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.hits.store import HitStore
from connector.scoring.rescore import PART_PEOPLE, People, write_rescored

ACTIVITIES_EACH, PEOPLE_PER_ACCOUNT = 50, 5
_NAMES = {
    "engine": "the engine, from kept hits",
    "hits": "(c) SQL over the same hits",
    "dictionary": "(b) SQL over Parquet, URL dictionary and decay table",
    "raw": "(a) SQL over raw Parquet",
    "first": "the engine, first load with matching",
}


class Listed:
    """A manifest of given segments."""

    def __init__(self, segments: list[Segment]) -> None:
        self._segments = segments

    def segments(self, stream: str | None = None) -> list[Segment]:
        """List them."""
        return [segment for segment in self._segments if stream in (None, segment.stream)]


def parts(folder: Path, size: int = PART_PEOPLE) -> Iterator[People]:
    """Read people part by part, in order, each with their source identity."""
    first = 0
    for batch in pq.ParquetFile(folder / "people.parquet").iter_batches(size):
        rows = batch.num_rows
        identities = pa.table(
            {
                "person": pa.array(range(rows), pa.int32()),
                "system": pa.repeat(pa.scalar(SYSTEM), rows),
                "object": pa.repeat(pa.scalar(OBJECT), rows),
                "id": [str(number) for number in range(first, first + rows)],
            }
        )
        first += rows
        yield People(pa.Table.from_batches([batch]), identities)


def opened(folder: Path, hits: Path) -> HitStore:
    """Open the hits of the generated lake, brought up to date."""
    segments = [Segment(**row) for row in _read_segments(folder)]
    store = HitStore(hits, compile_model(model()), "UTC")
    store.catch_up(ActivityRows(folder / "lake", Listed(segments)), [SYSTEM], as_of=NOW)  # type: ignore[arg-type]
    return store


def _read_segments(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "segments.parquet").to_pylist()
    return rows


def work(contender: str, folder: Path, threads: int) -> dict[str, float]:
    """Run one contender in this process; give what it took."""
    begin = time.perf_counter()
    if contender in ("engine", "first"):
        hits = folder / "hits"
        if contender == "first":
            shutil.rmtree(hits, ignore_errors=True)
        store = opened(folder, hits)
        caught_up = time.perf_counter()
        accounts = pq.read_table(folder / "accounts.parquet")
        write_rescored(
            store, model(), parts(folder), accounts, folder / "out-engine", as_of=NOW, engine=DuckDb(threads)
        )
    else:
        caught_up = begin
        rescore_sql.run(contender, folder, folder / f"out-{contender}", threads)
    clock = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "clock": clock,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mib": _peak_kib() / 1024,
        "catching_up": caught_up - begin,
    }


def _peak_kib() -> int:
    """Read the most memory this program has held (Linux); ``ru_maxrss`` would count its parent's before it began."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _apart(contender: str, folder: Path, threads: int) -> dict[str, float]:
    """Run one contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rescore", "--only", contender, "--folder", str(folder)]
    command += ["--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
    told: dict[str, float] = json.loads(done.stdout)
    return told


def prepare(folder: Path, people: int, seed: int) -> None:
    """Generate data, keep the hits and lay them out for the SQL over hits."""
    segments = make(
        folder, people=people, activities=people * ACTIVITIES_EACH, accounts=people // PEOPLE_PER_ACCOUNT, seed=seed
    )
    rows = [{name: getattr(one, name) for name in Segment.__dataclass_fields__} for one in segments]
    pq.write_table(pa.Table.from_pylist(rows), folder / "segments.parquet")
    if (folder / "hits.parquet").exists():
        return
    store = opened(folder, folder / "hits")
    writer, first = None, 0
    for part in parts(folder, 100_000):
        daily = store.hits(part.identities)
        person = pa.compute.add(daily.column("person"), pa.scalar(first, pa.int32()))
        rows_ = pa.table({"person": person, "rule": daily["rule"], "day": daily["day"], "n": daily["hits"]})
        writer = writer or pq.ParquetWriter(folder / "hits.draft", rows_.schema)
        writer.write_table(rows_, row_group_size=122_880)
        first += part.people.num_rows
    assert writer is not None
    writer.close()
    (folder / "hits.draft").replace(folder / "hits.parquet")


def agreement(folder: Path) -> str:
    """Compare what was written: totals and grades of the engine with those of each variant."""
    told = []
    for variant in rescore_sql.contenders():
        rows = duckdb.sql(f"""
            SELECT count(*), max(abs(o.total - s.total)), count(*) FILTER (o.grade <> s.grade)
            FROM '{folder}/out-engine/scores.parquet' o
            JOIN '{folder}/out-{variant}/scores-*.parquet' s ON substr(o.person_id, 2)::INTEGER = s.person""")
        people, apart, grades = rows.fetchall()[0]
        told.append(f"{variant}: {people:,} people, totals at most {apart:.2f} apart, {grades:,} other grades")
    return "; ".join(told)


def compare(folder: Path, people: int, turns: int, threads: int, *, loops: bool) -> None:
    """Run all contenders in turn and print their figures."""
    took: dict[str, list[dict[str, float]]] = {name: [] for name in _NAMES}
    for _ in range(turns):
        for name in ("raw", "engine", "dictionary", "hits"):
            took[name].append(_apart(name, folder, threads))
    took["first"].append(_apart("first", folder, threads))
    print(
        f"{people:,} people, {people * ACTIVITIES_EACH:,} activities, {threads} threads, load {os.getloadavg()[0]:.1f}"
    )
    figures = {}
    for name, title in _NAMES.items():
        clock, cpu = (median(one[what] for one in took[name]) for what in ("clock", "cpu"))
        peak = max(one["peak_mib"] for one in took[name])
        figures[name] = cpu
        print(f"{title:55} {clock:8.1f} s on the clock {cpu:8.1f} s of processor {peak:7.0f} MiB at most")
    for name, goal in (("dictionary", 0.5), ("raw", 0.35), ("hits", 1.25)):
        print(f"engine / {name:12} {figures['engine'] / figures[name]:6.2f} of the processor's time (goal {goal})")
    print(f"first load / raw    {figures['first'] / figures['raw']:6.2f} of the processor's time (goal 1.5)")
    print(f"agreement: {agreement(folder)}")
    if loops:
        _loops(folder, people, figures["engine"])


def _loops(folder: Path, people: int, engine: float) -> None:
    share = max(1, people // 2_000)
    with tempfile.TemporaryDirectory() as place:
        for title, (seconds, sample) in (
            ("(d) tight loop in memory", rescore_loops.tight_loop(folder, share)),
            (
                "(e) a person at a time, SQLAlchemy and SQLite",
                rescore_loops.orm_loop(folder, share, Path(place) / "db"),
            ),
        ):
            whole = seconds * people / sample
            print(
                f"{title:55} {seconds:8.2f} s of processor for {sample:,} people: {whole:8.0f} s for all by"
                f" extrapolation, {whole / engine:.0f} x the engine"
            )


def growth(folder: Path, sizes: Sequence[int], threads: int, seed: int) -> None:
    """Print the engine's figures for growing populations."""
    for people in sizes:
        prepare(folder / str(people), people, seed)
        one, first = (_apart(name, folder / str(people), threads) for name in ("engine", "first"))
        print(
            f"{people:9,} people: rescored in {one['clock']:6.1f} s ({one['cpu']:6.1f} s of processor, "
            f"{one['peak_mib']:4.0f} MiB), first load {first['clock']:6.1f} s ({first['cpu']:6.1f}, "
            f"{first['peak_mib']:5.0f} MiB)"
        )


def main() -> None:
    """Generate, run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "handoff-rescore")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--no-loops", action="store_true")
    parser.add_argument("--only", choices=sorted(_NAMES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(work(given.only, given.folder, given.threads)))
    elif given.growth:
        growth(given.folder, (10_000, 30_000, 100_000, 300_000, 1_000_000), given.threads, given.seed)
    else:
        place = given.folder / str(given.people)
        prepare(place, given.people, given.seed)
        compare(place, given.people, given.turns, given.threads, loops=not given.no_loops)


if __name__ == "__main__":
    main()
