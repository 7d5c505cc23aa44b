"""How long it takes from what sets off a task to the task in the CRM, told in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any, get_args

from connector.domain.spans import span_in_words
from connector.ports.task_times import OpenedBy, TaskTime

OPENED_BY: tuple[OpenedBy, ...] = get_args(OpenedBy)
_WORDS: Mapping[str, str] = {"event": "from a buyer's event", "stage": "from a stage entry"}


def told_times(times: Sequence[TaskTime], *, target: timedelta | None) -> dict[str, Any]:
    """Give, by what opened the task, how many there were and their median, 99th percentile and longest, in seconds.

    ``missed`` counts events that took longer than ``target``. Percentiles are values that occurred (nearest rank).
    """
    told: dict[str, Any] = {}
    for opened_by in OPENED_BY:
        took = sorted(one.seconds for one in times if one.opened_by == opened_by)
        told[opened_by] = {
            "tasks": len(took),
            "p50_seconds": _rank(took, 50),
            "p99_seconds": _rank(took, 99),
            "longest_seconds": took[-1] if took else None,
        }
    seconds = None if target is None else target.total_seconds()
    events = [one.seconds for one in times if one.opened_by == "event"]
    missed = 0 if seconds is None else sum(took > seconds for took in events)
    return told | {"target_seconds": seconds, "missed": missed}


def _rank(ordered: Sequence[float], percent: int) -> float | None:
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else None


def in_words(told: Mapping[str, Any]) -> Iterator[str]:
    """Say it for people, a sentence per kind; nothing where there were no tasks."""
    for opened_by in OPENED_BY:
        of = told[opened_by]
        if of["tasks"]:
            half, most = (span_in_words(timedelta(seconds=of[name])) for name in ("p50_seconds", "p99_seconds"))
            yield f"{_WORDS[opened_by]} to the task in the CRM: {of['tasks']:,} tasks, half within {half}, 99 % {most}"
    if told["missed"]:
        target = span_in_words(timedelta(seconds=told["target_seconds"]))
        yield f"{told['missed']:,} tasks came later than {target} after their event (alarms.event_to_task)"
