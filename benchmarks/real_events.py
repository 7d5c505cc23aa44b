"""Score real people through ``handoff score`` and print how often each score band converted.

``HANDOFF_SHARED=... python benchmarks/real_events.py [--json]``. Rules stand in real_events_mappings; the rest of each
mapping folder is the starter's. Bands come in order from the best; beside each share of conversions stands its 95 %
interval (Wilson). Seconds are those of the command, on the clock and of the processor.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from real_events_data import Scene, leads, web_log, web_sessions, write

RULES = Path(__file__).with_name("real_events_mappings")
DIMENSIONS = ("fit", "interest", "qualification")
PEOPLE = (
    *("person_id", "lead_source", "origin", "occupation", "specialization", "no_mail", "seconds_on_site"),
    *("visitor", "special_day", "bounce_rate", "season", "page_value", "user_agent"),
)
ACTIVITIES = ("activity_id", "person_id", "type", "occurred_at", "path", "value")
Score = Mapping[str, Any]


@dataclass
class Band:
    """How many people of a band there were, how many converted, and between what the true share lies (95 %)."""

    name: str
    people: int
    converted: int
    low: float
    high: float


@dataclass
class Told:
    """What one data set told."""

    name: str
    bands: list[Band]
    people: int
    lines: int
    clock_s: float
    cpu_s: float
    auc: float


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Give the 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - reach) / (1 + z * z / of), (middle + reach) / (1 + z * z / of)


def area(pairs: list[tuple[float, bool]]) -> float:
    """Give the chance that somebody who converted stands above somebody who did not; ties count half."""
    below, ties, losers, wins = 0, 0.0, 0, sum(won for _, won in pairs)
    by_score: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for value, converted in pairs:
        by_score[value][converted] += 1
    for value in sorted(by_score):
        lost, won = by_score[value]
        below += won * losers
        ties += won * lost / 2
        losers += lost
    return (below + ties) / (wins * losers) if wins and losers else 0.5


def scored(scene: Scene, folder: Path) -> tuple[list[Score], list[Score], float, float]:
    """Run the command on a scene: (scores, lines, seconds on the clock, seconds of the processor)."""
    mappings = folder / "mappings"
    starter = importlib.util.find_spec("mappings")
    assert starter is not None
    assert starter.origin is not None
    shutil.copytree(Path(starter.origin).parent / "default", mappings)
    for path in (RULES / scene.mappings).iterdir():
        shutil.copy(path, mappings / path.name)
    write(folder / "people.csv", scene.people, PEOPLE)
    write(folder / "activities.csv", scene.activities, ACTIVITIES)
    told = ["--people", "people.csv", "--activities", "activities.csv", "--out", "out", "--mappings", "mappings"]
    command = [sys.executable, "-m", "connector", "score", *told, "--as-of", scene.as_of.isoformat(), "--json"]
    began, before = time.monotonic(), _processor()
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    clock, used = time.monotonic() - began, _processor() - before
    if done.returncode:
        raise SystemExit(f"handoff score ended with {done.returncode}: {done.stdout}{done.stderr}")
    out = folder / "out"
    return *(pq.read_table(out / f"{name}.parquet").to_pylist() for name in ("scores", "lines")), clock, used


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def add_up(scores: list[Score], lines: list[Score]) -> None:
    """Hold every number to the sum of its lines, to the tenth."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line["person_id"], line["dimension"]] += Decimal(str(line["points"]))
    for score in scores:
        for name in DIMENSIONS:
            found = sums[score["person_id"], name]
            if found != Decimal(str(score[name])):
                raise SystemExit(f"{name} of {score['person_id']} is {score[name]}, its lines add up to {found}")


def judge(name: str, scenes: list[Scene], band: Callable[[Score], str | None]) -> Told:
    """Score scenes and count conversions by band, the best first; people of no band are left out."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    told = Told(name, [], 0, 0, 0.0, 0.0, 0.0)
    pairs = []
    for scene in scenes:
        with tempfile.TemporaryDirectory() as folder:
            scores, lines, clock, used = scored(scene, Path(folder))
        add_up(scores, lines)
        told.people += len(scores)
        told.lines += len(lines)
        told.clock_s += clock
        told.cpu_s += used
        for score in scores:
            place = band(score)
            if place is not None:
                won = scene.won[score["person_id"]]
                counts[place][0] += 1
                counts[place][1] += won
                pairs.append((score["total"], won))
    for place, (people, converted) in sorted(counts.items()):
        low, high = wilson(converted, people)
        told.bands.append(Band(place, people, converted, low, high))
    told.auc = area(pairs)
    return told


def by_letter(score: Score) -> str:
    """Band by fit alone."""
    return str(score["grade"])[0]


def by_number(score: Score) -> str | None:
    """Band by interest alone; machines are no people."""
    return None if score["verdict"] == "disqualified" else str(score["grade"])[1]


def by_total(score: Score) -> str:
    """Band by the total: four steps that were set on the half the rules were written on."""
    steps = (40.0, 27.0, 16.0)
    return str(1 + sum(score["total"] < step for step in steps))


def data_sets(half: int) -> Iterator[Told]:
    """Judge all data sets on one half (1: the half that no rule was written on)."""
    yield judge("leads, by letter of fit", [leads(half)], by_letter)
    yield judge("web sessions, by total", [web_sessions(half, page_value=False)], by_total)
    yield judge("web sessions, by total, with the column that leaks", [web_sessions(half, page_value=True)], by_total)
    days = [datetime(2015, 5, 18, tzinfo=UTC) + timedelta(days=day) for day in range(3)]
    yield judge("web log, by number of interest", [web_log(day) for day in days], by_number)


def table(told: Told) -> str:
    """Write one data set for people."""
    spent = f"{told.clock_s:.1f} s ({told.cpu_s:.1f} of processor)"
    rows = [f"{told.name}: {told.people:,} people, {told.lines:,} lines, AUC {told.auc:.3f}, {spent}"]
    for band in told.bands:
        share = band.converted / band.people
        rows.append(
            f"  {band.name}  {band.people:5,} people  {band.converted:5,} converted"
            f"  {share:6.1%}  ({band.low:.1%} to {band.high:.1%})"
        )
    return "\n".join(rows)


def main() -> None:
    """Print what the bands converted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of tables")
    parser.add_argument("--half", type=int, choices=(0, 1), default=1, help="0: the half that rules were written on")
    options = parser.parse_args()
    if "HANDOFF_SHARED" not in os.environ:
        raise SystemExit("HANDOFF_SHARED names the folder that holds data/")
    found = list(data_sets(options.half))
    print(json.dumps([asdict(told) for told in found]) if options.json else "\n".join(map(table, found)))


if __name__ == "__main__":
    main()
