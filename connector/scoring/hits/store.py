"""Match once, score often: hits kept on disk beside the lake, brought up to date by what landed since.

For each source identity, matcher (what a rule matches by: ``on``, ``where``, ``debounce``) and local day the store
holds a count. It is derived: it may be deleted at any time and is built again from the lake; a damaged or incomplete
one is ignored. A changed weight, cap, window, half-life or group, a renamed or moved rule and a merge of persons match
nothing again. Only the holder of the engine lease may call ``catch_up``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.errors import LocalFault
from connector.scoring.compile import CompiledModel
from connector.scoring.hits.building import Place, build
from connector.scoring.hits.counting import Hits, summed
from connector.scoring.hits.files import NotWhole, cannot_keep
from connector.scoring.hits.keys import HASHED_BY, keys_of_identities
from connector.scoring.hits.landed import CaughtUp, Landed
from connector.scoring.hits.matchers import Matchers
from connector.scoring.hits.news import add, planned
from connector.scoring.hits.runs import gather, sizes, spans
from connector.scoring.hits.state import Current, assure, load, save
from connector.scoring.local_days import EPOCH, microseconds, zone_of

_FORMAT = 2
#: one row per person, rule and local day: ``person`` as the caller numbers them, ``rule`` the place in the model
DAILY = pa.schema([("person", pa.int32()), ("rule", pa.int32()), ("day", pa.int32()), ("hits", pa.int64())])


class HitStore:
    """Hits of everybody, in a folder of its own."""

    def __init__(
        self,
        root: Path,
        model: CompiledModel,
        zone: str,
        *,
        further: Sequence[CompiledModel] = (),
        quarantine: str = "",
    ) -> None:
        """Take the hits below ``root`` for the rules of a model, and of ``further`` ones beside it.

        ``quarantine`` names the rules of quarantine: under other ones everything is matched again.

        Raises:
            ConfigError: there is no such time zone.
        """
        self._root = root
        self._model = model
        self._zone = zone_of(zone)
        self._matchers = Matchers(rule for one in (model, *further) for rule in one.interest)
        self._rules = f"{_FORMAT}|{HASHED_BY}|{zone}|{quarantine}|{self._matchers.digest}"
        self._current: Current | None = None

    @property
    def lasting(self) -> bool:
        """Say whether hits of these rules can be kept: a condition with ``within`` holds today and not tomorrow."""
        return self._matchers.lasting

    def catch_up(
        self, lake: Landed, systems: Sequence[str], *, as_of: datetime, left_out: pa.Table | None = None
    ) -> CaughtUp | None:
        """Turn into hits what has landed, or was waiting for its time, since the last call; durable when it returns.

        Afterwards ``hits`` answers as of ``as_of``, exactly as if every activity of ``systems`` were matched now: each
        once in its latest version, without deleted ones and those in ``left_out`` (``LEFT_OUT``: in quarantine).
        None, and nothing is touched, where ``as_of`` lies before what was caught up with or landed: another date than
        now is read from the lake. None also where the rules are not ``lasting``.

        Raises:
            LocalFault: the disk is full, read-only or broken, or a segment of the lake is; what was kept before counts.
        """
        segments = lake.segments(systems)
        landed = max((one.landed_at for each in segments.values() for one in each), default=as_of)
        if not self.lasting or landed > as_of:
            return None
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_keep(self._root, error) from error
        current = load(self._root, self._rules)
        if current is not None and current.until_us > microseconds(as_of):
            return None
        if current is not None:
            self._matchers = self._matchers.ordered(current.order)
        place = Place(self._root, self._matchers, self._zone, lake, segments, as_of, left_out)
        done = None
        if current is not None:
            try:
                assure(self._root, current)
                done = self._with_news(place, current)
            except NotWhole:
                done = None
        if done is None:
            done = build(place, self._rules)
        following, caught_up = done
        if following != current:
            previous = () if current is None else tuple(current.files())
            following = replace(following, previous=previous)
            save(self._root, following)
        self._current = following
        return caught_up

    def hits(self, identities: pa.Table, model: CompiledModel | None = None) -> pa.Table:
        """Give the hits of identities for the rules of a model (the first where not told): columns ``DAILY``.

        ``identities`` has ``person`` (int32, any number of the caller's) and ``IDENTITY``; what several identities of
        a person have on one day adds up. Ask after ``catch_up``, for few people or, in parts, for everybody.

        Raises:
            LocalFault: ``hits.damaged``: a file is gone or changed; the next ``catch_up`` builds them again.
        """
        if self._current is None:
            raise ValueError("hits are asked for before catch_up")
        keys = keys_of_identities(identities)
        order = np.argsort(keys)
        keys, persons = keys[order], identities.column("person").to_numpy()[order].astype(np.int64)
        if len(keys) > 1 and (keys[1:] == keys[:-1]).any():
            raise ValueError("an identity was asked for twice")
        try:
            found = gather(self._root, self._current.runs, keys)
        except NotWhole as error:
            raise self._damaged() from error
        return self._daily(found, persons, model or self._model)

    def sizes(self, identities: pa.Table) -> npt.NDArray[np.int64]:
        """Count the hits that are kept of each identity, in the order given; so that callers ask for as many as fit.

        Raises:
            LocalFault: as in ``hits``.
        """
        if self._current is None:
            raise ValueError("hits are asked for before catch_up")
        keys = keys_of_identities(identities)
        order = np.argsort(keys)
        found = np.zeros(len(keys), np.int64)
        try:
            found[order] = sizes(self._root, self._current.runs, keys[order])
        except NotWhole as error:
            raise self._damaged() from error
        return found

    def until(self) -> datetime | None:
        """Say as of when ``hits`` answers; None before ``catch_up``."""
        return None if self._current is None else EPOCH + timedelta(microseconds=self._current.until_us)

    def _damaged(self) -> LocalFault:
        """Forget hits that cannot be read: the next ``catch_up`` builds them again."""
        (self._root / "current.json").unlink(missing_ok=True)
        return LocalFault(
            "hits.damaged",
            "the kept hits are damaged",
            cure="run again: they are built again from the lake",
            at=str(self._root),
        )

    def _daily(self, found: Hits, persons: npt.NDArray[Any], model: CompiledModel) -> pa.Table:
        sizes = np.diff(found.hit_ends, prepend=0)
        order = np.argsort(persons, kind="stable")
        rows = spans((found.hit_ends - sizes)[order], sizes[order])
        person = np.repeat(persons[order], sizes[order])
        rule, day, count = found.rule[rows], found.day[rows], found.count[rows]
        with_hits = persons[order][sizes[order] > 0]
        if (with_hits[1:] == with_hits[:-1]).any():
            person, rule, day, count = summed(person, rule, day.astype(np.int64), count)
        parts = []
        for lookup in self._lookups(model):
            number = lookup[rule]
            mine = number >= 0
            columns = (
                (person, number, day, count) if mine.all() else (person[mine], number[mine], day[mine], count[mine])
            )
            parts.append(
                pa.table([pa.array(c, t) for c, t in zip(_typed(columns), DAILY.types, strict=True)], schema=DAILY)
            )
        return pa.concat_tables([DAILY.empty_table(), *parts])

    def _lookups(self, model: CompiledModel) -> list[npt.NDArray[Any]]:
        """Give tables from matcher to rule, -1 = none; several where rules share a matcher."""
        by_matcher: dict[int, list[int]] = {}
        for rule in model.interest:
            number = self._matchers.number_of(rule)
            if number is None:
                raise ValueError(f"the model {model.name} is not one of those whose hits are kept")
            by_matcher.setdefault(number, []).append(rule.number)
        lookups = []
        for place in range(max((len(rules) for rules in by_matcher.values()), default=0)):
            lookup = np.full(1 + max(by_matcher), -1, np.int32)
            for number, rules in by_matcher.items():
                if place < len(rules):
                    lookup[number] = rules[place]
            lookups.append(np.concatenate([lookup, np.full(self._matchers.count, -1, np.int32)]))
        return lookups

    @staticmethod
    def _with_news(place: Place, current: Current) -> tuple[Current, CaughtUp] | None:
        """Add what is new; None where only matching everything tells."""
        news = planned(place, current)
        if news is None:
            return None
        following, touched, rows = add(place, current, news)
        return following, CaughtUp(touched, rows)


def _typed(columns: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    return [c.astype(t, copy=False) for c, t in zip(columns, (np.int32, np.int32, np.int32, np.int64), strict=True)]
