"""Kill the real command at every durable boundary, with every fault in the air, and compare the orgs.

    python -m benchmarks.survival.kills --seed 1 --pairs 300     # 0: every boundary with every fault

A pair is a boundary and a fault. Each has a world of its own, a copy of one that was prepared: orgs and a project
before its first load, or before the cycle of a busy day. The fault is planted, ``handoff run --once`` works in a
process of its own and is ended by SIGKILL at the boundary; in every third world a rep then types into a field that we
are about to fill. The command runs again until all is settled, and the orgs are compared with those of a day on which
nothing happened. Where there are pairs enough every boundary and every fault is met at least once.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.survival.boundaries import Watch
from benchmarks.survival.busy_day import BusyDay, a_busy_day
from benchmarks.survival.commands import Commands, Done, processor_seconds
from benchmarks.survival.judge import Complaint, Edited, complaints
from benchmarks.survival.place import AT, Place, prepare
from benchmarks.survival.trouble import CREATIONS, TROUBLES, Trouble

#: cycles after the kill until all must be settled and as it would have been
_CYCLES = 4
#: by then the vendor can no longer be at work on what a killed process had sent
_LATER = timedelta(minutes=12)
_KILLED = -9


@dataclass(frozen=True, slots=True)
class Pair:
    """Where to kill, what is in the air, and whether a rep types meanwhile."""

    boundary: str
    trouble: Trouble
    typed: bool = False

    def __str__(self) -> str:
        """Name it."""
        return f"{self.boundary} x {self.trouble.name}{' x typed' if self.typed else ''}"


@dataclass(slots=True)
class Verdict:
    """What came of one pair."""

    pair: Pair
    killed: bool
    struck: int
    wrong: list[Complaint]
    words: str = ""


@dataclass(slots=True)
class World:
    """A place before the cycle that is to be killed, and the ends it may have."""

    scene: str
    folder: Path
    commands: Commands
    template: Path
    at: datetime
    #: None where nobody types meanwhile
    day: BusyDay | None = None
    boundaries: list[str] = field(default_factory=list)
    #: by whether a rep types meanwhile
    undisturbed: dict[bool, dict[str, bytes]] = field(default_factory=dict)
    #: ends after troubles that change the org
    changed: dict[tuple[str, bool], dict[str, bytes]] = field(default_factory=dict)
    #: what is wrong in those though it was put right
    unhealed: dict[tuple[str, bool], list[Complaint]] = field(default_factory=dict)

    def open(self, name: str) -> Place:
        """Open a copy of the place, which signs in with a token that can be renewed."""
        shutil.copytree(self.template, self.folder / name)
        place = Place(self.folder / name, self.commands)
        place.__enter__()
        ready = place.ready["salesforce"]
        place.configure(auth="{flow: client_credentials, client_id: '${SF_ID}', client_secret: '${SF_SECRET}'}")
        place.env(SF_ID=ready["client_id"], SF_SECRET=ready["client_secret"])
        return place

    def close(self, place: Place) -> None:
        """Close a copy and delete it."""
        place.__exit__()
        shutil.rmtree(place.folder)

    def run(self, place: Place, watch: Watch | None = None, *, after: timedelta = timedelta()) -> Done:
        """Run one cycle, which may end as it likes, at the day's clock or so much later."""
        if after:
            place.clock(self.at + after)
        return place.handoff("run", "--once", "--as-of", (self.at + after).isoformat(), "--json", watch=watch)

    def types(self, place: Place) -> Sequence[Edited]:
        """Let a rep type into a field that we are about to fill."""
        return self.day.types(place) if self.day is not None else ()


def first_load(folder: Path, commands: Commands, *, prepared: Path) -> World:
    """Begin with a project that has never run."""
    return _lived(World("first load", folder, commands, prepared, AT))


def busy_day(folder: Path, commands: Commands, *, loaded: Path) -> World:
    """Begin with a busy day after the first load, and live through it also with a rep who types."""
    template = folder / "day"
    shutil.copytree(loaded, template)
    with Place(template, commands) as place:
        day = a_busy_day(place)
    return _lived(World("busy day", folder, commands, template, day.at, day))


def _lived(world: World) -> World:
    """Live through it undisturbed, and list the boundaries."""
    listing = world.folder / "boundaries"
    for typed in (False, True) if world.day is not None else (False,):
        place = world.open("undisturbed")
        _expect_quiet(world.run(place, None if typed else Watch(listing=str(listing), reads=True)))
        if typed:
            world.types(place)
            _expect_quiet(world.run(place))
        world.undisturbed[typed] = place.snapshots()
        _expect_quiet(world.run(place, after=_LATER))
        moved = complaints(world.undisturbed[typed], place.snapshots())
        if moved:
            message = f"a later cycle of the undisturbed day changes something: {moved[:3]}"
            raise RuntimeError(message)
        world.close(place)
    world.boundaries = listing.read_text(encoding="utf-8").splitlines()
    return world


