"""The waterfall of one number: every line as a step from where the one before ended, up to the number shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

DIMENSIONS = ("fit", "interest", "qualification")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        group: the dimension, or empty.
        label: the rule, the person, ``limit``, ``total``.
        detail: how often and when, in words.
        brief: the same in fewer words, where there are any.
        points: what the line gives in its dimension, with one decimal; None where there is no dimension.
        change: what it adds to the number, with one decimal; of a sum and the total, what they come to.
        start: where it begins.
        end: where it ends.
        kind: ``up``, ``down``, ``none`` where nothing is added, ``sum`` of a dimension, which is no step, or ``total``.
    """

    group: str
    label: str
    detail: str
    brief: str
    points: float | None
    change: float
    start: float
    end: float
    kind: Literal["up", "down", "none", "sum", "total"]


def steps_of(document: Mapping[str, Any]) -> list[Step]:
    """Give the steps of an explanation's number, its total last."""
    return _of_account(document) if document["kind"] == "account" else _of_person(document["score"])


def _of_person(score: Mapping[str, Any]) -> list[Step]:
    steps: list[Step] = []
    for name in DIMENSIONS:
        told: list[_Told] = [
            (name, line["rule"], (when(line), when(line, brief=True)), line["points"], line["to_total"])
            for line in score["lines"]
            if line["dimension"] == name
        ]
        steps += _chained(told, steps[-1].end if steps else 0.0)
        at = steps[-1].end if steps else 0.0
        steps.append(Step(name, f"= {name}", "", "", score[name], score["parts"][name], at, at, "sum"))
    return [*steps, _total(score["total"], f"{score['grade']}, {score['verdict']}")]


def _of_account(document: Mapping[str, Any]) -> list[Step]:
    told: list[_Told] = []
    for line in document["lines"]:
        label, detail = line["kind"], ("", "")
        if label == "person":
            label = line["name"] or line["person_id"]
            detail = (f"{line['role']}, interest {line['interest']:.1f}", line["role"])
        told.append(("", label, detail, None, line["points"]))
    return [*_chained(told, 0.0), _total(document["score"], str(document["grade"]))]


_Told = tuple[str, str, tuple[str, str], float | None, float]


def _chained(told: Sequence[_Told], at: float) -> list[Step]:
    steps = []
    for group, label, words, points, change in told:
        end = round(at + change, 1)
        kind: Literal["up", "down", "none"] = "up" if change > 0 else "down" if change else "none"
        steps.append(Step(group, label, *words, points, change, at, end, kind))
        at = end
    return steps


def _total(total: float, detail: str) -> Step:
    return Step("", "total", detail, detail, None, total, 0.0, total, "total")


def when(line: Mapping[str, Any], *, brief: bool = False) -> str:
    """Say how often and when a line was earned; in brief when last."""
    times = f"{line['count']}x" if line.get("count") and line["dimension"] == "interest" and line["last_on"] else ""
    days = "" if not line["last_on"] else str(line["last_on"])
    if line.get("first_on") and line["first_on"] != line["last_on"] and not brief:
        days = f"{line['first_on']} to {line['last_on']}"
    return ", ".join(part for part in (times, days) if part)


def span_of(steps: Sequence[Step]) -> tuple[float, float]:
    """Give the lowest and the highest point that any step touches; never the same."""
    ends = [0.0, *(step.start for step in steps), *(step.end for step in steps)]
    low, high = min(ends), max(ends)
    return low, high if high > low else low + 1
