"""Whose answer could differ from what the last cycle decided (docs/incremental.md): found in what has come since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.identity.keys import STATED, closed, stated_keys
from connector.lake.arrivals import DOERS
from connector.pipeline.incremental.kept import Kept
from connector.pipeline.incremental.news import Grown, News
from connector.pipeline.intake.wanted import asked_of
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import Gatherer, hold

#: of all living people; beyond it working everybody costs no more
_MANY_SHARE = 0.2
#: so few are never too many
_FEW = 2_000


@dataclass
class Left:
    """Those whom news concern and whom a cycle leaves to the next one.

    Attributes:
        waiting: known people by their ids, and, as ``marked``, what states something new of people, be they known or
            not; who has waited longest comes first.
        chosen_all: nobody was left when people were chosen; those who see other accounts may have come since.
        begins: everybody is to be worked anew, some at a time; the cycle begins with its own.
        again: people whom a round that has begun has not come to yet.
    """

    waiting: list[str] = field(default_factory=list)
    chosen_all: bool = False
    begins: bool = False
    again: int = 0

    def __bool__(self) -> bool:
        """Whether anybody is left to the next cycle."""
        return bool(self.waiting or self.again)

    def add(self, persons: Iterable[str]) -> None:
        """Leave further people to the next cycle."""
        self.waiting = list(dict.fromkeys([*self.waiting, *persons]))


@dataclass(frozen=True)
class Touched:
    """Some people, closed under everything that could make two of them one.

    Attributes:
        kept: what the last cycle kept.
        persons: known people, in order of their ids.
        references: all references of theirs, and those that are new (system, object, id).
        known: those of them that are remembered (schema ``IDENTITIES``).
        left: who is concerned, too, and left to the next cycle; None where a cycle takes in whoever is.
    """

    kept: Kept
    persons: pa.Array
    references: pa.Table
    known: pa.Table
    fresh: pa.Table
    left: Left | None = None

    @property
    def round(self) -> int:
        """The round in which they are worked (``Head.round``)."""
        return self.kept.head.round + (self.left is not None and self.left.begins)

    @property
    def round_goes_on(self) -> bool:
        """Whether a round leaves others to later cycles."""
        left = self.left
        return left is not None and (left.again > 0 or (left.begins and len(self.persons) < self.kept.head.living))

    @property
    def all_who_did(self) -> bool:
        """Whether all who did something since the last cycle are among them."""
        return self.left is None or self.left.chosen_all

    def others(self, name: str) -> pa.Table:
        """Give everybody else's rows of what is kept."""
        return self.kept.beside(name, self.persons)


@dataclass(frozen=True)
class Concerned:
    """Whom news concern themselves, before those who hang together with them are found.

    Attributes:
        persons: known people.
        fresh: what has come of people (schema ``DOERS``).
        keyed: by what that could be somebody's (``key``, ``ref``).
    """

    persons: pa.Array
    fresh: pa.Table
    keyed: pa.Table


def concerned_by(census: Census, kept: Kept, news: News, *, now: datetime) -> Concerned:
    """Find out whom news concern.

    Raises:
        LocalFault: the lake or what is kept cannot be read.
    """
    fresh = pa.concat_tables([DOERS.empty_table(), *news.refs, *news.doers])
    fresh = fresh.group_by(fresh.column_names, use_threads=False).aggregate([]).select(DOERS.names)
    stated = _stated(census, fresh, now=now) if fresh.num_rows else STATED.empty_table()
    keyed = stated_keys(stated, fresh, sorted(news.ids))
    companies = sorted(news.companies)
    named = pa.table(
        {
            "system": pa.array([system for system, _ in companies], pa.string()),
            "id": pa.array([id_ for _, id_ in companies], pa.string()),
        }
    )
    linked = kept.rows("links", "id", named.column("id")).join(named, ["system", "id"], join_type="left semi")
    told = pa.array(sorted(news.persons), pa.string())
    known = [
        *kept.rows("keys", "key", keyed.column("key")).column("person_id").chunks,
        *linked.column("person_id").chunks,
    ]
    return Concerned(pc.unique(pa.chunked_array([told, *known])), fresh, keyed)


def complete(census: Census, kept: Kept, persons: pa.Array, fresh: pa.Table) -> Touched:
    """Add to some people everybody with whom they share a key, and look up what is known of all of them.

    Raises:
        Grown: so many are that everybody is worked.
    """
    most = max(_FEW, _MANY_SHARE * kept.head.living)
    while True:
        if len(persons) > most:
            raise Grown(everybody="many")
        # First those who share a key with somebody at hand; what they share among themselves follows in memory.
        theirs = kept.rows("keys", "person_id", persons)
        sharing = kept.rows("keys", "key", pc.unique(theirs.column("key"))).select(["key", "person_id"])
        more = closed(persons, sharing)
        if len(more) == len(persons):
            break
        persons = more
    return with_references(census, kept, persons, fresh)


def with_references(
    census: Census, kept: Kept, persons: pa.Array, fresh: pa.Table, left: Left | None = None
) -> Touched:
    """Look up what is known of people who are closed under all keys; ``fresh``: what has come of them."""
    persons = persons.take(pc.sort_indices(persons))
    known = census.store.knowledge.identities(persons.to_pylist())
    both = pa.concat_tables([known.select(DOERS.names), fresh.select(DOERS.names)])
    references = both.group_by(DOERS.names, use_threads=False).aggregate([])
    return Touched(kept, persons, references.select(DOERS.names), known, fresh, left)


def _stated(census: Census, fresh: pa.Table, *, now: datetime) -> pa.Table:
    """Give what states of itself what has come (schema ``STATED``), as it stands now."""
    kinds = census.of_people()
    asked = asked_of(census.mappings, census.traits, census.crm.system)
    lake = census.lake.of(fresh, kinds)
    asked = {kind: asked[kind] for kind in kinds if kind in asked}
    # What has come names the addresses; when something was first done under them is no key.
    mail = fresh.filter(pc.and_(pc.equal(fresh.column("object"), "email"), pc.not_equal(fresh.column("id"), "")))
    never = pa.nulls(mail.num_rows, pa.timestamp("us", "UTC"))
    by = pa.table({"person_system": mail.column("system"), "person_id": mail.column("id"), "created_at": never})
    holdings = hold(lake, census.traits, as_of=now, asked=asked, addresses=by)
    return Gatherer(holdings, census.mappings.fields, census.traits, census.crm.system).stated()
