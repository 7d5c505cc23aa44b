"""Time the scoring engine on generated people, beside a plain Python loop over one person in a hundred.

Run from the checkout: ``python benchmarks/scoring.py --people 100000 --activities 500000 --threads 2``.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.scoring import ScoringModel
from connector.scoring.compile import compile_model
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.hits.match import match_hits
from connector.scoring.reasons import top_reasons
from connector.scoring.score import score_hits

NOW = datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
ZONE = "Europe/Berlin"
MODEL: dict[str, Any] = {
    "name": "benchmark",
    "win": "opportunity_won",
    "dimensions": {
        "fit": {
            "rules": [
                {"id": "decider", "when": {"title": {"matches": r"\b(chief|vp|director|head)\b"}}, "points": 40},
                {"id": "size", "when": {"employees": {"gte": 200}}, "points": 40},
                {"id": "region", "when": {"country": {"in": ["DE", "AT", "CH"]}}, "points": 10},
                {"id": "junior", "when": {"title": {"matches": r"\b(student|intern)\b"}}, "points": -30},
                {"id": "competitor", "when": {"domain": {"in": ["rival.example"]}}, "disqualify": "competitor"},
            ]
        },
        "interest": {
            "half_life": "30d",
            "groups": {"content": {"cap": 30, "floor": -10}},
            "rules": [
                {
                    "id": "pricing-page",
                    "on": "page_view",
                    "where": {"path": {"starts_with": "/pricing"}},
                    "stage": "decision",
                    "points": 12,
                    "at_most": {"count": 3, "per": "7d"},
                },
                {
                    "id": "docs",
                    "on": "page_view",
                    "where": {"path": {"matches": "^/docs/"}},
                    "points": 2,
                    "debounce": "30m",
                },
                {"id": "whitepaper", "on": "asset_download", "points": [8, 4, 2, 0, -2], "group": "content"},
                {"id": "webinar", "on": "webinar_attended", "points": [12, 6, 3, 0], "group": "content"},
                {"id": "click", "on": "email_click", "points": [4, 3, 2, 1], "at_most": {"count": 1, "per": "1d"}},
            ],
        },
    },
    "roles": {"decider": {"title": {"matches": r"\b(chief|vp)\b"}}, "influencer": {"title": {"matches": "manager"}}},
    "account": {"cap": 60, "ready_when": {"score": {"gte": 50}}},
    "grades": {"fit": {"A": 75, "B": 50, "C": 25, "D": 0}, "interest": {1: 75, 2: 50, 3: 25, 4: 0}},
    "matrix": {
        "A": ["sales", "sales", "review", "nurture"],
        "B": ["sales", "review", "review", "nurture"],
        "C": ["review", "nurture", "nurture", "nurture"],
        "D": ["nurture", "nurture", "nurture", "nurture"],
    },
}


class Step:
    """Time a block and watch this process's resident memory meanwhile; print both at its end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._peak_bytes = self._start_bytes = _resident()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._begin, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, self.cpu_seconds = time.perf_counter() - self._begin, time.process_time() - self._cpu
        self._stop.set()
        self._thread.join()
        grown = (self._peak_bytes - self._start_bytes) / 2**20
        print(f"{self._name:12} {seconds:8.2f} s  {self.cpu_seconds:8.2f} s of processor  {grown:8.0f} MiB on top")

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self._peak_bytes = max(self._peak_bytes, _resident())


