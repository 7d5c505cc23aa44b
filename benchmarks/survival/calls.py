"""What API calls cost beside the smallest possible number, undisturbed and with one call in twenty failing.

``python -m benchmarks.survival.calls --people 1000 --days 5 --seeds 1,2,3`` runs the whole program against both orgs:
a first load, a quiet cycle, and days on which buyers come; first undisturbed, then once per seed with 5 % of all
requests hit by a random mixture of lost answers, rate limits, 5xx answers, locked rows and ended sessions. It prints
per vendor the calls used, the org's own count of what one pass needs (``floor``), what stands apart, and, since several
queries may share one composite call and ``used`` may so lie far below the floor, all requests beside those of the
undisturbed run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.survival.buyers import open_lead, submit
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import AT, VENDORS, Place, later, prepare

#: one call in twenty, in equal shares
SHARE = 0.05
#: what hits whom; HubSpot has no lost writes, for nothing is written there, but lost answers to reads
MIXTURE: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "salesforce": (
        {"what": "drop_after_commit"},
        {"what": "429", "limit": "concurrent"},
        {"what": "503"},
        {"what": "html_502"},
        {"what": "lock_row"},
        {"what": "expire_token"},
    ),
    "hubspot": (
        {"what": "drop_after_commit"},
        {"what": "429", "retry_after": 1},
        {"what": "503"},
        {"what": "html_502"},
        {"what": "lock_row"},
        {"what": "expire_token"},
    ),
}
#: everything but signing in: a session is renewed by one call, which the faults must not end as soon as it stands
_MATCH = r"^\w+ (?!/services/oauth2|/oauth)"
#: cycles until one is green; a read that fails five times in a row costs one
_TRIES = 5


@dataclass(slots=True)
class Count:
    """What one vendor counted over some cycles."""

    used: int = 0
    floor: int = 0
    requests: int = 0
    violations: int = 0
    struck: int = 0
    apart: Counter[str] = field(default_factory=Counter)
    #: cycles in which more was used than the floor; with faults, than a quarter more
    over: list[str] = field(default_factory=list)

    def add(self, calls: Mapping[str, Any], *, name: str, allowed: float) -> None:
        """Add what an org counted in one cycle."""
        self.used += calls["used"]
        self.floor += calls["floor"]
        self.violations += calls["violations"]
        self.apart.update(calls["apart"])
        self.requests += sum(entry["count"] for entry in calls["calls"])
        if calls["used"] > allowed * calls["floor"]:
            self.over.append(f"{name} {calls['used']}/{calls['floor']}")


Counts = dict[str, Count]


def measure(
    prepared: Path, folder: Path, commands: Commands, *, days: int, seed: int | None, buyers: int = 3
) -> tuple[Counts, dict[str, bytes]]:
    """Run a first load, a quiet cycle and some days; ``seed`` plants faults. Give the counts and what the orgs hold."""
    shutil.copytree(prepared, folder)
    counts: Counts = {vendor: Count() for vendor in VENDORS}
    try:
        with Place(folder, commands) as place:
            _renewable(place)
            for name, at in _cycles(place, days, buyers):
                _cycle(place, name, at, counts, seed)
            return counts, place.snapshots()
    finally:
        shutil.rmtree(folder)


def _renewable(place: Place) -> None:
    """Sign in by flows that can renew a session that ended."""
    place.configure(
        auth="{flow: client_credentials, client_id: '${SF_ID}', client_secret: '${SF_SECRET}'}",
        limits="{fast_lane_tasks_per_day: 5000, creations_per_day: 5000, tasks_per_day: 5000}",
    )
    ready = place.ready["salesforce"]
    place.env(SF_ID=ready["client_id"], SF_SECRET=ready["client_secret"])
    hubspot = place.ready["hubspot"]
    place.env(HS_ID=hubspot["client_id"], HS_SECRET=hubspot["client_secret"], HS_REFRESH=hubspot["refresh_token"])
    config = place.project / "handoff.yaml"
    text = config.read_text(encoding="utf-8")
    own = "client_id: '${HS_ID}', client_secret: '${HS_SECRET}', refresh_token: '${HS_REFRESH}'"
    config.write_text(text.replace("token: '${HUBSPOT_TOKEN}'", own), encoding="utf-8")


def _cycles(place: Place, days: int, buyers: int) -> Iterator[tuple[str, datetime]]:
    yield "first load", AT
    yield "quiet cycle", AT
    lead = open_lead(place)
    for day in range(1, days + 1):
        place.clock(later(days=day))
        place.act(
            "hubspot",
            *({"do": "visit", "email": lead["Email"], "path": "/pricing"} for _ in range(buyers)),
            *(
                submit(f"buyer{day}.{n}@new{day}-{n}.example", firstname="Brand", lastname=f"New{n}", company=f"C{n}")
                for n in range(buyers)
            ),
        )
        at = later(days=day, minutes=2)
        place.clock(at)
        yield f"day {day}", at


def _cycle(place: Place, name: str, at: datetime, counts: Counts, seed: int | None) -> None:
    """Run one cycle until it is green, and add what it cost."""
    place.mark()
    if seed is not None:
        dice = Random(f"{seed} {name}")
        for vendor in VENDORS:
            place.faults(vendor, *_faults(vendor, dice))
    for _ in range(_TRIES):
        done = place.handoff("run", "--once", "--as-of", at.isoformat(), "--json")
        assert done.code in {0, 4}, (name, done.code, done.out[-2000:], done.err[-2000:])
        if done.code == 0 and done.json["settled"]:
            break
    else:
        raise AssertionError(f"{name}: no cycle became green: {done.out[-2000:]}")
    for vendor, calls in place.calls().items():
        if seed is not None:
            counts[vendor].struck += sum(place.struck(vendor))
            place.faults(vendor)
        counts[vendor].add(calls, name=name, allowed=1.0 if seed is None else 1.25)


def _faults(vendor: str, dice: Random) -> list[dict[str, Any]]:
    each = SHARE / len(MIXTURE[vendor])
    number = dice.randrange(2**31)
    return [{"match": _MATCH, "rate": each, "seed": number + n, **one} for n, one in enumerate(MIXTURE[vendor])]


def _tell(title: str, counts: Counts, calm: Counts | None) -> None:
    for vendor, count in counts.items():
        more = f" {count.requests / calm[vendor].requests:>6.2f}" if calm else f" {'':>6}"
        print(
            f"{title:14} {vendor:11} {count.used:>6,} {count.floor:>6,} {count.used / count.floor:>6.2f}"
            f" {count.requests:>8,}{more} {count.struck:>7} {count.violations:>10}"
            f"  {', '.join(f'{why} {n}' for why, n in sorted(count.apart.items()))}"
        )
        for line in count.over:
            print(f"    over: {line}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--buyers", type=int, default=20)
    parser.add_argument("--seeds", default="1,2,3")
    words = parser.parse_args()
    began = time.monotonic()
    seeds: Sequence[int] = [int(seed) for seed in words.seeds.split(",") if seed]
    with tempfile.TemporaryDirectory(prefix="handoff-calls-") as name, Commands() as commands:
        folder = Path(name)
        prepare(folder / "prepared", commands, people=words.people)
        head = ("", "vendor", "used", "floor", "ratio", "requests", "x calm", "struck", "violations")
        print("{:14} {:11} {:>6} {:>6} {:>6} {:>8} {:>6} {:>7} {:>10}  apart".format(*head))
        about = {"days": words.days, "buyers": words.buyers}
        calm, left = measure(folder / "prepared", folder / "calm", commands, seed=None, **about)
        _tell("undisturbed", calm, None)
        bad = any(count.used > count.floor or count.over or count.violations for count in calm.values())
        for seed in seeds:
            counts, ends = measure(folder / "prepared", folder / f"seed-{seed}", commands, seed=seed, **about)
            _tell(f"5 %, seed {seed}", counts, calm)
            bad |= any(count.used > 1.25 * count.floor or count.violations for count in counts.values())
            if ends != left:
                bad = True
                print("    the orgs do not hold what an undisturbed run leaves")
    print(f"{words.people:,} people, {words.days} days of {words.buyers} buyers, {time.monotonic() - began:.0f} s")
    raise SystemExit(bad)


if __name__ == "__main__":
    main()
