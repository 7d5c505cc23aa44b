"""What the cases of scoring share: a model, people and deeds in one line each.

Random ones, whole worlds of them, come from ``scoring_worlds.seeded_worlds``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connector.mapping.scoring import ScoringModel
from connector.scoring.score import score

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
INSTANT = pa.timestamp("us", "UTC")
MATRIX = {
    "A": ["sales", "sales", "review", "nurture"],
    "B": ["sales", "review", "review", "nurture"],
    "C": ["review", "nurture", "nurture", "nurture"],
    "D": ["nurture"] * 4,
}
GRADES = {"fit": {"A": 75, "B": 50, "C": 25, "D": 0}, "interest": {1: 75, 2: 50, 3: 25, 4: 0}}


def model_of(*, fit=(), interest=(), weights=(1, 1, 1), **more):
    dimensions = {
        "fit": {"rules": list(fit), "weight": weights[0]},
        "interest": {"rules": list(interest), "weight": weights[1]} | more.pop("interest_more", {}),
        "qualification": {"weight": weights[2]},
    }
    return ScoringModel.model_validate(
        {"name": "case", "dimensions": dimensions, "grades": GRADES, "matrix": MATRIX} | more
    )


def deeds(*ago, person="p", kind="chat", **columns):
    """Activities that happened ``ago`` (days, or spans) before NOW."""
    at = [NOW - (one if isinstance(one, timedelta) else timedelta(days=one)) for one in ago]
    texts = {
        "activity_id": [f"{person}{n}" for n in range(len(at))],
        "person_id": [person] * len(at),
        "type": [kind] * len(at),
    } | {name: [value] * len(at) for name, value in columns.items()}
    typed = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    return pa.table(typed | {"occurred_at": pa.array(at, INSTANT)})


def people_of(*rows):
    return pa.Table.from_pylist([{"person_id": "p", "account_id": None} | row for row in rows or ({},)])


def run(model, people=None, activities=None, accounts=None, **more):
    activities = deeds() if activities is None else activities
    return score(model, people_of() if people is None else people, activities, accounts, **({"as_of": NOW} | more))


def line(scored, rule):
    rows = [row for row in scored.lines.to_pylist() if row["rule"] == rule]
    return rows[0] if rows else None
