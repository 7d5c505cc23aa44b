"""Random cycles with two replicas on PostgreSQL, either killed or stopped, while people work; the orgs are compared.

    python -m benchmarks.survival.cycles --seed 1 --cycles 100

A history is ten cycles long. Two daemons live by a set clock on one PostgreSQL and one lake; before each cycle people
work in both orgs, beside it a rep types into a field that we are about to fill, and either daemon is ended by SIGKILL
or put to sleep by SIGSTOP, at a boundary or out of the blue, and wakes up late. A twin on SQLite lives through the same
acts at the same instants with ``handoff run --once`` and nothing happens to it. After each cycle the orgs must hold the
same; what does not counts when it still stands after the next cycle.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from benchmarks.survival.commands import Commands, processor_seconds
from benchmarks.survival.databases import postgresql_server
from benchmarks.survival.judge import Complaint, Edited, complaints
from benchmarks.survival.people_at_work import PeopleAtWork, at_set_times, carry_out
from benchmarks.survival.place import AT, Place, prepare
from benchmarks.survival.replicas import Pair

#: cycles of one history
LENGTH = 10
_SCHEDULE = "{source: 1h, crm: 1h, fast_lane: 1h, deliver: 1s}"


@dataclass(slots=True)
class History:
    """What came of one history."""

    seed: int
    cycles: int = 0
    wrong: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)

    def note(self, found: Sequence[Complaint]) -> None:
        """Keep what is wrong."""
        self.kinds.update(complaint.kind for complaint in found)
        self.wrong += [f"seed {self.seed}, cycle {self.cycles}: {complaint}" for complaint in found]


@dataclass(slots=True)
class Ground:
    """What all histories stand on."""

    folder: Path
    commands: Commands
    template: Path
    postgres: str

    def schema(self, name: str) -> str:
        """Make an empty schema and give its URL."""
        engine = create_engine(self.postgres, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return f"{self.postgres}&options=-csearch_path%3D{name}"


def live(ground: Ground, seed: int, cycles: int) -> History:
    """Live through one history, disturbed and undisturbed."""
    history = History(seed)
    dice = random.Random(seed)
    folder = ground.folder / f"history-{seed}"
    with ExitStack() as stack:
        twin, house = (_open(ground, folder / name, stack) for name in ("twin", "house"))
        house.configure(state=f"'{ground.schema(f'history_{seed}')}'", schedule=_SCHEDULE)
        people, pair = PeopleAtWork(dice), Pair(house, random.Random(f"{seed} disturbed"))
        stack.callback(pair.stop)
        pair.counts = history.counts
        pair.start(AT)
        edited: list[Edited] = []
        standing: list[Complaint] = []
        quiet: datetime | None = None
        for number in range(cycles + 1):
            if number == cycles and not standing:
                break
            before, at = people.at, people.at
            typing: list[Any] = []
            if 0 < number < cycles:
                drawn = people.next_round(twin)
                at = people.at
                begins = max(before + (at - before) / 2, quiet or before)
                for place in (twin, house):
                    place.clock(begins)
                done = carry_out(twin, at_set_times(drawn.acts, begins))
                carry_out(house, done)
                history.acts.update(act["do"] for _, act in done)
                typing, edited = drawn.typing, edited + drawn.edited
                history.acts["typed meanwhile"] += len(typing)
            for place in (twin, house):
                place.clock(at)
            twin.cycle(at)
            carry_out(twin, typing)
            if number:
                # the daemons look until a look finds nothing, and a look renews what a new record shows
                twin.cycle(at)
            quiet = pair.live(at, meanwhile=partial(carry_out, house, typing))
            if quiet is not None and quiet > at:
                twin.clock(quiet)
                twin.cycle(quiet)
            history.cycles = number + 1
            found = complaints(twin.snapshots(), house.snapshots(), edited=edited)
            if quiet is None:
                history.note([Complaint("different", "the replicas", "never quiet")])
                break
            # judged after the next cycle, and at the end: what was wrong then and is now
            history.note([complaint for complaint in found if complaint in standing])
            standing = found
    shutil.rmtree(folder)
    return history


def _open(ground: Ground, folder: Path, stack: ExitStack) -> Place:
    shutil.copytree(ground.template, folder)
    shutil.rmtree(folder / "project" / "var", ignore_errors=True)
    return stack.enter_context(Place(folder, ground.commands))


def campaign(ground: Ground, *, seed: int, cycles: int, at_once: int = 2) -> Iterator[History]:
    """Live through as many histories as give so many cycles."""
    lengths = [LENGTH] * (cycles // LENGTH) + ([cycles % LENGTH] if cycles % LENGTH else [])
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda n: live(ground, seed * 1000 + n, lengths[n]), range(len(lengths)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign and print it; 1 when anything was lost, doubled, overwritten or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=2, help="histories at work beside each other")
    parser.add_argument("--history", type=int, help="one history by its own seed, ten cycles long")
    asked = parser.parse_args(argv)
    began = time.monotonic()
    total = History(asked.seed)
    with tempfile.TemporaryDirectory(prefix="cycles-") as name, Commands() as commands:
        folder = Path(name)
        prepare(folder / "template", commands, people=asked.people)
        with postgresql_server(folder) as url:
            ground = Ground(folder, commands, folder / "template", url)
            histories = (
                campaign(ground, seed=asked.seed, cycles=asked.cycles, at_once=asked.at_once)
                if asked.history is None
                else iter([live(ground, asked.history, LENGTH)])
            )
            for history in histories:
                total.cycles += history.cycles
                for mine, its in (
                    (total.kinds, history.kinds),
                    (total.counts, history.counts),
                    (total.acts, history.acts),
                ):
                    mine.update(its)
                total.wrong += history.wrong
                print(
                    f"history {history.seed}: {history.cycles} cycles, {dict(history.counts)}",
                    *history.wrong,
                    sep="\n  ",
                )
                sys.stdout.flush()
    print(f"seed {asked.seed}: {total.cycles} cycles with two replicas; people: {dict(total.acts)}")
    print(f"replicas: {dict(total.counts)}")
    kinds = total.kinds
    print(
        f"lost {kinds['lost']}, doubled {kinds['doubled']}, overwritten {kinds['overwritten']},"
        f" different {kinds['different']}; {time.monotonic() - began:.0f} s, {processor_seconds():.0f} s of processor"
    )
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
