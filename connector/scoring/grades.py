"""Grades and verdicts, written as SQL over tenths of a point: bands and matrix are the model's, the engine compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.domain.sql_text import literal
from connector.scoring.compile import TENTH, CompiledModel

#: how good a verdict is, for comparing two
_RANKS = {"sales": 3, "review": 2, "nurture": 1}
#: what a disqualified person's verdict is worth
DISQUALIFIED_RANK = 0


def letter_sql(model: CompiledModel, tenths: str) -> str:
    """Write the fit letter of a number of tenths."""
    return _band_sql([(literal(name), least) for name, least in model.bands.letters], tenths)


def number_sql(model: CompiledModel, tenths: str) -> str:
    """Write the interest number of a number of tenths."""
    return _band_sql([(str(name), least) for name, least in model.bands.numbers], tenths)


def verdict_sql(model: CompiledModel, cell: str) -> str:
    """Write the verdict of a matrix cell; ``cell`` is a column such as A1, for engines repeat what stands there."""
    return _by_verdict(model, cell, {verdict: literal(verdict) for verdict in _RANKS})


def rank_sql(model: CompiledModel, cell: str) -> str:
    """Write how good the verdict of a cell is: 3 sales, 2 review, 1 nurture; ``cell`` is a column as above."""
    return _by_verdict(model, cell, {verdict: str(rank) for verdict, rank in _RANKS.items()})


def _by_verdict(model: CompiledModel, cell: str, results: Mapping[str, str]) -> str:
    cases = ""
    for verdict in ("sales", "review"):
        cells = [literal(f"{letter}{number}") for (letter, number), given in model.matrix.items() if given == verdict]
        if cells:
            cases += f"WHEN {cell} IN ({', '.join(cells)}) THEN {results[verdict]} "
    return f"CASE {cases}ELSE {results['nurture']} END" if cases else results["nurture"]


def clamped(tenths: str) -> str:
    """Write a number of tenths brought into the scale."""
    return f"least(greatest({tenths}, 0), 1000)"


def _band_sql(bands: Sequence[tuple[str, int]], tenths: str) -> str:
    """Write the first band whose least is reached; below all of them the lowest holds."""
    cases = " ".join(f"WHEN ({tenths}) * {TENTH} >= {least} THEN {name}" for name, least in bands)
    return f"CASE {cases} ELSE {bands[-1][0]} END"
