"""What has come to lake, outbox and memory since the last cycle that decided (docs/incremental.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from connector.lake.arrivals import DOERS, doers_since, landed_at, records_since
from connector.lake.layout import FIELD, LINK, activities_stream, records_stream
from connector.pipeline.incremental.ground import workers
from connector.pipeline.incremental.kept import DEADLINES, Kept
from connector.pipeline.people.census import Census
from connector.ports.store import OutboxRow, Segment
from connector.ports.traits import AdapterTraits

#: looked for as often as what the fast lane names
_REPLY = "email_reply"
#: how a reference is told from a person among those who wait
MARK: Final = "\x1f"
#: kinds of record of the CRM that concern people by what they link to
_WHO, _CONTACT, _OPPORTUNITY, _ACCOUNT = (LINK + word for word in ("who", "contact", "opportunity", "account"))


@dataclass
class News:
    """What has come since the last cycle that decided.

    Attributes:
        refs: records of people, and what an earlier cycle left of them (system, object, id).
        doers: whoever did something.
        urgent: those of them who did what sales should act on at once.
        ids: ids of people's records that others name.
        companies: (system, id) of accounts and companies whose people are concerned.
        persons: people known by other ways.
        by: how many of what, for the log.
    """

    refs: list[pa.Table] = field(default_factory=list)
    doers: list[pa.Table] = field(default_factory=list)
    urgent: list[pa.Table] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    companies: set[tuple[str, str]] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    by: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        """Whether anything has."""
        return bool(+self.by)


class Grown(Exception):
    """More people are concerned than was thought: ``persons``, or by reason of ``everybody`` all."""

    def __init__(self, persons: pa.Array | None = None, *, everybody: str = "") -> None:
        super().__init__(everybody or "more people are concerned")
        self.persons = persons
        self.everybody = everybody


class Reader:
    """Reads what has come to lake, outbox and memory since a cycle that decided."""

    def __init__(self, census: Census, kept: Kept, root: Path, *, now: datetime) -> None:
        self._census = census
        self._kept = kept
        self._root = root
        self._now = now
        self._by_stream: dict[str, list[Segment]] = defaultdict(list)
        seen = set(kept.head.segments)
        self._fresh: dict[str, list[Segment]] = defaultdict(list)
        for segment in census.store.manifest.segments():
            self._by_stream[segment.stream].append(segment)
            ahead = segment.stream.startswith("activities/") and segment.high > kept.head.as_of
            if segment.path not in seen or ahead:
                self._fresh[segment.stream].append(segment)

    def segments(self) -> list[str]:
        """List the files that are there now."""
        return [segment.path for each in self._by_stream.values() for segment in each]

    def came(self, *kinds: str) -> bool:
        """Say whether anything may have come of some kinds of record of the CRM."""
        return any(records_stream(self._census.crm.system, kind) in self._fresh for kind in kinds)

    def workers(self) -> dict[str, str]:
        """Give digests of who works in the CRM: as the last cycle had them, where none of them has come since."""
        if self.came("user", "queue"):
            return workers(self._census, as_of=self._now)
        return {name: self._kept.head.ground.get(name, "") for name in ("users", "queues")}

    def read(self, pending: Iterable[tuple[str, list[str]]]) -> News:
        """Read everything that has come. ``pending``: as ``waiting`` gives it.

        Raises:
            Grown: everybody is concerned.
            LocalFault: the lake cannot be read.
        """
        news = News()
        if self._fresh:
            if self._now <= self._kept.head.as_of and any(
                segment.path not in set(self._kept.head.segments) for each in self._fresh.values() for segment in each
            ):
                raise Grown(everybody="clock")
            self._lake(news)
        self._waiting(news, dict(pending))
        self._by_itself(news)
        self._left(news)
        if self._kept.head.again:
            news.by["again"] += self._kept.head.again
        return news

    def landed(self) -> News:
        """Read what has come to the lake, and who was left: nobody's number, account or identity rests on more.

        What lands after the instant that is looked at may be among it.

        Raises:
            Grown: everybody is concerned.
            LocalFault: the lake cannot be read.
        """
        news = News()
        at = self._kept.head.as_of
        if self._now > at:
            self._lake(news)
        elif any(landed_at(self._root, each, at) for each in self._fresh.values()):
            raise Grown(everybody="clock")
        self._left(news)
        return news

    def _lake(self, news: News) -> None:
        self._people(news)
        self._companies(news)
        self._deeds(news)
        self._crm(news)

    def _records(self, system: str, object_: str, *columns: str) -> pa.Table | None:
        segments = self._fresh.get(records_stream(system, object_))
        if not segments:
            return None
        table = records_since(self._root, segments, self._kept.head.as_of, columns)
        return table if table.num_rows else None

    def _people(self, news: News) -> None:
        for system, object_ in self._census.of_people():
            table = self._records(system, object_)
            if table is not None:
                count = table.num_rows
                words = {"system": pa.array([system] * count), "object": pa.array([object_] * count)}
                news.refs.append(pa.table({**words, "id": table.column("id")}).cast(DOERS))
                news.by["records"] += count

    def _companies(self, news: News) -> None:
        """Find companies that are news; of the CRM's accounts, what people see of them is compared later on."""
        for one in self._census.traits:
            table = self._records(one.system, "account")
            if table is None:
                continue
            news.by["accounts"] += table.num_rows
            columns = self._facts_from_companies(one)
            if columns:
                news.companies |= {(one.system, id_) for id_ in self._changed(one.system, table.column("id"), columns)}

    def _facts_from_companies(self, traits: AdapterTraits) -> list[str]:
        """Name the columns from which facts about people of one system are taken, of the company they are linked to."""
        lines = self._census.mappings.fields.person.values()
        natives = [native for standard in traits.people.values() for native in standard.values()]
        natives += [line.sources[traits.system] for line in lines if traits.system in line.sources]
        dotted = (native.partition(".") for native in natives)
        return sorted({FIELD + tail for head, _, tail in dotted if tail and head in {"company", "account"}})

    def _changed(self, system: str, ids: pa.ChunkedArray, columns: Sequence[str]) -> set[str]:
        """Give those of some companies of which any of these columns is another than when the last cycle decided.

        Most that come are our own writes of scores, or the vendor's counters: no fact about anybody is made of them.
        """
        words = {"system": pa.repeat(pa.scalar(system), len(ids)), "object": pa.repeat(pa.scalar("account"), len(ids))}
        lake = self._census.lake.of(pa.table({**words, "id": ids}), [(system, "account")])
        before, now = (
            _by_id(lake.current(system, "account", as_of=at, columns=columns), columns)
            for at in (self._kept.head.as_of, self._now)
        )
        return {id_ for id_, told in now.items() if before.get(id_) != told}

    def _deeds(self, news: News) -> None:
        since = self._kept.head.as_of
        urgent = {_REPLY, *(rule.on for rule in self._census.mappings.routing.fast_lane)}
        for one in self._census.traits:
            stream = activities_stream(one.system)
            if stream in self._fresh:
                segments, fresh = self._by_stream[stream], self._fresh[stream]
                doers = doers_since(self._root, segments, fresh, since, self._now, urgent=urgent)
                if doers.count:
                    news.doers.append(doers.all)
                    news.urgent.append(doers.urgent)
                    news.by["activities"] += doers.count

    def _crm(self, news: News) -> None:
        """Find people by tasks, opportunities and roles that are news, as they are linked now and were before."""
        system = self._census.crm.system
        tasks = self._records(system, "task")
        if tasks is not None:
            news.ids |= self._linked("task", tasks.column("id"), _WHO)
            news.by["tasks"] += tasks.num_rows
        roles = self._records(system, "contact_role", _OPPORTUNITY, _CONTACT)
        opportunities = self._records(system, "opportunity")
        concerned: set[str] = set()
        if opportunities is not None:
            concerned |= set(opportunities.column("id").to_pylist())
            news.by["opportunities"] += opportunities.num_rows
        if roles is not None:
            ids = roles.column("id")
            news.ids |= self._linked("contact_role", ids, _CONTACT)
            concerned |= self._linked("contact_role", ids, _OPPORTUNITY)
            news.by["roles"] += roles.num_rows
        if concerned:
            deals = pa.array(sorted(concerned), pa.string())
            news.companies |= {(system, id_) for id_ in self._linked("opportunity", deals, _ACCOUNT)}
            news.ids |= self._of_roles(deals)

    def _linked(self, object_: str, ids: pa.Array, column: str) -> set[str]:
        """Give what some records link to, in any version."""
        system = self._census.crm.system
        count = len(ids)
        some = {"system": pa.array([system] * count), "object": pa.array([object_] * count), "id": ids}
        lake = self._census.lake.of(pa.table(some), [(system, object_)])
        versions = lake.versions(system, object_, as_of=self._now, columns=[column])
        return set(_texts(versions, column))

    def _of_roles(self, deals: pa.Array) -> set[str]:
        """Give the contacts that ever had a role in some opportunities."""
        roles = self._census.lake.versions(
            self._census.crm.system, "contact_role", as_of=self._now, columns=[_OPPORTUNITY, _CONTACT]
        )
        if _OPPORTUNITY not in roles.column_names:
            return set()
        return set(_texts(roles.filter(pc.is_in(roles.column(_OPPORTUNITY), value_set=deals)), _CONTACT))

    def _waiting(self, news: News, pending: dict[str, list[str]]) -> None:
        """Find whose writes have gone another step on their way."""
        before = self._kept.head.pending
        moved = [row for id_, row in before.items() if pending.get(id_) != row]
        moved += [row for id_, row in pending.items() if id_ not in before]
        news.persons |= {row[1] for row in moved if row[1]}
        if moved:
            news.by["outbox"] += len(moved)

    def _by_itself(self, news: News) -> None:
        """Find who has not come to rest, and whose time has come."""
        head = self._kept.head
        if head.restless:
            news.persons |= set(head.restless)
            news.by["moving"] += len(head.restless)
        if head.deadline is not None and head.deadline <= self._now:
            since, until = (f"TIMESTAMPTZ '{at.isoformat()}'" for at in (head.as_of, self._now))
            passed = " OR ".join(f"({name} > {since} AND {name} <= {until})" for name in DEADLINES)
            due = self._kept.ask(f"SELECT person_id FROM people WHERE {passed}")
            news.persons |= set(due.column("person_id").to_pylist())
            news.by["deadlines"] += due.num_rows

    def _left(self, news: News) -> None:
        """Find whom the last cycle left to this one."""
        left = self._kept.head.left
        if left:
            news.persons |= {one for one in left if not one.startswith(MARK)}
            news.refs.append(unmarked([one for one in left if one.startswith(MARK)]))
            news.by["left"] += len(left)


