"""How much of the vendors' published rates the program uses when there is enough to do, and that it never breaks them.

``python -m benchmarks.survival.rates --seconds 20 --people 10000`` asks a HubSpot org in a process of its own, through
the program's own connection, as fast as that lets it: searches (5 a second), associations (150 in ten seconds) and
everything else (190 in ten seconds). Then it runs a first load of the whole program and looks at its searches as the
org saw them; then it empties an outbox into a Salesforce org under a daily limit of which half is left to others, and
under a ceiling of the operator's.

It prints the rate reached, its share of the published one, and its share of what a limiter that knew the vendor's
counter would have reached with calls that take as long as these did: on a machine that is too busy for 19 calls a
second, one after the other, only the last tells anything. Violations are the orgs' own count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from adapters.hubspot.reading import read_json
from adapters.hubspot.settings import read_settings
from adapters.hubspot.wire import Wire
from benchmarks.survival.commands import Commands
from benchmarks.survival.outbound import SCORE, Outbound, update
from benchmarks.survival.place import Place, prepare
from connector.delivery.budget import Budget

#: the published limits of the account that the sandbox plays (hubspot.md section 3): calls, and seconds of their window
SEARCHES, LINKS, OTHERS = (5, 1.0), (150, 10.0), (190, 10.0)
#: what is asked of the program
LEAST_SHARE = 0.95


class Rate(NamedTuple):
    """What was reached of one limit; ``possible`` is what could have been, with calls as slow as these were."""

    name: str
    reached: float
    published: float
    violations: int
    possible: float

    @property
    def good(self) -> bool:
        """Whether enough of the rate was used and nothing broken."""
        return self.reached >= LEAST_SHARE * self.possible and not self.violations


def saturate(entry: dict[str, Any], *, seconds: float) -> list[Rate]:
    """Ask each family of HubSpot's calls as fast as our own connection lets us."""
    wire = Wire(read_settings({"base_url": entry["url"], "token": entry["token"]}, at="hubspot"), at="hubspot")
    some = wire.search("contacts", {"filterGroups": [], "limit": 10, "properties": []}, read_json)
    ids = {"inputs": [{"id": row["id"]} for row in some["results"]]}
    families: tuple[tuple[str, tuple[int, float], Callable[[], Any]], ...] = (
        ("searches", SEARCHES, lambda: wire.search("contacts", {"filterGroups": [], "limit": 1}, read_json)),
        ("associations", LINKS, lambda: wire.post(wire.paths.associations("companies", "contacts"), ids, read_json)),
        ("other calls", OTHERS, lambda: wire.get(wire.paths.forms, {"limit": 1}, read_json)),
    )
    rates = []
    for name, (limit, window), ask in families:
        _ask(entry, "calls/mark", {})
        ask()
        reached, possible = _steady(limit, window, ask, seconds=max(seconds, 2.0 * window), wire=wire)
        violations = _ask(entry, "calls")["violations"]
        rates.append(Rate(name, reached, limit / window, violations, min(possible, limit / window)))
        # the next family shares a window with this one
        time.sleep(window)
    wire.close()
    return rates


def _steady(limit: int, window: float, ask: Callable[[], Any], *, seconds: float, wire: Wire) -> tuple[float, float]:
    """Measure from when the first window is full, for that one is given, not kept; give also the possible."""
    stamps, took = [time.monotonic()], [0.0]
    while len(stamps) <= limit or stamps[-1] - stamps[limit] < seconds:
        waited = wire.waits.seconds
        ask()
        stamps.append(time.monotonic())
        took.append(stamps[-1] - stamps[-2] - (wire.waits.seconds - waited))
    return _rate(stamps, limit), _rate(ideal(took, limit, window), limit)


def ideal(took: Sequence[float], limit: int, window: float) -> list[float]:
    """Say when calls that take so long would have been answered, each sent as soon as the limit lets it."""
    sent: list[float] = [0.0]
    for number in range(1, len(took)):
        free = sent[number - limit] + window if number >= limit else 0.0
        sent.append(max(sent[-1] + took[number - 1], free))
    return [start + length for start, length in zip(sent, took, strict=True)]


