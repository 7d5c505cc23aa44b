"""From matched activities to hits: debounce and count, in whole columns of integers.

``key`` is a source identity's number (64 bits), ``rule`` the number of what a rule matches by, ``day`` the local day,
counted since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from connector.scoring.local_days import DAY_US, offsets

Numbers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Matched:
    """One row per activity and rule that holds for it; ``instant_us`` in microseconds since 1970 UTC."""

    key: Keys
    rule: npt.NDArray[np.int32]
    instant_us: Numbers

    def __len__(self) -> int:
        return len(self.key)

    def only(self, rows: npt.NDArray[Any]) -> Matched:
        """Take some rows, by place or by truth."""
        return Matched(self.key[rows], self.rule[rows], self.instant_us[rows])


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of some identities, in order of key, rule and day, and where each debounced rule's chain stands.

    ``key`` is sorted and each stands once, also those without a hit. Rows of the i-th begin where those before it end:
    ``hit_ends[i - 1]`` (``rule``, ``day``, ``count``) and ``chain_ends[i - 1]`` (``chain_rule``, ``chain_us``: the
    instant of the last activity that was kept).
    """

    key: Keys
    hit_ends: Numbers
    chain_ends: Numbers
    rule: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    count: Numbers
    chain_rule: npt.NDArray[np.int32]
    chain_us: Numbers


def hits_of(
    keys: Keys,
    matched: Matched,
    spans_us: Mapping[int, int],
    zone: ZoneInfo,
    *,
    before: Hits | None = None,
) -> Hits:
    """Count what ``matched`` adds to the hits that ``before`` holds of the same identities.

    ``keys`` are sorted, each once, and hold every key of ``matched`` and ``before``. ``spans_us`` gives the debounce of
    rules that have one. Where ``before`` knows a chain, no activity of it in ``matched`` is earlier than its end.
    """
    place = np.searchsorted(keys, matched.key)
    spans = np.zeros(1 + max([*spans_us, int(matched.rule.max(initial=0))]), np.int64)
    for rule, span in spans_us.items():
        spans[rule] = span
    chained = spans[matched.rule] > 0 if spans_us else np.zeros(len(matched), np.bool_)
    kept_place, kept_rule, kept_us = place, matched.rule, matched.instant_us
    chains = _no_chains() if before is None else _chains(keys, before)
    if chained.any():
        rows, chains = _debounced(place[chained], matched.rule[chained], matched.instant_us[chained], spans, chains)
        kept_place = np.concatenate([place[~chained], rows[0]])
        kept_rule = np.concatenate([matched.rule[~chained], rows[1]])
        kept_us = np.concatenate([matched.instant_us[~chained], rows[2]])
    days = local_days_of(kept_us, zone)
    count = np.ones(len(days), np.int64)
    if before is not None:
        earlier = np.repeat(np.searchsorted(keys, before.key), np.diff(before.hit_ends, prepend=0))
        kept_place = np.concatenate([earlier, kept_place])
        kept_rule = np.concatenate([before.rule, kept_rule])
        days = np.concatenate([before.day.astype(np.int64), days])
        count = np.concatenate([before.count, count])
    at, rules, summed_days, count = summed(kept_place, kept_rule, days, count)
    ends = np.searchsorted(at, np.arange(len(keys)), side="right")
    chain_ends = np.searchsorted(chains[0], np.arange(len(keys)), side="right")
    return Hits(keys, ends, chain_ends, rules, summed_days, count, chains[1].astype(np.int32), chains[2])


def local_days_of(instants_us: Numbers, zone: ZoneInfo) -> Numbers:
    """Number the local days of instants."""
    if not len(instants_us):
        return np.zeros(0, np.int64)
    pieces = offsets(zone, int(instants_us.min()), int(instants_us.max()))
    if len(pieces) == 1:
        return np.floor_divide(instants_us + pieces[0][1], DAY_US)
    begins = np.array([begin for begin, _ in pieces[1:]], np.int64)
    shift = np.array([offset for _, offset in pieces], np.int64)
    days: Numbers = np.floor_divide(instants_us + shift[np.searchsorted(begins, instants_us, side="right")], DAY_US)
    return days


