"""Grades and verdicts, written as SQL over tenths of a point: bands and matrix are the model's, the engine compares."""

from __future__ import annotations

from collections.abc import Sequence

from connector.scoring.compile import TENTH, CompiledModel
from connector.scoring.engine import text

#: how good a verdict is, for comparing two
VERDICT_RANK_SQL = "CASE {} WHEN 'sales' THEN 3 WHEN 'review' THEN 2 WHEN 'nurture' THEN 1 ELSE 0 END"


def letter_sql(model: CompiledModel, tenths: str) -> str:
    """Write the fit letter of a number of tenths."""
    return _band_sql([(text(name), least) for name, least in model.bands.letters], tenths)


def number_sql(model: CompiledModel, tenths: str) -> str:
    """Write the interest number of a number of tenths."""
    return _band_sql([(str(name), least) for name, least in model.bands.numbers], tenths)


def verdict_sql(model: CompiledModel, letter: str, number: str) -> str:
    """Write the verdict of a matrix cell."""
    cells = " ".join(
        f"WHEN {text(f'{name}{digit}')} THEN {text(verdict)}" for (name, digit), verdict in model.matrix.items()
    )
    return f"CASE {letter} || {number} {cells} ELSE 'nurture' END"


def clamped(tenths: str) -> str:
    """Write a number of tenths brought into the scale."""
    return f"least(greatest({tenths}, 0), 1000)"


def _band_sql(bands: Sequence[tuple[str, int]], tenths: str) -> str:
    """Write the first band whose least is reached; below all of them the lowest holds."""
    cases = " ".join(f"WHEN ({tenths}) * {TENTH} >= {least} THEN {name}" for name, least in bands)
    return f"CASE {cases} ELSE {bands[-1][0]} END"
