"""Crowds under the starter mappings: people of ideal fit who use content, and busy juniors of one account."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.lifecycle.machine import advance
from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings
from connector.scoring.score import Scored, score

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
INSTANT = pa.timestamp("us", "UTC")
#: every way to use content: what is downloaded, watched, read, subscribed to; scored pages and talk are none of it
CONTENT: tuple[dict[str, str], ...] = (
    *({"type": "asset_download", "asset": asset} for asset in ("buyers-guide", "crm-checklist", "anything", "Bench")),
    {"type": "asset_download"},
    *({"type": "form_submit", "form": form} for form in ("whitepaper-download", "newsletter")),
    *({"type": kind, "campaign": "c"} for kind in ("webinar_registered", "webinar_attended", "campaign_response")),
    *({"type": kind, "campaign": "c"} for kind in ("email_open", "email_click", "email_delivered", "social")),
    *({"type": "page_view", "path": path} for path in ("/blog/why", "/", "/careers/pricing", "/investors")),
)
IDEAL: dict[str, Any] = {"title": "CEO", "employees": 5000, "domain": "ideal.example"}


@cache
def starter() -> Mappings:
    return load_mappings(Path(str(files("mappings") / "default")))


def content_crowd(rnd: random.Random, *, beside: str | None = None) -> Scored:
    """Score forty people, each with up to some thousand uses of content, some all of one kind, some all today."""
    rows = []
    for person in range(40):
        kinds = rnd.choice([CONTENT, CONTENT, rnd.sample(CONTENT, 1), rnd.sample(CONTENT, 3)])
        days = rnd.choice([0, 1, 30, 400])
        if beside is not None:
            rows += [{"person_id": f"p{person}", "type": beside, "occurred_at": NOW} for _ in range(4)]
        # some use a few kinds a few times, which earns most: returns fall
        used = rnd.choices(kinds, k=rnd.choice([0, 3, 30, 300]))
        if person % 2:
            used, days = rnd.sample(CONTENT, rnd.randint(4, 9)) * rnd.randint(1, 3), 0
        for use in used:
            ago = timedelta(days=rnd.randint(0, days), minutes=rnd.randint(0, 700))
            rows.append({"person_id": f"p{person}", "occurred_at": NOW - ago} | use)
    names = ("person_id", "type", "asset", "form", "campaign", "path")
    schema = pa.schema([("occurred_at", INSTANT), *((name, pa.string()) for name in names)])
    people = pa.Table.from_pylist([{"person_id": f"p{n}", "account_id": "x"} | IDEAL for n in range(40)])
    accounts = pa.table({"account_id": ["x"], "employees": [5000], "website": ["ideal.example"]})
    return score(starter().scoring, people, pa.Table.from_pylist(rows, schema), accounts, as_of=NOW)


def junior_crowd(count: int, *more: str) -> dict[str, Any]:
    """Score one large account with so many juniors who do everything, and with people of further titles who do too."""
    titles = [*(("Clerk", "Assistant to the CEO", None, "Working Student")[n % 4] for n in range(count)), *more]
    ids = [f"p{number:03}" for number in range(len(titles))]
    deeds = (
        {"type": "page_view", "path": "/pricing"},
        {"type": "email_reply"},
        {"type": "chat"},
        {"type": "product_use"},
    )
    rows = [
        {"person_id": id_, "occurred_at": NOW - timedelta(days=ago)} | deed
        for id_ in ids
        for deed in deeds
        for ago in (0, 1, 7, 8, 14)
    ]
    names = ("person_id", "type", "path")
    schema = pa.schema([("occurred_at", INSTANT), *((name, pa.string()) for name in names)])
    people = pa.table({"person_id": ids, "account_id": ["x"] * len(ids), "title": pa.array(titles, pa.string())})
    accounts = pa.table({"account_id": ["x"], "employees": [5000], "website": ["ideal.example"]})
    scored = score(starter().scoring, people, pa.Table.from_pylist(rows, schema), accounts, as_of=NOW)
    assert min(scored.scores.column("interest").to_pylist()) >= 75
    (row,) = scored.accounts.to_pylist()
    return row


def reaches_sales(scored: Scored) -> list[tuple[str, str, str]]:
    """Who reaches the verdict sales or the stage mql, at a matched account of best fit: (person, verdict, stage)."""
    count = scored.scores.num_rows
    facts = pa.table(
        {
            "person_id": scored.scores.column("person_id"),
            "verdict": scored.scores.column("verdict"),
            "stage": pa.array(["nurture"] * count),
            "stage_since": pa.array([NOW - timedelta(days=1)] * count, INSTANT),
            "stage_entry": pa.array([1] * count),
            "cool_off_until": pa.nulls(count, INSTANT),
            "account": pa.array(["matched"] * count),
            "account.fit": pa.array(["A"] * count),
        }
    )
    stages = advance(starter().lifecycle, facts, now=NOW).people.column("stage").to_pylist()
    rows = zip(facts.column("person_id").to_pylist(), facts.column("verdict").to_pylist(), stages, strict=True)
    return [row for row in rows if row[1] == "sales" or row[2] == "mql"]
