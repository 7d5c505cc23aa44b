"""Hold what an engine says of a world against the slow reference, line by line."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import scoring_reference
from scoring_worlds import World

from connector.scoring.score import Scored

POINTS = ("fit", "fit_low", "fit_high", "score")
Rows = list[dict[str, Any]]


def shown(value: object) -> object:
    """A reference figure as the engine shows it."""
    if not isinstance(value, (int, Fraction)) or isinstance(value, bool):
        return value
    exact = Fraction(value)
    return float(Decimal(exact.numerator) / Decimal(exact.denominator))


def expected(world: World, seen: Counter[str] | None = None) -> dict[str, Rows]:
    """What the reference says, in the engine's form and order."""
    scores, lines, accounts = scoring_reference.score(
        world.model, world.people, world.activities, world.accounts, world.as_of, world.zone, seen
    )
    columns = ("dimension", "rule", "points", "count", "first_on", "last_on")
    return {
        "scores": [
            {"person_id": id_} | {n: shown(value) for n, value in scores[id_].items() if n != "first_signals"}
            for id_ in sorted(scores)
        ],
        "lines": [
            {"person_id": id_} | dict(zip(columns, (*line[:2], shown(line[2]), *line[3:]), strict=True))
            for id_ in sorted(lines)
            for line in lines[id_]
        ],
        "accounts": [
            {"account_id": id_}
            | accounts[id_]
            | {"roles": json.dumps(accounts[id_]["roles"])}
            | {name: shown(accounts[id_][name]) for name in POINTS if name in accounts[id_]}
            for id_ in sorted(accounts)
        ],
    }


def plain(scored: Scored) -> dict[str, Rows]:
    """What an engine says, as rows; ``fit_letter`` is the grade's letter and held there."""
    return {
        "scores": scored.scores.to_pylist(),
        "lines": scored.lines.to_pylist(),
        "accounts": scored.accounts.drop_columns(["fit_letter"]).to_pylist(),
    }


def differences(wanted: dict[str, Rows], found: dict[str, Rows]) -> list[str]:
    """Name every row that is not the same, the first twenty."""
    told = []
    for name, rows in wanted.items():
        if len(rows) != len(found[name]):
            told.append(f"{name}: {len(rows)} rows wanted, {len(found[name])} found")
        for want, have in zip(rows, found[name], strict=False):
            wrong = {key: (value, have.get(key)) for key, value in want.items() if have.get(key) != value}
            if wrong:
                told.append(f"{name} {want.get('person_id', want.get('account_id'))} {want.get('rule', '')}: {wrong}")
    return told[:20]
