"""What a cycle's report says of people, moves and calls: of everybody, whoever was worked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil

from connector.delivery.forecast import calls_ahead
from connector.delivery.spool import JudgedRows, RowSpool
from connector.domain.writes import RowState
from connector.pipeline.engine import Engine
from connector.pipeline.incremental.kept import Head
from connector.pipeline.people.passes import PopulationPart
from connector.pipeline.people.population import Population
from connector.pipeline.reports.report import Report
from connector.ports.crm import Bulky
from connector.ports.store import OutboxRow

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


def forecast(report: Report, engine: Engine, rows: Sequence[OutboxRow]) -> None:
    """Forecast the calls of this cycle: those already sent, and what sending takes of what is to be sent.

    ``rows``: what was decided, limits applied. What earlier cycles left counts as if each batch of it took a look and a
    call. The forecast holds for a cycle in which nothing goes wrong and that no budget ends.
    """
    crm = engine.crm
    spool = rows.rows if isinstance(rows, JudgedRows) else rows
    jobs = _jobs(engine, spool) if isinstance(spool, RowSpool) else []
    left = engine.store.outbox.unsettled_counts().get(RowState.TODO, 0)
    ahead = sum(calls for *_, calls in jobs) + 2 * ceil(left / crm.traits().batch_size)
    ahead += calls_ahead(rows, crm, in_jobs=frozenset(word for word, *_ in jobs))
    for adapter in engine.adapters:
        calls = adapter.calls()
        report.api_calls[adapter.traits().system] = {
            "used": calls,
            "forecast": calls + (ahead if adapter is crm else 0),
        }
    if jobs:
        in_batches = calls_ahead(rows, crm) - calls_ahead(rows, crm, in_jobs=frozenset(word for word, *_ in jobs))
        told = report.api_calls[crm.traits().system]
        told |= {"bulk_rows": sum(count for _, count, _ in jobs)}
        told |= {"without_bulk": told["forecast"] + in_batches - sum(calls for *_, calls in jobs)}


def _jobs(engine: Engine, rows: RowSpool) -> list[tuple[str, int, int]]:
    """Say which updates would go as jobs: object, how many, and the calls that takes."""
    crm = engine.crm
    enough = crm.bulk_from() if isinstance(crm, Bulky) else 0
    if not isinstance(crm, Bulky) or not enough:
        return []
    own = sorted(rows.own().items())
    return [(word, n, ceil(n / crm.bulk_rows()) * CALLS_OF_A_JOB) for word, n in own if n >= enough]