def _expect_quiet(done: Done) -> None:
    if not _quiet(done):
        message = f"the undisturbed day is not quiet: {done}"
        raise RuntimeError(message)


def _quiet(done: Done) -> bool:
    return done.code == 0 and bool(done.json["settled"]) and done.json["verdict"] == "green"


def strike(world: World, pair: Pair, name: str, *, plant: str = "", cycles: int = _CYCLES) -> Verdict:
    """Live through one pair and compare; ``plant`` is a mistake (``mistakes.py``) that the program then makes."""
    place = world.open(name)
    trouble = pair.trouble
    try:
        trouble.plant(place)
        killed = world.run(place, Watch(end_at=pair.boundary, reads=True, mistake=plant))
        edited = world.types(place) if pair.typed else ()
        if sum(place.struck(trouble.vendor)) < trouble.count:
            world.run(place, Watch(mistake=plant))
        struck = sum(place.struck(trouble.vendor))
        trouble.end(place)
        wanted = _changed_end(world, pair) if trouble.changes and struck else world.undisturbed[pair.typed]
        watch = Watch(mistake=plant)
        wrong, words = _until_right(world, place, watch, wanted=wanted, edited=edited, cycles=cycles)
        wrong += world.unhealed.get((trouble.name, pair.typed), []) if struck else []
        return Verdict(pair, killed.code == _KILLED, struck, wrong, words)
    finally:
        world.close(place)