def waiting(row: OutboxRow) -> tuple[str, list[str]]:
    """Give what is remembered of a row of the outbox: its id, and its state, person and record."""
    return str(row.id), [f"{row.state}:{row.held_by}", row.person_id, row.lane]


def marked(references: pa.Table) -> pa.Array:
    """Name references (system, object, id) as ``stated_keys`` does, told apart from persons."""
    columns = (references.column(name).cast(pa.string()) for name in DOERS.names)
    names = pc.binary_join_element_wise(MARK, pc.binary_join_element_wise(*columns, ":"), "")
    return names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names


def unmarked(names: Sequence[str]) -> pa.Table:
    """Give the references of such names."""
    columns = list(zip(*(name.removeprefix(MARK).split(":", 2) for name in names), strict=True)) or [(), (), ()]
    return pa.table([pa.array(list(each), pa.string()) for each in columns], schema=DOERS)


def _by_id(companies: pa.Table, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    held = [name for name in ("deleted", "merged_into", *columns) if name in companies.column_names]
    return dict(zip(companies.column("id").to_pylist(), companies.select(held).to_pylist(), strict=True))


def _texts(table: pa.Table, column: str) -> Sequence[str]:
    return [] if column not in table.column_names else pc.drop_null(pc.unique(table.column(column))).to_pylist()
