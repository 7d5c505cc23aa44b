"""What a schedule costs in calls, before the first of them is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from connector.ports.traits import AdapterTraits

_DAY = timedelta(days=1)
#: beside the polls of its span: the nightly rescore pulls everything once
_NIGHTLY = 1


@dataclass(frozen=True, slots=True)
class Overspent:
    """A system that polling alone would take beyond its ceiling.

    Attributes:
        system: its configured name.
        key: the key of the schedule that costs most.
        calls: of 24 hours, where nothing new is found and polling does not back off.
        ceiling: what limits.api_calls_per_day allows.
        span: of ``key``, rounded up to seconds: so rare that polls by that key alone take no more than half of it.
    """

    system: str
    key: str
    calls: int
    ceiling: int
    span: timedelta


def overspent(
    spans: Mapping[str, timedelta], sources: Sequence[AdapterTraits], crm: AdapterTraits, ceilings: Mapping[str, int]
) -> Iterator[Overspent]:
    """Find the systems whose polls of a day, times the calls of each poll, exceed their ceiling.

    ``spans`` are those of the schedule: ``fast_lane`` looks at the fast streams of sources, ``source`` at all of
    theirs, ``crm`` at everything.
    """
    per_day = {key: _DAY / span for key, span in spans.items()}
    per_day["crm"] += _NIGHTLY
    costs: dict[str, dict[str, float]] = {}
    for traits in sources:
        cost = costs.setdefault(traits.system, dict.fromkeys(spans, 0.0))
        cost["fast_lane"] += per_day["fast_lane"] * _calls(traits, fast_only=True)
        for key in ("source", "crm"):
            cost[key] += per_day[key] * _calls(traits)
    cost = costs.setdefault(crm.system, dict.fromkeys(spans, 0.0))
    cost["crm"] += per_day["crm"] * _calls(crm)
    for system, cost in costs.items():
        ceiling = ceilings.get(system)
        calls = ceil(sum(cost.values()))
        if ceiling is None or calls <= ceiling:
            continue
        key = max(cost, key=cost.__getitem__)
        seconds = ceil(cost[key] / per_day[key] * _DAY.total_seconds() / max(1, ceiling // 2))
        yield Overspent(system, key, calls, ceiling, timedelta(seconds=seconds))


def _calls(traits: AdapterTraits, *, fast_only: bool = False) -> int:
    streams = sum(stream.lane == "fast" or not fast_only for stream in traits.streams)
    return ceil(streams / traits.streams_per_call)
