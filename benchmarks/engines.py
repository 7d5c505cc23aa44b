"""Score the same generated people on the embedded engine and on Spark, and hold the answers to be the same.

Run from the checkout: ``python benchmarks/engines.py --people 100000 --activities 500000 --spark 'local[2]'``.
Processor time is that of this process and of the Java process it starts (Linux); of a cluster only the driver's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from scoring import MODEL, NOW, ZONE, population

from connector.mapping.scoring import ScoringModel
from connector.scoring.compile import compile_model
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.engines.on_spark import Spark
from connector.scoring.engines.runner import Engine
from connector.scoring.hits.match import match_hits
from connector.scoring.score import Scored, score_hits


def _cpu_seconds() -> float:
    """Add up the processor time of this process and of those it has started, Java among them."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if os.getpid() in (int(folder.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print seconds of clock and processor per engine and round; the first round of Spark starts it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--activities", type=int, default=500_000)
    parser.add_argument("--spark", default="local[2]")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    people, activities, accounts = population(arguments.people, arguments.activities)
    model = compile_model(ScoringModel.model_validate(MODEL))

    def scored(engine: Engine) -> Scored:
        hits = match_hits(model, activities, time_zone=ZONE, as_of=NOW, engine=engine)
        return score_hits(model, people, hits, accounts, as_of=NOW, time_zone=ZONE, engine=engine)

    print(f"{people.num_rows:,} people, {activities.num_rows:,} activities, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        engines: dict[str, Engine] = {"duckdb": DuckDb(2), "spark": Spark(arguments.spark, Path(scratch))}
        answers: list[Scored] = []
        for number in range(arguments.rounds):
            for name, engine in engines.items():
                begin, cpu = time.perf_counter(), _cpu_seconds()
                answers.append(scored(engine))
                clock, cpu = time.perf_counter() - begin, _cpu_seconds() - cpu
                print(f"round {number + 1} {name:8} {clock:8.2f} s  {cpu:8.2f} s of processor", flush=True)
        assert all(answer == answers[0] for answer in answers[1:]), "the engines differ"
    print("the same scores, lines and accounts")


if __name__ == "__main__":
    main()
