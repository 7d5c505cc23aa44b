"""Interest from kept hits, in whole columns of integers: the answers of ``interest.create_interest_lines`` to the bit.

Kept hits come in order of person, rule and day. What an engine finds by hashing and sorting rows that come in any order
is then a running sum: this takes an eighth of the time. Numbers, bounds and roundings are the same, and property tests
hold one form against the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.scoring.compile import TENTH, CompiledModel, InterestRuleC, earnings

Numbers = npt.NDArray[Any]
#: tables of what an age is worth are made for ages up to this, or twice, four times … as many: few are ever made
_AGES_AT_ONCE = 128
_LINES = ("person", "rule", "tenths", "count", "first_day", "last_day")


@dataclass(frozen=True, slots=True)
class Interest:
    """What came of some people's hits.

    Attributes:
        lines: person, rule, tenths, count, first_day, last_day; in order of person and rule.
        kept: person, rule, day, kept: what was kept of each day under the rules that carry a buying stage.
    """

    lines: pa.Table
    kept: pa.Table


def interest_lines(model: CompiledModel, daily: pa.Table, *, today: int) -> Interest:
    """Earn, clamp, scale and round: one line per person and rule; columns and meaning as in ``create_interest_lines``.

    ``daily`` has person, rule, day and hits, at most one row each; what is not in that order is put in order first.
    """
    person, rule, day, hits = _in_order(daily)
    rules = model.interest
    kept = _kept(rules, person, rule, day, hits)
    some = kept > 0
    if not some.all():
        person, rule, day, kept = person[some], rule[some], day[some], kept[some]
    begins = _changes(person, rule)
    micro = _earned(rules, person, rule, day, kept, today)
    ends = np.append(begins[1:], len(rule)) - 1
    columns = {
        "person": person[begins],
        "rule": rule[begins],
        "count": _summed(kept, begins),
        "first_day": day[begins],
        "last_day": day[ends] if len(begins) else day[:0],
    }
    columns["tenths"] = _bounded(model, columns["person"], columns["rule"], _summed(micro, begins))
    staged = np.isin(rule, [one.number for one in rules if one.stage])
    of_days = {"person": person[staged], "rule": rule[staged], "day": day[staged], "kept": kept[staged]}
    return Interest(pa.table({name: columns[name] for name in _LINES}), pa.table(of_days))


def _in_order(daily: pa.Table) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    person, rule, day, hits = (
        daily.column(name).combine_chunks().to_numpy(zero_copy_only=False) for name in ("person", "rule", "day", "hits")
    )
    if len(person) < 2:
        return person, rule, day, hits
    low = int(day.min())
    days = int(day.max()) - low + 1
    packed = (person.astype(np.int64) * (int(rule.max()) + 1) + rule) * days + (day - low)
    if (packed[1:] > packed[:-1]).all():
        return person, rule, day, hits
    order = np.argsort(packed, kind="stable")
    return person[order], rule[order], day[order], hits[order]


def _changes(*columns: Numbers) -> Numbers:
    """Find the places at which one of the columns changes, the first among them."""
    if not len(columns[0]):
        return np.zeros(0, np.int64)
    changed = np.zeros(len(columns[0]), np.bool_)
    changed[0] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def _summed(numbers: Numbers, begins: Numbers) -> Numbers:
    sums: Numbers = np.add.reduceat(numbers, begins) if len(begins) else numbers[:0]
    return sums


def _so_far(numbers: Numbers, begins: Numbers) -> Numbers:
    """Add up from the beginning of each stretch, the row itself included."""
    sums = np.cumsum(numbers)
    before = sums[begins] - numbers[begins]
    so_far: Numbers = sums - np.repeat(before, np.diff(begins, append=len(numbers)))
    return so_far


def _per_rule(rules: tuple[InterestRuleC, ...], values: list[int]) -> Numbers:
    """Lay values of rules out by number."""
    laid = np.zeros(1 + max((rule.number for rule in rules), default=0), np.int64)
    for rule, value in zip(rules, values, strict=True):
        laid[rule.number] = value
    return laid


def _kept(rules: tuple[InterestRuleC, ...], person: Numbers, rule: Numbers, day: Numbers, hits: Numbers) -> Numbers:
    """Keep the first n of each window."""
    window = _per_rule(rules, [one.window_days or 0 for one in rules])
    most = _per_rule(rules, [one.at_most or 0 for one in rules])
    rows = np.flatnonzero(window[rule] > 0)
    kept = hits.astype(np.int64)
    if len(rows):
        of, count = rule[rows], kept[rows]
        opens = np.floor_divide(day[rows], window[of])
        so_far = _so_far(count, _changes(person[rows], of, opens))
        kept[rows] = np.minimum(count, np.maximum(0, most[of] + count - so_far))
    return kept


def _earned(
    rules: tuple[InterestRuleC, ...], person: Numbers, rule: Numbers, day: Numbers, kept: Numbers, today: int
) -> Numbers:
    """Say what each row earns, in micropoints."""
    if not len(rule):
        return kept
    age = np.maximum(today - day, 0)
    ages = _AGES_AT_ONCE
    while ages <= age.max():
        ages *= 2
    each, first = _worth(rules, ages)
    slot = rule * ages + age
    micro: Numbers = kept * each[slot]
    steps = _per_rule(rules, [len(one.points) - 1 for one in rules])
    falls = steps[rule] > 0
    rows = np.flatnonzero(falls)
    if len(rows):
        so_far = _so_far(kept[rows], _changes(person[rows], rule[rows]))
        before, most, places = so_far - kept[rows], steps[rule[rows]], slot[rows]
        micro[rows] = (
            first[places, np.minimum(so_far, most)]
            - first[places, np.minimum(before, most)]
            + (np.maximum(so_far, most) - np.maximum(before, most)) * each[places]
        )
    return micro


@lru_cache(maxsize=4)
def _worth(rules: tuple[InterestRuleC, ...], ages: int) -> tuple[Numbers, Numbers]:
    """Tabulate ``earnings`` for ages below ``ages``, at rule x ages + age: each further one, and the first few."""
    size = ages * (1 + max((rule.number for rule in rules), default=0))
    each = np.zeros(size, np.int64)
    first = np.zeros((size, max((len(rule.points) for rule in rules), default=1)), np.int64)
    by_number = {rule.number: rule for rule in rules}
    for row in earnings(rules, ages - 1).to_pylist():
        rule = by_number[row["rule"]]
        begin = rule.number * ages
        if row["age"] >= 0:
            places = slice(begin + row["age"], begin + row["age"] + 1)
        else:
            last = ages if rule.expires_days is None else min(ages, rule.expires_days + 1)
            places = slice(begin, begin + last)
        each[places] = row["each"]
        first[places, : len(row["first"])] = row["first"]
    return each, first


def _bounded(model: CompiledModel, person: Numbers, rule: Numbers, micro: Numbers) -> Numbers:
    """Clamp each line to its rule, scale each side of a group into its bound, round once; give tenths of a point."""
    rules, groups = model.interest, model.groups
    limit = _per_rule(rules, [one.limit for one in rules])[rule]
    clamped = np.clip(micro, -limit, limit)
    tenths = _rounded(clamped, np.int64(TENTH))
    group = _per_rule(rules, [-1 if one.group is None else one.group for one in rules])[rule]
    rows = np.flatnonzero((group >= 0) & (clamped != 0))
    if not len(rows):
        return tenths
    side = person[rows].astype(np.int64) * (2 * len(groups)) + group[rows] * 2 + (clamped[rows] > 0)
    order = np.argsort(side, kind="stable")
    rows, side = rows[order], side[order]
    length = np.abs(clamped[rows])
    begins = _changes(side)
    sizes = np.diff(begins, append=len(rows))
    sums = _summed(length, begins)
    # No bound is a bound that nothing reaches.
    bounds = np.array([[_open(one.depth), _open(one.cap)] for one in groups], np.int64).reshape(-1)
    bound = bounds[side[begins] % (2 * len(groups))]
    over = np.repeat(sums > bound, sizes)
    mine = _rounded(length, np.int64(TENTH))
    if over.any():
        to, of = np.repeat(bound, sizes)[over], np.repeat(sums, sizes)[over]
        mine[over] = _rounded(length[over] * to, of * TENTH)
    spare = _rounded(np.minimum(sums, bound), np.int64(TENTH)) - _summed(mine, begins)
    by_id = {one.id: place for place, one in enumerate(sorted(rules, key=lambda one: one.id))}
    places = max(1, len(rules))
    rank = length * places + (places - 1 - _per_rule(rules, [by_id[one.id] for one in rules])[rule[rows]])
    longest = rank == np.repeat(np.maximum.reduceat(rank, begins), sizes)
    mine[longest] += np.repeat(spare, sizes)[longest]
    tenths[rows] = np.where(clamped[rows] > 0, mine, -mine)
    return tenths


def _open(bound: int | None) -> int:
    return 2**62 if bound is None else bound


def _rounded(numerator: Numbers, denominator: Numbers | np.int64) -> Numbers:
    """Divide, rounded half away from zero; the denominator is positive."""
    whole = (2 * np.abs(numerator) + denominator) // (2 * denominator)
    rounded: Numbers = np.where(numerator < 0, -whole, whole)
    return rounded
