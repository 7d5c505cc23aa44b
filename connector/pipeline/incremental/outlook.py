"""Whom a cycle works: everybody, some, or nobody (docs/incremental.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from connector.delivery.pending import Pending
from connector.errors import LocalFault
from connector.pipeline.incremental.choosing import URGENT, Portion, choose
from connector.pipeline.incremental.ground import ground_of, unfit, workers
from connector.pipeline.incremental.keeper import MOST_LISTED, UNLISTED, Keeper
from connector.pipeline.incremental.kept import Kept, find_kept
from connector.pipeline.incremental.kept_writing import Keeping
from connector.pipeline.incremental.news import Grown, News, Reader, waiting
from connector.pipeline.incremental.touched import Touched, complete
from connector.pipeline.people.census import Census
from connector.pipeline.people.population import answered_questions
from connector.ports.store import OutboxRow, Review
from connector.ports.traits import FieldInfo

#: what everybody may be worked for some at a time, where a cycle may leave people to the next: until a round has come
#: to somebody, nothing of what is kept of them is wrong but their own results
BY_TURNS: Final = frozenset({"day", "users", "queues", *UNLISTED})


@dataclass
class Outlook:
    """What a cycle begins with.

    Attributes:
        everybody: why everybody is worked at once; empty where only some are.
        begins: why everybody is worked anew, some at a time, from this cycle on; empty where that is not begun.
        kept: what the last cycle that decided has kept.
        news: what has come since.
        touched: whom it concerns; None where everybody is worked or nobody is.
        answered: questions with an answer, or one that was taken back.
        pending: what waits in the outbox.
    """

    census: Census
    root: Path
    now: datetime
    answered: list[Review]
    pending: Pending
    ground: dict[str, str]
    waiting: dict[str, list[str]]
    segments: list[str]
    everybody: str = ""
    begins: str = ""
    kept: Kept | None = None
    news: News = field(default_factory=News)
    touched: Touched | None = None

    @property
    def nothing(self) -> bool:
        """Whether nobody's answer can differ from what the last cycle decided."""
        return not self.everybody and not self.news

    def widen(self, grown: Grown) -> None:
        """Take in those who turned out to be concerned as well."""
        self.everybody = grown.everybody
        if self.touched is not None and grown.persons is not None:
            self._choose(grown)
        if self.everybody:
            self.touched = None

    def _choose(self, grown: Grown) -> None:
        assert self.touched is not None
        assert grown.persons is not None
        kept, fresh = self.touched.kept, self.touched.fresh
        persons = [*self.touched.persons.to_pylist(), *grown.persons.to_pylist()]
        try:
            self.touched = complete(self.census, kept, pa.array(sorted(set(persons)), pa.string()), fresh)
        except Grown as more:
            self.everybody = more.everybody

    def keeper(self) -> Keeper:
        """Begin to keep this cycle for the next.

        Raises:
            LocalFault: nothing can be written beside the lake.
        """
        over = None if self.touched is None else self.touched.kept
        ground = {name: word for name, word in self.ground.items() if over is not None or name not in UNLISTED}
        return Keeper(Keeping(self.root, over), ground, self.segments, self.waiting, self.touched)

    def anew(self) -> str:
        """Say why a round begins with this cycle, once it is known whom others see; empty where none does."""
        left = None if self.touched is None else self.touched.left
        return self.begins or ("accounts" if left is not None and left.begins else "")

    def by(self) -> Counter[str]:
        """Say what has come, for the log."""
        return self.news.by


def look(
    census: Census,
    root: Path,
    *,
    now: datetime,
    described: Mapping[str, Mapping[str, FieldInfo]],
    own: str | None,
    full: bool,
    portion: Portion,
) -> Outlook:
    """Find out whom this cycle must work. Everybody, wherever anything else is in doubt.

    ``portion``: of those whom news concern, how many it works; whoever is left is news to the next cycle.
    """
    store = census.store
    answered = answered_questions(store)
    lines: dict[str, list[str]] = {}

    def listed(row: OutboxRow) -> OutboxRow:
        if len(lines) <= MOST_LISTED:
            id_, line = waiting(row)
            lines[id_] = line
        return row

    pending = Pending(map(listed, store.outbox.each_unsettled()))
    ground = ground_of(census, now=now, described=described, own=own, answered=answered)
    outlook = Outlook(census, root, now, answered, pending, ground, lines, [])
    outlook.kept = find_kept(root, store.knowledge.last_decided())
    try:
        _settle(outlook, portion, full=full)
    except Grown as grown:
        outlook.everybody = grown.everybody
    except LocalFault:
        # Whatever is amiss with what was kept, or with the lake: who works everybody will see it, or does not need it.
        outlook.everybody = "harmed"
    if outlook.everybody:
        outlook.touched = None
        outlook.ground |= workers(census, as_of=now)
        outlook.segments = [segment.path for segment in store.manifest.segments()]
    return outlook


def _settle(outlook: Outlook, portion: Portion, *, full: bool) -> None:
    kept, census = outlook.kept, outlook.census
    some = portion.most is not None
    outlook.everybody = "asked" if full and not some else "first" if kept is None else unfit(census.mappings)
    if kept is None or outlook.everybody:
        return
    reader = Reader(census, kept, outlook.root, now=outlook.now)
    outlook.segments = reader.segments()
    outlook.ground |= reader.workers()
    if portion == URGENT:
        # Whom a wide cycle has to work, being too many to be listed, it still has to after this one.
        outlook.ground |= {name: kept.head.ground[name] for name in UNLISTED if name in kept.head.ground}
    others = _others(kept.head.ground, outlook.ground)
    if others and not (some and BY_TURNS.issuperset(others)):
        outlook.everybody = others[0]
        return
    if len(outlook.waiting) > MOST_LISTED and portion != URGENT:
        raise Grown(everybody="many")
    outlook.begins = "asked" if full else others[0] if others else ""
    outlook.news = reader.read(outlook.waiting.items())
    if outlook.begins:
        outlook.news.by["again"] = kept.head.living
    if outlook.news:
        begins = bool(outlook.begins)
        outlook.touched = choose(census, kept, outlook.news, portion, now=outlook.now, begins=begins)
        if outlook.touched is None:
            outlook.news = News()


def _others(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Name what everybody's answer depends on and that is another than before."""
    return [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