def _until_right(
    world: World, place: Place, watch: Watch, *, wanted: Mapping[str, bytes], edited: Sequence[Edited], cycles: int
) -> tuple[list[Complaint], str]:
    """Run cycles until all is settled and as it should be, or patience ends; give what is still wrong.

    The second half of them runs later: an undisturbed day ends the same whether it has such a cycle or not.
    """
    wrong: list[Complaint] = []
    for number in range(cycles):
        done = world.run(place, watch, after=_LATER if number >= cycles // 2 else timedelta())
        wrong = complaints(wanted, place.snapshots(), edited=edited)
        if _quiet(done) and not wrong:
            return [], ""
    return wrong or [Complaint("different", "the cycle", "never quiet")], f"{done.out[-1500:]} {done.err[-1500:]}"


def _changed_end(world: World, pair: Pair) -> dict[str, bytes]:
    """Give the end after a trouble that changes the org, without any kill."""
    key = (pair.trouble.name, pair.typed)
    if key not in world.changed:
        place = world.open(f"changed-{abs(hash(key))}-{time.monotonic_ns()}")
        pair.trouble.plant(place)
        world.run(place)
        pair.trouble.end(place)
        if pair.typed:
            world.types(place)
        for _ in range(_CYCLES):
            if _quiet(world.run(place)):
                break
        end = place.snapshots()
        world.close(place)
        world.unhealed[key] = _not_put_right(world.undisturbed[pair.typed], end, pair.trouble)
        world.changed[key] = end
    return world.changed[key]


def _not_put_right(undisturbed: Mapping[str, bytes], end: Mapping[str, bytes], trouble: Trouble) -> list[Complaint]:
    """Give what is otherwise than it would have been, but for the trouble's own traces: it would hide in every pair."""
    return [
        complaint
        for complaint in complaints(undisturbed, end)
        if not complaint.record.startswith('["CustomField"')
        and not complaint.field.startswith("held ")
        and not (trouble.what == "late_record" and not complaint.field and complaint.kind != "lost")
    ]


def choose(world: World, *, seed: int, pairs: int) -> list[Pair]:
    """Draw pairs: each boundary and each fault at least once, then at random; 0 means every pair there is."""
    dice = random.Random(seed)
    share = 0.0 if world.day is None else 1 / 3
    troubles = [trouble for trouble in TROUBLES if world.day is not None or trouble.match != CREATIONS]
    if not pairs:
        return [Pair(at, trouble, dice.random() < share) for at in world.boundaries for trouble in troubles]
    boundaries = dice.sample(world.boundaries, len(world.boundaries))
    troubles = dice.sample(troubles, len(troubles))
    met = max(len(boundaries), len(troubles))
    drawn = [(boundaries[n % len(boundaries)], troubles[n % len(troubles)]) for n in range(met)]
    drawn += [(dice.choice(boundaries), dice.choice(troubles)) for _ in range(pairs - met)]
    return [Pair(at, trouble, dice.random() < share) for at, trouble in drawn[:pairs]]


def campaign(world: World, pairs: Sequence[Pair], *, at_once: int = 3) -> Iterator[Verdict]:
    """Live through the pairs, some at once; then once more where the fault ended the run before its boundary."""
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(at_once) as pool:
        for verdict in pool.map(lambda numbered: strike(world, numbered[1], f"pair-{numbered[0]}"), enumerate(pairs)):
            verdicts.append(verdict)
            yield verdict
        again = enumerate(missed(verdicts))
        yield from pool.map(lambda numbered: strike(world, numbered[1], f"again-{numbered[0]}"), again)


def missed(verdicts: Sequence[Verdict]) -> list[Pair]:
    """Give pairs for the boundaries at which nothing was ended, with a fault that holds up nothing."""
    met = {verdict.pair.boundary for verdict in verdicts if verdict.killed}
    slow = next(trouble for trouble in TROUBLES if trouble.what == "slow_body")
    asked = dict.fromkeys(verdict.pair.boundary for verdict in verdicts)
    return [Pair(boundary, slow) for boundary in asked if boundary not in met]


# -- telling -----------------------------------------------------------------------------------------


def _tell_of(verdicts: Sequence[Verdict], began: float, *, in_full: bool) -> None:
    """Print how far it is, now and then, and the last one if it is wrong."""
    last = verdicts[-1]
    if len(verdicts) % 20 == 0:
        wrong = sum(bool(each.wrong) for each in verdicts)
        print(f"  {len(verdicts)} pairs, {wrong} wrong, {time.monotonic() - began:.0f} s")
    if last.wrong:
        print(f"WRONG {last.pair}", *last.wrong[:6], last.words if in_full else "", sep="\n  ")
    sys.stdout.flush()


def _kind(boundary: str) -> str:
    return boundary.rpartition("#")[0]


def tell(verdicts: Sequence[Verdict]) -> str:
    """Draw the matrix of kills: a line for each fault, a column for each kind of boundary."""
    kinds = sorted({_kind(verdict.pair.boundary) for verdict in verdicts})
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    strikes: Counter[str] = Counter()
    for verdict in verdicts:
        counts[verdict.pair.trouble.name][_kind(verdict.pair.boundary)] += verdict.killed
        strikes[verdict.pair.trouble.name] += verdict.struck > 0
    lines = [f"{letter} = {kind}" for letter, kind in zip(_LETTERS, kinds, strict=False)]
    lines.append(f"{'fault':42} struck " + " ".join(f"{letter:>3}" for letter in _LETTERS[: len(kinds)]))
    lines += [
        f"{name:42} {strikes[name]:6} " + " ".join(f"{counts[name][kind]:3}" for kind in kinds)
        for name in sorted(counts)
    ]
    return "\n".join(lines)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _named(text: str) -> Pair:
    boundary, name, *typed = text.split(" x ")
    return Pair(boundary, next(trouble for trouble in TROUBLES if trouble.name == name), bool(typed))


def _summed(verdicts: Sequence[Verdict], world: World) -> str:
    killed = [verdict for verdict in verdicts if verdict.killed]
    return (
        f"{world.scene}: killed {len(killed)} times at {len({v.pair.boundary for v in killed})} of"
        f" {len(world.boundaries)} boundaries; {len(verdicts) - len(killed)} ended before theirs;"
        f" {len({v.pair.trouble.name for v in verdicts if v.struck})} of {len(TROUBLES)} faults struck;"
        f" {sum(verdict.pair.typed for verdict in verdicts)} times a rep typed meanwhile"
    )


def _drawn(folder: Path, commands: Commands, asked: argparse.Namespace) -> Iterator[tuple[World, list[Pair]]]:
    """Make the worlds, one after the other, and draw their pairs: two thirds on the busy day."""
    prepare(folder / "loaded", commands, people=asked.people)
    shutil.copytree(folder / "loaded", folder / "prepared")
    with Place(folder / "loaded", commands) as place:
        place.cycle()
    for scene in asked.scene or ("day", "first"):
        (folder / scene).mkdir()
        if scene == "day":
            world, share = busy_day(folder / scene, commands, loaded=folder / "loaded"), 2 / 3
        else:
            world, share = first_load(folder / scene, commands, prepared=folder / "prepared"), 1 / 3
        pairs = [_named(text) for text in asked.only]
        yield world, pairs or choose(world, seed=asked.seed, pairs=round(asked.pairs * share))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign and print it; 1 when anything was lost, doubled, overwritten or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=300, help="how many; 0: every boundary with every fault")
    parser.add_argument(
        "--scene", action="append", choices=("day", "first"), help="a busy day, the first load; else both"
    )
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=3, help="worlds at work beside each other")
    parser.add_argument("--only", action="append", default=[], metavar="PAIR", help="a pair as it is printed")
    asked = parser.parse_args(argv)
    began = time.monotonic()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as name, Commands() as commands:
        for world, pairs in _drawn(Path(name), commands, asked):
            print(f"seed {asked.seed}, {world.scene}: {len(world.boundaries)} boundaries, {len(pairs)} pairs")
            some: list[Verdict] = []
            for verdict in campaign(world, pairs, at_once=asked.at_once):
                some.append(verdict)
                _tell_of(some, began, in_full=bool(asked.only))
            print(_summed(some, world))
            verdicts += some
    print(tell(verdicts))
    wrong = Counter(complaint.kind for verdict in verdicts for complaint in verdict.wrong)
    print(
        f"lost {wrong['lost']}, doubled {wrong['doubled']}, overwritten {wrong['overwritten']},"
        f" different {wrong['different']}; {time.monotonic() - began:.0f} s, {processor_seconds():.0f} s of processor"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