def summed(
    place: Numbers, rule: npt.NDArray[np.int32], day: Numbers, count: Numbers
) -> tuple[Numbers, npt.NDArray[np.int32], npt.NDArray[np.int32], Numbers]:
    """Add up what has the same identity, rule and day; in that order."""
    if not len(place):
        return place.astype(np.int64), rule.astype(np.int32), day.astype(np.int32), count
    first, span = int(day.min()), int(day.max()) - int(day.min()) + 1
    rules = int(rule.max()) + 1
    if (int(place.max()) + 1) * rules * span >= 2**63:
        raise OverflowError("too many identities for one count")
    packed = (place.astype(np.int64) * rules + rule) * span + (day - first)
    if (count == 1).all():
        packed.sort()
        begins = np.flatnonzero(np.concatenate([[True], packed[1:] != packed[:-1]]))
        summed = np.diff(begins, append=len(packed))
    else:
        order = np.argsort(packed, kind="stable")
        packed = packed[order]
        begins = np.flatnonzero(np.concatenate([[True], packed[1:] != packed[:-1]]))
        summed = np.add.reduceat(count[order], begins)
    packed = packed[begins]
    pair, days = np.divmod(packed, span)
    places, rules_ = np.divmod(pair, rules)
    return places, rules_.astype(np.int32), (days + first).astype(np.int32), summed


_Rows = tuple[Numbers, Numbers, Numbers]


def _no_chains() -> _Rows:
    return (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


def _chains(keys: Keys, before: Hits) -> _Rows:
    place = np.repeat(np.searchsorted(keys, before.key), np.diff(before.chain_ends, prepend=0))
    return place, before.chain_rule.astype(np.int64), before.chain_us


def _debounced(
    place: Numbers, rule: npt.NDArray[np.int32], instant_us: Numbers, spans: Numbers, chains: _Rows
) -> tuple[_Rows, _Rows]:
    """Keep, of every identity's activities under a rule, those at least its span after the last kept one.

    What follows its predecessor by the span or more is kept for certain and opens a burst; inside a burst the kept ones
    are a chain: from each to the first one a span later. All bursts are walked at once, a step per kept activity.
    Answers with the rows kept and the chains as they now stand, both in order of place and rule.
    """
    # The end of a known chain comes before what follows it, at the same instant too: it was kept, and is counted.
    place = np.concatenate([chains[0], place])
    rules = np.concatenate([chains[1], rule.astype(np.int64)])
    at = np.concatenate([chains[2], instant_us])
    known = np.concatenate([np.ones(len(chains[0]), np.bool_), np.zeros(len(rule), np.bool_)])
    order = np.lexsort((~known, at, rules, place))
    place, rules, at, known = place[order], rules[order], at[order], known[order]
    span = np.zeros(len(rules), np.int64)
    inside = rules < len(spans)
    span[inside] = spans[rules[inside]]
    begins = np.concatenate([[True], (place[1:] != place[:-1]) | (rules[1:] != rules[:-1])])
    gap = np.diff(at, prepend=at[:1])
    opens = begins | (gap >= span)
    # Bursts are laid end to end on one axis, a span apart, so that one search finds the next kept one of every row.
    step = np.where(opens, 1 + np.concatenate([[0], span[:-1]]), gap)
    axis = np.cumsum(step)
    burst = np.cumsum(opens)
    following = np.searchsorted(axis, axis + np.maximum(span, 1))
    kept = opens.copy()
    front = np.flatnonzero(opens)
    while len(front):
        target = following[front]
        within = target < len(axis)
        front, target = front[within], target[within]
        front = target[burst[target] == burst[front]]
        kept[front] = True
    place, rules, at, known = place[kept], rules[kept], at[kept], known[kept]
    last = np.concatenate([(place[1:] != place[:-1]) | (rules[1:] != rules[:-1]), [True]])
    new = ~known
    return (place[new], rules[new], at[new]), (place[last], rules[last], at[last])
