"""What a cycle's report says of people, moves and calls: of everybody, whoever was worked."""

from __future__ import annotations

from collections import Counter
from math import ceil

from connector.delivery.spool import RowSpool
from connector.pipeline.engine import Engine
from connector.pipeline.kept import Head
from connector.pipeline.passes import PopulationPart
from connector.pipeline.population import Population
from connector.pipeline.report import Report
from connector.ports.crm import Bulky

#: made, filled, closed, its state asked a few times, and what was written and what was refused
CALLS_OF_A_JOB = 8


def tell_population(report: Report, population: Population) -> None:
    """Tell of everybody what is known before the worked go through in parts."""
    others = population.others
    reviews = len(population.identified.reviews) + others.reviews
    report.identity = {"persons": population.living, "merged": population.identified.merged, "review": reviews}
    report.matched = {**report.matched, **population.methods}
    report.scored = {"persons": population.living, "accounts": population.scored_accounts}
    report.dispositions = {**report.dispositions, **others.dispositions}
    report.stages = dict(sorted(others.stages.items()))


def tell_part(report: Report, part: PopulationPart) -> Counter[tuple[str, str]]:
    """Add the people of one part to what is told of all; give the moves between stages: (from, to) → people."""
    for of, column in ((report.dispositions, "disposition"), (report.stages, "stage")):
        for row in part.people.column(column).value_counts().to_pylist():
            of[row["values"]] = of.get(row["values"], 0) + row["counts"]
    report.stages = dict(sorted(report.stages.items()))
    moves = part.staged.moves
    report.moves += moves.num_rows
    return Counter(zip(moves.column("from_stage").to_pylist(), moves.column("to_stage").to_pylist(), strict=True))


def tell_unchanged(report: Report, head: Head) -> None:
    """Tell of everybody what the last cycle told: nobody was worked."""
    report.identity = {"persons": head.living, "merged": 0, "review": head.reviews}
    report.matched = {**report.matched, **head.methods}
    report.scored = {"persons": head.living, "accounts": head.accounts}
    report.dispositions = {**report.dispositions, **head.dispositions}
    report.stages = dict(sorted(head.stages.items()))


def forecast(report: Report, engine: Engine, rows: RowSpool) -> None:
    """Forecast the calls of this cycle: those already sent, and the largest batches for what was decided."""
    size = engine.crm.traits().batch_size
    kinds = rows.kinds()
    jobs = _jobs(engine, rows)
    in_jobs = sum(count for _, count, _ in jobs)
    updates = sum(count for (kind, _), count in kinds.items() if kind == "update") - in_jobs
    ahead = sum(calls for *_, calls in jobs)
    ahead += ceil(updates / size) + sum(ceil(count / size) for (kind, _), count in kinds.items() if kind == "create")
    for adapter in engine.adapters:
        system = adapter.traits().system
        calls = adapter.calls()
        more = ahead if adapter is engine.crm else 0
        report.api_calls[system] = {"used": calls, "forecast": calls + more}
        if adapter is engine.crm and jobs:
            saved = sum(ceil(count / size) - calls for _, count, calls in jobs)
            report.api_calls[system] |= {"bulk_rows": in_jobs, "without_bulk": calls + more + saved}


def _jobs(engine: Engine, rows: RowSpool) -> list[tuple[str, int, int]]:
    """Say which updates would go as jobs: object, how many, and the calls that takes."""
    crm = engine.crm
    enough = crm.bulk_from() if isinstance(crm, Bulky) else 0
    if not isinstance(crm, Bulky) or not enough:
        return []
    own = sorted(rows.own().items())
    return [(word, n, ceil(n / crm.bulk_rows()) * CALLS_OF_A_JOB) for word, n in own if n >= enough]
