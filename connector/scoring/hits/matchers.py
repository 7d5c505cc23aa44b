"""Matching activities as they stream from the lake: which rules hold for each, in numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.conditions import AllOf, Condition, tests_of
from connector.mapping.evaluate import Evaluator, holds
from connector.scoring.compile import InterestRuleC
from connector.scoring.hits.counting import Matched


class Matchers:
    """What rules match by, each of a kind once: two rules that differ only in their points share their hits."""

    def __init__(self, rules: Iterable[InterestRuleC], order: Sequence[str] = ()) -> None:
        """Take the rules of one or several models; ``order`` is that of hits kept before, of the same matchers."""
        texts: dict[str, InterestRuleC] = {}
        for rule in rules:
            texts.setdefault(_name(rule), rule)
        #: their names, in the order of their numbers: the rules' own, so that hits come as the rules stand
        self.order = tuple(order) or tuple(texts)
        self._number = {name: number for number, name in enumerate(self.order)}
        self._rules = [texts[name] for name in self.order]
        self.count = len(self._rules)
        self.digest = hashlib.sha256("\n".join(sorted(self.order)).encode("utf-8")).hexdigest()
        #: debounce in microseconds of those that have one
        self.spans_us = {number: rule.debounce_us for number, rule in enumerate(self._rules) if rule.debounce_us}
        self.types = sorted({rule.on for rule in self._rules})
        self.fields = sorted({test.field for rule in self._rules for test in tests_of(rule.condition)})
        #: whether what matches today matches tomorrow: spans before now move
        self.lasting = not any(test.operator == "within" for rule in self._rules for test in tests_of(rule.condition))

    def number_of(self, rule: InterestRuleC) -> int | None:
        """Find what a rule matches by; None where its model was not among those given."""
        return self._number.get(_name(rule))

    def ordered(self, order: Sequence[str]) -> Matchers:
        """Give the same matchers with the numbers of hits that were kept before."""
        return self if tuple(order) == self.order else Matchers(self._rules, order)

    def match(self, rows: pa.Table, *, now: datetime) -> Matched:
        """Answer every matcher on rows with ``key``, ``type``, ``instant_us`` and the fields that are looked at."""
        key, instant = rows.column("key").to_numpy(), rows.column("instant_us").to_numpy()
        types = rows.column("type").combine_chunks().dictionary_encode()
        names, codes = types.dictionary.to_pylist(), types.indices.to_numpy()
        by_type: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            by_type.setdefault(rule.on, []).append(number)
        parts: list[Matched] = []
        for name, numbers in by_type.items():
            if name not in names:
                continue
            places = np.flatnonzero(codes == names.index(name))
            parts += self._of_type(rows, places, numbers, key, instant, now)
        return together(parts)

    def _of_type(
        self,
        rows: pa.Table,
        places: np.ndarray,
        numbers: Sequence[int],
        key: np.ndarray,
        instant: np.ndarray,
        now: datetime,
    ) -> list[Matched]:
        conditions: list[Condition] = [self._rules[number].condition for number in numbers]
        fields = {test.field for condition in conditions for test in tests_of(condition)}
        facts = rows.select([name for name in rows.column_names if name in fields])
        evaluator = Evaluator(facts.take(pa.array(places)) if fields else facts.slice(0, 0), now=now)
        parts = []
        for number, condition in zip(numbers, conditions, strict=True):
            mine = places
            if condition != AllOf(()):
                mine = places[pc.indices_nonzero(holds(evaluator.evaluate(condition))).to_numpy()]
            parts.append(Matched(key[mine], np.full(len(mine), number, np.int32), instant[mine]))
        return parts


def _name(rule: InterestRuleC) -> str:
    return hashlib.sha256(repr((rule.on, rule.condition, rule.debounce_us)).encode("utf-8")).hexdigest()


def together(parts: Sequence[Matched]) -> Matched:
    """Put what matched one behind the other."""
    return Matched(
        np.concatenate([np.zeros(0, np.uint64), *(part.key for part in parts)]),
        np.concatenate([np.zeros(0, np.int32), *(part.rule for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(part.instant_us for part in parts)]),
    )