def _resident() -> int:
    """Read the resident bytes of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def population(people: int, activities: int, seed: int = 1) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Make people, activities and accounts."""
    rnd = random.Random(seed)
    titles = ["VP Sales", "Chief Engineer", "Office Manager", "Student", "Clerk", "Head of IT", None]
    accounts = max(1, people // 20)
    table = pa.table(
        {
            "person_id": [f"p{n:08d}" for n in range(people)],
            "account_id": [f"a{rnd.randrange(accounts):07d}" if rnd.random() < 0.8 else None for _ in range(people)],
            "title": rnd.choices(titles, k=people),
            "employees": pa.array(rnd.choices([10, 80, 250, 5000, None], k=people), pa.int64()),
            "country": rnd.choices(["DE", "AT", "US", "FR", None], k=people),
            "domain": rnd.choices([f"firm{n}.example" for n in range(500)] + ["rival.example", None], k=people),
        }
    )
    paths = (
        [f"/docs/{n}" for n in range(2000)] + ["/pricing", "/pricing/eu"] * 200 + [f"/blog/{n}" for n in range(2000)]
    )
    kinds = rnd.choices(
        ["page_view", "asset_download", "webinar_attended", "email_click"], [70, 10, 5, 15], k=activities
    )
    start = int(NOW.timestamp() * 1_000_000)
    deeds = pa.table(
        {
            "activity_id": [f"e{n:09d}" for n in range(activities)],
            "person_id": [f"p{rnd.randrange(people):08d}" for _ in range(activities)],
            "type": kinds,
            "occurred_at": pa.array(
                [start - rnd.randrange(2 * 365 * 86_400_000_000) for _ in range(activities)], pa.timestamp("us", "UTC")
            ),
            "path": [rnd.choice(paths) if kind == "page_view" else None for kind in kinds],
            "asset": ["guide" if kind == "asset_download" else None for kind in kinds],
        }
    )
    firms = pa.table(
        {
            "account_id": [f"a{n:07d}" for n in range(accounts)],
            "employees": pa.array(rnd.choices([10, 80, 250, None], k=accounts), pa.int64()),
        }
    )
    return table, deeds, firms


def plain_loop(people: pa.Table, activities: pa.Table, share: int) -> tuple[float, int]:
    """Score one person in ``share`` as a script would: a loop, floating points; give seconds and people.

    It does less than the engine: no accounts, no ranges, no rounding that adds up.
    """
    chosen = people.slice(0, max(1, people.num_rows // share))
    mine = activities.filter(pc.is_in(activities["person_id"], value_set=chosen["person_id"].combine_chunks()))
    zone = ZoneInfo(ZONE)
    begin = time.process_time()
    by_person: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in mine.to_pylist():
        by_person[row["person_id"]].append(row)
    totals = [_plain_total(row, by_person[row["person_id"]], zone) for row in chosen.to_pylist()]
    return time.process_time() - begin, len(totals)


DECIDER = re.compile(r"\b(chief|vp|director|head)\b")
JUNIOR = re.compile(r"\b(student|intern)\b")
KINDS = {"asset_download": "whitepaper", "webinar_attended": "webinar", "email_click": "click"}
POINTS = {"pricing": [12], "docs": [2], "whitepaper": [8, 4, 2, 0, -2], "webinar": [12, 6, 3, 0], "click": [4, 3, 2, 1]}
LIMITS = {"pricing": (3, 7), "click": (1, 1)}


def _plain_total(row: dict[str, Any], deeds: list[dict[str, Any]], zone: ZoneInfo) -> float:
    title = (row["title"] or "").casefold()
    fit = 40 * bool(DECIDER.search(title)) + 40 * ((row["employees"] or 0) >= 200)
    fit += 10 * (row["country"] in ("DE", "AT", "CH")) - 30 * bool(JUNIOR.search(title))
    today = NOW.astimezone(zone).date()
    lines: dict[str, float] = defaultdict(float)
    ranks: dict[str, int] = defaultdict(int)
    windows: dict[tuple[str, int], int] = defaultdict(int)
    last_docs: datetime | None = None
    for deed in sorted(deeds, key=lambda one: one["occurred_at"]):
        rule = KINDS.get(deed["type"]) or _page(deed["path"].casefold())
        if rule is None:
            continue
        if rule == "docs":
            if last_docs is not None and (deed["occurred_at"] - last_docs).total_seconds() < 1800:
                continue
            last_docs = deed["occurred_at"]
        day = deed["occurred_at"].astimezone(zone).date()
        if rule in LIMITS:
            count, days = LIMITS[rule]
            windows[rule, day.toordinal() // days] += 1
            if windows[rule, day.toordinal() // days] > count:
                continue
        steps = POINTS[rule]
        lines[rule] += steps[min(ranks[rule], len(steps) - 1)] * 0.5 ** ((today - day).days / 30)
        ranks[rule] += 1
    content = min(30.0, lines["whitepaper"] + lines["webinar"])
    interest = lines["pricing"] + lines["docs"] + lines["click"] + content
    return (min(100, max(0, fit)) + min(100.0, max(0.0, interest))) / 3


def _page(path: str) -> str | None:
    return "pricing" if path.startswith("/pricing") else "docs" if path.startswith("/docs/") else None


def main() -> None:
    """Print seconds and memory per step, and the ratio to the plain loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--activities", type=int, default=500_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    people, activities, accounts = population(arguments.people, arguments.activities)
    model = ScoringModel.model_validate(MODEL)
    compiled = compile_model(model)
    engine = DuckDb(arguments.threads)
    print(f"{people.num_rows:,} people, {activities.num_rows:,} activities, {arguments.threads} threads")
    with Step("match once") as matching:
        hits = match_hits(compiled, activities, time_zone=ZONE, as_of=NOW, engine=engine)
    with Step("score") as scoring:
        scored = score_hits(compiled, people, hits, accounts, as_of=NOW, time_zone=ZONE, engine=engine)
    with Step("reasons"):
        top_reasons(scored, model)
    print(f"{hits.num_rows:,} hits, {scored.lines.num_rows:,} lines, {scored.accounts.num_rows:,} accounts")
    whole = matching.cpu_seconds + scoring.cpu_seconds
    seconds, sample = plain_loop(people, activities, 100)
    projected = seconds * people.num_rows / sample
    print(f"plain loop   {seconds:8.2f} s of processor for {sample:,} people: {projected:.2f} s for all, no accounts")
    print(f"ratio        {projected / whole:8.2f}   processor time, plain loop / (match once + score)")


if __name__ == "__main__":
    main()