def _rate(stamps: Sequence[float], limit: int) -> float:
    return (len(stamps) - limit - 1) / (stamps[-1] - stamps[limit])


def first_load(folder: Path, commands: Commands, *, people: int) -> Rate:
    """Run a first load of the whole program, and read the rate of its searches off the org's own gate."""
    prepare(folder, commands, people=people)
    stamps: list[float] = []
    with Place(folder, commands) as place:
        org: Any = place._sandbox.hubspot.org  # the control surface shows no times
        count = org._gate.count

        def noted(bucket: str, *, oauth: bool) -> dict[str, str]:
            if bucket == "search":
                stamps.append(time.monotonic())
            headers: dict[str, str] = count(bucket, oauth=oauth)
            return headers

        org._gate.count = noted
        place.mark()
        place.cycle()
        violations = place.calls()["hubspot"]["violations"]
    limit, window = SEARCHES
    # Where associations or events are read in between, there are no searches to do: the longest run without a pause.
    run = max(_runs(stamps, pause=window), key=len)
    most = limit / window
    return Rate(f"searches of a first load ({len(run)})", _rate(run, limit), most, violations, most)


def _runs(stamps: list[float], *, pause: float) -> list[list[float]]:
    runs = [stamps[:1]]
    for before, after in pairwise(stamps):
        if after - before > pause:
            runs.append([])
        runs[-1].append(after)
    return runs


def day(directory: str, *, ceiling: int | None, limit: int) -> Rate:
    """Deliver more than a day's calls allow; the rate is the calls of the day, the published one what is ours."""
    outbound = Outbound(directory, people=300, unique=True)
    try:
        used = outbound.ask("calls")["used"]
        outbound.act({"do": "set_limit", "values": {"DailyApiRequests": limit}})
        budget = Budget("salesforce", outbound.store.ledger, ceiling, 0.5)
        ours = min(limit // 2, limit if ceiling is None else ceiling)
        for number in range(4 * ours):
            outbound.want(update("lead", outbound.leads[number % len(outbound.leads)], {SCORE: f"day {number}"}))
            if outbound.drain(patience=timedelta(0), budget=budget).stopped_by == "budget":
                break
        calls = outbound.ask("calls")
        name = "ceiling of the operator's" if ceiling else "half of the vendor's day"
        return Rate(f"calls of a day, {name}", calls["used"] - used, ours, calls["violations"], ours)
    finally:
        outbound.close()


def _ask(entry: dict[str, Any], path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{entry['url']}/__sandbox__/{path}", data=data, timeout=60) as answer:
        return json.load(answer)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each family, at the steady rate")
    parser.add_argument("--people", type=int, default=10_000, help="of the first load")
    words = parser.parse_args()
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="handoff-rates-") as name, Commands() as commands:
        outbound = Outbound(f"{name}/saturated", people=100, unique=True)
        try:
            rates = saturate(outbound.org.vendors["hubspot"], seconds=words.seconds)
        finally:
            outbound.close()
        rates.append(first_load(Path(name) / "place", commands, people=words.people))
        rates.append(day(f"{name}/limit", ceiling=None, limit=400))
        rates.append(day(f"{name}/ceiling", ceiling=60, limit=15_000))
    print(f"{'':44} {'reached':>8} {'published':>9} {'share':>7} {'of possible':>11} {'violations':>10}")
    for rate in rates:
        print(
            f"{rate.name:44} {rate.reached:>8.2f} {rate.published:>9.2f} {rate.reached / rate.published:>7.1%}"
            f" {rate.reached / rate.possible:>11.1%} {rate.violations:>10}"
        )
    print(f"{time.monotonic() - began:.0f} s, {time.process_time() - used:.0f} s of processor")
    raise SystemExit(not all(rate.good for rate in rates))


if __name__ == "__main__":
    main()
